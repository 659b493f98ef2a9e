"""Finds the SLA threshold: a percentage that the text calls a target, never a measured one."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from tsg_agent.errors import ParameterError
from tsg_agent.extract.places import Settled
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
_UNITS: dict[str, int] = ALL.table("thresholds", "large")
_NUMBER = ALL.like(
    rf"\b(?P<nines>{DIGIT}|[2-6])(?P<half>(?:[ -]and)?(?:[ -]a)?[ -]half)?[ -]?(?:nines|9s|9's)\b"
    r"|\b{one}\b[^.;\n%0-9]{0,20}\b{one_in} "
    rf"(?P<of>[0-9]{{3,6}}|(?:(?P<times>a|{DIGIT})[ ]?)?(?P<unit>{'|'.join(_UNITS)}))\b"
    rf"|(?<![\w.,:/-])(?P<sign>-)?{_VALUE}(?P<percent>{_PERCENT})?(?![\w:/-]|[.,][0-9]|[ ]?(?:ms|s|rpm)\b)"
)
"""A number, "three nines", or a share as "one in a thousand"."""
_LABELS = ALL.like(rf"(?<![^\W_]){_TARGET}[\"'*`_]{{0,3}}[ \t]{{0,30}}[:=|][\"'*`_ ~>≥=]{{0,6}}$")
_BEFORE = ALL.like(rf"\b{_TARGET}s?\b(?P<gap>(?:[^.,;|)\n%]|\.(?=\w)){{0,40}})$")
_AFTER = ALL.like(
    r"[ -]?(?:(?:availability|uptime|monthly|contractual)[ -]){0,2}"
    rf"(?:\({_TARGET}s?\)|{_TARGET}s?\b(?!(?:[ ]?[:=(]|[ ](?:is|of))?[ ]?[0-9.,]{{1,8}}{_PERCENT}))"
)
"""A target's word behind a number, unless another number follows the word."""
_MEASURED, _OTHER = ALL.like(r"\b{measured}\b"), ALL.like(r"\b{measures_else}\b")
_MAY_FAIL = ALL.like(
    r"\b(?:(?P<budget>{error_budget})|{may})[ ]?(?:{budget_is}|[:=])?[ ]?(?=§(?![^.,;\n]{0,30}\b{budget_left}\b))"
    r"|§[^.;\n%0-9]{0,30}\b{may}\b(?P<fails>[ ](?:to )?{fail}\b)?"
)
"""Around a share ("§") that may fail: "the error budget is 0.5 %", "one in a thousand may fail"."""
_MAY_AT_MOST = 6  # percent


class _Percentage(NamedTuple):
    """A number of the text. `rank`: 2 = labelled a target, 1 = called one in prose, 0 = neither, -1 = no availability.

    `stray`: a percentage that may be a target: nothing says what else it measures.
    """

    value: float
    rank: int
    shown: str
    stray: bool = False


def find_threshold(prose: Prose, flag: float | None, default: float) -> Settled[float]:
    """The threshold: the flag's, a labelled one, the only one in prose, or the default.

    Raises `ParameterError` for a flag or default that is no percentage.
    """
    if flag is not None:
        return Settled(_in_range(flag, "--threshold"), "given")
    found = list(islice(_percentages(prose), _MATCHES))
    rank = max([1, *(one.rank for one in found)])
    targets = [one for one in found if one.rank == rank]
    held = [one.value for one in targets] or [_in_range(default, "the default")]
    # a measured availability is below its target: what is above the chosen one may be the true target
    beyond = [one.value for one in found if held[0] < one.value < 100 and one.stray] if rank < 2 else []
    values = sorted({*held, *beyond}, reverse=True)
    if len(values) > 1:
        candidates = tuple(f"{value:g}" for value in values[:_SHOWN])
        text = "Which SLA threshold holds, in percent? The text names several percentages that may be it."
        question = Question(parameter="threshold", text=text, candidates=candidates, doubt=Doubt.SEVERAL)
        return Settled(question=question)
    where = "text, labelled" if rank == 2 else "text"
    origin = f"{where}: {targets[0].shown}" if targets else "default: the text names none"
    left = [one.shown for one in found if one.rank < 0 or (one.value != held[0] and 90 <= one.value < 100)]
    note = f"Not taken for the SLA threshold: {', '.join([*dict.fromkeys(left)][:_SHOWN])}."
    return Settled(held[0], origin, notes=[note] if left else [])


def _in_range(value: float, where: str) -> float:
    if not 1 <= value <= 100:  # also NaN. A service that may fail 99 of 100 requests needs no guide: 0.999 is a share
        percent = 100 * value if 0 < value < 1 else 99.9
        fix = f"Give a percentage from 1 to 100, for example --threshold {percent:g}."
        raise ParameterError(f"The SLA threshold {value:g} ({where}) is no percentage.", fix=fix)
    return value


def _percentages(prose: Prose) -> Iterator[_Percentage]:
    """All numbers of the text, ranked by the words around them."""
    corrects = prose.corrects_quoted()
    for match in _NUMBER.finditer(prose.text):
        begin, stop = prose.sentence(match.start())
        before = prose.text[max(begin, match.start() - 60) : match.start()]
        after = prose.text[match.end() : min(stop, match.end() + 60)]
        near = f"{before[-25:]} {after[:15]}"
        label, word, other = _LABELS.search(before), _BEFORE.search(before), _OTHER.search(near)
        value, shown = _percent(match), prose.snippet(match.start() - len((label or word or [""])[0]), match.end())
        # without "%" a whole number counts something: "our SLA 99 users"
        percent = not match["sign"] and (match["percent"] or match["of"] or (word and value % 1))
        led = word and not _MEASURED.search(word["gap"])
        called = label or (percent and (led or _AFTER.match(prose.text, match.end())))
        rank, stray = 0, bool(percent and not other and not _MEASURED.search(near))
        if match["nines"]:
            rank = int(value >= LOWEST_IN_PROSE)
        elif percent and value < _MAY_AT_MOST and (said := [*_MAY_FAIL.finditer(f"{before}§{after}")]):
            value, rank = round(100 - value, 6), int(any(one.lastgroup for one in said))
            shown = f"{shown} (it would be {value:g} %)"
        elif called and not other:
            if label and not match["percent"] and 0.9 <= value < 1:
                value = round(100 * value, 6)
            rank = (2 if label else 1) if LOWEST_IN_PROSE <= value <= 100 else -1
        if prose.is_quoted(match.start()) and not corrects:  # a quoted report is another one
            rank = 0
        yield _Percentage(value, rank, shown, stray)


def _percent(match: re.Match[str]) -> float:
    """A number's value: of "three nines" 99.9, of "one in a thousand" 0.1."""
    if nines := match["nines"]:
        failing: float = 10 ** (2 - (int(nines) if nines.isdigit() else number(nines))) / (2 if match["half"] else 1)
        return round(100 - failing, 6)
    if match["unit"]:
        return 100 / (number(match["times"] or "one") * _UNITS[match["unit"].lower()])
    return 100 / int(match["of"]) if match["of"] else float(match["value"].replace(",", "."))
