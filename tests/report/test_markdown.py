"""A Report as Markdown: read back by a CommonMark parser, hostile text included."""

import re
from collections.abc import Callable
from io import StringIO

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from tests.samples import HOSTILE, SAMPLES, bad_version, no_incident, only_gaps, only_suspects
from tsg_agent.escape import markdown as escape
from tsg_agent.escape import markdown_block as fenced
from tsg_agent.escape import markdown_code as code
from tsg_agent.models import Report
from tsg_agent.report.markdown import to_markdown
from tsg_agent.report.terminal import print_report
from tsg_agent.wording import one_line

PARSER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def inlines(text: str) -> list[str]:
    return [t.type for block in PARSER.parse(text) for t in (block.children or [])]


def test_what_to_do_comes_first() -> None:
    text = to_markdown(bad_version())
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == [
        "Do now",
        "In short",
        "You suspected",
        "Causes",
        "SLA 99.9 %: breached",
        "Notes",
        "Looked at and dismissed",
        "The guide's headings",
        "Messages, as drafts",
        "Evidence",
    ]
    assert "1. Roll back version 3.15.0 to 3.14.1. [E2.1] [M.1]" in text


def test_nothing_to_do_is_said() -> None:
    text = to_markdown(no_incident())
    assert "Nothing: no cause calls for an action." in text
    assert "No cause is confirmed." in text


def test_suspects_are_apart_from_causes() -> None:
    text = to_markdown(only_suspects())
    assert text.index("No cause is confirmed.") < text.index("## Suspects") < text.index("shard s-07** ·")
    assert "## Look at" in text


def test_gaps_are_listed_and_a_check_without_data_shows_no_label() -> None:
    text = to_markdown(only_gaps())
    assert "- Step 6, Zone availability: ran out of time" in text
    assert re.search(r"\| E5 \| Partition availability \| no data \|  \| 0 \|", text)


@pytest.mark.parametrize("made", SAMPLES.values(), ids=SAMPLES.keys())
def test_every_row_that_actions_and_causes_cite_is_shown(made: Callable[[], Report]) -> None:
    report = made()
    rows = {f"{found.id}.{i}" for found in report.findings for i in range(1, found.row_count + 1)}
    cited = {item for one in (*report.actions, *report.causes) for item in one.evidence}
    shown = re.findall(r"^- \[([EM][\d.]+)\]", to_markdown(report), re.MULTILINE)
    assert cited & (rows | {one.id for one in report.measured}) <= set(shown)


def test_dismissed_rows_are_shown_after_them() -> None:
    text = to_markdown(bad_version())
    for item in ("E2.1", "M.1", "M.2", "M.3"):
        assert f"- [{item}] " in text


@pytest.mark.parametrize("name", SAMPLES)
def test_no_text_becomes_a_link_html_or_an_escape_sequence(name: str) -> None:
    text = to_markdown(SAMPLES[name]())
    assert not {"link_open", "image", "html_inline"} & set(inlines(text))
    assert not [t for t in PARSER.parse(text) if t.type == "html_block"]
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)


def test_hostile_text_breaks_no_table_heading_or_fence() -> None:
    good, bad = PARSER.parse(to_markdown(bad_version())), PARSER.parse(to_markdown(SAMPLES["hostile"]()))
    titles = [bad[i + 1].content for i, t in enumerate(bad) if t.type == "heading_open" and t.tag == "h2"]
    assert titles[:5] == ["Do now", "Then look at", "In short", "Causes", "Suspects"]
    assert sum(t.type == "fence" for t in bad) == sum(t.type == "fence" for t in good)
    rows = [t for t in bad if t.type == "tr_open"]
    cells = [t for t in bad if t.type in ("td_open", "th_open")]
    assert len(cells) == 4 * 5 + 10 * 5
    assert len(rows) == 4 + 10


@pytest.mark.parametrize(
    "text",
    [
        "[E5.1](javascript:alert(1))",
        "[E5.1](/elsewhere)",
        "[E5.1]: /elsewhere",
        "[E5.1]: javascript:alert(1)",
        "[x][E5.1]",
        "- [E5.1]: http://evil.example",
        "1. one",
        "# head",
        "+ plus",
        "=====",
        "---",
        "> quote",
        "a | b",
        "**bold** _it_ ~~gone~~ `code`",
        "<b>&lt;</b>",
        "![i](http://evil.example/x.png)",
        "<http://evil.example>",
        "\\[x\\](y)",
        "a_b_c",
        HOSTILE,
    ],
)
def test_escaped_text_reads_back_as_it_was(text: str) -> None:
    blocks = PARSER.parse(escape(text))
    assert [b.type for b in blocks] == ["paragraph_open", "inline", "paragraph_close"]
    children = blocks[1].children or []
    assert {c.type for c in children} <= {"text", "text_special"}
    assert " ".join("".join(c.content for c in children).split()) == " ".join(one_line(text).split())


def test_names_stay_readable_in_the_source() -> None:
    assert escape("payment_processing failed [E9.1] [M.3]") == "payment_processing failed [E9.1] [M.3]"


@pytest.mark.parametrize("text", ["plain", "a`b", "``", "`", "a|b", "", HOSTILE])
def test_code_is_one_span(text: str) -> None:
    [block] = [b for b in PARSER.parse(code(text)) if b.type == "inline"]
    assert [c.type for c in block.children or []] == (["code_inline"] if text else ["text"]) or text == ""


def test_a_fence_cannot_be_closed_from_inside() -> None:
    blocks = PARSER.parse(fenced("a\n```\n````\n<script>"))
    assert [b.type for b in blocks] == ["fence"]


def test_autolinks_are_not_made_by_github() -> None:
    assert "http://" not in escape("see http://evil.example/ and www.evil.example")
    assert "www.e" not in escape("www.evil.example")


def test_the_terminal_shows_it_rendered_and_a_pipe_gets_the_source() -> None:
    console = Console(force_terminal=True, width=100, record=True)
    with console.capture() as shown:
        print_report(bad_version(), console)
    assert "Roll back version 3.15.0 to 3.14.1" in shown.get()
    with console.capture() as whole:
        print_report(bad_version(), console, brief=False)
    assert "## Do now" not in whole.get()
    assert "Messages, as drafts" in whole.get()
    assert "the cache: not in this telemetry" in whole.get().splitlines()[-1]
    piped = StringIO()
    print_report(bad_version(), Console(file=piped, width=40))
    assert piped.getvalue() == to_markdown(bad_version())


def test_the_terminal_gets_no_escape_sequence_of_hostile_text() -> None:
    console = Console(force_terminal=True, width=100, color_system=None)
    with console.capture() as shown:
        print_report(SAMPLES["hostile"](), console)
    assert "\x1b]8" not in shown.get()
    assert "\x1b[31m" not in shown.get()
    assert "\u202e" not in shown.get()
