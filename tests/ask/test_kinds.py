"""Kinds of questions that are read as a known one: thresholds in words, what a talk replaces, a stated purpose."""

import pytest

from tests.ask.test_typed import NOW
from tsg_agent import Conversation, Request
from tsg_agent.ask import Answer
from tsg_agent.telemetry.engine import Engine


def asked(engine: Engine, incident: Request, *talk: str) -> Answer:
    conversation = Conversation(engine, incident=incident.text, now=NOW)
    return [conversation.ask(question) for question in talk][-1]


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("zones with p95 over half a second", ["p95 latency by zone with p95 latency more than 500 ms"]),
        ("which zones have a median above a second?", ["p50 latency by zone with p50 latency more than 1000 ms"]),
        ("zones with 20 or more timeouts", ["timeouts by zone with at least 20 timeouts"]),
        ("zones with 5 % or less errors", ["error rate by zone with error rate at most 5 %"]),
        ("For the board: availability on web", ["availability of client type web"]),
        ("We need one figure for our postmortem: how many users failed?", ["users with failures"]),
        ("what share of the calls answered by /cart was slow?", ["share of slow requests of endpoint /cart"]),
        ("median latency if you exclude ios", ["p50 latency without client type ios"]),
        ("top 2 session ids by timeouts", ["timeouts by session"]),
        ("how many requests on web were retries, out of how many?", ["retries of client type web"]),
        (
            "by how much is the p99 of ios above that of web?",
            ["p99 latency of client type ios and web by client type, how many times more"],
        ),
        ("how many sessions failed in total?", ["sessions with failures"]),
        ("error rate of web and ios, and how many users timed out altogether?", [
            "error rate of client type web and ios by client type", "users with timeouts"]),
        ("¿Qué componente devolvió más errores 503 después de las 14:00?", ["503s by component"]),
        ("¿Cuántas peticiones fallaron desde medianoche?", ["failures"]),
        ("timeouts since half past two in the afternoon", ["timeouts"]),
        ("Combien d'échecs entre 13h et 14h30 ?", ["failures"]),
        ("users with no failure at all", ["users without failures"]),
        ("how many sessions had not a single timeout, by zone", ["sessions without timeouts by zone"]),
        ("zones with more than 4 failures but fewer than 900",
         ["failures by zone with more than 4 failures with less than 900 failures"]),
        ("How many errors did an affected user see on average?", ["failures per affected user on average"]),
        ("percentile 99 of latency by half hour", ["p99 latency per 30 minutes"]),
        ("break web's answers down by status code", ["requests of client type web by status code"]),
        ("who retries most, web or ios?", ["retries of client type web and ios by client type"]),
        ("leaving web aside, errors by client type", ["failures without client type web by client type"]),
        ("did anything time out?", ["timeouts"]),
        ("were more users on web hit than on ios?", ["users with failures of client type web and ios by client type"]),
        ("did more users on web fail than on ios?", ["users with failures of client type web and ios by client type"]),
        ("which client types have twice the failures of web?", ["failures by client type at least 2 times as high"]),
        ("do users on ios see more timeouts per user than web users?",
         ["timeouts per user on average of client type ios and web by client type"]),
        ("what percent of premium customers had errors?",
         ["share of users with failures of customer tier PREMIUM"]),
        ("share of premium customers' requests that failed", ["error rate of customer tier PREMIUM"]),
        ("which client has the most failures per user?", ["failures per user on average by client type"]),
        ("database errors by zone", ["failures of error category DATABASE by zone"]),
        ("plot errors over time on web", ["failures of client type web per 10 minutes"]),
    ],
)  # fmt: skip
def test_a_kind_is_read_as_a_known_one(engine: Engine, incident: Request, question: str, titles: list[str]) -> None:
    assert [one.title for one in asked(engine, incident, question).tables] == titles


@pytest.mark.parametrize(
    ("before", "question", "title"),
    [
        ("top 3 zones by timeouts", "now by p99 latency", "timeouts and p99 latency by zone"),
        ("timeouts by component", "by zone", "timeouts by zone"),
        ("timeouts by zone", "by users", "timeouts by user"),
        ("timeouts by zone", "by component instead of zone", "timeouts by component"),
        ("p99 by zone", "same but on ios only", "p99 latency of client type ios by zone"),
        ("timeouts by zone", "and how many 503s were there?", "503s"),
        ("timeouts on web by zone", "and how many failures in total?", "failures of client type web"),
    ],
)
def test_a_talk_replaces_what_is_said_anew(
    engine: Engine, incident: Request, before: str, question: str, title: str
) -> None:
    found = asked(engine, incident, before, question)
    assert [one.title for one in found.tables] == [title]
    assert len(found.tables[0].rows) == 3 or found.tables[0].query.by != ("availability_zone",)


@pytest.mark.parametrize(
    ("talk", "why"),
    [
        (("timeouts by zone and component", "by version instead of zone"), "“zone”"),
        (("timeouts", "and by failures?"), "“by”"),
        (("requests with status 500 or more by zone",), "“status”"),
        (("how many users and sessions in total?",), "“in total”"),
        (("how many users failed in total by zone?",), "“in total”"),
        (("how many users failed, out of how many?",), "“out”"),
        (("For the android report: how many users failed?",), "“how many”"),
        (("avg latency of failed requests, and of the ones that did not fail",), "are and are not"),
        (("share of users without errors",), "“share”"),
        (("median requests per user",), "“median”"),
        (("are ios and web both failing?",), "“web”"),
        (("error rate of requests with more than 2 products",), "“more than 2”"),
        (("does every version have timeouts?",), "“every”"),
        (("are there more failures on web than on ios and android together?",), "“together”"),
        (("users with failures on both web and ios",), "“both”"),
    ],
)
def test_what_would_be_dropped_is_refused(engine: Engine, incident: Request, talk: tuple[str, ...], why: str) -> None:
    found = asked(engine, incident, *talk)
    assert not found.tables
    assert why in found.refused[0].not_understood[0]


@pytest.mark.parametrize(
    ("question", "measure", "bound"),
    [
        ("is more than half of all timeouts on web?", "share_of_timeouts", 50),
        ("are more than 40 % of all timeouts on web?", "share_of_timeouts", 40),
        ("did more than 2 % of 3.15.0's requests time out?", "timeout_rate", 2),
    ],
)
def test_a_part_of_what_is_named_decides(
    engine: Engine, incident: Request, question: str, measure: str, bound: float
) -> None:
    found = asked(engine, incident, question)
    (row,) = found.tables[0].rows
    assert found.text.startswith("Yes." if float(row[measure]) > bound else "No.")
    assert found.tables[0].query.bounds[0].value == bound
