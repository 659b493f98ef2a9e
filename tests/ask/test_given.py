"""What an answer may repeat because it was asked for, and what it must not claim by that."""

from decimal import Decimal

import pytest

from tests.samples import finding
from tsg_agent.ask.citable import CitableRows
from tsg_agent.llm.grounding import check

QUESTION = "Which component failed most between 01:00 and 01:32, and is Redis or 73 % of us-west part of it?"
SQL = """
SELECT service_component, http_method, count(*) AS requests, sum(CASE WHEN status_code >= 500 THEN 1 END) AS failed,
       CASE WHEN timestamp < TIMESTAMP '2023-04-19 02:15:00' THEN 'before' ELSE 'since' END AS period
FROM api_gateway_logs
WHERE region = 'us-west' AND environment IN ('prod') AND http_method = 'DELETE' AND service_component <> 'ledger-db'
GROUP BY 1, 2, time_bucket(INTERVAL '5 minutes', timestamp) LIMIT 40
"""
TRUE = [
    "Between 01:00 and 01:32: payments failed 51 of 4942 requests [Q1.1].",
    "Of payments in us-west, 51 requests failed in prod [Q1.1].",
    "In the 5 minutes from 02:15 UTC, payments failed 51 requests with a code of 500 or more [Q1.1].",
    "DELETE on payments failed 51 of 4942 requests [Q1.1].",
    "Since 03:20 UTC, payments failed 51 of 4942 requests [Q1.1].",
    "Nothing here is named Redis [Q1].",
    "The two components are payments [Q1.1] and petsite [Q1.2].",
    "In us-west, shop.api failed 61 requests [E4.2].",
    "Of us-east the check was asked for [E4].",
]
FALSE = [
    ("Between 01:00 and 01:33: payments failed 51 of 4942 requests [Q1.1].", "01:33"),
    ("Of payments in us-east, 51 requests failed [Q1.1].", "us-east"),
    ("payments failed 73 % of its requests [Q1.1].", "73 %"),
    ("petsite failed 51 of 4942 requests [Q1.2].", "51"),
    ("petsite failed 51 requests [Q1.1].", "petsite"),
    ("payments failed 40 requests [Q1.1].", "40"),
    ("payments failed 51 requests in 6 minutes [Q1.1].", "6 minutes"),
    ("Since 03:20 UTC, petsite failed 9 requests [Q1.2].", "03:20"),
    ("Redis failed 51 requests [Q1.1].", "Redis"),
    ("DELETE payments now [Q1.2].", "delet"),
    ("Delete payments now [Q1.1].", "delet"),
    ("The four components are payments [Q1.1] and petsite [Q1.2].", "four"),
    ("In us-east, shop.api failed 61 requests [E4.2].", "us-east"),
]


@pytest.fixture
def ledger() -> CitableRows:
    held = CitableRows()
    held.query(
        [
            {
                "service_component": "payments",
                "http_method": "DELETE",
                "requests": 4942,
                "failed": Decimal(51),
                "at": "since 03:20",
            },
            {"service_component": "petsite", "http_method": "GET", "requests": 812, "failed": Decimal(9)},
        ],
        SQL,
    )
    held.finding(
        finding(
            4,
            {"region": "us-east", "total_count": 30012, "failure_count": 1204},
            {"region": "us-west", "total_count": 28440, "failure_count": 61},
            sql_parameters={"region": "us-east", "service_name": "shop.api"},
        )
    )
    return held


@pytest.mark.parametrize("sentence", TRUE)
def test_what_was_asked_for_may_be_repeated(ledger: CitableRows, sentence: str) -> None:
    assert check(sentence, ledger.evidence(QUESTION)) == []


@pytest.mark.parametrize(("sentence", "named"), FALSE)
def test_what_was_asked_for_bears_out_no_claim(ledger: CitableRows, sentence: str, named: str) -> None:
    reasons = check(sentence, ledger.evidence(QUESTION))
    assert any(named.lower() in reason.lower() for reason in reasons), reasons


def test_a_query_that_cannot_be_read_gives_nothing() -> None:
    ledger = CitableRows()
    ledger.query([{"requests": 3}], "SELECT (((")
    assert check("There are 3 requests [Q1.1].", ledger.evidence()) == []


def test_a_check_that_is_called_again_has_an_id_of_its_own() -> None:
    ledger = CitableRows()
    ids = [ledger.finding(finding(4, {"region": "us-east", "failure_count": n})).id for n in range(28)]
    assert ids[:3] == ["E4", "E4b", "E4c"]
    assert ids[25:] == ["E4z", "E4aa", "E4ab"]
    assert check("There was 1 failure in us-east [E4b.1].", ledger.evidence()) == []
    assert check("There were 2 failures in us-east [E4b.1].", ledger.evidence()) != []
