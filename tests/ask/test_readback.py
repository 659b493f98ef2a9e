"""A word of a question that no field of its query says refuses it; what may mean two things is answered as both."""

import pytest

from tests.ask.test_typed import NOW, Ask, counts
from tsg_agent import Conversation, Request
from tsg_agent.ask.readback import unexpressed
from tsg_agent.ask.slots import AskedFields
from tsg_agent.ask.tokens import Token, TokenizedQuestion
from tsg_agent.ask.typed import Bound, Filter, TypedQuery
from tsg_agent.telemetry.engine import Engine


@pytest.fixture(scope="module")
def ask(engine: Engine, incident: Request) -> Ask:
    return lambda question: Conversation(engine, incident=incident.text, now=NOW).ask(question)


def token(kind: str, value: str, text: str, amount: float = 0.0) -> Token:
    return Token(0, len(text), kind, value, amount, text)


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        (token("value", "client_type", "web"), {"filters": ()}),
        (token("figure", "3", "3", 3), {"limit": None}),
        (token("bound", ">", "over 5 %", 5), {"bounds": ()}),
        (token("function", "p95", "p95"), {"measures": ("failures",)}),
        (token("condition", "retries", "retries"), {"conditions": ()}),
        (token("bucket", "", "per minute", 60), {"bucket_seconds": None}),
        (token("word", "not", "without"), {"conditions": ()}),
        (token("rank", "low", "lowest"), {"ascending": False}),
    ],
)
def test_what_no_field_says_is_left_over(said: Token, lost: dict[str, object]) -> None:
    whole = TypedQuery(
        measures=("failures", "p95_latency_ms"),
        by=("endpoint_path",),
        filters=(Filter(column="client_type", values=("web",)),),
        conditions=("not retries",),
        bounds=(Bound(measure="failure_rate", sign=">", value=5),),
        bucket_seconds=60,
        ascending=True,
        limit=3,
    )
    reading = TokenizedQuestion(said.text, [said])
    assert unexpressed(reading, AskedFields(), whole) == []
    assert unexpressed(reading, AskedFields(), whole.model_copy(update=lost)) == [said.text]


def test_low_is_an_order(ask: Ask) -> None:
    rates = [float(row["failure_rate"] or 0) for row in ask("endpoints with low error rate").tables[0].rows]
    assert rates == sorted(rates)


def test_the_first_to_fail_comes_first(ask: Ask) -> None:
    times = [str(row["first_failures"]) for row in ask("which version was the first to fail?").tables[0].rows]
    assert times == sorted(times)


def test_a_share_of_two_wholes_is_said_of_both(engine: Engine, ask: Ask) -> None:
    (row,) = ask("percentage of failed requests from web after 14:00").tables[0].rows
    requests, failures = counts(engine, "client_type = 'web'")
    assert row["failure_rate"] == pytest.approx(100 * failures / requests, abs=0.001)
    assert row["share_of_failures"] == pytest.approx(100 * failures / counts(engine, "true")[1], abs=0.001)


def test_a_share_over_time_is_of_its_stretch(ask: Ask) -> None:
    shares: dict[str, float] = {}
    for row in ask("share of traffic per version per hour").tables[0].rows:
        shares[str(row["time"])] = shares.get(str(row["time"]), 0.0) + float(row["share_of_requests"] or 0)
    assert list(shares.values()) == pytest.approx([100.0] * len(shares))


def test_since_then_is_since_the_question_before(ask: Ask) -> None:
    answer = ask("what's the error rate since 14:00, and how many users were hit by a 5xx since then?")
    assert [table.query.measures for table in answer.tables] == [("failure_rate",), ("users_with_failures",)]
    assert answer.parameters is not None
    assert answer.parameters.start_time.strftime("%H:%M") == "14:00"


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("so, is 3.15.0 the culprit?", "Yes."),
        ("did web requests fail more after 14:00 than before?", "Yes."),
        ("does 3.15.0 have the most failures?", "Yes."),
        ("does 3.14.2 have the most failures?", "No."),
        ("was /cart fine before 14:00?", "shop.gateway"),
        ("is web or partner worse?", "shop.gateway"),
    ],
)
def test_yes_and_no_are_said_of_what_they_are_of(question: str, first: str, ask: Ask) -> None:
    assert ask(question).text.startswith(first)


def test_steps_of_time_and_lists_of_what_is_left_out(ask: Ask) -> None:
    assert ask("429s in steps of 30 minutes").tables[0].query.bucket_seconds == 1800
    assert ask("5xx other than 503 and 504 by zone").tables[0].query.conditions == (
        "not answered_503",
        "not answered_504",
    )


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("the error rate was above 5 % before 14:00, wasn't it?", "No."),
        ("it is caused by 3.15.0. Is that correct?", "Yes."),
        ("web was never slow, was it?", "Not answered"),
        ("which zone has the most failures, right?", "shop.gateway"),
        ("more failures between 14:30 and 15:00 than between 13:30 and 14:00, right?", "Yes."),
        ("more failures between 13:30 and 14:00 than between 14:30 and 15:00, right?", "No."),
    ],
)
def test_what_is_stated_is_confirmed_or_not(question: str, first: str, ask: Ask) -> None:
    assert ask(question).text.startswith(first)


def test_groups_are_left_out_by_their_own_bound_alone(ask: Ask) -> None:
    (kept,) = ask("requests by version since 14:00, without versions that got fewer than 400").tables
    assert kept.query.bounds == (Bound(measure="requests", sign=">=", value=400),)
    assert kept.query.filters == ()
    for question in (
        "error rate by endpoint, without versions with fewer than 400 requests",
        "error rate by version, without versions under 400",
        "errors by version without versions of web with fewer than 400 requests",
        "errors by version without versions with fewer than 400 requests and more than 5 failures",
    ):
        assert ask(question).refused, question


@pytest.mark.parametrize(
    "when",
    ["after 2", "at 1400", "between 14 and 15", "since the deployment", "recently", "last week", "now", "after lunch"],
)
def test_a_time_that_is_not_read_refuses_the_question(when: str, ask: Ask) -> None:
    assert ask(f"errors {when}").refused


def test_the_next_rows_are_those_below(engine: Engine, incident: Request) -> None:
    talk = Conversation(engine, incident=incident.text, now=NOW)
    first, second, third, zones = (
        talk.ask(question).tables[0].rows
        for question in ("top 3 endpoints by errors", "and the next 2?", "the next ones?", "and by zone?")
    )
    whole, all_zones = (talk.ask(f"errors by {thing}").tables[0].rows for thing in ("endpoint", "zone"))
    assert [*first, *second, *third] == whole[:7]
    assert zones == all_zones[:2]
    assert talk.ask("and the next 3 by latency?").refused


def test_two_spans_of_time_are_compared_where_they_are_apart(engine: Engine, incident: Request) -> None:
    talk = Conversation(engine, incident=incident.text, now=NOW)
    both = "between 14:30 and 15:00 than between 13:30 and 14:00"
    rows = talk.ask(f"how many more requests did we get {both}?").tables[0].rows
    alone = [
        talk.ask(f"how many requests between {span}?").tables[0].rows[0]["requests"]
        for span in ("13:30 and 14:00", "14:30 and 15:00")
    ]
    assert [row["requests"] for row in rows] == alone
    assert talk.ask("failures between 14:00 and 14:30 vs between 14:15 and 14:45").refused
    assert talk.ask("CPU between 14:00 and 14:30 vs between 14:45 and 15:00").refused
    assert talk.ask("failures on web between 14:00 and 14:15 than on ios between 14:30 and 14:45").refused


def test_a_length_before_a_span_of_time_is_that_spans_own(ask: Ask) -> None:
    assert len(ask("429s in the half hour from 14:00 to 14:30").tables) == 1
    assert ask("429s in the half hour from 14:00 to 15:00").refused
