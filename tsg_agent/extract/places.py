"""Settles region, service and environment: by a flag, a label, a mention in prose, or a question."""

import difflib
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise

from tsg_agent.columns import EVERYWHERE
from tsg_agent.errors import ParameterError
from tsg_agent.extract.names import Hit, KnownNames, environment, key
from tsg_agent.extract.text import Prose, quote
from tsg_agent.extract.words import ALL, Words, any_of, data, words_in
from tsg_agent.models import Doubt, Question

CANDIDATES = 20
_ALIKE = 0.9
"""Similarity (0 to 1) of a misspelled name: one letter of ten is missing, or two are swapped."""
_MATCHES = 100  # labels, and names, that are read of a text
_AROUND = " \t\"'*`_,;"  # what may stand around a labelled value
_LABEL = r"(?:^|[\n|,;{(\[\s\"'*`_-])(?<!the )(?P<label>%s)[\"'*`_]{0,3}[ ]?(?P<sign>[:=|])[\"'*`_ ]{0,4}"
_NEXT_LABEL = re.compile(r"(?:[,;]|[ ])[ ]?[\"'*]{0,2}[A-Za-z_][\w-]{0,30}[\"'*]{0,2}[ ]?[:=]|[|};]|[.!?](?=\s|$)")
_PLACEHOLDER = re.compile(
    r"\W*(?:unknown|n/?a|none|tbd|tbc|all|global|multiple|several|various|see (?:above|below)|same|not sure|any)?\b",
    re.IGNORECASE,
)
_SHAPED = re.compile(
    r"(?<![\w.-])([a-z]{2,12}-(?:gov-)?(?:north|south|east|west|central)[a-z]{0,5}(?:-?[0-9]{1,2})?)[a-z]?(?![\w.]*[\w-])",
    re.IGNORECASE,
)


_COMPOSED = re.compile(r"(?<![\w./:@-])[A-Za-z0-9]{2,30}(?:[-_.][A-Za-z0-9]{1,30}){1,10}(?![\w./:@-])")
_HOST = re.compile(r"[A-Za-z0-9]{1,30}(?:[-_.][A-Za-z0-9]{1,30}){1,10}")
_GAP = re.compile(r"[ ,/(\[-]{1,3}")
_ALTERNATIVE = re.compile(
    r"\W*\?\W*|\W*\b(?:or|oder|ou|soit|[ou]|others|andere|otr[oa]s|d'autres)\b(?:\W{1,4}[^\W_]{1,20}){0,2}\W*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ScopeParameter:
    """One of the three parameters, with the labels that its value stands behind, plain and loose ones."""

    parameter: str
    noun: str
    strong: re.Pattern[str]
    loose: re.Pattern[str]


def _scope(parameter: str, noun: str) -> ScopeParameter:
    strong, loose = (any_of(ALL.listed("labels", name)) for name in (noun, f"{noun}_loose"))
    return ScopeParameter(parameter, noun, re.compile(_LABEL % strong, re.I), re.compile(_LABEL % loose, re.I))


REGION = _scope("region", "region")
SERVICE = _scope("service_name", "service")
ENVIRONMENT = _scope("environment", "environment")


@dataclass(frozen=True, slots=True)
class Settled:
    """A value with its origin, or a question; and the other values that the text names."""

    value: str = ""
    origin: str = ""
    question: Question | None = None
    others: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    """All mentions of known values."""


def settle(
    kind: ScopeParameter, known: Sequence[str], flag: str | None, prose: Prose, others: Sequence[Hit] = ()
) -> Settled:
    """One parameter's value, which is always one of `known`. Raises `ParameterError` for a flag that is not.

    `others`: where the text names the other parameters. Of several values the only one beside such a name is used.
    """
    names = KnownNames(known, environments=kind is ENVIRONMENT)
    hits = [replace(hit, beside=_beside(prose.text, hit, others)) for hit in names.find(prose.text)]
    found = _settled(kind, known, flag, prose, names, hits)
    named = dict.fromkeys(hit.values[0] for hit in hits if len(hit.values) == 1 and not hit.spared)
    rest = found.others or tuple(name for name in named if name != found.value)
    return replace(found, hits=hits, others=rest)


def _beside(text: str, hit: Hit, others: Sequence[Hit]) -> bool:
    gaps = [(hit.end, other.start) if hit.end < other.start else (other.end, hit.start) for other in others]
    return any(_GAP.fullmatch(text, start, end) for start, end in gaps)


def _settled(  # noqa: PLR0917 - what `settle` has at hand
    kind: ScopeParameter, known: Sequence[str], flag: str | None, prose: Prose, names: KnownNames, hits: list[Hit]
) -> Settled:
    if flag is not None:
        return Settled(checked(kind, names, flag), "given")
    if not known:
        return Settled(question=_question(kind, f"the telemetry names no {kind.noun}", ()))
    unknown: list[tuple[int, str]] = []
    for label in (kind.strong, kind.loose):
        pool, others = _labelled(prose, label, names, hits)
        if pool:
            return _pick(kind, pool, prose, "text, labelled")
        unknown += others
    everywhere = _everywhere(prose) if kind is REGION else None
    low, high = everywhere.span() if everywhere else (0, 0)  # "all regions:" is no label
    if lacking := next((text for at, text in unknown if not low < at <= high + 3), ""):
        return _unknown(kind, known, lacking)
    pool = [hit for hit in hits if not hit.spared]
    # "it's payments, not checkout" also drops an earlier "checkout"; a quoted report is another one
    spared = {hit.values for hit in hits if hit.spared}
    pool = [hit for hit in pool if hit.values not in spared] or pool
    pool = [hit for hit in pool if not prose.is_quoted(hit.start)] or pool
    if pool:
        return _pick(kind, _corrected(pool, prose), prose, "text")
    return _silent(kind, names, prose, {value for values in spared for value in values}, everywhere)


def _corrected(pool: list[Hit], prose: Prose) -> list[Hit]:
    """The names from the last correction on: "us-east-1. No, wait, us-west-2"."""
    words = words_in(prose.text)
    for index, (one, two) in reversed(list(enumerate(pairwise(pool[:_MATCHES]), 1))):
        between = prose.text[one.end : two.start]
        if len(between) <= 60 and one.values != two.values and words["correction"].search(between):
            return [hit for hit in pool[index:] if hit.values != one.values]
    return pool


def checked(kind: ScopeParameter, names: KnownNames, flag: str) -> str:
    """A flag's value as the telemetry spells it. Raises `ParameterError` for an unknown one."""
    value = names.exact(flag)
    if value is not None:
        return value
    shown = closest(flag, names.values)
    fix = f"Known: {', '.join(quote(name) for name in shown)}." if shown else f"The telemetry names no {kind.noun}."
    more = len(names.values) - len(shown)
    raise ParameterError(
        f"The telemetry has no {kind.noun} {quote(flag)}.", fix=fix + (f" And {more} more." if more > 0 else "")
    )


def closest(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Known values, the most similar to a text first, at most `CANDIDATES`."""
    spelled = text[:200].casefold()
    # Sorting by likeness is for lists that a person reads; thousands of names are not compared one by one.
    some = known[:1_000]
    ranked = sorted(some, key=lambda name: -difflib.SequenceMatcher(None, spelled, name[:200].casefold()).ratio())
    return tuple(ranked[:CANDIDATES])


def _labelled(
    prose: Prose, label: re.Pattern[str], names: KnownNames, hits: list[Hit]
) -> tuple[list[Hit], list[tuple[int, str]]]:
    """What stands behind a label: known values; and names that the telemetry lacks, which are not "n/a" or the like,
    with their places."""
    found, unknown = [], []
    for match in islice(label.finditer(prose.text), _MATCHES):
        start, end = match.end(), _value_end(prose.text, match.end(), match["sign"])
        inside = [hit for hit in hits if start <= hit.start < end and not hit.spared]
        value = prose.text[start:end].strip(_AROUND)
        line = prose.text[start : min(prose.line(start)[1], start + 200)].strip(_AROUND)
        exact = names.exact(value) or names.exact(line)
        if not inside and exact:
            inside = [Hit(start, end, (exact,))]
        found += inside
        first = re.split(r"[,;(\n]", value)[0].strip(f"{_AROUND}.")
        if not inside and key(_PLACEHOLDER.sub("", first, count=1)):
            unknown.append((start, first))
    return found, unknown


def _value_end(text: str, start: int, sign: str) -> int:
    """Where a labelled value ends: with its line, before the next label, or with the list below an empty line."""
    line = re.compile(r"[ \t]*(?:\n[ \t]{0,8}[-*•+][ ][^\n]{0,80}){1,8}" if sign == ":" else "(?!)").match(text, start)
    end = line.end() if line else min(start + 200, *(at for at in (text.find("\n", start), len(text)) if at >= 0))
    following = None if line else _NEXT_LABEL.search(text, start, end)
    return following.start() if following else end


def _pick(kind: ScopeParameter, pool: list[Hit], prose: Prose, where: str) -> Settled:
    """One of the values found: of several the likeliest, or a question."""
    plain = [hit for hit in pool if len(hit.values) == 1]
    if not plain:
        quoted = quote(prose.text[pool[0].start : pool[0].end])
        return Settled(question=_question(kind, f"{quoted} may mean several", pool[0].values))
    values, hit, notes = tuple(dict.fromkeys(hit.values[0] for hit in plain)), plain[0], []
    if len(values) > 1:
        chosen = _likeliest(kind, plain, prose)
        if chosen is None:
            return Settled(question=_question(kind, "the text names several", values, Doubt.SEVERAL))
        hit, why = chosen
        notes = [f"The text names several {kind.noun}s; {quote(hit.values[0])} is used, {why}."]
    return Settled(hit.values[0], f"{where}: {prose.snippet(hit.start, hit.end)}", notes=notes)


def _likeliest(kind: ScopeParameter, pool: list[Hit], prose: Prose) -> tuple[Hit, str] | None:
    """Of several values the one that is meant, and why; None where the text does not tell."""
    words = words_in(prose.text)
    between = (prose.text[one.end : two.start] for one, two in pairwise(pool) if one.values != two.values)
    either = any(map(_ALTERNATIVE.fullmatch, between))  # "checkout or payments": the text itself leaves it open

    def sends(hit: Hit) -> bool:  # "the alert was sent from us-east-1"
        return bool(words.like(r"\b{sender}\W{1,3}$").search(prose.text[max(0, hit.start - 60) : hit.start]))

    reasons = (
        ("as it is called the most affected", [hit for hit in pool if hit.foremost]),
        ("as the others are where a message came from", [hit for hit in pool[:_MATCHES] if not sends(hit)]),
        ("as only it is said to fail", [hit for hit in pool[:_MATCHES] if not either and _fails(hit, prose, words)]),
        ("as it is named with where it runs", [hit for hit in pool if hit.beside and not either]),
        ("as only it is said to be open", _in_work(pool[:_MATCHES], prose, words)),
        ("as it is named first", pool[:1] if kind is REGION and not either else []),
    )
    return next(((hits[0], why) for why, hits in reasons if len({hit.values for hit in hits}) == 1), None)


def _in_work(pool: list[Hit], prose: Prose, words: Words) -> list[Hit]:
    """The names in lines that tell of open work, where all other names are in lines that tell of work that is over."""
    head, tail = r"\W*(?:[0-9]{1,3}\W+)?", r".{0,300}?[-:(|,.\[\u2013—]\s{0,3}"  # "1) OPEN it", "it - in progress"
    told = [words.like(rf"{head}{{{kind}}}(?!\w)|{tail}{{{kind}}}\W*$") for kind in ("in_work", "put_away")]
    lines = [prose.text[slice(*prose.line(hit.start))] for hit in pool]
    opened, closed = ([hit for hit, line in zip(pool, lines, strict=True) if one.match(line)] for one in told)
    return opened if len(opened) + len(closed) == len(pool) else []


def _fails(hit: Hit, prose: Prose, words: Words) -> bool:
    """Whether the sentence with the name tells of a failure."""
    begin, end = prose.sentence(hit.start, hit.end)
    said = words["calm"].sub(" ", prose.text[max(begin, hit.start - 300) : min(end, hit.end + 300)])
    return bool(words["failing break fall rise"].search(said)) and not words["past planned"].search(said)


def _unknown(kind: ScopeParameter, known: Sequence[str], text: str) -> Settled:
    if kind is REGION and tuple(known) == (EVERYWHERE,):
        why = "the telemetry does not record regions"
        note = f"{why.capitalize()}: all of its requests are looked at, not only those of {quote(text)}."
        return Settled(EVERYWHERE, why, notes=[note])
    meant = [name for name in known[:1_000] if _misspells(text, name)]
    if len(meant) == 1:
        note = f"The telemetry has no {kind.noun} {quote(text)}: it is taken for {quote(meant[0])}."
        return Settled(meant[0], f"text, labelled: {quote(text)}, misspelled", notes=[note])
    why = f"the text says {quote(text)}, which the telemetry does not have"
    return Settled(question=_question(kind, why, closest(text, known)))


def _misspells(text: str, name: str) -> bool:
    """Whether a text is the name with a letter missing, added, or swapped with its neighbour. A replaced letter makes
    another name."""
    one, two = text[:100].casefold(), name[:100].casefold()
    swapped = sorted(one) == sorted(two) or abs(len(one) - len(two)) == 1
    figures = re.findall(r"[0-9]", one) == re.findall(r"[0-9]", two)
    return swapped and figures and difflib.SequenceMatcher(None, one, two).ratio() >= _ALIKE


def _silent(
    kind: ScopeParameter, names: KnownNames, prose: Prose, spared: Set[str], everywhere: re.Match[str] | None
) -> Settled:
    """A value without a mention: all regions, a part of a composed name, a place, or the telemetry's only value."""
    if everywhere is not None and (affected := [one for one in names.values if one not in spared])[1:]:
        note = f"The text says that all regions are affected: {affected[0]}, the busiest, is looked at."
        note += f" The others: {', '.join(affected[1:CANDIDATES])}."
        origin = f"the busiest of all regions, text: {prose.snippet(*everywhere.span())}"
        return Settled(affected[0], origin, others=tuple(affected[1:]), notes=[note])
    composed = [hit for hit in _composed(kind, names, prose) if hit.values[0] not in spared]
    if len({hit.values for hit in composed}) == 1:
        shown = prose.snippet(composed[0].start, composed[0].end)
        return Settled(composed[0].values[0], f"text, in a composed name: {shown}")
    if kind is REGION and (meant := _of_place(names, prose, spared)):
        return meant
    if len(names.values) == 1:
        note = f"The text names no service of the telemetry: its only one, {quote(names.values[0])}, is looked at."
        origin = f"the only {kind.noun} in the telemetry; the text names none"
        return Settled(names.values[0], origin, notes=[note] if kind is SERVICE else [])
    why = "the text names none that the telemetry has"
    return Settled(question=_question(kind, why, names.values[:CANDIDATES], Doubt.SILENT))


def _everywhere(prose: Prose) -> re.Match[str] | None:
    """Where a text says that all regions are affected; None if it does not."""
    for match in islice(ALL["everywhere"].finditer(prose.text), _MATCHES):
        start, end = match.span()
        before, after = prose.text[max(0, start - 25) : start], prose.text[end : end + 25]
        if not ALL["not"].search(before) and not ALL["fine"].search(after):
            return match
    return None


def _of_place(names: KnownNames, prose: Prose, spared: Set[str]) -> Settled | None:
    """A region by the place in its console name ("Oregon"); or the question about an unknown region."""
    for name, code in data("regions").items():
        place = re.sub(r".*\(|\)", "", name)
        match = re.search(rf"(?<!\w){re.escape(place)}(?!\w)", prose.text)
        if match and code in names.values and code not in spared:
            return Settled(code, f"text, the place of a region: {prose.snippet(*match.span())}")
    # us-east-1a is a zone of us-east-1
    unknown = (match[0] for match in _SHAPED.finditer(prose.text) if not names.exact(match[1]))
    return next((_unknown(REGION, names.values, one) for one in unknown), None)


def _composed(kind: ScopeParameter, names: KnownNames, prose: Prose) -> list[Hit]:
    """Known names within composed names: a service counts only beside an environment."""
    found = []
    for match in islice((_HOST if kind is REGION else _COMPOSED).finditer(prose.text), _MATCHES):
        parts = re.split(r"[-_.]", match.group())
        refused = {"pre", "non", "not"} & set(match.group().casefold().split("-")) if kind is ENVIRONMENT else ()
        if not refused and (kind is not SERVICE or any(map(environment, parts))):
            found += [Hit(match.start(), match.end(), (value,)) for value in names.inside(parts)]
    return found


def _question(kind: ScopeParameter, why: str, candidates: Sequence[str], doubt: Doubt = Doubt.UNCLEAR) -> Question:
    text = f"Which {kind.noun} is affected? {why[:1].upper()}{why[1:]}."
    return Question(parameter=kind.parameter, text=text, candidates=tuple(candidates)[:CANDIDATES], doubt=doubt)
