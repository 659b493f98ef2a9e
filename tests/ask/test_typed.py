"""A question as one typed query: what words become of, what is refused, and what is counted."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ValidationError

from tests.ask.test_agent import asked as by_model
from tests.ask.test_agent import calls, settings, tool_results
from tests.ask.test_questions import counts
from tests.llm.server import Say, each, serving
from tsg_agent import Request, Settings
from tsg_agent.ask import Answer, Conversation
from tsg_agent.ask.compiling import compiled
from tsg_agent.ask.lexicon import in_english, languages, lexicon, stem
from tsg_agent.ask.tools import ToolBench, agent_tools
from tsg_agent.ask.typed import Bound, Filter, TypedQuery
from tsg_agent.telemetry.engine import Engine

NOW = datetime(2026, 3, 11, tzinfo=UTC)
HOUR = timedelta(hours=1)
START = datetime(2026, 3, 10, 14, tzinfo=UTC)
Ask = Callable[[str], Answer]


@pytest.fixture
def ask(engine: Engine, incident: Request) -> Ask:
    return lambda question: Conversation(engine, incident=incident.text, now=NOW).ask(question)


WEB = Filter(column="client_type", values=("web",))
WEB_AND_IOS = Filter(column="client_type", values=("web", "ios"))
FIFTY = Bound(measure="requests", sign=">=", value=50)
QUERIES = [
    TypedQuery(measures=("failures",)),
    TypedQuery(measures=("failure_rate",), by=("service_version",)),
    TypedQuery(measures=("availability", "p95_latency_ms"), by=("region", "service_version")),
    TypedQuery(measures=("requests",), filters=(Filter(column="service_version", values=("3.15.0",), without=True),)),
    TypedQuery(
        measures=("answered_503",), filters=(Filter(column="client_type", values=("web",)),), bucket_seconds=900
    ),
    TypedQuery(
        measures=("failure_rate",), by=("endpoint_path",), bounds=(Bound(measure="requests", sign=">=", value=50),)
    ),
    TypedQuery(measures=("p99_9_latency_ms",), by=("service_component",), split_at=START),
    TypedQuery(measures=("users_with_failures",), by=("tenant_category",)),
    TypedQuery(measures=("avg_cpu_utilization",), by=("instance_id",)),
    TypedQuery(measures=("completion_rate",), by=("scenario_name",)),
    TypedQuery(measures=("failures",), conditions=("not retries",), by=("availability_zone",)),
    TypedQuery(
        measures=("failures",),
        start_time=START - HOUR,
        until=START - HOUR / 2,
        split_at=START,
        end_time=START + HOUR / 2,
    ),
    TypedQuery(measures=("failures_per_user",)),
    TypedQuery(measures=("answered_503_per_affected_user",), by=("availability_zone",)),
    TypedQuery(measures=("requests_per_minute",), filters=(WEB,)),
    TypedQuery(measures=("failure_rate",), split_at=START, baseline="before"),
    TypedQuery(measures=("failure_rate",), by=("client_type",), filters=(WEB_AND_IOS,), baseline="ios"),
    TypedQuery(measures=("failure_rate",), by=("client_type",), filters=(WEB,), baseline="others"),
    TypedQuery(measures=("p95_latency_ms", "avg_latency_ms"), baseline="avg_latency_ms"),
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.described())
def test_a_query_in_words_is_read_as_the_same_query(query: TypedQuery, ask: Ask) -> None:
    (table,) = ask(query.described()).tables
    assert table.query == query


@pytest.mark.parametrize(
    ("question", "condition"),
    [
        ("requests that do not run 3.15.0 after 14:00", "service_version <> '3.15.0'"),
        ("requests after 14:00 without payments", "service_component <> 'payments'"),
        ("requests neither on web nor on ios after 14:00", "client_type NOT IN ('web', 'ios')"),
        ("how many requests after 14:00 took longer than 2 seconds?", "latency_ms > 2000"),
    ],
)
def test_what_is_left_out_is_left_out(question: str, condition: str, engine: Engine, ask: Ask) -> None:
    (table,) = ask(question).tables
    requests, failures = counts(engine, condition)
    row = table.rows[0]
    if "longer" in question:
        assert row["slower_than_2000_ms"] == requests
    else:
        assert (row["requests"], row["failures"]) == (requests, failures)


def test_failures_are_5xx_whatever_is_asked_for(engine: Engine, ask: Ask) -> None:
    (row,) = ask("4xx rate after 14:00").tables[0].rows
    assert (row["requests"], row["failures"]) == counts(engine, "true")
    assert row["client_errors"] == counts(engine, "status_code BETWEEN 400 AND 499")[0]


def test_a_series_has_a_row_for_each_stretch_and_a_shape(ask: Ask) -> None:
    answer = ask("errors per 5 minutes since 14:00")
    assert [row["time"] for row in answer.tables[0].rows[:2]] == ["2026-03-10T14:00:00Z", "2026-03-10T14:05:00Z"]
    assert len(answer.tables[0].rows) == 15
    assert re.search("[▁▂▃▄▅▆▇█]{15} \\(", answer.text)


def test_groups_of_none_and_of_at_least_so_many(ask: Ask) -> None:
    clean = ask("which endpoints are NOT failing before 14:00?").tables[0]
    assert clean.rows
    assert {row["failures"] for row in clean.rows} == {0}
    large = ask("endpoints with at least 100 requests").tables[0].rows
    assert large
    assert min(int(row["requests"] or 0) for row in large) >= 100


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("is 3.15.0 worse than 3.14.2?", "Yes."),
        ("is 3.14.2 worse than 3.15.0?", "No."),
        ("did errors go up after 14:00?", "Yes."),
        ("are there more than 100000 failures?", "No."),
        ("are there any zones with an error rate over 1 %?", "Yes."),
        ("is it the deploy?", "Yes."),
        ("Ist die Fehlerrate nach 14:00 gestiegen?", "Ja."),
        ("¿Hay más errores en 3.14.2 que en 3.15.0?", "No."),
    ],
)
def test_yes_or_no_comes_first(question: str, first: str, ask: Ask) -> None:
    assert ask(question).text.split()[0] == first


def test_several_questions_get_several_answers(ask: Ask) -> None:
    two = ask("error rate by version and also 429s by endpoint")
    assert [table.title for table in two.tables] == ["error rate by version", "429s by endpoint"]
    half = ask("how many requests failed, and who deployed it?")
    assert [table.title for table in half.tables] == ["failures"]
    assert "who" in half.refused[0].not_understood[0] or "deployed" in half.refused[0].not_understood[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "question",
    [
        "error rate of blue payments",
        "how much revenue did we lose?",
        "slowest requests",
        "errors by country",
        "are all endpoints failing?",
        "is only 3.15.0 affected?",
        "how many users saw more than one error",
        "users whose requests did not fail",
        "requests that were slow or failed",
        "endpoints with more errors than /cart",
        "error rate with new_pricing on and gift_cards off",
        "errors by service",
        "error rate in region mars",
        "what fails most?",
        "error rate since lunch",
        "endpoints that only fail",
        "which endpoints fail only on 3.15.0?",
        "which endpoints fail on both versions?",
        "endpoints with the same error rate",
        "do android users fail more?",
        "which endpoints got slower?",
        "which endpoint is slowest and fails most?",
        "top 3 endpoints in each zone",
        "p95 latency of android vs all requests",
        "were there as many errors on web as on ios?",
        "errors per second at peak",
        "how many requests would have failed on android?",
    ],
)
def test_what_is_not_understood_is_refused_with_questions_that_are_answered(question: str, ask: Ask) -> None:
    answer = ask(question)
    assert (answer.tables, answer.report, answer.evidence) == ([], None, {})
    (refused,) = answer.refused
    assert refused.not_understood
    assert refused.nearest
    for near in refused.nearest:
        assert ask(near).refused == [], near


def test_a_misspelt_word_is_repaired_and_said_and_a_code_is_not(ask: Ask) -> None:
    answer = ask("wich endponts had teh most erors")
    assert answer.tables[0].query.by == ("endpoint_path",)
    assert "“endponts” was read as “endpoint”." in answer.not_honoured
    assert "“endponts” was read as “endpoint”." in answer.text
    assert ask("errors in us-est").refused
    assert ask("errors of 3.15.9").refused


@pytest.mark.parametrize(
    ("other", "english"),
    [
        ("Fehlerrate nach Version seit 14:00", "error rate by version since 14:00"),
        ("Welche Endpunkte haben die meisten Fehler?", "which endpoints have the most errors?"),
        ("Fehler pro 10 Minuten ohne payments", "errors per 10 minutes without payments"),
        ("errores por zona después de las 14:00", "errors by zone after 14:00"),
        ("componentes con más de 10 errores", "components with more than 10 errors"),
        ("latencia p95 por versión antes y después de las 14:00", "p95 latency by version before and after 14:00"),
    ],
)
def test_other_languages_are_read_as_the_same_query(other: str, english: str, ask: Ask) -> None:
    assert [table.query for table in ask(other).tables] == [table.query for table in ask(english).tables]


def test_every_word_of_another_language_leads_to_a_known_one() -> None:
    stems = {stem(word) for word in lexicon().words}
    for language in languages():
        for phrase, english in language.words.items():
            assert {stem(word) for word in english.split()} <= stems, (phrase, english)
    assert in_english("errors by version")[1] is lexicon().plain


@pytest.mark.parametrize("question", ["errors " * 400, "errors? " * 40])
def test_a_question_without_end_is_refused(question: str, ask: Ask) -> None:
    answer = ask(question)
    assert answer.tables == []
    assert "han" in answer.refused[0].not_understood[0]


def test_values_are_bound_and_never_part_of_the_query() -> None:
    hostile = "x' OR 1=1 --"
    query = TypedQuery(measures=("failures",), filters=(Filter(column="client_type", values=(hostile,)),))
    sql, bound = compiled(query)
    assert hostile not in sql
    assert hostile in bound.values()


@pytest.mark.parametrize(
    "wrong",
    [
        {"measures": ["failures; DROP TABLE x"]},
        {"measures": ["failures"], "by": ["1; SELECT 1"]},
        {"measures": ["failures", "completion_rate"]},
        {"measures": ["failures"], "by": ["service_name"]},
        {"measures": []},
    ],
)
def test_a_query_that_cannot_be_is_none(wrong: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError):
        TypedQuery.model_validate(wrong)


def test_all_schemas_together_are_short(engine: Engine) -> None:
    tools = agent_tools(ToolBench(engine, Settings(), lambda _given: pytest.fail("nothing is run")))
    assert sum(len(json.dumps(convert_to_openai_tool(tool))) for tool in tools) < 4 * 1_000


def test_a_model_is_told_the_scope_and_its_tools_look_there(engine: Engine, incident: Request) -> None:
    filled = calls("measure", measures=["failure_rate"], by=["service_version"])
    script = each(
        calls("check", what="versions"), calls("plugin_1_tool"), filled, Say("Version 3.15.0 regressed [E2.1].")
    )
    answer, endpoint = by_model(engine, script, incident=incident.text)
    told = endpoint.requests[0]["messages"][1]["content"]
    assert "region us-east" in told
    assert "from 2026-03-10T12:00:00Z to 2026-03-10T15:15:00Z; the incident began: 2026-03-10T14:00:00Z" in told
    assert "service_version" in told
    offered = [tool["function"]["name"] for tool in endpoint.requests[0]["tools"]]
    assert "check" in offered
    assert not any(name.startswith(("plugin_", "check_")) for name in offered)
    check, again, measured = tool_results(endpoint.requests[-1])
    scope = "Scope: shop.gateway in us-east (prod), 2026-03-10 12:00 UTC to 2026-03-10 15:15 UTC."
    assert all(scope in " ".join(result.split("\n")[:2]) for result in (check, again, measured))
    assert "E2.1" in check
    assert "E2b.1" in again
    assert "failure_rate" in measured
    assert answer.text == "Version 3.15.0 regressed [E2.1]."


def test_ids_go_on_through_a_talk_with_a_model(engine: Engine, incident: Request) -> None:
    count = calls("measure", measures=["requests"])
    script = each(count, Say("They are told [Q1.1]."), count, Say("They are told [Q2.1]."))
    with serving(script) as endpoint:
        talk = Conversation(engine, settings(endpoint), incident=incident.text, now=NOW)
        ids = [list(talk.ask(question).evidence) for question in ("how many requests?", "and again?")]
    assert ids == [["Q1.1"], ["Q2.1"]]


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("ratio of 503s to all failures", "share of 503s of only failures"),
        ("what part of the failed requests is from web?", "share of all failures of client type web"),
        ("average latency by component, but only for failed requests", "average latency of only failures by component"),
        ("share of each zone in all failures", "share of all failures by zone"),
        ("5xx that came from retries", "failures of only retries"),
        ("uncached requests by endpoint", "requests without cache hits by endpoint"),
        ("errors since 1400", "errors since 14:00"),
        ("failures minute by minute after 14:30", "failures per minute after 14:30"),
    ],
)
def test_a_question_means_what_its_words_do_together(question: str, plain: str, ask: Ask) -> None:
    (one,), (other,) = (ask(text).tables or pytest.fail(ask(text).text) for text in (question, plain))
    assert one.rows == other.rows
    assert one.rows


def test_two_questions_are_two_where_the_second_ranks(ask: Ask) -> None:
    first, second = ask("errors by zone, and top 2 shards by error rate").tables
    assert (first.query.by, second.query.by) == (("availability_zone",), ("shard_id",))


def test_by_nothing_that_groups_is_refused(ask: Ask) -> None:
    assert "“by”" in ask("errors by data volume").refused[0].not_understood[0]


def test_what_would_be_certain_is_refused(ask: Ask) -> None:
    assert "is certain" in ask("error rate of only 503s").refused[0].not_understood[0]
