"""Finds the SLA threshold: a percentage that the text calls a target, never a measured one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from tsg_agent.errors import ParameterError
from tsg_agent.extract.spoken import DIGIT, number
from tsg_agent.extract.text import Prose
from tsg_agent.extract.words import ALL, any_of
from tsg_agent.models import Doubt, Question

LOWEST_IN_PROSE = 80
"""Percent. A lower "target" is no availability (an error budget, a CPU limit, a jest)."""

_MATCHES = 500  # numbers that are read; a text with more says nothing clearly
_SHOWN = 8
_TARGET = any_of(ALL.listed("labels", "target"))
_VALUE = r"(?P<value>[0-9]{1,4}(?:[.,][0-9]{1,6})?)"
_PERCENT = r"[ ]?(?:%|{percent}\b)"
_NUMBER = ALL.like(
    rf"(?<![\w.,:/-])(?P<sign>-)?{_VALUE}(?P<percent>{_PERCENT})?(?![\w:/-]|[.,][0-9]|[ ]?(?:ms|s|rpm)\b)"
)
_LABELS = ALL.like(
    rf"(?<![^\W_]){_TARGET}(?:[ _-](?:threshold|target|percent|objective))?[\"'*`_]{{0,3}}[ \t]{{0,30}}[:=|]"
    r"[\"'*`_ ~>≥=]{0,6}$"
)
_BEFORE = ALL.like(rf"\b{_TARGET}s?\b(?P<gap>(?:[^.;\n%]|\.(?=\w)){{0,40}})$")
_BESIDE = re.compile(
    r"(?: (?:for|of|with|für|mit|del?|con|pour|avec|para)(?: the| la| das| that| this)? [\w.-]{1,30})?(?: |: )"
    r"(?:(?:of|is|ist|es|est) )?"
)
"""Text between a target's word and a number without "%": "objective for payments: 99.95"."""
_AFTER = ALL.like(
    r"[ -]?(?:(?:availability|uptime|success(?:[ -]rate)?|monthly|service[ -]level|contractual|contract)[ -]){0,3}"
    rf"(?:\({_TARGET}s?\)|{_TARGET}s?\b(?!(?:[ ]?[:=(]|[ ](?:is|of))?[ ]?[0-9.,]{{1,8}}{_PERCENT}))"
)
"""A target's word behind a number, unless another number follows the word."""
_TARGETS = ALL.like(rf"\b{_TARGET}s?\b")
_MEASURED, _OTHER = ALL.like(r"\b{measured}\b|[,|)]"), ALL.like(r"\b{measures_else}\b")
_SMALL = r"[0-5](?:[.,][0-9]{1,4})?"
_ALLOWED = ALL.like(
    rf"(?<![\w.,-])(?P<small>[0-9](?:[.,][0-9]{{1,4}})?){_PERCENT}[^.;\n%0-9]{{0,30}}\b{{may}}\b"
    rf"(?P<fails>[ ](?:to )?{{fail}}\b)?|\b{{may}}\b[^.;\n%0-9]{{0,20}}(?P<less>{_SMALL}){_PERCENT}"
)
"""A share that may fail: the target is 100 % without it."""
_BUDGET = ALL.like(
    rf"\b{{error_budget}}[ ]?(?:{{budget_is}}|[:=])?[ ]?{_SMALL}{_PERCENT}(?![^.,;\n]{{0,30}}\b{{budget_left}}\b)"
)
"""The size of an error budget, not what is left of it."""
_UNITS: dict[str, int] = ALL.table("thresholds", "large")
_ONE_IN = ALL.like(
    r"\b{one}\b[^.;\n%0-9]{0,20}\b{one_in} "
    rf"(?P<of>[0-9]{{3,6}}|(?:(?P<times>a|{DIGIT})[ ]?)?(?P<unit>{'|'.join(_UNITS)}))\b"
    r"[^.;\n%0-9]{0,20}\b{may}[ ](?:to )?{fail}\b"
)
_NINES = re.compile(
    r"\b(?P<count>two|three|four|five|six|[2-6])(?P<half>(?:[ -]and)?(?:[ -]a)?[ -]half)?[ -]?(?:nines|9s|9's)\b", re.I
)


@dataclass(frozen=True, slots=True)
class SlaTarget:
    """The threshold in percent with its origin, or a question; and a note on the percentages that are not used."""

    value: float | None = None
    origin: str = ""
    question: Question | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Percentage:
    """A number of the text. `rank`: 2 = labelled a target, 1 = called one in prose, 0 = neither, -1 = of an alert.

    `other`: it measures something else than availability; `near`: its sentence names a target.
    """

    value: float
    rank: int
    shown: str
    at: int
    other: bool = True
    measured: bool = True
    near: bool = False


def find_threshold(prose: Prose, flag: float | None, default: float) -> SlaTarget:
    """The threshold: the flag's, a labelled one, the only one in prose, or the default.

    Raises `ParameterError` for a flag or label that is no percentage.
    """
    if flag is not None:
        return SlaTarget(_in_range(flag, "--threshold"), "given")
    found = [*islice(_percentages(prose), _MATCHES), *_in_words(prose)]
    if not prose.corrects_quoted():  # a quoted report is another one
        found = [replace(one, rank=0) if prose.is_quoted(one.at) else one for one in found]
    rank = max([0, *(one.rank for one in found)])
    targets = [one for one in found if one.rank == rank > 0]
    best = targets[0] if targets else None
    # a measured availability is below its target: what is above the chosen one may be the true target
    above = best.value if best else default
    others = [one for one in found if above < one.value < 100 and not one.other] if rank < 2 else []
    beyond = [one.value for one in others if (one.near if best else not one.measured)]
    values = sorted({*(one.value for one in targets), *beyond, *([above] if beyond else [])}, reverse=True)
    if len(values) > 1:
        candidates = tuple(f"{value:g}" for value in values[:_SHOWN])
        text = "Which SLA threshold holds, in percent? The text names several percentages that may be it."
        question = Question(parameter="threshold", text=text, candidates=candidates, doubt=Doubt.SEVERAL)
        return SlaTarget(question=question)
    value = best.value if best else _in_range(default, "the default")
    said = next((one.shown for one in found if one.rank < 0), "")
    origin = best.shown if best else f"default: {said} is no availability" if said else "default: the text names none"
    left = {one.shown.removeprefix("text: "): one for one in found if one.value != value and 90 <= one.value < 100}
    told = [shown for shown, one in left.items() if not best or one.near]
    note = f"Not taken for the SLA threshold: {', '.join(told[:_SHOWN])}."
    return SlaTarget(value, origin, notes=(note,) if told else ())


def _in_range(value: float, where: str) -> float:
    if 0 < value < 1:  # 0.999 is a share; a service that may fail 99 of 100 requests needs no guide
        fix = f"In percent it is {100 * value:g}: --threshold {100 * value:g}."
        raise ParameterError(f"The SLA threshold {value:g} ({where}) reads like a share, not a percentage.", fix=fix)
    if not 0 < value <= 100:  # also catches NaN
        fix = "Give a percentage above 0 and up to 100, for example --threshold 99.9."
        raise ParameterError(f"The SLA threshold {value:g} ({where}) is no percentage.", fix=fix)
    return value


def _percentages(prose: Prose) -> Iterator[_Percentage]:
    """All numbers of the text, ranked by the words around them."""
    floor = 0
    for match in _NUMBER.finditer(prose.text):
        begin, stop = prose.sentence(match.start())
        near = prose.text[max(begin, match.start() - 150) : min(stop, match.end() + 150)]
        begin = max(begin, floor, match.start() - 60)
        before, after = prose.text[begin : match.start()], prose.text[match.end() : min(stop, match.end() + 40)]
        floor = match.end()
        value = float(match["value"].replace(",", "."))
        other = _OTHER.search(re.split(r"[,;(|]", before[-45:])[-1]) or re.match(r"[ ](?:errors?|cpu)\b", after, re.I)
        label, word = _LABELS.search(before), _BEFORE.search(before)
        shown = prose.snippet(match.start() - len((label or word or [""])[0]), match.end())
        if label and not other:
            yield _labelled(value, match, shown)
            continue
        # without "%" a number is a target only directly behind the word; with a word behind it, it counts something
        beside_it = word and _BESIDE.fullmatch(word["gap"])
        bare = beside_it and value >= 90 and not re.match(r"[ ]\w", after)
        counted = not (match["percent"] or bare) or match["sign"]
        behind = _AFTER.match(prose.text, match.end()) if match["percent"] else None
        led = word and (beside_it or not _MEASURED.search(word["gap"]))
        fits = (led or behind) and not (other or counted) and LOWEST_IN_PROSE <= value <= 100
        beside = f"{before[-25:]} {after[:15]}"
        yield _Percentage(
            value,
            int(bool(fits)),
            f"text: {prose.snippet(match.start(), behind.end()) if behind else shown}",
            match.start(),
            other=bool(counted or _OTHER.search(beside)),
            measured=bool(_MEASURED.search(beside)),
            near=bool(_TARGETS.search(near)),
        )


def _labelled(value: float, match: re.Match[str], shown: str) -> _Percentage:
    """A target behind its label; a fraction ("slo: 0.999") is one too. Raises `ParameterError` out of range."""
    said, value = f"text, labelled: {shown}", -value if match["sign"] else value
    if not match["percent"] and 0.9 <= value < 1:
        return _Percentage(round(100 * value, 6), 2, f"{said}, a fraction", match.start())
    if 0 < value < LOWEST_IN_PROSE:
        return _Percentage(value, -1, said, match.start())  # "threshold: 5 %" is an alert's own
    return _Percentage(_in_range(value, shown), 2, said, match.start())


def _in_words(prose: Prose) -> Iterator[_Percentage]:
    """Targets in words: "three nines", "one in a thousand may fail", "the error budget is 0.5 %"."""
    for match in islice(_NINES.finditer(prose.text), _MATCHES):
        nines = int(match["count"]) if match["count"].isdigit() else number(match["count"])
        value = round(100 - 10 ** (2 - nines) / (2 if match["half"] else 1), 6)
        yield _told(prose, value, match)
    for match in islice(_ONE_IN.finditer(prose.text), _MATCHES):
        count = number(match["times"] or "one") * _UNITS[match["unit"].lower()] if match["unit"] else int(match["of"])
        yield _told(prose, round(100 - 100 / count, 6), match)
    for match in islice(_ALLOWED.finditer(prose.text), _MATCHES):
        value = round(100 - float((match["small"] or match["less"]).replace(",", ".")), 6)
        budget = _BUDGET.search(prose.text, max(0, match.start() - 12), match.end() + 40)
        stated = match["fails"] or (budget and budget.end() == match.end())
        told = _told(prose, value, match, rank=int(bool(stated)))
        yield replace(told, shown=f"{told.shown} (it would be {value:g} %)")


def _told(prose: Prose, value: float, match: re.Match[str], rank: int = 1) -> _Percentage:
    return _Percentage(value, rank, f"text: {prose.snippet(*match.span())}", match.start())
