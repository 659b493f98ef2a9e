"""Settles region, service and environment: by a flag, a label, a mention in prose, or a question."""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from itertools import islice, pairwise
from typing import Generic, TypeVar

from tsg_agent.columns import EVERYWHERE
from tsg_agent.errors import ParameterError
from tsg_agent.extract.names import PLAIN_ENVIRONMENTS, Hit, KnownNames, key
from tsg_agent.extract.text import Prose, quote
from tsg_agent.extract.words import ALL, Words, any_of, words_in
from tsg_agent.models import Doubt, Question
from tsg_agent.wording import listed

Value = TypeVar("Value", str, float)
CANDIDATES = 20
_MATCHES = 100  # labels, and names, that are read of a text
_AROUND = " \t\"'*`_,;"  # what may stand around a labelled value
_LABEL = r"(?:^|[\n|,;{(\[\s\"'*`_-])(?<!the )(?<!all )(?:%s)[\"'*`_]{0,3}[ ]?[:=|][\"'*`_ ]{0,4}"
_NEXT_LABEL = re.compile(r"(?:[,;]|[ ])[ ]?[\"'*]{0,2}[A-Za-z_][\w-]{0,30}[\"'*]{0,2}[ ]?[:=]|[|};]|[.!?](?=\s|$)")
_PLACEHOLDER = re.compile(r"\W*(?:unknown|n/?a|none|tb[dc]|all|global|several|various|not sure|any)?\b", re.IGNORECASE)
_SHAPED = re.compile(
    r"(?<![\w.-])([a-z-]{2,12}-(?:north|south|east|west|central)[a-z]{0,5}-?[0-9]{0,2})[a-z]?(?![\w.]*[\w-])", re.I
)
_COMPOSED = re.compile(r"(?<![\w.@-])(?<![^/]/)[A-Za-z0-9]{1,30}(?:[-_.][A-Za-z0-9]{1,30}){1,10}(?![\w@-])")
_GAP = re.compile(r"[ ,/(\[-]{1,3}")
_ALTERNATIVE = re.compile(
    r"\W*(?:\?|\b(?:or|oder|ou?|u|soit|others|andere|otr[oa]s|d'autres)\b(?:\W{1,4}[^\W_]{1,20}){0,2})\W*", re.I
)
REGION, SERVICE, ENVIRONMENT = "region", "service", "environment"


@dataclass(frozen=True, slots=True)
class Settled(Generic[Value]):
    """A value with its origin, or a question; and the other values that the text names."""

    value: Value | None = None
    origin: str = ""
    question: Question | None = None
    others: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    """All mentions of known values."""


def settle(kind: str, known: Sequence[str], flag: str | None, prose: Prose, others: Sequence[Hit] = ()) -> Settled[str]:
    """One parameter's value, which is always one of `known`. Raises `ParameterError` for a flag that is not.

    `others`: where the text names the other parameters. Of several values the only one beside such a name is used.
    """
    names = KnownNames(known, environments=kind == ENVIRONMENT)
    hits = [replace(hit, beside=_beside(prose.text, hit, others)) for hit in names.find(prose.text)]
    found = _settled(kind, names, flag, prose, hits)
    named = dict.fromkeys(hit.values[0] for hit in hits if len(hit.values) == 1 and not hit.spared)
    return replace(found, hits=hits, others=tuple(name for name in named if name != found.value))


def _beside(text: str, hit: Hit, others: Sequence[Hit]) -> bool:
    gaps = [(hit.end, other.start) if hit.end < other.start else (other.end, hit.start) for other in others]
    return any(_GAP.fullmatch(text, start, end) for start, end in gaps)


def _settled(kind: str, names: KnownNames, flag: str | None, prose: Prose, hits: list[Hit]) -> Settled[str]:
    if flag is not None:
        if (value := names.exact(flag)) is not None:
            return Settled(value, "given")
        shown = listed([quote(name) for name in closest(flag, names.values)], CANDIDATES)
        raise ParameterError(f"The telemetry has no {kind} {quote(flag)}.", fix=f"Known: {shown or 'none'}.")
    pool, unknown = _labelled(kind, names, prose, hits)
    if pool:
        return _pick(kind, pool, prose, "text, labelled")
    if unknown:
        return _unknown(kind, names, unknown)
    pool = [hit for hit in hits if not hit.spared]
    # "it's payments, not checkout" also drops an earlier "checkout"; a quoted report is another one
    spared = {hit.values for hit in hits if hit.spared}
    pool = [hit for hit in pool if hit.values not in spared] or pool
    pool = [hit for hit in pool if not prose.is_quoted(hit.start)] or pool
    return _pick(kind, pool, prose, "text") if pool else _silent(kind, names, prose, spared)


def closest(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Known values, the most similar to a text first; of thousands, which nobody reads, only the first are compared."""
    spelled = text[:200].casefold()
    first = sorted(known[:1_000], key=lambda name: -SequenceMatcher(None, spelled, name[:200].casefold()).ratio())
    return (*first, *known[1_000:])


def _labelled(kind: str, names: KnownNames, prose: Prose, hits: list[Hit]) -> tuple[list[Hit], str]:
    """What stands behind labels: known values; and the first name that the telemetry lacks, but no "n/a"."""
    found, unknown = [], ""
    label = ALL.like(_LABEL % any_of(ALL.listed("labels", kind)))
    for match in islice(label.finditer(prose.text), _MATCHES):
        start = match.end()
        line = prose.text[start : min(start + 200, prose.line(start)[1])]
        value = _NEXT_LABEL.split(line, maxsplit=1)[0]
        end = start + len(value)
        inside = [hit for hit in hits if start <= hit.start < end and not hit.spared]
        if not inside and (exact := names.exact(value.strip(_AROUND)) or names.exact(line.strip(_AROUND))):
            inside = [Hit(start, end, (exact,))]
        found += inside
        first = re.split(r"[,;(]", value)[0].strip(f"{_AROUND}.")
        if not inside and key(_PLACEHOLDER.sub("", first, count=1)):
            unknown = unknown or first
    return found, unknown


def _pick(kind: str, pool: list[Hit], prose: Prose, where: str) -> Settled[str]:
    """One of the values found: of several the likeliest, or a question."""
    plain = [hit for hit in pool if len(hit.values) == 1]
    values = tuple(dict.fromkeys(value for hit in plain or pool for value in hit.values))
    hit, why = (plain[0], "") if len(values) == 1 else _likeliest(kind, plain, prose)
    if hit is None:
        return Settled(question=_question(kind, "the text names several", values, Doubt.SEVERAL))
    notes = [f"The text names several {kind}s; {quote(hit.values[0])} is used, {why}."] if why else []
    return Settled(hit.values[0], f"{where}: {prose.snippet(hit.start, hit.end)}", notes=notes)


def _likeliest(kind: str, pool: list[Hit], prose: Prose) -> tuple[Hit | None, str]:
    """Of several values the one that is meant, and why; None where the text does not tell."""
    words = words_in(prose.text)
    gaps = [(one, two, prose.text[one.end : two.start]) for one, two in pairwise(pool) if one.values != two.values]
    either = any(_ALTERNATIVE.fullmatch(gap) for *_, gap in gaps)  # "checkout or payments": the text leaves it open
    wrong = [(one, two) for one, two, gap in gaps[:_MATCHES] if words["correction"].search(gap[-60:])]
    for one, two in wrong[-1:]:  # "us-east-1. No, wait, us-west-2"
        pool = [hit for hit in pool if hit.start >= two.start and hit.values != one.values]
    reasons = (
        ("as the text corrects itself", pool if wrong else []),
        ("as only it is said to fail", [hit for hit in pool[:_MATCHES] if not either and _fails(hit, prose, words)]),
        ("as it is named with where it runs", [hit for hit in pool if hit.beside and not either]),
        ("as it is named first", pool[:1] if kind == REGION and not either else []),
    )
    return next(((hits[0], why) for why, hits in reasons if len({hit.values for hit in hits}) == 1), (None, ""))


def _fails(hit: Hit, prose: Prose, words: Words) -> bool:
    """Whether the sentence with the name tells of a failure."""
    begin, end = prose.sentence(hit.start, hit.end)
    said = words["calm"].sub(" ", prose.text[max(begin, hit.start - 300) : min(end, hit.end + 300)])
    return bool(words["failing break fall rise"].search(said)) and not words["past planned"].search(said)


def _unknown(kind: str, names: KnownNames, text: str) -> Settled[str]:
    if kind == REGION and names.values == (EVERYWHERE,):
        why = "the telemetry does not record regions"
        note = f"{why.capitalize()}: all of its requests are looked at, not only those of {quote(text)}."
        return Settled(EVERYWHERE, why, notes=[note])
    why = f"the text says {quote(text)}, which the telemetry does not have"
    return Settled(question=_question(kind, why, closest(text, names.values)))


def _silent(kind: str, names: KnownNames, prose: Prose, spared: Set[tuple[str, ...]]) -> Settled[str]:
    """A value without a mention: a part of a composed name, or the telemetry's only value."""
    composed: list[Hit] = []
    for match in islice(_COMPOSED.finditer(prose.text), _MATCHES):
        parts = {*re.split(r"[-_.]", match[0].casefold())}
        # a service counts only beside an environment, and "non-prod" is no "prod"
        alone, negated = not parts & PLAIN_ENVIRONMENTS, parts & {"pre", "non", "not"}
        if not (alone if kind == SERVICE else negated):
            found = (hit for hit in names.find(match[0], parts=True) if hit.values not in spared)
            composed += [replace(hit, start=match.start(), end=match.end()) for hit in found]
    if composed:
        return _pick(kind, composed, prose, "text, in a composed name")
    # us-east-1a is a zone of us-east-1
    shaped = _SHAPED.finditer(prose.text) if kind == REGION else ()
    if unknown := next((match[0] for match in shaped if not names.exact(match[1])), ""):
        return _unknown(kind, names, unknown)
    if len(names.values) == 1:
        origin = f"the only {kind} in the telemetry; the text names none"
        notes = [f"{quote(names.values[0])} is looked at: it is {origin}."] if kind == SERVICE else []
        return Settled(names.values[0], origin, notes=notes)
    return Settled(question=_question(kind, "the text names none that the telemetry has", names.values, Doubt.SILENT))


def _question(kind: str, why: str, candidates: Sequence[str], doubt: Doubt = Doubt.UNCLEAR) -> Question:
    text = f"Which {kind} is affected? {why[:1].upper()}{why[1:]}."
    parameter = "service_name" if kind == SERVICE else kind
    return Question(parameter=parameter, text=text, candidates=tuple(candidates)[:CANDIDATES], doubt=doubt)
