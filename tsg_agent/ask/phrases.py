"""The measures that a phrase names: "error rate", "p95 latency of failed requests", "users with a 503"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tsg_agent.ask.measures import condition_of
from tsg_agent.ask.tokens import Token

_AMONG = re.compile(r"\b(?:of all|of only|to|among|amongst|in|within|out of)\b(?<!due to)", re.IGNORECASE)
_VERBS = ("failed", "failing", "fail", "request", "requests", "slow")
_UNITS = {"user_id": "users", "session_id": "sessions"}
Named = tuple[list[str], list[str]]
"""Names of measures, and conditions that filter the requests."""
_NONE: Named = ([], [])


@dataclass(frozen=True)
class Phrase:
    """Adjacent tokens that name measures.

    `of_runs`: the question is about workflows. `whole`: it says "all". `timed`: it ranks by latency ("slowest").
    """

    tokens: Sequence[Token]
    text: str
    of_runs: bool
    whole: bool
    timed: bool

    def of(self, kind: str) -> list[str]:
        """The distinct values of the tokens of a kind."""
        return list(dict.fromkeys(one.value for one in self.tokens if one.kind == kind))

    @property
    def rate(self) -> Token | None:
        """The token that asks for a rate or share."""
        return next((one for one in self.tokens if (one.kind, one.value) == ("form", "rate")), None)


def measures_of(phrase: Phrase) -> Named:
    """The measures that a phrase names; none if its words do not make one."""
    conditions, units, rate = phrase.of("condition"), phrase.of("unit"), phrase.rate
    if any(one.startswith("slower_") for one in conditions):  # "slow requests (> 2 s)"
        conditions = [one for one in conditions if one != "slow"]
    if measures := phrase.of("measure"):
        return _NONE if phrase.of("number") or phrase.of("function") or conditions else (measures, [])
    if phrase.of("number") or phrase.of("function"):
        return _statistics(phrase, conditions)
    if users := [_UNITS[one] for one in phrase.of("thing")]:
        suffix = f"_with_{conditions[0]}" if conditions else ""
        called = bool(units) and not conditions  # "endpoints that users call most": users, or calls
        odd = called or len(conditions) > 1 or (rate and not (rate.part and conditions))
        return _NONE if odd else ([f"{'share_of_' if rate else ''}{one}{suffix}" for one in users], [])
    if phrase.of_runs or "runs" in units:
        return _of_runs(phrase, conditions)
    if conditions:
        return _of_condition(phrase, conditions)
    odd = "requests" not in units or (rate and not rate.part)
    return _NONE if odd else (["share_of_requests" if rate else "requests"], [])


def _of_runs(phrase: Phrase, conditions: list[str]) -> Named:
    """A workflow's runs, or those that failed, as a number or a rate."""
    if conditions == ["failures"]:
        return ["failed_run_rate" if phrase.rate else "failed_runs"], []
    return _NONE if conditions or phrase.rate or "runs" not in phrase.of("unit") else (["runs"], [])


def _statistics(phrase: Phrase, conditions: list[str]) -> Named:
    """Averages and percentiles. Without a number, a percentile is of latency."""
    numbers, functions = phrase.of("number"), phrase.of("function")
    percentile = any(one[0] == "p" for one in functions)
    odd = any(one.startswith(("slower_", "faster_")) for one in conditions) or len(conditions) > 1
    if phrase.rate or len(numbers) > 1 or odd or not (numbers or percentile or phrase.timed):  # "on average" of nothing
        return _NONE
    column = numbers[0] if numbers else "latency_ms"
    default = "p95" if column.endswith("latency_ms") else "avg"
    return [f"{function}_{column}" for function in functions or [default]], conditions


def _of_condition(phrase: Phrase, conditions: list[str]) -> Named:
    """A condition's count, rate or share of all; with two conditions, the second may filter the requests."""
    rate, said = phrase.rate, [one for one in phrase.tokens if one.kind == "condition"]
    adjacent = all(two.start - one.end < 2 for one, two in pairwise(said))  # "cascading failures" are one
    if len(conditions) == 2 and not (rate or any(map(is_failure, conditions))):  # "5xx that came from retries"
        return conditions[:1], conditions[1:]
    if len(conditions) == 2 and rate and (rate.part or not adjacent):
        return _part(phrase, conditions)
    if len(conditions) > 1:  # the narrower one is meant
        conditions = [one for one in conditions if one != "failures"]
        if len(conditions) != 1 or not is_failure(conditions[0]):
            return _NONE
    (name,) = conditions
    if rate is None:
        return [name], []
    verb = said[0].text.lower().endswith(_VERBS) or "requests" in phrase.of("unit")
    of_all = rate.part and rate.start < said[0].start and (phrase.whole or not verb)
    return [f"share_of_{name}" if of_all else condition_of(name).rate], []


def _part(phrase: Phrase, conditions: list[str]) -> Named:
    """The rate of one condition among another: "503s as a share of failures", "ratio of 503s to failures"."""
    kinds = [one.kind for one in phrase.tokens if one.kind == "condition" or one is phrase.rate]
    one, two, *more = [token for token in phrase.tokens if token.kind == "condition"]
    if more or kinds[-1] == "form":
        return _NONE
    among = _AMONG.search(phrase.text[one.end : two.start])
    if among and among[0].lower() == "to" and not (two.value == "failures" and is_failure(one.value)):
        return _NONE  # one count by another: "ratio of failures to retries"
    part, of = conditions if kinds[0] == "condition" or among else reversed(conditions)
    return [condition_of(part).rate], [of]


def is_failure(name: str) -> bool:
    """Whether the condition implies a failure, so that "503 failures" are 503s."""
    return name.startswith("answered_5") or name in ("cascading", "dependency_failures")
