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
"""Measures; and conditions that all requests must meet."""
_NONE: Named = ([], [])


@dataclass(frozen=True)
class _Phrase:
    tokens: Sequence[Token]
    text: str
    of_runs: bool
    whole: bool
    timed: bool

    def of(self, kind: str) -> list[str]:
        return list(dict.fromkeys(one.value for one in self.tokens if one.kind == kind))

    @property
    def rate(self) -> Token | None:
        return next((one for one in self.tokens if (one.kind, one.value) == ("form", "rate")), None)

    @property
    def adjacent(self) -> bool:
        """Whether its conditions are one: "cascading failures"."""
        conditions = [one for one in self.tokens if one.kind == "condition"]
        return all(two.start - one.end < 2 for one, two in pairwise(conditions))

    @property
    def part_of(self) -> bool:
        """Whether its rate is a part of something: "share of", not "error rate"."""
        return self.rate is not None and self.rate.part


def measures_of(tokens: Sequence[Token], text: str, *, of_runs: bool, whole: bool, timed: bool) -> Named:  # noqa: PLR0911 - one a kind
    """The measures of a phrase's tokens in a question's text; none where they do not go together.

    `of_runs`: the question is about workflows; `whole`: it says "all"; `timed`: "slowest".
    """
    phrase = _Phrase(tokens, text, of_runs, whole, timed)
    conditions = phrase.of("condition")
    if any(one.startswith("slower_") for one in conditions):  # "slow requests (> 2 s)"
        conditions = [one for one in conditions if one != "slow"]
    if measures := phrase.of("measure"):
        return _NONE if phrase.of("number") or phrase.of("function") or conditions else (measures, [])
    if phrase.of("number") or phrase.of("function"):
        return _statistics(phrase, conditions)
    if users := [_UNITS[one] for one in phrase.of("thing")]:
        suffix = f"_with_{conditions[0]}" if conditions else ""
        share = "share_of_" if phrase.rate else ""
        called = bool(phrase.of("unit")) and not conditions  # "endpoints that users call most": users, or calls
        odd = called or len(conditions) > 1 or (phrase.rate and not (phrase.part_of and conditions))
        return _NONE if odd else ([f"{share}{one}{suffix}" for one in users], [])
    if of_runs or "runs" in phrase.of("unit"):
        return _runs(phrase, conditions), []
    if conditions:
        return _of_condition(phrase, conditions)
    if "requests" in phrase.of("unit"):
        return ([] if phrase.rate and not phrase.part_of else ["share_of_requests" if phrase.rate else "requests"]), []
    return _NONE


def _statistics(phrase: _Phrase, conditions: list[str]) -> Named:
    """An average or a percentile; of latency where no number is named: "p95", not "average requests"."""
    numbers, functions = phrase.of("number"), phrase.of("function")
    percentile = any(one[0] == "p" for one in functions)
    odd = any(one.startswith(("slower_", "faster_")) for one in conditions) or len(conditions) > 1
    if phrase.rate or len(numbers) > 1 or odd or not (numbers or percentile or phrase.timed):  # "on average" of nothing
        return _NONE
    column = numbers[0] if numbers else "latency_ms"
    default = "p95" if column.endswith("latency_ms") else "avg"
    return [f"{function}_{column}" for function in functions or [default]], conditions


def _runs(phrase: _Phrase, conditions: list[str]) -> list[str]:
    if conditions == ["failures"]:
        return ["failed_run_rate" if phrase.rate else "failed_runs"]
    return ["runs"] if not conditions and not phrase.rate and "runs" in phrase.of("unit") else []


def _of_condition(phrase: _Phrase, conditions: list[str]) -> Named:
    """How many requests are so, or which share of them; or which share of all that are so."""
    if len(conditions) == 2 and not (phrase.rate or any(map(is_failure, conditions))):  # "5xx that came from retries"
        return conditions[:1], conditions[1:]
    if len(conditions) == 2 and phrase.rate and (phrase.part_of or not phrase.adjacent):
        return _part(phrase, conditions)
    if len(conditions) > 1:  # "cascading failures": the narrower one is meant
        conditions = [one for one in conditions if one != "failures"]
        if len(conditions) != 1 or not is_failure(conditions[0]):
            return _NONE
    (name,) = conditions
    rate = phrase.rate
    if rate is None:
        return [name], []
    first = next(one for one in phrase.tokens if one.kind == "condition")
    verb = first.text.lower().endswith(_VERBS) or "requests" in phrase.of("unit")
    of_all = phrase.part_of and rate.start < first.start and (phrase.whole or not verb)
    return [f"share_of_{name}" if of_all else condition_of(name).rate], []


def _part(phrase: _Phrase, conditions: list[str]) -> Named:
    """ "what fraction of failures are timeouts?", "503s as a share of failures", "ratio of 503s to failures"."""
    kinds = [one.kind for one in phrase.tokens if one.kind == "condition" or one is phrase.rate]
    if kinds[-1] == "form":
        return _NONE
    one, two, *more = [token for token in phrase.tokens if token.kind == "condition"]
    if more:
        return _NONE
    among = _AMONG.search(phrase.text[one.end : two.start])
    if among and among[0].lower() == "to" and not (two.value == "failures" and is_failure(one.value)):
        return _NONE  # one count by another: "ratio of failures to retries"
    part, of = conditions if kinds[0] == "condition" or among else reversed(conditions)
    return [condition_of(part).rate], [of]


def is_failure(name: str) -> bool:
    """Whether what is so has failed, too: then "503 failures" are 503s."""
    return name.startswith("answered_5") or name in ("cascading", "dependency_failures")
