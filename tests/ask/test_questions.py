"""What questions without a model must honour, or say that they do not."""

import json
from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from tests.ask.test_chat import said
from tsg_agent import ParameterError, Request
from tsg_agent.ask import Answer, Conversation
from tsg_agent.cli.app import app
from tsg_agent.cli.options import GIVEN
from tsg_agent.cli.questions import UNANSWERED
from tsg_agent.extract import Given
from tsg_agent.telemetry.engine import Engine

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ONE = "2026-03-10T13:00Z"


@pytest.fixture(scope="module")
def talk(engine: Engine, incident: Request) -> Conversation:
    return Conversation(engine, incident=incident.text, now=NOW)


def asked(engine: Engine, incident: Request, question: str, **given: object) -> Answer:
    return Conversation(engine, incident=incident.text, now=NOW, given=Given.model_validate(given)).ask(question)


def counts(engine: Engine, condition: str) -> tuple[int, int]:
    """Requests and 5xx of the incident's service, region and environment, counted by hand."""
    sql = (
        "SELECT count(*), count(*) FILTER (status_code >= 500) FROM api_gateway_logs WHERE region = 'us-east' "
        "AND environment = 'prod' AND service_name = 'shop.gateway' AND is_test_traffic IS NOT TRUE "
        f"AND timestamp BETWEEN '2026-03-10 14:00:00' AND '2026-03-10 15:15:00' AND {condition}"
    )
    requests, failures = (column[0].as_py() for column in engine.run(sql, {}, timeout=30).columns)
    return requests, failures


def test_a_component_s_rate_is_of_all_its_requests(engine: Engine, incident: Request) -> None:
    found = asked(engine, incident, "what is the error rate of payments after 14:00?")
    requests, failures = counts(engine, "service_component = 'payments'")
    assert 0 < failures < requests
    assert f"Component payments: {failures:,} of {requests:,} requests failed (5xx)" in found.text
    assert "2026-03-10 14:00 UTC to 2026-03-10 15:15 UTC" in found.text
    assert found.checks == []


@pytest.mark.parametrize(
    ("question", "condition"),
    [
        ("how many requests failed after 14:00?", "true"),
        ("failures of version 3.15.0 since 2pm", "service_version = '3.15.0'"),
    ],
)
def test_totals_are_counted(engine: Engine, incident: Request, question: str, condition: str) -> None:
    requests, failures = counts(engine, condition)
    assert f"{failures:,} of {requests:,} requests failed" in asked(engine, incident, question).text


def test_a_status_code_is_what_is_counted(engine: Engine, incident: Request) -> None:
    requests, failures = counts(engine, "true")
    found, _ = counts(engine, "status_code = 500")
    assert 0 < found < failures
    text = asked(engine, incident, "how many requests failed with status 500 after 14:00?").text
    assert f"{found:,} of {requests:,} requests were answered 500" in text


def test_what_only_failures_carry_has_no_share(engine: Engine, incident: Request) -> None:
    found = asked(engine, incident, "which exceptions have the highest error rate?")
    assert "No share can be said" in found.not_honoured[-1]
    assert "100 %" not in found.text


@pytest.mark.parametrize(
    ("question", "order", "told"),
    [
        ("top 3 endpoints by error rate", "Ordered by error rate, highest first", ("failure_rate", 3)),
        ("slowest endpoints", "Ordered by p95 latency, highest first", ("p95_latency_ms", 5)),
        ("two slowest zones by p99", "Ordered by p99 latency, highest first", ("p99_latency_ms", 2)),
        ("which zone has the highest latency", "Ordered by p95 latency, highest first", ("p95_latency_ms", 3)),
        ("which version is worst", "Ordered by error rate, highest first", ("failure_rate", 3)),
        ("the 2 busiest components", "Ordered by requests, highest first", ("requests", 2)),
        ("regions by availability", "Ordered by availability, lowest first", ("failures", 3)),
        ("which endpoints had 4xx?", "Ordered by client errors, highest first", ("client_errors", 10)),
    ],
)
def test_the_order_and_the_number_are_those_asked_for(
    engine: Engine, incident: Request, question: str, order: str, told: tuple[str, int]
) -> None:
    found = asked(engine, incident, question)
    assert order in found.text
    column, rows = told
    ranked = [float(row[column] or 0) for row in found.tables[0].rows]
    if column != "failures":  # an availability is not ordered by a count
        assert ranked == sorted(ranked, reverse=True)
    assert sum(key[0] == "Q" for key in found.evidence) == rows


def test_p95_is_latency(engine: Engine, incident: Request) -> None:
    assert "p95 latency " in asked(engine, incident, "p95 latency?").text


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("is version 9.9.9 the cause?", "no version “9.9.9”"),
        ("error rate in region mars", "no region “mars”"),
        ("is redis to blame?", "“redis”"),
        ("how many requests failed in us-north?", "“us-north”. Near it: us-"),
    ],
)
def test_an_unknown_name_is_told_and_nothing_is_counted(
    engine: Engine, incident: Request, question: str, told: str
) -> None:
    found = asked(engine, incident, question)
    assert told in found.text
    assert found.evidence == {}
    assert found.not_honoured
    assert found.refused[0].nearest


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("is card-processor the cause?", "where cause 1 (version 3.15.0) shows"),
        ("is gift_cards to blame?", "Not a cause: flag gift_cards was looked at and dismissed"),
        ("is 3.15.0 the cause?", "Yes: version 3.15.0 is cause 1"),
        ("should I roll back?", "Yes, it is proposed: Roll back version 3.15.0 to 3.14.2"),
        ("should we revert 3.14.2?", "No rollback of 3.14.2 is proposed"),
        ("should I switch off gift_cards?", "No action is proposed on gift_cards"),
        ("when did it start?", "It began at 2026-03-10 14:00 UTC"),
        ("is us-east ok?", "No. shop.gateway in us-east"),
        ("how did checkout_flow do between 14:00 and 14:30?", "Workflow checkout_flow: 1 of 15 runs failed"),
        ("why is it failing after 14:30?", "This is of the whole incident"),
        ("error rate after 2", "Not answered: “after” was not understood."),
        ("error rate of blue payments", "Not answered: “blue” was not understood."),
    ],
)
def test_named_things_are_answered_from_the_conclusion(talk: Conversation, question: str, told: str) -> None:
    talk._parameters = None  # each question stands alone; the investigation is made once
    assert told in talk.ask(question).text


def test_a_question_s_own_words_win_over_flags(engine: Engine, incident: Request) -> None:
    found = asked(
        engine, incident, "error rate in us-west after 14:30", region="us-east", start_time="2026-03-10T13:00Z"
    )
    assert found.parameters is not None
    assert (found.parameters.region, found.parameters.start_time.hour) == ("us-west", 14)
    flagged = asked(engine, incident, "error rate", start_time=ONE).parameters
    assert flagged is not None
    assert flagged.start_time.hour == 13


def test_a_time_that_the_telemetry_lacks_is_told(engine: Engine, incident: Request) -> None:
    with pytest.raises(ParameterError, match="2026-03-10 20:00 UTC") as raised:
        asked(engine, incident, "error rate between 20:00 and 21:00")
    assert "--now" in str(raised.value)


def test_a_talk_goes_on_in_time(engine: Engine, incident: Request) -> None:
    talk = Conversation(engine, incident=incident.text, now=NOW)
    spans = []
    for question in (
        "top 3 endpoints after 14:00",
        "the same for 14:30 to 15:00",
        "and after that?",
        "and before that?",
    ):
        found = talk.ask(question)
        assert found.parameters is not None
        spans.append((f"{found.parameters.start_time:%H:%M}", f"{found.parameters.end_time:%H:%M}"))
        assert len(found.tables[0].rows) == 3
    assert spans == [("14:00", "15:15"), ("14:30", "15:00"), ("15:00", "15:15"), ("12:00", "15:00")]


@pytest.mark.parametrize("question", ["how much worse is it than before?", "are the errors the same as before?"])
def test_what_compares_with_before_names_no_window(question: str, engine: Engine, incident: Request) -> None:
    talk = Conversation(engine, incident=incident.text, now=NOW)
    talk.ask("what is the error rate?")
    found = talk.ask(question).parameters
    assert found is not None
    assert f"{found.start_time:%H:%M} {found.end_time:%H:%M}" == "12:00 15:15"


def test_a_conclusion_does_not_claim_the_last_question_s_window(engine: Engine, incident: Request) -> None:
    talk = Conversation(engine, incident=incident.text, now=NOW)
    talk.ask("top 3 endpoints after 14:30")
    assert not any("last question" in note for note in talk.ask("why is it failing?").notes)


def test_an_id_is_one_row_for_the_whole_talk_and_is_shown_whole(
    engine: Engine, incident: Request, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Conversation(engine, incident=incident.text, now=NOW)
    lines = "do workflows complete?\ndo workflows complete after 14:00?\nerrors by zone\nwhy is it failing?\n"
    out = said(talk, f"{lines}/evidence E9b.1\n/evidence Q1.1\n", monkeypatch, capsys)
    first, second, third = (talk.answers[i].evidence for i in range(3))
    assert {"E9.1"} <= set(first) and {"E9b.1"} <= set(second) and {"Q1.1"} <= set(third)
    assert first["E9.1"] != second["E9b.1"]
    *_, whole, counted = out.strip().splitlines()
    assert whole == f"[E9b.1] {second['E9b.1']}"
    assert len(whole) > 300
    assert counted == f"[Q1.1] {third['Q1.1']}"
    printed = next(line for line in out.splitlines() if line.startswith("  [E9b.1]"))
    assert printed.endswith(" …")
    assert second["E9b.1"].startswith(printed.removeprefix("  [E9b.1] ").removesuffix(" …"))


def test_the_command_has_the_flags_of_run(incident: Request) -> None:
    about = ["-t", incident.telemetry, "--service", "shop.gateway", "--environment", "prod", "--region", "us-west"]
    window = ["--start-time", ONE, "--end-time", "2026-03-10T15:00Z", "--now", "2026-03-10T15:10Z", "--json"]
    ran = CliRunner().invoke(app, ["ask", "error rate today after 14:00", *about, *window])
    assert ran.exception is None, ran.exception
    found = json.loads(ran.stdout)
    assert found["parameters"]["region"] == "us-west"
    assert found["parameters"]["start_time"] == "2026-03-10T14:00:00Z"
    assert found["parameters"]["end_time"] == "2026-03-10T15:00:00Z"
    open_ = CliRunner().invoke(app, ["ask", "error rate today after 14:00 since lunch", *about, *window])
    assert open_.exit_code == UNANSWERED
    assert "lunch" in json.loads(open_.stdout)["refused"][0]["not_understood"][1]
    wrong = CliRunner().invoke(app, ["ask", "error rate", *about, "--now", "today"])
    assert isinstance(wrong.exception, ParameterError)
    assert "--now is wrong" in str(wrong.exception)


def test_run_and_ask_have_the_same_parameters() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    commands = group.commands
    flags = {name: {option for one in commands[name].params for option in one.opts} for name in ("run", "ask", "chat")}
    shown = {f"--{name.replace('_', '-')}" for name in GIVEN} | {"--now", "--mapping", "--record", "--telemetry"}
    assert all(shown <= flags[name] for name in flags)


@pytest.mark.parametrize("those", ["how many of those were retries?", "wie viele davon waren Wiederholungen?"])
def test_of_those_is_of_what_the_last_question_counted(engine: Engine, incident: Request, those: str) -> None:
    talk = Conversation(engine, incident=incident.text, now=NOW)
    talk.ask("how many requests failed on payments after 14:00?")
    retried, failed = counts(engine, "service_component = 'payments' AND is_retry AND status_code >= 500")
    _, failures = counts(engine, "service_component = 'payments'")
    assert 0 < retried == failed < failures
    assert f"{retried:,} of {failures:,} requests were retries" in talk.ask(those).text


def test_of_those_alone_is_refused(engine: Engine, incident: Request) -> None:
    assert asked(engine, incident, "how many of those were retries?").refused


def test_at_a_time_is_where_before_ends(engine: Engine, incident: Request) -> None:
    """It is the five minutes from then on for any other question."""
    text = asked(engine, incident, "by what factor did the failure rate go up at 14:00?").text
    requests, failures = counts(engine, "true")
    assert f"After: {failures:,} of {requests:,} requests failed" in text


@pytest.mark.parametrize(
    "question",
    ["Fehlerrate pro Viertelstunde zwischen 14:00 und 15:00",
     "taux d'échec par quart d'heure entre 14 h 00 et 15 h 00",
     "tasa de error por cuarto de hora entre las 14:00 y las 15:00",
     "error rate by 15 minutes between 14:00 and 15:00"],
)  # fmt: skip
def test_a_quarter_of_an_hour_is_a_time_bucket(engine: Engine, incident: Request, question: str) -> None:
    (table,) = asked(engine, incident, question).tables
    assert [str(row["time"])[11:16] for row in table.rows] == ["14:00", "14:15", "14:30", "14:45"]


@pytest.mark.parametrize(
    ("question", "same"),
    [("combien de requêtes ont échoué avant 14 h, et combien après ?",
      "how many requests failed before 14:00, and how many after?"),
     ("who had the worst error rate after 14:00, by client type?", "worst error rate after 14:00 by client type"),
     ("average latency of payments, before vs since 14:00", "average latency of payments, before and after 14:00"),
     ("In welcher Mandantenkategorie sind die meisten Nutzer von Fehlern betroffen?",
      "in which tenant category are the most users affected by errors?")],
)  # fmt: skip
def test_the_same_question_said_otherwise(engine: Engine, incident: Request, question: str, same: str) -> None:
    one, other = (asked(engine, incident, said) for said in (question, same))
    assert not other.refused
    assert [table.rows for table in one.tables] == [table.rows for table in other.tables]
