"""The HTML page: self-contained, its links lead somewhere, and no text in it acts."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.samples import HOSTILE, SAMPLES, bad_version, judgement, report, verdict
from tsg_agent.models import ModelUsage, Narrative, NarrativeSection, NodeUsage, Report
from tsg_agent.report.html import state, to_html, write_html
from tsg_agent.wording import one_line

VOID = {"meta", "line", "rect", "path", "br", "link", "img"}


class Page(HTMLParser):
    """Tags, attributes and text of a page, and whether its tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


PAGES = {name: Page(to_html(make())) for name, make in SAMPLES.items()}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_is_whole_and_its_ids_are_unique(name: str) -> None:
    page = PAGES[name]
    assert page.faults == page.open == []
    assert [i for i, n in Counter(page.values("id")).items() if n > 1] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_every_link_leads_to_a_place_on_the_page(name: str) -> None:
    page = PAGES[name]
    targets = {f"#{i}" for i in page.values("id")}
    assert set(page.values("href")) <= targets


def test_causes_link_to_the_rows_that_they_rest_on() -> None:
    text = to_html(bad_version())
    assert '<a href="#E2.1">E2.1</a>' in text
    assert '<tr id="E2.1">' in text
    assert '<tr id="M.1">' in text


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_is_loaded_or_run(name: str) -> None:
    page = PAGES[name]
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    assert not [a for _, a, _ in page.attributes if a.startswith("on") or a in ("src", "srcset", "style", "action")]
    policy = next(v for v in page.values("content") if v.startswith("default-src"))
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    css = re.search(r"<style>(.*?)</style>", to_html(SAMPLES[name]()), re.DOTALL)
    assert css is not None
    assert not re.search(r"url\(|@import|expression", css.group(1))


def test_hostile_text_is_shown_and_does_nothing() -> None:
    text, page, harmless = to_html(SAMPLES["hostile"]()), PAGES["hostile"], PAGES["bad_version"]
    assert "<script" not in text
    assert "</svg></style>" not in text
    assert "49" not in re.findall(r"\{\{ 7\*7 \}\}|\b49\b", text)
    assert set(page.tags) <= set(harmless.tags) | {"ol"}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    assert one_line(HOSTILE) in page.text
    assert page.tags["style"] == 1
    assert all(v.startswith("#") for v in page.values("href"))


@pytest.mark.parametrize("character", ["\u2028", "\u0085", "\x0c", "\ud800", "\u200f", "\ufeff"])
def test_odd_characters_never_reach_the_page(character: str) -> None:
    made = report(judgement(verdict(5, "HIGH_ERRORS", {"shard_id": f"a{character}b"}), notes=[f"x{character}y"]))
    text = to_html(made)
    assert character not in text
    text.encode("utf-8")


def told(
    by: str = "model", text: str = "Version 3.15.0 regressed [E2.1, M.1], so roll it back [A1]. <b>Now</b> [C1]."
) -> Report:
    """The bad version, with a model's prose, of which one section gave way to the rules'."""
    made = bad_version()
    sections = [
        NarrativeSection(title="What happened", text=f"{text} {HOSTILE}", by=by),
        NarrativeSection(title="What to do", text="See [R1], [C1.1], [SLA], [E99.1] and [Q1].", by="rules"),
    ]
    nodes = [
        NodeUsage(node="read", calls=1, input_tokens=1_204, output_tokens=90, milliseconds=1_840, cost=0.0125),
        NodeUsage(node="phrase", calls=2, input_tokens=3_000, output_tokens=400, milliseconds=5_000),
    ]
    spent = ModelUsage(calls=3, input_tokens=4_204, output_tokens=490, milliseconds=6_840, cost=0.0125, nodes=nodes)
    return made.model_copy(
        update={
            "narrative": Narrative(sections=sections, sentences=7, sent_back=3, replaced=2),
            "usage": made.usage.model_copy(update={"mode": "some-model", "model": spent}),
        }
    )


def test_a_models_words_stand_on_the_page_with_links_to_what_they_cite() -> None:
    text = to_html(told())
    words = text[text.index('<section id="words">') : text.index('<section id="sla">')]
    for anchor in ("E2.1", "M.1", "action-1", "cause-1", "rejected-1", "sla"):
        assert f'<a href="#{anchor}">' in words
        assert f'id="{anchor}"' in text
    assert "[E99.1]" in words
    assert "&lt;b&gt;Now&lt;/b&gt;" in words
    page = Page(text)
    assert page.faults == page.open == []
    assert set(page.values("href")) <= {f"#{i}" for i in page.values("id")}
    assert "script" not in page.tags
    assert words.count("the rules' words") == 1


def test_who_wrote_the_words_and_what_that_cost_stands_under_them() -> None:
    text = Page(to_html(told())).text
    assert "Written by some-model: 7 sentences, 3 sent back, 2 replaced by the rules'; 3 calls" in text
    assert "read 1 1,204 90 1.8 0.0125" in re.sub(r"\s+", " ", " ".join(Page(to_html(told())).texts))
    assert "phrase 2 3,000 400 5.0 \N{EN DASH}" in " ".join(" ".join(Page(to_html(told())).texts).split())


def test_without_a_model_the_words_are_the_rules_and_say_so() -> None:
    page = PAGES["bad_version"]
    words = page.text[page.text.index("In words") : page.text.index("Measured on")]
    assert "rules only" in words
    assert "What happened. " + bad_version().headline.split("[")[0].strip() in words
    assert "Written by" not in page.text


def test_it_reads_on_a_phone_in_light_and_dark_and_on_paper() -> None:
    text = to_html(bad_version())
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "@media (prefers-color-scheme: dark)" in text
    assert "@media print" in text
    assert text.count('<div class="scroll"') >= text.count("<table")


def test_what_to_do_stands_before_everything_else() -> None:
    text = PAGES["bad_version"].text
    assert text.index("Roll back version 3.15.0 to 3.14.1.") < text.index("Availability") < text.index("Causes")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("bad_version", "bad"), ("no_incident", "good"), ("only_gaps", "unsure"), ("only_suspects", "unsure")],
)
def test_the_headline_has_the_colour_of_what_was_found(name: str, expected: str) -> None:
    assert state(SAMPLES[name]()) == expected
    assert f'<p class="headline {expected}">' in to_html(SAMPLES[name]())


def test_a_check_that_is_a_gap_shows_its_status_and_no_label() -> None:
    text = re.sub(r"\s+", " ", to_html(SAMPLES["only_gaps"]()))
    summary = re.search(r'<details id="E5">\s*<summary>(.*?)</summary>', text)
    assert summary is not None
    assert "no data" in summary.group(1)
    assert "HEALTHY" not in summary.group(1)
    assert "No row is abnormal" not in text.split('id="E5"')[1].split('id="E6"')[0]


def test_the_query_and_its_parameters_stand_with_the_rows() -> None:
    text = PAGES["bad_version"].text
    assert "SELECT * FROM api_gateway_logs WHERE region = $region" in text
    assert "$region = us-east" in text


def test_the_page_is_written_as_utf8(tmp_path: Path) -> None:
    made: Report = bad_version()
    write_html(made, tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text("utf-8") == to_html(made)
    assert to_html(made).startswith("<!doctype html>")
