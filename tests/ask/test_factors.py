"""Factors, averages per user and two measures compared: counted by hand too, and told with both sides."""

import pytest
from pydantic import ValidationError

from tests.ask.test_agent import asked as by_model
from tests.ask.test_agent import calls, tool_results
from tests.ask.test_typed import NOW, START, Ask
from tests.llm.server import Say, each
from tsg_agent import Conversation, Request
from tsg_agent.ask.deciding import decided
from tsg_agent.ask.slots import AskedFields
from tsg_agent.ask.typed import Bound, Filter, Sign, TypedQuery
from tsg_agent.telemetry.engine import Engine

BEFORE, AFTER = "timestamp < '2026-03-10 14:00'", "timestamp >= '2026-03-10 14:00'"
FAILED = "count(*) FILTER (status_code >= 500)"
RATE = f"100.0 * {FAILED} / count(*)"
WEB, IOS = "client_type = 'web'", "client_type = 'ios'"


@pytest.fixture(scope="module")
def ask(engine: Engine, incident: Request) -> Ask:
    return lambda question: Conversation(engine, incident=incident.text, now=NOW).ask(question)


def by_hand(engine: Engine, figure: str, condition: str = "true") -> float:
    sql = (
        f"SELECT {figure} FROM api_gateway_logs WHERE region = 'us-east' AND environment = 'prod' "
        "AND service_name = 'shop.gateway' AND is_test_traffic IS NOT TRUE "
        f"AND timestamp BETWEEN '2026-03-10 12:00:00' AND '2026-03-10 15:15:00' AND {condition}"
    )
    return float(engine.run(sql, {}, timeout=30).columns[0][0].as_py())


@pytest.mark.parametrize(
    ("question", "figure", "sides"),
    [
        ("how many times more failures are there since 14:00 than before?", FAILED, (AFTER, BEFORE)),
        (
            "by what factor did the error rate on web go up after 14:00?",
            RATE,
            (f"{AFTER} AND {WEB}", f"{BEFORE} AND {WEB}"),
        ),
        ("how many times more failures on web than on ios", FAILED, (WEB, IOS)),
        ("how many times the error rate of ios is that of web?", RATE, (WEB, IOS)),
        ("by how much is the error rate on web above that of ios?", RATE, (WEB, IOS)),
        ("error rate on web vs everywhere else", RATE, (WEB, "client_type <> 'web'")),
        (
            "how many more users failed since 14:00 than before?",
            "count(DISTINCT user_id) FILTER (status_code >= 500)",
            (AFTER, BEFORE),
        ),
        ("um welchen Faktor ist die Fehlerrate auf web höher als auf ios?", RATE, (WEB, IOS)),
        ("¿cuántas veces más errores hay desde las 14:00 que antes?", FAILED, (AFTER, BEFORE)),
        ("combien de fois plus d'échecs depuis 14:00 qu'avant", FAILED, (AFTER, BEFORE)),
    ],
)
def test_a_factor_is_told_with_both_sides(
    question: str, figure: str, sides: tuple[str, str], engine: Engine, ask: Ask
) -> None:
    answer = ask(question)
    one, two = (by_hand(engine, figure, side) for side in sides)
    (row,) = [row for row in answer.tables[0].rows if row["baseline"] is not None]
    assert (row["factor"], row["baseline"]) == pytest.approx((one / two, two), rel=1e-3)
    assert len(answer.tables[0].rows) == 2
    assert " against " in answer.text


@pytest.mark.parametrize(
    ("question", "holds", "sides"),
    [
        ("has the error rate doubled since 14:00?", (RATE, ">=", 2), (AFTER, BEFORE)),
        ("is the error rate more than 50 times what it was before?", (RATE, ">", 50), (AFTER, BEFORE)),
        ("did the p95 latency triple after 14:00?", ("quantile_cont(latency_ms, 0.95)", ">=", 3), (AFTER, BEFORE)),
        (
            "did the failures per minute at least double since 14:00?",
            (
                f"{FAILED} / date_diff('minute', "
                "if(min(timestamp) < '2026-03-10 14:00', TIMESTAMP '2026-03-10 12:00', '2026-03-10 14:00'), "
                "if(min(timestamp) < '2026-03-10 14:00', TIMESTAMP '2026-03-10 14:00', '2026-03-10 15:15'))",
                ">=",
                2,
            ),
            (AFTER, BEFORE),
        ),
        ("Is the error rate on web twice that of ios?", (RATE, ">=", 2), (WEB, IOS)),
        (
            "does web fail at least 5 times as often as the other client types?",
            (RATE, ">=", 5),
            (WEB, "client_type <> 'web'"),
        ),
        ("did the error rate fall by a factor of 3 after 14:00?", (f"-{RATE}", ">=", 1 / 3), (AFTER, BEFORE)),
        (
            "are there more 4xx than 5xx?",
            ("count(*)", ">", 1),
            ("status_code BETWEEN 400 AND 499", "status_code >= 500"),
        ),
        (
            "are 404s more common than 503s on web?",
            ("count(*)", ">", 1),
            (f"{WEB} AND status_code = 404", f"{WEB} AND status_code = 503"),
        ),
        ("Hat sich die Fehlerrate seit 14 Uhr verdoppelt?", (RATE, ">=", 2), (AFTER, BEFORE)),
        ("¿se ha duplicado la tasa de error desde las 14:00?", (RATE, ">=", 2), (AFTER, BEFORE)),
        ("Le taux d'erreur a-t-il doublé depuis 14:00 ?", (RATE, ">=", 2), (AFTER, BEFORE)),
    ],
)
def test_a_factor_with_a_number_is_answered_with_yes_or_no(
    question: str, holds: tuple[str, str, float], sides: tuple[str, str], engine: Engine, ask: Ask
) -> None:
    answer = ask(question)
    figure, sign, factor = holds
    one, two = (by_hand(engine, figure, side) for side in sides)
    right = one > factor * two if sign == ">" else one >= factor * two
    assert answer.text.split(".")[0] in (("Yes", "Ja", "Sí", "Oui") if right else ("No", "Nein", "Non"))
    assert answer.tables[0].rows[0].keys() >= {"baseline", "factor"}


def test_traffic_of_windows_of_different_length_is_compared_per_minute(engine: Engine, ask: Ask) -> None:
    rates = [by_hand(engine, "count(*)", BEFORE) / 120, by_hand(engine, "count(*)", AFTER) / 75]
    answer = ask("did the traffic go up after 14:00?")
    assert answer.text.startswith("Yes" if rates[1] > rates[0] else "No")
    assert [row["requests_per_minute"] for row in answer.tables[0].rows] == pytest.approx(rates, rel=1e-3)


@pytest.mark.parametrize(
    ("question", "condition", "users"),
    [
        ("failures per user on average since 14:00", "true", "count(DISTINCT user_id)"),
        ("what is the mean number of errors per web user after 14:00", WEB, "count(DISTINCT user_id)"),
        ("failures per affected user since 14:00", "true", "count(DISTINCT user_id) FILTER (status_code >= 500)"),
        ("average number of failures per session since 14:00", "true", "count(DISTINCT session_id)"),
        ("on average, how many failures per instance since 14:00?", "true", "count(DISTINCT instance_id)"),
        ("wie viele Fehler pro Nutzer im Schnitt seit 14:00?", "true", "count(DISTINCT user_id)"),
        ("fallos por usuario en promedio desde las 14:00", "true", "count(DISTINCT user_id)"),
        ("échecs par utilisateur en moyenne depuis 14:00", "true", "count(DISTINCT user_id)"),
    ],
)
def test_an_average_is_told_with_what_it_is_of(
    question: str, condition: str, users: str, engine: Engine, ask: Ask
) -> None:
    answer = ask(question)
    figures = [by_hand(engine, one, f"{AFTER} AND {condition}") for one in (FAILED, users)]
    (row,) = answer.tables[0].rows
    assert figures[0] / figures[1] == pytest.approx(row[answer.tables[0].query.measures[0]], rel=1e-3)
    assert all(f"{figure:,.0f}" in answer.text for figure in figures)


def test_groups_are_chosen_by_their_factor(engine: Engine, ask: Ask) -> None:
    zones = ("us-east-1a", "us-east-1b", "us-east-1c")
    sides = {
        zone: [by_hand(engine, RATE, f"{side} AND availability_zone = '{zone}'") for side in (BEFORE, AFTER)]
        for zone in zones
    }
    rows = ask("which zones at least tripled their error rate after 14:00?").tables[0].rows
    assert {row["availability_zone"] for row in rows} == {
        zone for zone, (before, after) in sides.items() if before and after >= 3 * before
    }


def test_any_group_is_asked_for_in_a_question_for_yes_or_no(ask: Ask) -> None:
    answer = ask("is the p95 latency over 100 ms in any zone?")
    assert answer.tables[0].query.by == ("availability_zone",)
    assert ask("is p99 more than 10 times p50 on any endpoint?").tables[0].query.by == ("endpoint_path",)
    rows = ask("did the error rate go up in any zone after 14:00?").tables[0].rows
    assert rows
    assert all(float(row["failure_rate"] or 0) > float(row["baseline"] or 0) for row in rows)


def test_a_talk_goes_on_with_an_average_and_a_factor(engine: Engine, incident: Request) -> None:
    talk = Conversation(engine, incident=incident.text, now=NOW)
    talk.ask("failures on web since 14:00")
    (row,) = talk.ask("and per user on average?").tables[0].rows
    among = f"{AFTER} AND {WEB}"
    assert row["failures_per_user"] == pytest.approx(
        by_hand(engine, FAILED, among) / by_hand(engine, "count(DISTINCT user_id)", among), rel=1e-3
    )
    talk.ask("error rate of web since 14:00")
    answer = talk.ask("how many times that of ios is it?")
    assert answer.tables[0].query.baseline == "ios"
    assert {row["client_type"] for row in answer.tables[0].rows} == {"web", "ios"}


@pytest.mark.parametrize(
    "question",
    [
        "how many users got a 503 twice?",
        "is it 3 times higher?",
        "which client type has twice as much?",
        "did the error rate double and the latency triple since 14:00?",
        "error rate of android vs ios vs web, by what factor",
        "has the error rate on ios not doubled since 14:00?",
        "is backend latency more than half of the latency?",
        "are there more 4xx than 5xx or retries?",
        "how many times more failures on web since 14:00 than on ios before?",
        "are there more failures on web than requests on ios?",
        "average failures per user and per session",
        "by what factor did traffic and errors grow since 14:00?",
        "is p99 more than 10 times the latency?",
        "did errors fall by a factor of 0 after 14:00?",
        "are there 10,000 times as many errors since 14:00 as before?",
    ],
)
def test_a_factor_of_nothing_that_is_said_is_refused(question: str, ask: Ask) -> None:
    assert ask(question).refused


@pytest.mark.parametrize(
    ("own", "other", "holds", "said"),
    [(4, 2, (">=", 2), True), (4, 2, (">", 2), False), (1, 2, ("<=", 0.5), True), (4, 0, (">=", 2), None),
     (4, 0, (">", 1), True), (0, 0, (">", 1), False), (None, 2, (">", 1), None)],
)  # fmt: skip
def test_of_nothing_no_factor_is_said(own: float | None, other: float, holds: tuple[Sign, float], said: bool) -> None:
    query = TypedQuery(measures=("failures", "client_errors"), baseline="client_errors")
    asked = AskedFields(decides="pair", holds=holds)
    assert decided(asked, query, [{"failures": own, "client_errors": other}]) is said


@pytest.mark.parametrize(
    "fields",
    [
        {"baseline": "before"},
        {"baseline": "others", "by": ("client_type",)},
        {"baseline": "ios"},
        {"bounds": (Bound(measure="factor", sign=">", value=2),)},
        {"order_by": "factor"},
        {"measures": ("factor",), "baseline": "before", "split_at": START},
        {"measures": ("first_failures",), "baseline": "before", "split_at": START},
        {"measures": ("requests_per_affected_user",)},
    ],
)
def test_a_factor_needs_what_it_is_of(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypedQuery.model_validate({"measures": ("failures",), **fields})


def test_groups_are_measured_against_one_of_them_and_others_leave_out_what_is_unknown(
    engine: Engine, incident: Request
) -> None:
    fields = {"measures": ["failure_rate"], "by": ["client_type"], "baseline": "ios"}
    shard = {"column": "service_component", "values": ["payments"]}
    rest = {"measures": ["failures"], "by": ["service_component"], "filters": [shard], "baseline": "others"}
    script = each(calls("measure", **fields), calls("measure", **rest), Say("Web fails as ios does [Q1.1]."))
    _, endpoint = by_model(engine, script, incident=incident.text)
    one, two = tool_results(endpoint.requests[-1])[:2]
    assert "factor" in one
    assert one.count("client_type = ") == 4
    assert "service_component = others" in two
    assert Filter.model_validate(shard).values == ("payments",)
