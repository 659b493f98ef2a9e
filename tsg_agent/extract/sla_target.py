"""The SLA threshold: the percentage that the text calls a target, never one that it reports as measured."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice

from tsg_agent.errors import ParameterError
from tsg_agent.extract.text import Prose
from tsg_agent.extract.words import ALL, any_of
from tsg_agent.models import Doubt, Question

LOWEST_IN_PROSE = 50
"""A "target" under this is of something else than availability (an error budget, a CPU limit)."""

_MATCHES = 200  # of each form; a text with more says nothing clearly

_TARGET = any_of(ALL.listed("labels", "target"))
_VALUE = r"(?P<value>[0-9]{1,4}(?:[.,][0-9]{1,6})?)"
_PERCENT = r"[ ]?(?:%|percent\b|per cent\b|pct\b|prozent\b|por ciento\b|pour ?cent\b)"
_LABEL = re.compile(
    rf"(?:^|[\n|,;{{(\[\s\"'*`_-])(?P<label>(?:(?:sla|slo|availability|uptime)[ _-]){{0,2}}"
    rf"{_TARGET}(?:[ _-](?:threshold|target|percent|objective))?)"
    rf"[\"'*`_]{{0,3}}[ ]?[:=|][\"'*`_ ~>≥=]{{0,6}}(?P<sign>-?){_VALUE}(?P<percent>{_PERCENT})?"
    rf"(?![\w:/-]|[.,][0-9]|[ ]?(?:ms|s|rpm)\b)",
    re.IGNORECASE,
)
_FORWARD = re.compile(rf"\b{_TARGET}s?\b(?P<gap>[^.;\n%0-9]{{0,40}}?)(?<![\w.,-]){_VALUE}{_PERCENT}", re.IGNORECASE)
_BARE = re.compile(
    rf"\b{_TARGET}\b(?P<gap>[ ](?:(?:of|is)[ ])?)(?P<value>9[0-9](?:[.,][0-9]{{1,6}})?)(?![\w:/%-]|[.,][0-9]|[ ]\w)",
    re.I,
)
"""A number beside the word is a percentage without its sign; with a word behind it, it counts something."""
_BACKWARD = re.compile(
    rf"(?<![\w.,-]){_VALUE}{_PERCENT}[ -]?(?P<gap>(?:(?:availability|uptime|success(?:[ -]rate)?|monthly"
    rf"|service[ -]level|contractual|contract)[ -]){{0,3}}|\()\b(?P<word>{_TARGET})s?\b(?P<closed>\))?",
    re.IGNORECASE,
)
_PERCENTAGE = re.compile(rf"(?<![\w.,-]){_VALUE}{_PERCENT}", re.IGNORECASE)
TARGET = re.compile(rf"\b{_TARGET}s?\b", re.IGNORECASE)
_MEASURED = re.compile(
    r"\b(?:fallen|fell|falls?|drop\w*|down|current\w*|now|was|breach\w*|at|measured|actual\w*|observed|reached|reads"
    r"|with|vs|versus|against|status|miss\w*|violat\w*|met|availability (?:is|of|was))\b|[,|)]",
    re.IGNORECASE,
)
_MAY_FAIL = re.compile(
    rf"(?<![\w.,-])(?P<value>[0-9](?:[.,][0-9]{{1,4}})?){_PERCENT}(?:[ ](?:of|der|de|des)[ ][^.;\n%0-9]{{1,30}})?"
    r"[ ](?:may|can|(?:is|are) allowed to|dürfen|darf|pueden|peuvent)"
    r"[ ](?:fail|be down|ausfallen|fehlschlagen|scheitern|fallar|échouer)\b",
    re.IGNORECASE,
)
"""What may fail is what is left of the target."""
_OTHER = re.compile(
    r"\b(?:errors?|error[ -]rates?|cpu|memory|disk|utili[sz]ation|burn|budget|cache|latency|p9[0-9]|conversion|alert\w*"
    r"|failure|traffic|rollout|sampling|canary|heap|load|packet|loss|retry|retries|saturation|alarm)\b",
    re.IGNORECASE,
)
_NINES = re.compile(
    r"\b(?P<count>two|three|four|five|six|[2-6])(?P<half>(?:[ -]and)?(?:[ -]a)?[ -]half)?[ -]?(?:nines|9s|9's)\b", re.I
)
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}


@dataclass(frozen=True, slots=True)
class SlaTarget:
    """The threshold in percent and its origin, or a question."""

    value: float | None = None
    origin: str = ""
    question: Question | None = None


def find_threshold(prose: Prose, flag: float | None, default: float) -> SlaTarget:
    """The flag's, else a labelled one, else the only one in prose, else the default. Raises `ParameterError`."""
    if flag is not None:
        return SlaTarget(_in_range(flag, "--threshold"), "given")
    for found, plain in ((_labelled(prose), True), (_in_prose(prose), False)):
        values = tuple(dict.fromkeys(value for value, _ in found))
        if len(values) == 1:
            value, origin, *_ = found[0]
            values = (value, *(() if plain else _beyond(prose, value, near=TARGET)))
        if len(values) == 1:
            return SlaTarget(value, origin)
        if values:
            return SlaTarget(question=_which(values))
    beyond = _beyond(prose, default)
    if beyond:
        return SlaTarget(question=_which((*beyond, default)))
    low = _LABEL.search(prose.text)
    said = f"{prose.snippet(low.start('label'), low.end())} is no availability" if low else "the text names none"
    return SlaTarget(_in_range(default, "the default"), f"default: {said}")


def _in_range(value: float, where: str) -> float:
    if 0 < value < 1:  # 0.999 is a share; a service that may fail 99 of 100 requests needs no guide
        fix = f"In percent it is {100 * value:g}: --threshold {100 * value:g}."
        raise ParameterError(f"The SLA threshold {value:g} ({where}) reads like a share, not a percentage.", fix=fix)
    if not 0 < value <= 100:  # also catches NaN
        fix = "Give a percentage above 0 and up to 100, for example --threshold 99.9."
        raise ParameterError(f"The SLA threshold {value:g} ({where}) is no percentage.", fix=fix)
    return value


def _labelled(prose: Prose) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    for match in islice(_LABEL.finditer(prose.text), _MATCHES):
        begin = max(prose.line(match.start("label"))[0], match.start("label") - 30)
        before = prose.text[begin : match.start("label")]
        if _OTHER.search(re.split(r"[,;|]", before)[-1]) or prose.is_quoted(match.start("label")):
            continue
        quoted = prose.snippet(match.start("label"), match.end())
        value = _number(match["value"])
        origin = f"text, labelled: {quoted}"
        if not match["percent"] and not match["sign"] and 0.9 <= value < 1:
            found.append((round(value * 100, 6), f"{origin}, a fraction"))
        elif match["sign"] or not 0 < value < LOWEST_IN_PROSE:  # "threshold: 5 %" is an alert's own
            found.append((_in_range(-value if match["sign"] else value, quoted), origin))
    return found


def _in_prose(prose: Prose) -> list[tuple[float, str]]:
    found: dict[int, tuple[float, str]] = {}
    used: set[int] = set()
    # "our 99.9% SLA, 96.2% now": the value before the word is its own, so the one behind it is not.
    for match in islice(_BACKWARD.finditer(prose.text), _MATCHES):
        opened = match["gap"].endswith("(")
        if opened and not match["closed"]:
            continue
        if _forward_is_nearer(prose.text, match):
            continue
        used.add(match.start("word"))
        _keep(prose, match, found)
    for match in islice(chain(_FORWARD.finditer(prose.text), _BARE.finditer(prose.text)), _MATCHES):
        measured = _MEASURED.search(match["gap"]) or _OTHER.search(match["gap"])
        own = any(start in used for start in range(match.start() - 1, match.start() + 2))
        if not measured and not own:
            _keep(prose, match, found)
    for match in islice(_MAY_FAIL.finditer(prose.text), _MATCHES):
        shown = f"text: {prose.snippet(match.start(), match.end())}, the rest may not"
        found[match.start()] = (round(100 - _number(match["value"]), 6), shown)
    for match in islice(_NINES.finditer(prose.text), _MATCHES):
        nines = _COUNTS.get(match["count"].lower()) or int(match["count"])
        value = 100 - 10 ** (2 - nines) / (2 if match["half"] else 1)
        found[match.start()] = (round(value, 6), f"text: {prose.snippet(match.start(), match.end())}")
    return [found[position] for position in sorted(found) if not prose.is_quoted(position)][:50]


def _which(values: Sequence[float]) -> Question:
    candidates = tuple(f"{value:g}" for value in sorted(values, reverse=True)[:8])
    text = "Which SLA threshold holds, in percent? The text names several percentages that may be it."
    return Question(parameter="threshold", text=text, candidates=candidates, doubt=Doubt.SEVERAL)


def _beyond(prose: Prose, value: float, near: re.Pattern[str] | None = None) -> list[float]:
    """Other percentages above the one that was read, in a sentence with a target: no measured one is above it."""
    found = []
    for match in islice(_PERCENTAGE.finditer(prose.text), _MATCHES):
        begin, end = prose.sentence(match.start())
        said = prose.text[max(begin, match.start() - 150) : min(end, match.end() + 150)]
        beside = prose.text[max(begin, match.start() - 25) : min(end, match.end() + 15)]
        other = _OTHER.search(beside) or (near is None and _MEASURED.search(beside))
        if value < _number(match["value"]) < 100 and not other and (near is None or near.search(said)):
            found.append(_number(match["value"]))
    return list(dict.fromkeys(found))


def _forward_is_nearer(text: str, match: re.Match[str]) -> bool:
    """ "96.2% SLA 99.9%": the word's own value is the one behind it."""
    behind = re.compile(rf"s?(?:[ ]?[:=(]|[ ](?:is|of))?[ ]?{_VALUE}{_PERCENT}", re.I).match(text, match.end("word"))
    return behind is not None


def _keep(prose: Prose, match: re.Match[str], found: dict[int, tuple[float, str]]) -> None:
    value = _number(match["value"])
    begin = max(prose.sentence(match.start())[0], match.start() - 25)
    before = re.split(r"[,;(|]", prose.text[begin : match.start()])[-1]
    about = before + prose.text[match.start("value") : match.end()][:40]
    after = prose.text[match.end() : match.end() + 12]
    if _OTHER.search(about) or re.match(r"[ ](?:errors?|cpu|error)\b", after, re.I):
        return
    if LOWEST_IN_PROSE <= value <= 100 and match.start("value") not in found:
        found[match.start("value")] = (value, f"text: {prose.snippet(match.start(), match.end())}")


def _number(text: str) -> float:
    return float(text.replace(",", "."))
