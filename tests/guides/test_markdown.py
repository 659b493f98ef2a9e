"""What is read from a guide's Markdown: steps, blocks, parameters, edges, and what is not certain."""

import pytest

from tests.guides.small import BY_CARD, STATES, guide_of, text_of
from tests.guides.telemetry import BACKLOG, LAG
from tsg_agent.errors import GuideError
from tsg_agent.guides import parse_guide, read_guide
from tsg_agent.guides.guide import Resolution
from tsg_agent.guides.lint import lint
from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.guides.placeholders import bind
from tsg_agent.guides.show import mermaid
from tsg_agent.models import StepKind

ANNOTATED = "steps: {2: {dimension: card, kind: symptom, next: {STUCK: 1, otherwise: 3}}}\n"


def moves(says: str, sql: str = STATES) -> list[tuple[int, tuple[str, ...], bool, bool]]:
    """(target, labels, otherwise, certain) of the edges of Step 2."""
    return [(edge.target, edge.labels, edge.otherwise, not edge.doubt) for edge in guide_of(sql, says).after(2)]


def test_a_guide_is_read_whole() -> None:
    guide = read_guide(LAG)
    assert [step.number for step in guide.steps] == [1, 2, 3, 4, 5]
    assert [(query.number, query.step) for query in guide.queries] == [(1, 2), (2, 3), (3, 4)]
    lines = LAG.read_text("utf-8").splitlines()
    for query in guide.queries:
        assert lines[query.line - 1] == query.sql.splitlines()[0]
    assert {one.name: one.kind for one in guide.parameters} == {
        "primary": "text", "start_time": "timestamp", "end_time": "timestamp", "lag_limit": "number",
    }  # fmt: skip
    assert guide.steps[-1].final
    assert guide.step(4).instructions[0].resolution is Resolution.DEFINITIVE


def test_items_of_a_list_lead_where_their_label_says() -> None:
    edges = {(edge.source, edge.target): edge for edge in read_guide(LAG).edges}
    assert edges[2, 4].labels == ("STOPPED",)
    assert edges[2, 3].labels == ("LAGGING",)
    assert edges[2, 5].otherwise
    assert edges[3, 5].labels == ()
    assert edges[1, 2].doubt


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("Proceed to Step 3.", [(3, (), False, True)]),
        ("If a card is STUCK, go to Step 3. Otherwise, continue with Step 1.",
         [(3, ("STUCK",), False, True), (1, (), True, True)]),
        ("If STUCK, ask the bank. Then go to Step 3. Otherwise, go to Step 1.",
         [(3, ("STUCK",), False, True), (1, (), True, True)]),
        ("STUCK and SLOW cards are bad. Proceed to Step 3.", [(3, (), False, True)]),
        ("- STUCK → Step 3\n- SLOW -> Step 1", [(3, ("STUCK",), False, True), (1, ("SLOW",), False, True)]),
        ("| STUCK | go to Step 3 |\n| SLOW | go to Step 1 |",
         [(3, ("STUCK",), False, True), (1, ("SLOW",), False, True)]),
        ("If STUCK or SLOW proceed to Step 3, otherwise proceed to Step 1.",
         [(3, ("STUCK", "SLOW"), False, True), (1, (), True, True)]),
        ("Run Steps 1 and 3 in parallel.", [(1, (), False, True), (3, (), False, True)]),
        ("Continue with Steps 1 and 3.", [(1, (), False, False), (3, (), False, False)]),
        ("Go to the next step.", [(3, (), False, True)]),
        ("If the bank is closed, go to Step 3. Otherwise go to Step 1.", [(3, (), False, False), (1, (), True, True)]),
        ("Do not go to Step 3 unless a card is STUCK.", [(3, (), False, False)]),
        ("Proceed based on what you see.", [(3, (), False, False)]),
        ("This is like Step 3, and was seen in Steps 1-3.", [(3, (), False, False)]),
        ("If STUCK, ask the bank. Proceed to Step 3.", [(3, (), False, False)]),
        ("If STUCK, ask the bank. Proceed to Step 3 in any case.", [(3, (), False, True)]),
        ("When STUCK, ask the bank. Either way, go to Step 3.", [(3, (), False, True)]),
        ("When STUCK, nothing is wrong; finish with step 3.", [(3, ("STUCK",), False, True)]),
        ("If any card is STUCK, look at the bank (step 3).", [(3, ("STUCK",), False, False)]),
        ("Whatever it is, move to stage 3.", [(3, (), False, True)]),
        ("1. STUCK: ask the bank. Then step 3.\n2. SLOW: hurry.", [(3, ("STUCK",), False, True)]),
        ("1. STUCK: step 1.", [(1, ("STUCK",), False, True)]),
        ("|label|what|next|\n|-|-|-|\n| STUCK | ask the bank | Stage 3 |", [(3, ("STUCK",), False, True)]),
        ("NOTE: Step 3 is slow. Go to Step 1.", [(1, (), False, True)]),
    ],
)  # fmt: skip
def test_where_prose_leads(says: str, expected: list[tuple[int, tuple[str, ...], bool, bool]]) -> None:
    assert moves(says) == expected


@pytest.mark.parametrize(
    ("item", "names"),
    [
        ("- `begin_at` and `end_at`: the window", ["begin_at", "end_at"]),
        ("- `begin_at`, `end_at` or `site` - what is asked", ["begin_at", "end_at", "site"]),
        ("- {begin_at}/{end_at}: the window", ["begin_at", "end_at"]),
        ("- `android`: the app", ["android"]),
        ("- begin and end: the window, as `site` has it", []),
    ],
)
def test_an_item_may_ask_for_several_parameters(item: str, names: list[str]) -> None:
    guide = guide_of("SELECT 1 AS one FROM payments", parameters=item)
    assert [one.name for one in guide.parameters if one.declared] == names


def test_a_range_means_the_steps_that_are_there() -> None:
    text = "# T\n## Step 1\nStart Steps 2 through 5 in parallel.\n" + "".join(
        f"## Step {number}\nProceed to Step 9.\n" for number in (2, 4, 5)
    )
    guide = parse_guide(text + "## Step 9\nThis is the final outcome.\n")
    assert [edge.target for edge in guide.after(1)] == [2, 4, 5]
    assert all(edge.parallel for edge in guide.after(1))


def test_a_move_without_a_step_leads_where_the_branches_beside_it_do() -> None:
    text = "# T\n## Step 1\nRun Steps 2 to 4 in parallel.\n## Step 2\nProceed to Step 5.\n## Step 3\nProceed as seen.\n"
    guide = parse_guide(text + "## Step 4\nProceed to Step 5.\n## Step 5\nThis is the final outcome.\n")
    (edge,) = guide.after(3)
    assert (edge.target, bool(edge.doubt)) == (5, True)


def test_the_front_matter_annotates_and_settles() -> None:
    guide = guide_of(
        STATES,
        "Proceed as you like.",
        matter=ANNOTATED,
    )
    about = guide.step(2).annotation
    assert about is not None
    assert (about.dimension, about.kind, about.judged) == (("card",), StepKind.SYMPTOM, True)
    assert [(edge.target, edge.labels, edge.otherwise, not edge.doubt) for edge in guide.after(2)] == [
        (1, ("STUCK",), False, True), (3, (), True, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("matter", "said"),
    [
        ("steps: {2: {dimensoin: card}}\n", "dimensoin"),
        ("steps: {2: {kind: guilty}}\n", "kind"),
        ("steps: [\n", "cannot be read"),
        ("a: &a [x, x]\nb: [*a, *a]\n", "alias"),
        ("parameters: {site: colour}\n", "site"),
    ],
)
def test_a_wrong_front_matter_is_refused_with_its_place(matter: str, said: str) -> None:
    with pytest.raises(GuideError, match=said):
        guide_of(matter=matter)


@pytest.mark.parametrize(
    "block",
    [
        f"<PLUGIN_1>\n{BY_CARD}\n</PLUGIN_1>",
        f"<PLUGIN_1>{BY_CARD}</PLUGIN_1>",
        f"<PLUGIN_1>\n```sql\n{BY_CARD};\n```\n</PLUGIN_1>",
        f"  <PLUGIN_1>  \r\n{BY_CARD}\r\n</PLUGIN_1>\r",
    ],
)
def test_blocks_are_found_however_they_are_set(block: str) -> None:
    guide = parse_guide(text_of().replace(f"<PLUGIN_1>\n{BY_CARD}\n</PLUGIN_1>", block))
    assert [query.sql.strip() for query in guide.queries] == [BY_CARD]
    assert guide.oddities == ()


def test_what_is_no_part_of_a_guide_is_said() -> None:
    text = "# T\n<PLUGIN_9>\nSELECT 1\n</PLUGIN_9>\n## Step 1\n<PLUGIN_1>\nSELECT 1\n</PLUGIN_2>\n"
    text += "<PLUGIN_1>\nSELECT 2\n</PLUGIN_1>\n"
    guide = parse_guide(text + "</PLUGIN_4>\n<PLUGIN_3>\nSELECT 3\n## Step 1\nEnd of the guide.\n")
    said = " ".join(oddity.text for oddity in guide.oddities)
    for part in ("before the first step", "closed by </PLUGIN_2>", "twice", "not open", "not closed"):
        assert part in said
    assert [query.sql for query in guide.queries] == ["SELECT 1", "SELECT 3"]


@pytest.mark.parametrize("text", ["", "# Only a title\nand prose", "---\n---\n"])
def test_without_a_step_it_is_no_guide(text: str) -> None:
    with pytest.raises(GuideError, match="no step"):
        parse_guide(text)


def test_numbered_headings_are_steps_where_none_is_called_so() -> None:
    guide = parse_guide("# T\n## 1. Look\nGo to Step 2.\n## 2) Act\nThis is the final outcome.\n")
    assert [(step.number, step.title) for step in guide.steps] == [(1, "Look"), (2, "Act")]


@pytest.mark.parametrize(
    ("sql", "bound"),
    [
        ("a = '{x}' AND b > {y}", "a = :x AND b > :y"),
        ("a LIKE '%{x}%'", "a LIKE ('%' || :x || '%')"),
        ("t > INTERVAL '{n} minutes'", "t > CAST((:n || ' minutes') AS INTERVAL)"),
        ("a = 'it''s {x}'", "a = ('it''s ' || :x)"),
        ("a = 1 -- {x}", "a = 1 -- x"),
    ],
)
def test_placeholders_become_parameters(sql: str, bound: str) -> None:
    assert bind(sql) == bound


def test_a_placeholder_for_a_name_is_refused() -> None:
    with pytest.raises(GuideError, match="place of a name"):
        bind('SELECT * FROM "{table}"')


def test_the_diagram_has_every_step_and_edge_and_no_mark_of_its_own() -> None:
    guide = parse_guide(
        '# T\n## Step 1 - Say "so" <b>|</b>\nGo to Step 2.\n## Step 2 - End\nThis is the final outcome.\n'
    )
    drawn = mermaid(guide)
    assert 's1["1 Say &quot;so&quot; &lt;b&gt;&#124;&lt;/b&gt;"]' in drawn
    assert 's2(["2 End"])' in drawn
    assert "s1 --> s2" in drawn
    backlog = read_guide(BACKLOG)
    assert len(mermaid(backlog).splitlines()) == 1 + len(backlog.steps) + len(backlog.edges)


def test_what_a_first_step_waits_for_is_no_case_beside_others() -> None:
    guide = parse_guide("# T\n## Stage 1\nWhen you have these, proceed to stage 2.\n## Stage 2\nThe final outcome.\n")
    assert [(edge.target, edge.condition, edge.doubt) for edge in guide.edges] == [(2, "", "")]


def test_kinds_are_those_of_what_is_compared() -> None:
    """Of a parameter by how it is compared, whatever quotes stand before it; of a column by the parameter's kind."""
    sql = (
        "SELECT host, CASE WHEN count(*) FILTER (WHERE state <> 'ok') > {most} THEN 'BAD' ELSE 'GOOD' END AS said, "
        "date_diff('day', {to_ts}, min(gone)) AS days FROM certs WHERE seen >= {from_ts} AND site = {site} GROUP BY 1"
    )
    guide = guide_of(sql, parameters="- `most`, `from_ts`, `to_ts`, `site`: what is asked")
    assert {one.name: one.kind for one in guide.parameters} == {
        "most": "number", "from_ts": "timestamp", "to_ts": "timestamp", "site": "text",
    }  # fmt: skip
    held = Inspection(guide).schema.tables["certs"]
    assert {name: held[name].name for name in ("gone", "seen", "site")} == {
        "gone": "TIMESTAMP", "seen": "TIMESTAMP", "site": "TEXT",
    }  # fmt: skip
    assert not [one for one in lint(guide) if one.rule == "does-not-run" and "DuckDB" in one.engines]
