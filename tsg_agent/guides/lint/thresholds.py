"""Thresholds that differ between a step's prose and its SQL."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from tsg_agent.guides import conditions
from tsg_agent.guides.facts import Facts, LabelColumn
from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.guides.lint.lint_rule import Occurrence, over_guide, rule

OVER = r">=?|≥|over|above|more than|greater than|larger than|higher than|exceed(?:s|ing)?|beyond|at least|or more than"
UNDER = r"<=?|≤|under|below|less than|fewer than|lower than|smaller than|at most|no more than"
SAID = re.compile(
    rf"(?P<before>(?:[A-Za-z_]{{1,40}}[ \t]{{1,9}}){{0,4}}?)(?P<side>{OVER}|{UNDER})\s*(?P<number>\d[\d,]*(?:\.\d+)?)"
    r"\s*(?P<unit>%|percent(?:age points)?|points?|ms|milliseconds?|seconds?|secs?|s|minutes?|min|m|hours?|h|days?|k)?"
    r"(?![A-Za-z0-9])"
    r"(?P<after>(?:\s{1,9}[A-Za-z_]{1,40}){0,4})",
    re.IGNORECASE,
)
SECONDS = {
    "ms": 0.001, "s": 1, "sec": 1, "second": 1, "minute": 60, "min": 60, "m": 60, "hour": 3600, "h": 3600, "day": 86400,
}  # fmt: skip
TIMED = frozenset({
    "ms", "s", "sec", "seconds", "minutes", "min", "hours", "lag", "age", "latency", "duration", "delay", "time",
    "elapsed", "wait",
})  # fmt: skip
STOP = frozenset({
    "a", "an", "and", "are", "as", "at", "by", "each", "every", "for", "from", "has", "have", "if", "in", "is", "it",
    "its", "least", "more", "most", "of", "on", "or", "shows", "than", "that", "the", "their", "they", "to", "was",
    "were", "when", "which", "with",
})  # fmt: skip
SAME = {
    "failure": "error", "failed": "error", "failures": "error", "errors": "error", "requests": "request",
    "count": "number", "total": "number", "percent": "rate", "pct": "rate", "ratio": "rate", "share": "rate",
    "delay": "lag", "latency": "latency",
}  # fmt: skip
"""Words of prose and of column names that mean the same."""


@dataclass(frozen=True)
class Threshold:
    """A number that a value is compared with: in words, with its `unit`, or in the SQL, with its `column`."""

    number: float
    upwards: bool
    words: frozenset[str]
    text: str
    unit: str = ""
    column: str = ""


@rule(over_guide, "warning")
def threshold_differs(about: Inspection) -> Iterator[Occurrence]:
    """A number that differs between the prose and the SQL."""
    for step in about.guide.steps:
        for instruction in step.instructions:
            said = list(thresholds_in(instruction.text))
            for facts in about.facts_of(step) if said else ():
                columns = [
                    (name, one) for name, one in facts.shown_labels.items() if set(one.labels) & set(instruction.labels)
                ]
                rules = [one for _, column in columns for one in _rules(column, instruction.labels, facts)]
                unseen = any(column.default and not facts.shows(name, column.default) for name, column in columns)
                for one in said if rules else ():
                    found = _compare(one, rules, instruction.line, unseen=unseen)
                    if found:
                        yield replace(found, within=facts)


def thresholds_in(text: str) -> Iterator[Threshold]:
    """Every "over 8 % error rate" of a sentence."""
    for match in SAID.finditer(text):
        upwards = bool(re.fullmatch(OVER, match["side"], re.IGNORECASE)) and "no more" not in match["side"]
        words = _words(f"{match['before']} {match['after']}")
        unit = (match["unit"] or "").lower()
        shown = " ".join(
            f"{match['side']} {match['number']}{' ' if unit not in {'%', ''} else ''}{match['unit'] or ''}".split()
        )
        yield Threshold(float(match["number"].replace(",", "")), upwards, words, shown, unit=unit)


def _compare(said: Threshold, rules: list[Threshold], line: int, *, unseen: bool) -> Occurrence | None:
    """How a sentence's number differs from the SQL's; None if the SQL has it, or compares no such value."""
    match = next((one for one in rules if _equal(said, one)), None)
    if match is not None:
        if match.upwards == said.upwards or not said.words & match.words:
            return None
        what, why = f'the text says "{said.text}", the query {match.text}', "They point in opposite directions."
        return Occurrence(line, what, why, "Let both say the same.")
    alike = [one for one in rules if _same_thing(said, one)]
    if not alike:
        return None
    nearest = max(alike, key=lambda one: len(said.words & one.words))
    lost = ", and are not even shown" if unseen and _hides(nearest, said) else ""
    return Occurrence(
        line,
        f'the text says "{said.text}", the query {nearest.text}',
        f"Rows between the two are called otherwise than the text promises{lost}.",
        "Let both say the same number.",
    )


def _hides(one: Threshold, said: Threshold) -> bool:
    return one.upwards == said.upwards and (one.number > said.number if said.upwards else one.number < said.number)


def _rules(column: LabelColumn, labels: tuple[str, ...], facts: Facts) -> Iterator[Threshold]:
    """The comparisons of the arms that give one of the labels; expressions go by the names they are shown under."""
    names = {made.sql(): name for name, made in column.scope.outputs.items()}
    for condition, name in column.arms:
        if name in labels and condition is not None:
            for one, value in _comparisons(condition, names):
                rate = facts.share(value, column.scope) is not None
                yield replace(one, words=one.words | {"rate"}) if rate else one


def _comparisons(condition: exp.Expr, names: Mapping[str, str]) -> Iterator[tuple[Threshold, exp.Expr]]:
    for node in condition.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE):
        for value, other, upwards in (
            (node.left, node.right, isinstance(node, exp.GT | exp.GTE)),
            (node.right, node.left, isinstance(node, exp.LT | exp.LTE)),
        ):
            number = conditions.number(other)
            if number is not None and conditions.number(value) is None:
                column = value.find(exp.Column)
                name = names.get(value.sql()) or (column.name if column is not None else value.sql())
                yield Threshold(number, upwards, _words(name), node.sql(), column=name.lower()), value


def _seconds(column: str) -> float:
    """How many seconds one of a column's is, by its name."""
    parts = [part if part == "ms" else part.removesuffix("s") for part in column.split("_")]
    return next((SECONDS[part] for part in ("ms", "minute", "min", "hour", "day") if part in parts), 1)


def _equal(said: Threshold, one: Threshold) -> bool:
    """The same number, whatever the unit it is written in."""
    factors = {1.0}
    unit = said.unit.rstrip("s") if said.unit not in {"s", "ms"} else said.unit
    if unit in SECONDS:
        factors.add(SECONDS[unit] / _seconds(one.column))
    if unit in {"%", "percent"}:
        factors |= {0.01}
    if unit == "k":
        factors.add(1000.0)
    return any(abs(said.number * factor - one.number) < 1e-9 * max(1.0, abs(one.number)) for factor in factors)


def _same_thing(said: Threshold, one: Threshold) -> bool:
    """True if a sentence's number and a comparison are about the same value."""
    rate = bool({"rate", "availability", "success"} & one.words) or one.column.endswith(("_pct", "_percent", "_share"))
    if said.unit in {"%", "percent"}:
        return rate and said.upwards == one.upwards
    if said.unit.rstrip("s") in SECONDS or said.unit in {"s", "ms"}:
        return not rate and said.upwards == one.upwards and bool(TIMED & set(one.column.split("_")))
    return bool(said.words & one.words) and not rate and said.upwards == one.upwards


def _words(text: str) -> frozenset[str]:
    """A phrase's, or a column's, telling words."""
    parts = re.findall(r"[a-z]+", text.lower())
    return frozenset(
        SAME.get(part, part.removesuffix("s") if len(part) > 3 else part) for part in parts if part not in STOP
    )
