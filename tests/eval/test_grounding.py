"""Numbers of a text and their sources."""

import pytest

from eval.grounding import grounded

EVIDENCE = {
    "findings": [{"rate": 34.5678, "n": 12345, "name": "shard-07", "version": "3.15.0"}],
    "onset": {"before": {"failures": 5, "requests": 1000}, "after": {"failures": 300, "requests": 1000}},
}


@pytest.mark.parametrize(
    "text",
    [
        "34.6 % failed",
        "34.57 of 12,345 requests",
        "30 % against 0.5 %, a rise of 29.5 points",
        "60 times as often",
        "available 70 %",
        "shard-07 of 3.15.0 at 2026-03-10 14:00 UTC, since 14:05 [E5.1] (Steps 2 and 3)",
        "us-east-1a and /v2/things are names",
    ],
)
def test_grounded(text: str) -> None:
    assert grounded(text, EVIDENCE).missing == ()


@pytest.mark.parametrize(("text", "missing"), [("35.6 % failed", "35.6"), ("34.56 %", "34.56"), ("777 users", "777")])
def test_not_grounded(text: str, missing: str) -> None:
    assert grounded(text, EVIDENCE).missing == (missing,)


def test_what_is_left_of_a_list_is_counted() -> None:
    """ "and 36 more" of forty, of which four were named; of a list of thirty it is made up."""
    text = "Dismissed: a, b, c, d and 36 more"
    assert grounded(text, {"rejected": ["x"] * 40}).missing == ()
    assert grounded(text, {"rejected": ["x"] * 30}).missing == ("36",)
    assert grounded("36 were dismissed", {"rejected": ["x"] * 40}).missing == ("36",)


def test_the_incidents_own_numbers_are_grounded() -> None:
    assert grounded("the SLA is 99.93 %", {}, "we promised 99.93 %").missing == ()
    assert grounded("no numbers", {}).share == 1.0
