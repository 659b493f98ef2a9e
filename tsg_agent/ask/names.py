"""Names in a question: which of the telemetry's own they are; and what is left that nobody understood."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tsg_agent.ask.dimensions import BY, By
from tsg_agent.ask.plain import PLAIN
from tsg_agent.extract.names import Names, key
from tsg_agent.extract.places import closest
from tsg_agent.telemetry.engine import Engine

LIMIT = 1_000
"""Values of a column that questions may name; the busiest."""
NEAR = 5
_LIKE = 0.6
_EVERYDAY = frozenset(
    {"none", "other", "unknown", "default", "get", "post", "put", "delete", "free", "on", "off", "all"}
)
"""Names that are words: they count only as the telemetry spells them, or beside their noun."""
_WORD = re.compile(r"[A-Za-z0-9_/'][\w./:@'-]*", re.ASCII)
_SHAPED = re.compile(
    r"(?=.*[A-Za-z0-9])(?:/.+|.*[A-Za-z0-9][_/.-][A-Za-z0-9].*|[A-Za-z]+[0-9]+\w*|.*[a-z][A-Z].*)", re.ASCII
)
_EXCEPT = re.compile(
    r"\b(?:except|excluding|without|other than|apart from|besides|outside|not|but not|ignoring)"
    r"(?: (?:in|from|for|by|of|the|on|at|with|those|requests|region|component|version|endpoint)){0,4} $",
    re.IGNORECASE,
)
_SLOTS = (
    re.compile(
        r"\b(?:is|was|are|were|be|isn't|wasn't)[ ](?:it[ ])?(?P<slot>[^?,;]{1,80}?)[ ]"
        r"(?:really |still |also |at all )?"
        r"(?:(?:the |a |one |part )?(?:of )?(?:the )?(?:root )?(?:causes?|culprits?)|to blame|responsible|at fault"
        r"|guilty|ok(?:ay)?|healthy|fine|down|up|broken|affected|failing|slow|degraded|impacted|hurt|involved)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\bhow (?:did|does|do|is|was|are|were)[ ](?P<slot>[^?,;]{1,80}?)"
        r"(?=[ ](?:do|doing|perform|behav|look|go)|\W*$)",
        re.I,
    ),
    re.compile(
        r"\b(?:rates?|latency|p\d\d|requests|failures|errors|availability|figures|numbers|traffic|users)[ ]"
        r"(?:of|for|in|at|on|from|to|by)[ ]"
        r"(?P<slot>[^?,;]{1,60})",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:did|does|has|could|can)[ ](?P<slot>[^?,;]{1,60}?)[ ](?:cause|break|trigger|fail|go down|do it)", re.I
    ),
    re.compile(r"\b(?:because of|due to|caused by|blame|what about|how about)[ ](?P<slot>[^?,;]{1,60})", re.IGNORECASE),
)


@dataclass(frozen=True)
class Named:
    """A name of the telemetry's in a question."""

    by: By
    value: str
    start: int
    end: int
    also: tuple[str, ...] = ()
    """Other columns that have the same name."""


@dataclass(frozen=True)
class Unknown:
    """What stands where a name does, and is none of the telemetry's."""

    text: str
    noun: str
    near: tuple[str, ...]


@dataclass
class Read:
    """A question's names."""

    names: list[Named] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    """Names that are to be left out."""
    leftover: list[str] = field(default_factory=list)
    """Words that no rule understood."""

    def of(self, *columns: str) -> dict[str, tuple[str, ...]]:
        """The named values by column; without `columns` of all of them."""
        found: dict[str, list[str]] = {}
        for one in self.names:
            if not columns or one.by.column in columns:
                found.setdefault(one.by.column, []).append(one.value)
        return {column: tuple(dict.fromkeys(values)) for column, values in found.items()}


class Vocabulary:
    """The names that the telemetry has, column by column."""

    def __init__(self, engine: Engine, timeout: float) -> None:
        """Raises TelemetryError."""
        parts = []
        for by in BY:
            source = engine.tables.get(by.table)
            if source is not None and by.column in source.present:
                column = by.column
                parts.append(
                    f"(SELECT '{column}' AS of, {column} AS value FROM {by.table} "  # noqa: S608 - the catalogue's names
                    f"WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY count(*) DESC, {column} LIMIT {LIMIT})"
                )
        rows = engine.run("\nUNION ALL\n".join(parts), {}, timeout=timeout).to_pylist() if parts else []
        held: dict[str, list[str]] = {}
        for row in rows:
            held.setdefault(row["of"], []).append(str(row["value"]))
        self.values = {by.column: tuple(held[by.column]) for by in BY if by.column in held}
        self._names = {column: Names(values) for column, values in self.values.items()}

    def find(self, text: str, taken: Iterable[tuple[int, int]]) -> list[Named]:
        """The names in a text outside of what is taken. One name of several columns is the first's, or its noun's."""
        open_text = hidden(text, taken)
        hits: dict[tuple[int, int], list[tuple[By, str]]] = {}
        for by in BY:
            for hit in self._names[by.column].find(open_text) if by.column in self._names else ():
                written, value = open_text[hit.start : hit.end], hit.values[0]
                if value != written and not self._means(open_text, hit.start, hit.end, value, by):
                    continue
                start = (
                    hit.start - 1
                    if value.startswith("/") and open_text[hit.start - 1 : hit.start] == "/"
                    else hit.start
                )
                hits.setdefault((start, hit.end), []).append((by, value))
        found: list[Named] = []
        for (start, end), those in sorted(hits.items(), key=lambda item: (item[0][0], -item[0][1])):
            if found and start < found[-1].end:
                continue
            slashed = open_text[start] == "/"
            beside = [pair for pair in those if _beside(open_text, start, end, pair[0])]
            paths = [pair for pair in those if pair[0].column == "endpoint_path"] if slashed else []
            by, value = (paths or beside or those)[0]
            also = tuple(other.column for other, _ in those if other is not by) if not (paths or beside) else ()
            found.append(Named(by, value, start, end, also))
        return found

    def _means(self, text: str, start: int, end: int, value: str, by: By) -> bool:
        """Whether a spelling that is not the telemetry's own is meant as the name: plain words may not be."""
        written = text[start:end]
        if value.startswith("/") and text[start - 1 : start] == "/":
            return True
        if value.isupper() and value.isalpha() and not written.isupper():  # PREMIUM, DATABASE: words, too
            return _beside(text, start, end, by)
        plain = written.isdigit() or key(written) in _EVERYDAY or (written.isalpha() and written.lower() in PLAIN)
        return not plain or _beside(text, start, end, by)

    def read(self, text: str, taken: list[tuple[int, int]], understood: Sequence[re.Pattern[str]]) -> Read:
        """All names of a question; and what of it nobody understood."""
        read = Read(self.find(text, taken))
        read.excluded = [one.value for one in read.names if _EXCEPT.search(text[max(0, one.start - 60) : one.start])]
        spans = [*taken, *((one.start, one.end) for one in read.names)]
        known = [match.span() for pattern in understood for match in pattern.finditer(text)]
        left = [word for word in _words(hidden(text, spans)) if not _plain(word[2])]
        slots = [match.span("slot") for pattern in _SLOTS for match in pattern.finditer(text)]
        for start, end, word in left:
            shaped = bool(_SHAPED.fullmatch(word)) and not all(_plain(part) for part in re.split(r"[-/]", word) if part)
            by = _noun_of(text, start, end)
            covered = any(low <= start and end <= high for low, high in known)
            if covered and not (shaped and by):
                continue
            here = any(low <= start and end <= high for low, high in slots)
            named = any(
                low <= one.start and one.end <= high for low, high in slots if low <= start < high for one in read.names
            )
            if by or shaped or (here and not named):
                read.unknown.append(Unknown(word, _said(by), self._near(word, by)))
            else:
                read.leftover.append(word)
        return read

    def _near(self, word: str, by: By | None) -> tuple[str, ...]:
        if by is not None:
            return closest(word, self.values.get(by.column, ()))[:NEAR]
        every = [value for values in self.values.values() for value in values]
        like = [v for v in every if word.lower() in v.lower() or _likeness(word, v) >= _LIKE]
        return closest(word, list(dict.fromkeys(like)))[:NEAR]


def _likeness(one: str, other: str) -> float:
    first, second = (re.split(r"[-_./:]", name.lower())[0] for name in (one, other))
    same = first if first == second and first not in (one.lower(), "") else ""  # us-north and us-east
    return 1.0 if same else difflib.SequenceMatcher(None, one.lower(), other.lower()[:200]).ratio()


def hidden(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """A text with some of its spans made unreadable; all places stay."""
    for low, high in spans:
        text = f"{text[:low]}{'#' * (high - low)}{text[high:]}"
    return text


def _words(text: str) -> list[tuple[int, int, str]]:
    found = []
    for match in _WORD.finditer(text):
        word = match.group().rstrip(".:/'-@") if len(match.group()) > 1 else match.group()
        word = re.sub(r"'s$", "", word).lstrip("'")
        if word:
            start = match.start() + match.group().index(word)
            found.append((start, start + len(word), word))
    return found


def _plain(word: str) -> bool:
    return word.lower() in PLAIN


def _said(by: By | None) -> str:
    return by.column.replace("_", " ").replace("service version", "version") if by else ""


def _noun_of(text: str, start: int, end: int) -> By | None:
    """The thing whose noun stands before a word ("version 9.9.9"), or after it ("the mars region")."""
    before, after = text[max(0, start - 40) : start], text[end : end + 30]
    for by in BY:
        if re.search(rf"(?:{by.noun.pattern})(?: (?:called|named|=|is))?[ :=“\"']{{1,3}}$", before, re.IGNORECASE):
            return by
    for by in BY:
        if re.match(rf"[ ](?:{by.noun.pattern})", after, re.IGNORECASE) and re.search(
            r"\b(?:the|in|of|is|for|by) $", before
        ):
            return by
    return None


def _beside(text: str, start: int, end: int, by: By) -> bool:
    """Whether a name's noun stands before it or after it."""
    before, after = text[max(0, start - 40) : start], text[end : end + 30]
    return bool(
        re.search(rf"(?:{by.noun.pattern})(?: (?:called|named))?[ :=]{{1,3}}$", before, re.IGNORECASE)
        or re.match(rf"[ ](?:{by.noun.pattern})", after, re.IGNORECASE)
    )
