"""Each rule finds its kind of problem in one guide, and nothing in its corrected twin; a clean guide has none."""

from pathlib import Path

import pytest

from tests.guides.small import BY_CARD, PARAMETERS, SAYS, STATES, TABLES, WINDOW, guide_of
from tests.guides.telemetry import BACKLOG, LAG
from tsg_agent.guides import WrittenGuide, parse_guide, read_guide
from tsg_agent.guides.lint import RULES, GuideProblem, lint

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "guide" / "guide.md"
SHARE = "100.0 * COUNT(CASE WHEN {} THEN 1 END) / NULLIF(COUNT(code), 0) AS {}"
GOOD, BAD, WORST = (
    SHARE.format("code < 400", "good"),
    SHARE.format("code >= 400", "bad"),
    SHARE.format("code >= 500", "worst"),
)


def by(column: str, select: str, where: str = "", order: str = "") -> str:
    """A query over the payments, group by group."""
    ordered = order or column
    return f"SELECT {column}, {select} FROM payments {WINDOW} {where} GROUP BY {column} ORDER BY {ordered}"


def kept(where: str) -> str:
    """The cards' states, of which some are filtered away."""
    return f"SELECT card, state FROM ({STATES}) AS s WHERE {where} ORDER BY card"


def shares(arms: str, kept: str = "") -> str:
    """A query that labels cards by shares of their payments."""
    return f"""WITH cards AS (
    SELECT card, {GOOD}, {BAD}, {WORST} FROM payments {WINDOW} GROUP BY card
)
SELECT card, good, bad, worst, CASE {arms} ELSE 'FINE' END AS state FROM cards {kept} ORDER BY card"""


def per_hour(outer: str, inner: str) -> str:
    """A query that works a number out of hourly numbers."""
    return f"""WITH hours AS (
    SELECT card, DATE_TRUNC('hour', paid_at) AS hour, {inner} FROM payments {WINDOW}
    GROUP BY card, DATE_TRUNC('hour', paid_at)
)
SELECT card, {outer} FROM hours GROUP BY card ORDER BY card"""


def joined(join: str, measure: str = "AVG(p.took_ms) AS mean_ms", where: str = "") -> str:
    return f"""SELECT p.card, {measure} FROM payments p {join}
WHERE p.paid_at BETWEEN {{start_time}} AND {{end_time}} AND p.site = {{site}} {where} GROUP BY p.card ORDER BY p.card"""


def fill(query: str, *parts: object) -> str:
    """The query with its marks filled in, in their order."""
    for part in parts:
        query = query.replace("@", str(part), 1)
    return query


NOT_DECLINED = "100.0 * SUM(CASE WHEN declined THEN 1 ELSE 0 END) / COUNT({}) AS share"
TERMINALS = "LEFT JOIN terminals t ON t.payment_id = p.payment_id"
HOT = "MAX(t.temperature) AS hot"
SLOPE = "REGR_SLOPE(n, EXTRACT(EPOCH FROM hour){}) AS slope"
TREND = per_hour(SLOPE.format(""), "COUNT(*) AS n")
RANKED = f"""WITH releases AS (
    SELECT release, COUNT(*) AS n, AVG(took_ms) AS mean_ms FROM payments {WINDOW} GROUP BY release
), ranked AS (
    SELECT release, n, mean_ms, mean_ms - LAG(mean_ms@) OVER (ORDER BY release) AS rise FROM releases @
)
SELECT release, n, mean_ms, CASE @ WHEN rise > 100 THEN 'SLOWER' ELSE 'SAME' END AS state
FROM ranked ORDER BY release"""


def falling(limit: str, slopes: str) -> str:
    arms = f"CASE WHEN slope < {limit} THEN 'FALLING' ELSE 'STEADY' END AS state"
    return f"SELECT card, slope, {arms} FROM ({slopes}) AS t"


ZSCORE = f"""WITH cards AS (SELECT card, AVG(took_ms) AS mean_ms FROM payments {WINDOW} GROUP BY card),
scored AS (SELECT card, (mean_ms - AVG(mean_ms) OVER ()) / NULLIF(STDDEV(mean_ms) OVER (), 0) AS z FROM cards)
SELECT card, z, CASE WHEN z > @ THEN 'OUTLIER' ELSE 'USUAL' END AS state FROM scored ORDER BY card"""
SCORE = f"""WITH cards AS (
    SELECT card, COUNT(*) AS n, SUM(took_ms) / NULLIF(MAX(took_ms) - MIN(took_ms), 0) AS spread
    FROM payments {WINDOW} GROUP BY card
)
SELECT card, n * 0.5 + @ * 0.5 AS score FROM cards ORDER BY card"""
TWO_STEPS = """
## Step 2 - Look

<PLUGIN_1>
{}
</PLUGIN_1>

Proceed to Step 3.

## Step 3 - Look again

<PLUGIN_2>
{}
</PLUGIN_2>

Proceed to Step 4.

## Step 4 - And again

<PLUGIN_3>
{}
</PLUGIN_3>

Proceed to Step 5.

## Step 5 - End

This is the final outcome.
"""


def three(first: str, second: str, third: str) -> WrittenGuide:
    head = f"---\n{TABLES}---\n# Payments\n\n## Step 1 - Ask\n\nThe parameters:\n{PARAMETERS}\nProceed to Step 2.\n"
    return parse_guide(head + TWO_STEPS.format(first, second, third))


NO_SITE = BY_CARD.replace("AND site = {site} ", "")
ANALYSED = f"SELECT payment_id, paid_at, card, buyer FROM payments {WINDOW} ORDER BY paid_at"
ANALYSIS = "Group the payments by card.\n\n```python\n{}\n```\n\nProceed to Step 3."

CASES: dict[str, tuple[WrittenGuide, WrittenGuide]] = {
    "unread-block": (guide_of(f"{BY_CARD}\n</PLUGIN_2>"), guide_of(BY_CARD)),
    "refused-query": (guide_of("DELETE FROM payments"), guide_of()),
    "does-not-run": (guide_of(BY_CARD.replace("card,", "card, colour,", 1)), guide_of()),
    "unknown-table": (guide_of(tables=""), guide_of()),
    "interval-unit": (
        guide_of(by("DATE_TRUNC('5 minutes', paid_at)", "COUNT(*) AS n")),
        guide_of(by("DATE_TRUNC('minute', paid_at)", "COUNT(*) AS n")),
    ),
    "clock-time": (guide_of(BY_CARD.replace("{end_time}", "CURRENT_TIMESTAMP")), guide_of()),
    "exact-time-join": (
        guide_of(joined("LEFT JOIN terminals t ON t.site = p.site AND t.paid_at = p.paid_at", HOT)),
        guide_of(joined(TERMINALS, HOT)),
    ),
    "zone-unsaid": (guide_of(parameters=PARAMETERS.replace(" (UTC)", "")), guide_of()),
    "slope-per-second": (
        guide_of(falling("-0.01", TREND), "FALLING: look. Proceed to Step 3."),
        guide_of(falling("-36", per_hour("MAX(n) AS slope", "COUNT(*) AS n")), "FALLING: look. Proceed to Step 3."),
    ),
    "ambiguous-column": (
        guide_of(joined(TERMINALS, "MAX(site) AS s")),
        guide_of(joined(TERMINALS, "MAX(t.site) AS s")),
    ),
    "ungrouped-column": (
        guide_of(BY_CARD.replace("card, COUNT", "card, buyer, COUNT")),
        guide_of(BY_CARD.replace("card, COUNT", "card, MIN(buyer) AS b, COUNT")),
    ),
    "boolean-number": (
        guide_of(by("card", "COUNT(*) AS n", "AND declined = 0")),
        guide_of(by("card", "COUNT(*) AS n", "AND declined IS NOT TRUE")),
    ),
    "filters-disagree": (
        three(*(by("card", "COUNT(*) AS n", f"AND declined {form}") for form in ("IS NOT TRUE", "= FALSE", "= FALSE"))),
        three(*[by("card", "COUNT(*) AS n", "AND declined = FALSE")] * 3),
    ),
    "filter-missing": (three(BY_CARD, BY_CARD, NO_SITE), three(BY_CARD, BY_CARD, BY_CARD)),
    "version-cast": (
        guide_of(by("release", "CAST(SPLIT_PART(release, '.', 1) AS INT) AS major, COUNT(*) AS n")),
        guide_of(by("release", "TRY_CAST(SPLIT_PART(release, '.', 1) AS INT) AS major, COUNT(*) AS n")),
    ),
    "column-unused": (
        guide_of(per_hour("SUM(n) AS payments", "COUNT(*) AS n, MAX(took_ms) AS slowest")),
        guide_of(per_hour("SUM(n) AS payments, MAX(slowest) AS worst", "COUNT(*) AS n, MAX(took_ms) AS slowest")),
    ),
    "label-unreachable": (
        guide_of(
            shares("WHEN worst > 30 THEN 'BROKEN' WHEN worst > 8 THEN 'FAILING'", "WHERE worst > 15"),
            "BROKEN, FAILING: call. Proceed to Step 3.",
        ),
        guide_of(
            shares("WHEN worst > 30 THEN 'BROKEN' WHEN worst > 8 THEN 'FAILING'"),
            "BROKEN, FAILING: call. Proceed to Step 3.",
        ),
    ),
    "label-filtered": (
        guide_of(kept("state = 'STUCK'"), SAYS),
        guide_of(kept("state <> 'FAST'"), SAYS),
    ),
    "label-without-rule": (guide_of(STATES, f"{SAYS} CARD_STOLEN cards are blocked."), guide_of(STATES, SAYS)),
    "label-unhandled": (guide_of(STATES, "STUCK cards: ask the bank. Proceed to Step 3."), guide_of(STATES, SAYS)),
    "zscore-out-of-reach": (
        guide_of(fill(ZSCORE, 3), "OUTLIER: look. Proceed to Step 3."),
        guide_of(fill(ZSCORE, 0), "OUTLIER: look. Proceed to Step 3."),
    ),
    "nothing-compared": (
        guide_of(fill(RANKED, "", "", ""), "SLOWER: look. Proceed to Step 3."),
        guide_of(fill(RANKED, ", 1, 0", "", ""), "SLOWER: look. Proceed to Step 3."),
    ),
    "threshold-differs": (
        guide_of(
            STATES,
            "If a card is SLOW (over 2 seconds) or STUCK, ask the bank and go to Step 3. Otherwise go to Step 3.",
        ),
        guide_of(
            STATES, "If a card is SLOW (over 1 second) or STUCK, ask the bank and go to Step 3. Otherwise go to Step 3."
        ),
    ),
    "average-of-averages": (
        guide_of(per_hour("AVG(mean_ms) AS m", "AVG(took_ms) AS mean_ms")),
        guide_of(per_hour("SUM(ms) / SUM(n) AS m", "SUM(took_ms) AS ms, COUNT(took_ms) AS n")),
    ),
    "distinct-added": (
        guide_of(per_hour("SUM(b) AS buyers", "COUNT(DISTINCT buyer) AS b")),
        guide_of(per_hour("SUM(b) AS paid", "COUNT(DISTINCT payment_id) AS b")),
    ),
    "unweighted-slope": (guide_of(TREND), guide_of(per_hour("MAX(n) AS most", "COUNT(*) AS n"))),
    "unknown-as-no": (
        guide_of(by("card", NOT_DECLINED.format("*"))),
        guide_of(by("card", NOT_DECLINED.format("declined"))),
    ),
    "null-in-score": (guide_of(fill(SCORE, "spread")), guide_of(fill(SCORE, "COALESCE(spread, 0)"))),
    "minimum-hides": (
        guide_of(fill(RANKED, ", 1, 0", "WHERE n > 100", ""), "SLOWER: look. Proceed to Step 3."),
        guide_of(fill(RANKED, ", 1, 0", "", "WHEN n <= 100 THEN 'FEW'"), "SLOWER, FEW: look. Proceed to Step 3."),
    ),
    "empty-means-both": (guide_of(kept("state <> 'FAST'"), SAYS), guide_of(STATES, SAYS)),
    "counted-in-neither": (
        guide_of(
            by("card", f"{SHARE.format('code BETWEEN 200 AND 299', 'good')}, {SHARE.format('code >= 500', 'bad')}")
        ),
        guide_of(
            by("card", f"{SHARE.format('code BETWEEN 200 AND 499', 'good')}, {SHARE.format('code >= 500', 'bad')}")
        ),
    ),
    "rows-lost": (
        guide_of(joined("JOIN terminals t ON t.payment_id = p.payment_id", HOT)),
        guide_of(joined(TERMINALS, HOT)),
    ),
    "rows-multiplied": (
        guide_of(joined(TERMINALS)),
        guide_of(joined(TERMINALS, "COUNT(DISTINCT p.payment_id) AS n")),
    ),
    "ties": (
        guide_of(by("card", "COUNT(*) AS n", order="n DESC LIMIT 5")),
        guide_of(by("card", "COUNT(*) AS n", order="n DESC, card LIMIT 5")),
    ),
    "parameter-unused": (guide_of(parameters=f"{PARAMETERS}- `card_limit`: percent that may fail\n"), guide_of()),
    "parameter-unbound": (guide_of(BY_CARD.replace(WINDOW, f"{WINDOW} AND card = {{card}}")), guide_of()),
    "parameter-as-text": (guide_of(BY_CARD.replace("{site}", "'{site}'")), guide_of()),
    "step-unreached": (guide_of(begin="Proceed to Step 3."), guide_of()),
    "step-missing": (guide_of(says="Proceed to Step 3. If all fails, proceed to Step 9."), guide_of()),
    "no-end": (guide_of(end="Proceed to Step 2."), guide_of()),
    "branch-missing": (
        guide_of(STATES, "If STUCK or SLOW, go to Step 3."),
        guide_of(STATES, "If STUCK or SLOW, go to Step 3. Otherwise go to Step 3."),
    ),
    "move-unclear": (guide_of(says="Proceed as you see fit."), guide_of()),
    "analysis-unwritten": (
        guide_of(ANALYSED, ANALYSIS.format("# by card and buyer, paid_at")),
        guide_of(ANALYSED, ANALYSIS.format("rows.groupby(['card', 'buyer', 'paid_at'])")),
    ),
    "incident-hint": (
        guide_of(says="Focus on visa_gold first. Proceed to Step 3."),
        guide_of(says="Focus on took_ms first. Proceed to Step 3."),
    ),
    "accepted-not-there": (
        guide_of(matter="accepted: [{rule: clock-time, why: It was there once.}]\n"),
        guide_of(
            BY_CARD.replace("{end_time}", "NOW()"),
            matter="accepted: [{rule: clock-time, why: Not replayed.}, {rule: parameter-unused, why: As above.}]\n",
        ),
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_its_kind_and_nothing_in_the_corrected_guide(rule: str) -> None:
    wrong, right = CASES[rule]
    found = [problem for problem in lint(wrong) if problem.rule == rule]
    assert found
    for problem in found:
        assert problem.line > 0
        assert problem.what
        assert problem.why
    assert [problem for problem in lint(right) if problem.rule == rule] == []


def test_every_rule_has_a_line_in_the_docs() -> None:
    documented = (ROOT / "docs" / "guides.md").read_text("utf-8")
    for rule in RULES.values():
        assert f"| `{rule.name}` | {rule.says} |" in documented


def test_the_incident_s_start_is_used_where_steps_get_verdicts() -> None:
    asked = f"{PARAMETERS}- `incident_start`: when it began (UTC)\n"
    annotated = "steps: {2: {dimension: card, measure: n, kind: symptom}}\n"
    for matter, found in (("", True), (annotated, False)):
        assert ("parameter-unused" in {one.rule for one in lint(guide_of(parameters=asked, matter=matter))}) is found


@pytest.mark.parametrize(
    ("says", "found"),
    [
        ("If STUCK or SLOW, go to Step 3. FAST: this is the end of this guide.", False),
        ("If STUCK, go to Step 3. FAST: this is the end of this guide.", True),
    ],
)
def test_a_branch_for_every_label_needs_no_otherwise(says: str, found: bool) -> None:
    rules = {one.rule for one in lint(guide_of(STATES, says))}
    assert ("branch-missing" in rules) is found


def test_a_clean_guide_has_nothing_to_report() -> None:
    assert lint(read_guide(BACKLOG)) == []


def test_a_guide_without_declared_tables_is_told_to_declare_them() -> None:
    assert {problem.rule for problem in lint(read_guide(LAG))} == {"unknown-table", "move-unclear"}


def lines(problems: list[GuideProblem], rule: str) -> set[int]:
    return {problem.line for problem in problems if problem.rule == rule}


def test_a_problem_says_the_line_that_it_is_about() -> None:
    text = [
        "# T",
        "## Step 1 - Look",
        "<PLUGIN_1>",
        "SELECT a,",
        "  NOW() AS b",
        "FROM t",
        "</PLUGIN_1>",
        "The end of the guide.",
    ]
    assert lines(lint(parse_guide("\n".join(text))), "clock-time") == {5}


@pytest.mark.parametrize(
    ("arms", "kept", "unreachable"),
    [
        ("WHEN good < 95 THEN 'LOW' WHEN bad > 10 THEN 'BAD'", "", "BAD"),  # good + bad never exceed 100 %
        ("WHEN good < 95 THEN 'LOW' WHEN bad > 5 THEN 'BAD'", "", "BAD"),
        ("WHEN bad > 5 THEN 'BAD' WHEN worst > 8 THEN 'WORST'", "", "WORST"),  # the worst are among the bad
        ("WHEN worst > 100 THEN 'MORE'", "", "MORE"),  # no share is over 100 %
        ("WHEN worst > 5 THEN 'A' WHEN worst > 9 THEN 'B'", "", "B"),  # hidden by the arm before
        ("WHEN worst < 8 THEN 'A'", "WHERE worst > 15", "A"),  # filtered away before it is looked at
        ("WHEN card = 'visa' THEN 'A' WHEN card IN ('visa') THEN 'B'", "", "B"),
        ("WHEN worst BETWEEN 1 AND 50 THEN 'A' WHEN worst BETWEEN 10 AND 20 THEN 'B'", "", "B"),
        ("WHEN worst >= 5 THEN 'A' WHEN NOT (worst < 5) THEN 'B'", "", "B"),
    ],
)
def test_labels_out_of_reach(arms: str, kept: str, unreachable: str) -> None:
    found = [problem.what for problem in lint(guide_of(shares(arms, kept))) if problem.rule == "label-unreachable"]
    assert any(what.startswith(f"{unreachable} ") for what in found), found


@pytest.mark.parametrize(("said", "kinds"), [("more than 35 %", {"threshold-differs"}), ("more than 20 %", set())])
def test_a_threshold_of_an_expression_is_compared_with_the_text(said: str, kinds: set[str]) -> None:
    share = "100.0 * COUNT(*) FILTER (declined OR code > 1) / COUNT(*)"
    sql = by("card", f"{share} AS lost, CASE WHEN {share} > 20 THEN 'BAD' ELSE 'FINE' END AS state")
    found = lint(guide_of(sql, f"A card that is BAD ({said} of it are lost): ask the bank. Proceed to Step 3."))
    assert {problem.rule for problem in found} & {"threshold-differs"} == kinds


@pytest.mark.parametrize(
    "arms",
    [
        "WHEN worst < 50 THEN 'A' WHEN worst >= 50 THEN 'B'",  # ELSE is reached where the share is NULL
        "WHEN good < 95 THEN 'LOW' WHEN bad > 4 THEN 'BAD'",
        "WHEN worst > 9 THEN 'B' WHEN worst > 5 THEN 'A'",
        "WHEN NOT (worst < 5) THEN 'B' WHEN worst < 5 THEN 'A'",
        "WHEN worst > bad THEN 'A' WHEN worst > bad THEN 'B'",  # two columns: not looked at, so nothing is said
        "WHEN card <> 'visa' THEN 'A' WHEN card IS NULL THEN 'B'",
    ],
)
def test_labels_within_reach_are_not_called_out_of_it(arms: str) -> None:
    found = [problem.what for problem in lint(guide_of(shares(arms))) if problem.rule == "label-unreachable"]
    assert found == []


@pytest.mark.parametrize(
    "case",
    [
        "IF(AVG(took_ms) > 1000, 'SLOW', IF(AVG(took_ms) > 3000, 'STUCK', 'FAST'))",
        "CASE WHEN AVG(took_ms) > 1000 THEN 'SLOW' ELSE CASE WHEN AVG(took_ms) > 3000 THEN 'STUCK' ELSE 'FAST' END END",
    ],
)
def test_cases_within_cases_are_one(case: str) -> None:
    found = [problem for problem in lint(guide_of(by("card", f"{case} AS state"), SAYS)) if problem.severity != "note"]
    assert [problem.what for problem in found] == ["STUCK (AVG(took_ms) > 3000) can never be reached"]


@pytest.mark.parametrize("group", ["ALL", "ROLLUP (card)", "GROUPING SETS ((card), ())", "1", "CUBE (card)"])
def test_what_is_grouped_in_other_words_is_grouped(group: str) -> None:
    found = lint(guide_of(f"SELECT card, COUNT(*) AS n FROM payments {WINDOW} GROUP BY {group} ORDER BY card"))
    assert "ungrouped-column" not in {problem.rule for problem in found}
    assert not any("DuckDB" in problem.engines for problem in found)


def test_a_parameter_may_be_shown_and_cast() -> None:
    sql = "SELECT {site} AS place, card FROM payments WHERE paid_at > {end_time}::timestamp - INTERVAL '{hours} hours'"
    found = lint(guide_of(sql, parameters=f"{PARAMETERS}- `hours`: how far back\n"))
    assert {problem.rule for problem in found} == {"parameter-unused", "parameter-as-text"}


def test_instants_shared_by_using_are_found_and_a_neighbour_in_a_rule() -> None:
    using = "SELECT card, MAX(temperature) AS hot FROM payments LEFT JOIN terminals USING (site, paid_at) GROUP BY card"
    assert "exact-time-join" in {problem.rule for problem in lint(guide_of(using))}
    beside = "LAG(took_ms) OVER (ORDER BY paid_at, payment_id)"
    jump = f"SELECT card, CASE WHEN took_ms > 2 * {beside} THEN 'JUMP' ELSE 'STEADY' END AS state FROM payments"
    assert "nothing-compared" in {problem.rule for problem in lint(guide_of(jump))}


def test_an_arm_that_hides_another_for_one_value_is_told() -> None:
    arms = "WHEN card = 'visa' AND good < 99 THEN 'VISA' WHEN good < 95 THEN 'LOW'"
    found = [problem for problem in lint(guide_of(shares(arms))) if problem.rule == "label-unreachable"]
    assert [problem.what for problem in found] == ["LOW can never be seen for visa"]


@pytest.mark.skipif(not SHARED.exists(), reason=f"the specification is not there: {SHARED}")
def test_the_low_availability_guide_shows_every_kind_that_its_text_has() -> None:
    found = lint(read_guide(SHARED))
    without = {
        "unread-block", "refused-query", "unknown-table", "label-filtered", "parameter-unbound", "step-unreached",
        "step-missing", "no-end", "accepted-not-there",
    }  # fmt: skip
    assert {problem.rule for problem in found} == RULES.keys() - without
    refused = {
        engine: {p.plugin for p in found if p.rule == "does-not-run" and engine in p.engines}
        for engine in ("DuckDB", "PostgreSQL")
    }
    assert refused == {"DuckDB": {4, 5, 6, 7, 9}, "PostgreSQL": {1, 3, 4, 5, 6, 7, 8, 9}}
    unreachable = {problem.what.split()[0] for problem in found if problem.rule == "label-unreachable"}
    assert unreachable == {"INFRASTRUCTURE_ISSUES", "HIGH_CLIENT_ERRORS", "CRITICAL"}
