"""What an incident's text suspects beside its parameters (versions, flags, components, "the cache"), with the verdicts'
figures of it, significant or not.

Names that the telemetry does not have are returned too, so that the report can say so.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from tsg_agent.columns import BY_DEPTH, Nature
from tsg_agent.escape import one_line
from tsg_agent.extract.words import data
from tsg_agent.models import Mention, Subject
from tsg_agent.verdicts import Evidence, judge
from tsg_agent.verdicts.judge import Judged
from tsg_agent.verdicts.mentioned import names_in, with_mentions
from tsg_agent.versions import release_key
from tsg_agent.wording import NAME_LENGTH, column_words

MOST = 6
"""At most so many mentions are returned, the first ones."""
PLAIN = tuple(
    column.name for column in BY_DEPTH if not (column.weak or column.beside or column.nature is Nature.REGION)
)
"""Columns whose values are names. A name that several columns have is the first one's."""
BESIDE = {column.name: column.beside for column in BY_DEPTH if column.beside}
"""Column whose values are everyday words -> pattern of the words beside which a value counts."""
SHORTEST = 3
_Found = tuple[int, Mention]  # with its place in the text
_LEFT, _RIGHT = r"(?<![\w/.-])", r"(?![\w]|[-.]\w)"


def judge_with_suspects(evidence: Evidence, text: str) -> Judged:
    """The verdicts, and each mention in the text with its figures; words of the parameters are no suspicions."""
    judged, given = judge(evidence), evidence.parameters
    told = (given.service_name, given.region, given.environment, *given.other_regions)
    found = mentioned(text, names_in(judged.measurement), told) if text else []
    return replace(judged, judgement=with_mentions(found, judged))


def mentioned(text: str, names: Mapping[str, Iterable[str]], told: Iterable[str] = ()) -> list[Mention]:
    """The mentions of a text, in its order, each once.

    `names`: column -> its values in the telemetry. `told`: parameters (the service, the region), which are no mentions.
    """
    once: dict[str, tuple[int, Mention]] = {}
    taken = [match.span() for word in told for match in re.finditer(_pattern(word), text, re.IGNORECASE)]
    for at, named in (*_known(text, names), *_unknown(text, names), *_things(text, names)):
        stop = at + len(named.words)
        if not any(at < end and begin < stop for begin, end in taken):
            taken.append((at, stop))
            same = repr(sorted(named.subject.items())) if named.subject else named.words.casefold()
            once.setdefault(same, (at, named))
    return [named for _, named in sorted(once.values(), key=lambda one: one[0])[:MOST]]


def _known(text: str, names: Mapping[str, Iterable[str]]) -> list[_Found]:
    """Names of the telemetry, the longest first: "orders-db" is not "orders"."""
    found = []
    folded = text.casefold()
    for column in PLAIN:
        for value in _written(names.get(column, ()), folded):
            if len(value) >= SHORTEST and any(character.isalpha() or character == "." for character in value):
                found += [_named(match, column, value) for match in re.finditer(_pattern(value), text, re.IGNORECASE)]
    for column, beside in BESIDE.items():
        for value in _written(names.get(column, ()), folded):
            own = _pattern(value)
            for form in (rf"{own} (?:{beside})\b", rf"\b(?:{beside}) {own}"):
                found += [_named(match, column, value) for match in re.finditer(form, text, re.IGNORECASE)]
    return sorted(found, key=lambda one: (-len(one[1].words), one[0]))


def _written(values: Iterable[str], folded: str) -> Iterator[str]:
    """The values whose parts all occur in a casefolded text; a pattern for each of the others would cost too much."""
    return (value for value in values if all(part.casefold() in folded for part in _parts(value)))


def _unknown(text: str, names: Mapping[str, Iterable[str]]) -> list[_Found]:
    """Names of versions, flags and components that the telemetry does not have."""
    found = []
    for kind, column in (("version", "service_version"), ("flag", "flag_name"), ("component", "service_component")):
        known = {value.casefold() for value in names.get(column, ())}
        for pattern in data("suspects")[kind]["words"]:
            said = ((match[1].rstrip("."), match.start(1)) for match in re.finditer(pattern, text, re.IGNORECASE))
            found += [_mention(words, kind, None, at) for words, at in said if words.casefold() not in known]
    return found


def _things(text: str, names: Mapping[str, Iterable[str]]) -> list[_Found]:
    """Things suspected by kind ("the cache"), with the telemetry's name that sounds alike, if there is one."""
    found = []
    for thing in data("suspects")["thing"]:
        match = re.search(rf"\b(?:{'|'.join(thing['words'])})\b", text, re.IGNORECASE)
        if match:
            meant = _sounding(names, thing["names"])
            found += [_mention(match[0], column_words(next(iter(one))), one, match.start()) for one in meant]
            if not meant:
                found.append(_mention(match[0], thing["called"], None, match.start()))
    match = re.search(rf"\b(?:{'|'.join(data('suspects')['release']['words'])})\b", text, re.IGNORECASE)
    versions = [value for value in names.get("service_version", ()) if release_key(value) is not None]
    if match and versions:
        newest = max(versions, key=lambda value: release_key(value) or ((), 0, ()))
        found.append(_mention(match[0], "version", {"service_version": newest}, match.start()))
    return found


def _sounding(names: Mapping[str, Iterable[str]], parts: Sequence[str]) -> list[Subject]:
    """The component or dependency whose name has one of these parts, if exactly one does."""
    found = [
        {column: value}
        for column in ("dependency_name", "service_component")
        for value in names.get(column, ())
        if set(re.split(r"[^a-z0-9]+", value.casefold())) & set(parts)
    ]
    return found if len(found) == 1 else []


def _named(match: re.Match[str], column: str, value: str) -> _Found:
    return _mention(match[0], column_words(column), {column: value}, match.start())


def _mention(said: str, kind: str, subject: Subject | None, at: int) -> _Found:
    return at, Mention(words=one_line(said, NAME_LENGTH), kind=kind, subject=subject)


@cache
def _pattern(value: str) -> str:
    """A pattern of a name with any separators, and "v" before a version."""
    parts = map(re.escape, _parts(value))
    longer = r"(?!/\w)" if value.startswith("/") else ""
    return rf"{_LEFT}v?{r'[-_ ]?'.join(parts)}{_RIGHT}{longer}"


def _parts(value: str) -> list[str]:
    return [part for part in re.split(r"[-_\s]+", value) if part]
