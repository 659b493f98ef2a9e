"""What a word belongs to is told by where it stands; what could belong to several things is refused."""

import pytest

from tests.ask.test_typed import NOW, Ask
from tsg_agent import Conversation, Request
from tsg_agent.telemetry.engine import Engine


@pytest.fixture(scope="module")
def ask(engine: Engine, incident: Request) -> Ask:
    return lambda question: Conversation(engine, incident=incident.text, now=NOW).ask(question)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("latency of the endpoint with the most failures", "p95 latency and failures by endpoint"),
        ("p95 by zone for slow requests", "p95 latency of only slow requests by zone"),
        ("how many failing endpoints", "distinct endpoint path with failures"),
        (
            "endpoints with more than 2 requests over 1 s",
            "requests slower than 1000 ms by endpoint with more than 2 requests slower than 1000 ms",
        ),
        ("what percentage of all requests are 4xx?", "share of client errors"),
        ("requests with a status other than 200", "requests without 200s"),
        ("4xx vs 5xx by endpoint", "client errors and failures by endpoint"),
        (
            "which endpoint has the lowest error rate? at least 20 requests",
            "error rate by endpoint with at least 20 requests",
        ),
        ("erreurs par minute", "failures per minute"),
        ("Wie viele verschiedene Nutzer bekamen den Status 503?", "users with 503s"),
    ],
)  # fmt: skip
def test_a_word_belongs_to_what_it_stands_with(ask: Ask, question: str, said: str) -> None:
    (table,) = ask(question).tables
    assert table.query.described() == said


def test_a_rank_orders_by_the_phrase_behind_it(ask: Ask) -> None:
    (table,) = ask("latency of the endpoint with the most failures").tables
    assert (table.query.ordered_by, table.query.conditions) == ("failures", ())


@pytest.mark.parametrize(
    "question",
    [
        "latency on endpoints with errors",
        "which version has the fewest failures per request?",
        "error rate on web minus error rate on ios",
        "the slowest endpoint for failed requests",
        "all but the slowest endpoint",
        "did retries help?",
        "did p95 of /search rise by more than 100 ms?",
        "do most of the failures come from us-east-1b?",
        "p95 of failed requests and number of requests by version",
        "503 and 504 combined per zone",
        "what share of 3.15.0's failures is on web?",
        "users who failed and then succeeded",
        "is the moon full?",
        "is there an endpoint slower than /search?",
        "which zone has errors but no timeouts?",
        "errors on android or on version 3.15.0",
        "how many users saw errors on /cart but not on /search?",
        "ratio of failures to retries",
        "top 3 endpoints and their top error code",
        "endpoints that fail on both web and ios",
        "p95 of failed requests by zone vs successful ones",
        "share of traffic on 3.15.0 per hour",
        "errors since then",
        "newest version's error rate",
    ],
)
def test_what_no_query_says_or_could_belong_to_several_things_is_refused(ask: Ask, question: str) -> None:
    answer = ask(question)
    assert answer.refused
    assert not answer.tables


def test_a_question_of_too_many_tokens_is_refused_before_patterns_are_tried(ask: Ask) -> None:
    (refused,) = ask("which zone has errors " + "and more " * 60).refused
    assert "more than 60 words" in refused.not_understood[0]


def test_a_measure_is_said_otherwise_of_the_question_before(engine: Engine, incident: Request) -> None:
    talk = Conversation(engine, incident=incident.text, now=NOW)
    talk.ask("429s by endpoint on web")
    (table,) = talk.ask("and as a share of its requests?").tables
    assert table.query.described() == "share of 429s of client type web by endpoint"
    (table,) = talk.ask("absolute numbers instead").tables
    assert table.query.described() == "429s of client type web by endpoint"
