"""Finds the SLA threshold: a percentage that the text calls a target, never a measured one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

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
_BEFORE = ALL.like(rf"\b{_TARGET}s?\b(?P<gap>(?:[^.,;|)\n%]|\.(?=\w)){{0,40}})$")
_AFTER = ALL.like(
    r"[ -]?(?:(?:availability|uptime|monthly|contractual)[ -]){0,2}"
    rf"(?:\({_TARGET}s?\)|{_TARGET}s?\b(?!(?:[ ]?[:=(]|[ ](?:is|of))?[ ]?[0-9.,]{{1,8}}{_PERCENT}))"
)
"""A target's word behind a number, unless another number follows the word."""
_MEASURED, _OTHER = ALL.like(r"\b{measured}\b"), ALL.like(r"\b{measures_else}\b")
_SMALL = r"[0-5](?:[.,][0-9]{1,4})?"
_UNITS: dict[str, int] = ALL.table("thresholds", "large")
_MAY_FAIL = ALL.like(
    r"\b(?P<nines>two|three|four|five|six|[2-6])(?P<half>(?:[ -]and)?(?:[ -]a)?[ -]half)?[ -]?(?:nines|9s|9's)\b"
    r"|\b{one}\b[^.;\n%0-9]{0,20}\b{one_in} "
    rf"(?P<of>[0-9]{{3,6}}|(?:(?P<times>a|{DIGIT})[ ]?)?(?P<unit>{'|'.join(_UNITS)}))\b"
    r"[^.;\n%0-9]{0,20}\b{may}[ ](?:to )?{fail}\b"
    rf"|(?<![\w.,-])(?P<share>{_SMALL}){_PERCENT}[^.;\n%0-9]{{0,30}}\b{{may}}\b(?P<fails>[ ](?:to )?{{fail}}\b)?"
    rf"|\b(?:(?P<budget>{{error_budget}})|{{may}})[ ]?(?:{{budget_is}}|[:=])?[ ]?(?P<size>{_SMALL}){_PERCENT}"
    r"(?![^.,;\n]{0,30}\b{budget_left}\b)"
)
"""How much may fail: "three nines", "one in a thousand may fail", "0.5 % may fail", an error budget's size."""


@dataclass(frozen=True, slots=True)
class SlaTarget:
    """The threshold in percent with its origin, or a question; and a note on the percentages that are not used."""

    value: float | None = None
    origin: str = ""
    question: Question | None = None
    notes: tuple[str, ...] = ()


class _Percentage(NamedTuple):
    """A number of the text. `rank`: 2 = labelled a target, 1 = called one in prose, 0 = neither, -1 = of an alert.

    `stray`: a percentage that may be a target: nothing says what else it measures.
    """

    value: float
    rank: int
    shown: str
    at: int
    stray: bool = False


def find_threshold(prose: Prose, flag: float | None, default: float) -> SlaTarget:
    """The threshold: the flag's, a labelled one, the only one in prose, or the default.

    Raises `ParameterError` for a flag or label that is no percentage.
    """
    if flag is not None:
        return SlaTarget(_in_range(flag, "--threshold"), "given")
    found = [*islice(_percentages(prose), _MATCHES), *_in_words(prose)]
    if not prose.corrects_quoted():  # a quoted report is another one
        found = [one._replace(rank=0) if prose.is_quoted(one.at) else one for one in found]
    rank = max([0, *(one.rank for one in found)])
    targets = [one for one in found if one.rank == rank > 0]
    best = targets[0] if targets else None
    # a measured availability is below its target: what is above the chosen one may be the true target
    above = best.value if best else default
    beyond = [one.value for one in found if above < one.value < 100 and one.stray] if rank < 2 else []
    values = sorted({*(one.value for one in targets), *beyond, *([above] if beyond else [])}, reverse=True)
    if len(values) > 1:
        candidates = tuple(f"{value:g}" for value in values[:_SHOWN])
        text = "Which SLA threshold holds, in percent? The text names several percentages that may be it."
        question = Question(parameter="threshold", text=text, candidates=candidates, doubt=Doubt.SEVERAL)
        return SlaTarget(question=question)
    value = best.value if best else _in_range(default, "the default")
    said = next((one.shown for one in found if one.rank < 0), "")
    origin = best.shown if best else f"default: {said} is no availability" if said else "default: the text names none"
    left = [one.shown for one in found if one.value != value and 90 <= one.value < 100]
    told = dict.fromkeys(shown.removeprefix("text: ") for shown in left)
    note = f"Not taken for the SLA threshold: {', '.join([*told][:_SHOWN])}."
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
    for match in _NUMBER.finditer(prose.text):
        begin, stop = prose.sentence(match.start())
        before = prose.text[max(begin, match.start() - 60) : match.start()]
        near = f"{before[-25:]} {prose.text[match.end() : min(stop, match.end() + 15)]}"
        value = float(match["value"].replace(",", "."))
        label, word = _LABELS.search(before), _BEFORE.search(before)
        shown = prose.snippet(match.start() - len((label or word or [""])[0]), match.end())
        other = _OTHER.search(near)
        if label and not other:
            yield _labelled(value, match, shown)
            continue
        # without "%" a whole number counts something: "our SLA 99 users"
        percent = not match["sign"] and (match["percent"] or (word and value % 1))
        behind = _AFTER.match(prose.text, match.end())
        led = word and not _MEASURED.search(word["gap"])
        fits = percent and not other and (led or behind) and LOWEST_IN_PROSE <= value <= 100
        stray = bool(percent and not other and not _MEASURED.search(near))
        yield _Percentage(value, int(bool(fits)), f"text: {shown}", match.start(), stray)


def _labelled(value: float, match: re.Match[str], shown: str) -> _Percentage:
    """A target behind its label; a fraction ("slo: 0.999") is one too. Raises `ParameterError` out of range."""
    said, value = f"text, labelled: {shown}", -value if match["sign"] else value
    if not match["percent"] and 0.9 <= value < 1:
        return _Percentage(round(100 * value, 6), 2, f"{said}, a fraction", match.start())
    if 0 < value < LOWEST_IN_PROSE:
        return _Percentage(value, -1, said, match.start())  # "threshold: 5 %" is an alert's own
    return _Percentage(_in_range(value, shown), 2, said, match.start())


def _in_words(prose: Prose) -> Iterator[_Percentage]:
    """Targets by what may fail, and shares that may be one."""
    for match in islice(_MAY_FAIL.finditer(prose.text), _MATCHES):
        share = match["share"] or match["size"]
        if share:
            failing = float(share.replace(",", "."))
        elif nines := match["nines"]:
            failing = 10 ** (2 - (int(nines) if nines.isdigit() else number(nines))) / (2 if match["half"] else 1)
        elif match["unit"]:
            failing = 100 / (number(match["times"] or "one") * _UNITS[match["unit"].lower()])
        else:
            failing = 100 / int(match["of"])
        value, said = round(100 - failing, 6), prose.snippet(*match.span())
        stated = not share or match["fails"] or match["budget"]
        yield _Percentage(value, int(bool(stated)), f"text: {said} (it would be {value:g} %)", match.start())
