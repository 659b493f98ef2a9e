"""The values of the telemetry's columns, and how they are found in a question."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tsg_agent.ask.lexicon import lexicon, one_edit_apart, stem
from tsg_agent.ask.typed import columns
from tsg_agent.columns import COLUMNS
from tsg_agent.extract.names import KnownNames, key
from tsg_agent.models import Known
from tsg_agent.telemetry.catalog import FLAGS, LOGS, METRICS, PRODUCTS, WORKFLOWS, Kind
from tsg_agent.telemetry.engine import Engine

LIMIT = 1_000
"""Maximal values of a column, the most frequent ones."""
NEAR = 5
_LIKE = 0.6
_SCOPE = ("environment", "service_name")
"""Columns of the scope."""
_MANY = (
    "request_id",
    "correlation_id",
    "user_id",
    "session_id",
    "exception_message",
    "stack_trace_hash",
    "workflow_id",
)
"""Columns whose values questions do not name."""
_LAST = frozenset(column.name for column in COLUMNS if column.weak)
"""Columns that lose when a value occurs in several."""
PEOPLE = tuple(column.name for column in COLUMNS if column.people)
"""Columns whose values describe users: "premium customers", "android users"."""
_ERRORS = re.compile(r"[ -](?:errors?|failures?|5xx)\b", re.IGNORECASE)
_SHOWN_WITH = {"flag_value": "flag_name"}


@dataclass(frozen=True)
class Named:
    """A column's value in a question."""

    column: str
    value: str
    start: int
    end: int
    also: tuple[str, ...] = ()
    """Other columns with the same value."""


TABLES = (LOGS, FLAGS, PRODUCTS, WORKFLOWS, METRICS)
"""The tables of questions. A column of several tables belongs to the first."""


def table_of(column: str) -> str:
    """The table that a column is read from."""
    return next(table.name for table in TABLES if column in table.columns)


class Vocabulary:
    """The known values of each column."""

    def __init__(self, engine: Engine, timeout: float, known: Known) -> None:
        """Raises TelemetryError."""
        named = [name for table in TABLES for name, kind in table.columns.items() if kind is Kind.TEXT]
        order = [name for name in dict.fromkeys(named) if name in columns() and name not in (*_MANY, *_SCOPE)]
        order.sort(key=lambda name: (name in _LAST, name != "region"))
        parts = []
        for column in order:
            table = table_of(column)
            source = engine.tables.get(table)
            if source is not None and column in source.present:
                parts.append(
                    f"(SELECT '{column}' AS of, {column} AS value FROM {table} "  # noqa: S608 - the catalogue's names
                    f"WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY count(*) DESC, {column} LIMIT {LIMIT})"
                )
        rows = engine.run("\nUNION ALL\n".join(parts), {}, timeout=timeout).to_pylist() if parts else []
        held: dict[str, list[str]] = {}
        for row in rows:
            held.setdefault(row["of"], []).append(str(row["value"]))
        self.values = {column: tuple(held[column]) for column in order if column in held}
        self._names = {column: KnownNames(values) for column, values in self.values.items()}
        places = (*known.services, *known.environments)
        texts = [*places, *(value for values in self.values.values() for value in values)]
        self._parts = {part for text in texts for part in (text.lower(), *re.split(r"[\W_]+", text.lower())) if part}

    def find(self, text: str, taken: Iterable[tuple[int, int]]) -> list[Named]:
        """The values in a text, in order, outside the `taken` spans; of overlapping ones the longest."""
        spans = list(taken)
        hits: dict[tuple[int, int], list[tuple[str, str]]] = {}
        for column, names in self._names.items():
            for hit in names.find(text):
                free = not any(low < hit.end and hit.start < high for low, high in spans)
                if free and len(hit.values) == 1 and self._means(text, hit.start, hit.end, hit.values[0], column):
                    start = hit.start - (hit.values[0].startswith("/") and text[hit.start - 1 : hit.start] == "/")
                    hits.setdefault((start, hit.end), []).append((column, hit.values[0]))
        names_a_flag = any(column == "flag_name" for those in hits.values() for column, _ in those)
        found: list[Named] = []
        for (start, end), those in sorted(hits.items(), key=lambda item: (item[0][0], -item[0][1])):
            if found and start < found[-1].end:
                continue
            slashed = [pair for pair in those if pair[0] == "endpoint_path" and text[start] == "/"]
            exact = [pair for pair in those if text[start:end] == pair[1]]
            beside = [pair for pair in those if _beside(text, start, end, pair[0])]
            flagged = [pair for pair in those if pair[0] == "flag_value" and names_a_flag]
            column, value = (slashed or flagged or beside or exact or those)[0]
            also = tuple(other for other, _ in those if other != column) if not (slashed or beside) else ()
            found.append(Named(column, value, start, end, also))
        flags = [one for one in found if one.column == "flag_name"]
        for one in found:
            if one.column == "flag_value" and _has_flag(one, flags, text):
                flags.append(one)
        return [one for one in found if one.column != "flag_value" or one in flags]

    def _means(self, text: str, start: int, end: int, value: str, column: str) -> bool:
        """Whether a match is meant as the value; everyday words need their noun or exact spelling."""
        written = text[start:end]
        phrase = lexicon().longest(re.findall(r"[\w-]+", text[start : end + 30])[:3])
        if phrase and phrase[0] > len(written.split()):
            return False  # "business criticality" names no tenant
        if value.startswith("/"):
            return text[start - 1 : start] == "/" or _beside(text, start, end, column)
        if column == "error_category" and _ERRORS.match(text, end):  # "database errors"
            return not phrase or phrase[1].kind != "condition"
        everyday = bool(lexicon().longest(written.lower().split())) or not key(written)
        if column in _LAST or everyday:
            shouted = written == value and written.isupper() and not text.isupper()
            return (
                shouted
                or column == "flag_value"
                or _beside(text, start, end, column)
                or (written == value and not everyday)
            )
        if value.isupper() and value.isalpha() and not written.isupper():  # BUSINESS, DATABASE: words, too
            return column in ("customer_tier", "tenant_category") or _beside(text, start, end, column)
        return not written.isdigit() or _beside(text, start, end, column)

    def near(self, word: str, column: str = "") -> tuple[str, ...]:
        """The values most similar to a word: of a column, else of all columns."""
        values = self.values.get(column) or tuple(
            dict.fromkeys(v for every in self.values.values() for v in every if _likeness(word, v) >= _LIKE)
        )
        return tuple(sorted(values, key=lambda value: -_likeness(word, value))[:NEAR])

    def knows(self, word: str) -> bool:
        """Whether a word is part of a value."""
        return word.lower() in self._parts

    def misspelt(self, word: str) -> tuple[str, ...]:
        """The parts of values at edit distance 1 from a word; none for short words and codes."""
        if not word.isalpha() or len(word) < 5:
            return ()
        return tuple(name for name in self._parts if name.isalpha() and one_edit_apart(word.lower(), name))


def _likeness(one: str, other: str) -> float:
    low, high = one.lower(), other.lower()[:200]
    parts = [re.split(r"[-_./:]", name)[0] for name in (low, high)]
    same = parts[0] == parts[1] != low  # us-north and us-east
    return 1.0 if same or low in high else difflib.SequenceMatcher(None, low, high).ratio()


def _has_flag(one: Named, flags: list[Named], text: str) -> bool:
    """Whether a flag's value stands near a flag's name or noun: "on" alone is a preposition."""
    if any(other.column == "flag_value" and text[other.end : one.start] == " " for other in flags):
        return False  # "new_pricing off on web"
    near = 200 if one.value not in ("on", "off", "true", "false") else 12
    return any(-near <= one.start - other.end <= near for other in flags) or _beside(
        text, one.start, one.end, "flag_value"
    )


def _beside(text: str, start: int, end: int, column: str) -> bool:
    """Whether the noun of a column stands before or after a value."""
    before = re.findall(r"[\w-]+", text[max(0, start - 40) : start])[-3:]
    after = re.findall(r"[\w-]+", text[end : end + 40])[:2]
    if text[max(0, start - 1) : start].strip() in (",", ";", "?", "."):
        before = []
    if before and before[-1].lower() in ("called", "named", "is", "of"):
        before.pop()
    around = [before[-1:], before[-2:], after[:1], after[:2]]
    for words in around:
        found = lexicon().longest([stem(word) for word in words]) if words else None
        if found and found[0] == len(words) and found[1].kind == "thing" and _is(found[1].value, column):
            return True
    return False


def _is(thing: str, column: str) -> bool:
    """Whether a noun may stand beside a column's values: "premium customers", "flag new_pricing on"."""
    return thing in (column, _SHOWN_WITH.get(column)) or (thing == "user_id" and column in PEOPLE)
