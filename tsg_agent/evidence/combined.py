"""Aggregates requests at a database server: one row per distinct combination of values, with its number of requests.

One row per request, and per flag, product and run of it, would be most of the data that an investigation transfers. So
the server joins them, groups equal ones, and encodes values as integers, several of which are packed into one 62-bit
word. A column with a cardinality above CODED is transferred as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tsg_agent.evidence.requests import FEWEST, FLAG, KINDS, PLAIN, RUN, STATUSES, USUAL

CODED = 250
"""Highest cardinality of a column, or of all flags together, that is encoded."""
ROOM = 2**62
"""Number of codes of a word: every engine's integers hold it."""
MOMENTS = 4 * KINDS
"""Number of codes within a bucket: request kinds x (slower than usual or not) x (passed on a failure or not)."""


@dataclass
class BoundValues:
    """Collects a query's bound parameters: name -> value."""

    values: dict[str, object] = field(default_factory=dict)

    def mark(self, value: str) -> str:
        """Bind a value; returns its placeholder."""
        name = f"value_{len(self.values)}"
        self.values[name] = value
        return f"${name}"


@dataclass(frozen=True)
class Coded:
    """A low-cardinality column. `code`: the SQL of a value's code, from 1; 0 for any other value."""

    name: str
    values: list[str]
    code: str


@dataclass(frozen=True)
class Word:
    """Columns whose codes are packed into one integer."""

    name: str
    columns: list[Coded]

    @property
    def sql(self) -> str:
        """The SQL of the packed integer."""
        first, *others = self.columns
        text = f"CAST({first.code} AS BIGINT)"
        for column in others:
            text = f"({text}) * {len(column.values) + 1} + {column.code}"
        return text

    def read(self, numbers: NDArray[np.int64]) -> dict[str, pa.Array]:
        """Unpack: column -> its values, dictionary-encoded."""
        found = {}
        for column in reversed(self.columns):
            numbers, code = np.divmod(numbers, len(column.values) + 1)
            codes = pa.array((code - 1).astype(np.int32), mask=code == 0)
            found[column.name] = pa.DictionaryArray.from_arrays(codes, pa.array(column.values, pa.string()))
        return found


def _words(name: str, columns: Iterable[Coded]) -> list[Word]:
    """Pack the columns into as few words as possible, in order."""
    words: list[Word] = []
    room = 0
    for column in columns:
        room //= len(column.values) + 1
        if not room:
            words.append(Word(f"{name}_{len(words)}", []))
            room = ROOM // (len(column.values) + 1)
        words[-1].columns.append(column)
    return words


@dataclass(frozen=True)
class Held:
    """The dimensions of requests: column, or flag -> its values; None for a high cardinality."""

    logs: Mapping[str, list[str] | None]
    flags: Mapping[str, list[str]]
    products: Mapping[str, list[str] | None]
    runs: bool
    users: bool
    passed_on: str = ""
    """The SQL of whether a request passed on a failure; "" if the source does not tell."""


class Coding:
    """Builds the query for combinations, and decodes its result."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._bound = BoundValues()
        self._logs, self._log_texts = self._parted("log", held.logs)
        self._products, self._product_texts = self._parted("product", held.products)
        self._pivoted = [self._pivot(flag, values) for flag, values in held.flags.items()]
        flags = [
            Coded(f"{FLAG}{flag}", values, f"coalesce(flag_{place}, 0)")
            for place, (flag, values) in enumerate(held.flags.items())
        ]
        self._flags = _words("flags", flags)

    @property
    def bound(self) -> dict[str, object]:
        """The query's parameters: name -> value."""
        return dict(self._bound.values)

    def parts(self) -> dict[str, str]:
        """The parts that are filled into combined.sql: placeholder -> SQL."""
        coded = [
            f"{self._held.passed_on or 'false'} AS passed_on",
            "user_id" if self._held.users else "CAST(NULL AS VARCHAR) AS user_id",
            *["correlation_id"] * self._held.runs,
            *(f"{word.sql} AS {word.name}" for word in self._logs),
            *self._log_texts,
        ]
        joined, joins = self._joined()
        tied = [
            *(word.name for word in self._logs),
            *self._log_texts,
            *(f"{word.sql} AS {word.name}" for word in self._flags),
            *(f"coalesce({word.name}, 0) AS {word.name}" for word in self._products),
            *self._product_texts,
            *[RUN] * self._held.runs,
        ]
        words = [word.name for word in (*self._logs, *self._flags, *self._products)]
        grouped = ["moment", "user_id", *words, *self._log_texts, *self._product_texts, *[RUN] * self._held.runs]
        return {
            "coded": ", ".join(coded),
            "joined": "\n".join(f"{one}," for one in joined),
            "joins": "\n    ".join(joins),
            "tied": ",\n        ".join(tied) or "1 AS one",
            "grouped": ", ".join(grouped),
            "moments": str(MOMENTS),
            "statuses": str(STATUSES),
            "fewest": str(FEWEST),
            "times": str(USUAL),
            "plain": ", ".join(map(str, PLAIN)),
        }

    def read(self, found: pa.Table, width: int) -> pa.Table:
        """The combinations with the columns of rows.sql, dictionary-encoded. `width`: seconds per bucket."""
        moment, status = np.divmod(found["moment"].to_numpy(), STATUSES)
        kind = moment % MOMENTS
        columns: dict[str, pa.Array] = {
            "second": pa.array((moment // MOMENTS * width).astype(np.int32)),
            "kind": pa.array((kind // 4).astype(np.int8)),
            "status": pa.array(status.astype(np.int16)),
            "slower": pa.array(kind // 2 % 2 == 1),
            "latency_ms": found["latency_ms"],
            "weight": found["weight"],
        }
        if self._held.passed_on:
            columns["passed_on"] = pa.array(kind % 2 == 1)
        if self._held.users:
            columns["user_id"] = found["user_id"]
        if self._held.runs:
            columns["correlation_id"] = found[RUN].combine_chunks().dictionary_encode()
        for word in (*self._logs, *self._flags, *self._products):
            columns |= word.read(found[word.name].cast(pa.int64()).to_numpy())
        columns |= {name: found[name] for name in (*self._log_texts, *self._product_texts)}
        return pa.table(columns)

    def _parted(self, name: str, held: Mapping[str, list[str] | None]) -> tuple[list[Word], list[str]]:
        """The columns packed into words, and the names of high-cardinality columns."""
        coded = [Coded(column, values, self._code(column, values)) for column, values in held.items() if values]
        return _words(name, coded), [column for column, values in held.items() if values is None]

    def _code(self, column: str, values: Sequence[str]) -> str:
        cases = " ".join(f"WHEN {self._bound.mark(value)} THEN {code}" for code, value in enumerate(values, 1))
        return f"CASE {column} {cases} ELSE 0 END"

    def _pivot(self, flag: str, values: Sequence[str]) -> str:
        """The SQL that pivots a request's flags to the value of one flag."""
        name = self._bound.mark(flag)
        cases = " ".join(
            f"WHEN flag_name = {name} AND flag_value = {self._bound.mark(value)} THEN {code}"
            for code, value in enumerate(values, 1)
        )
        return f"max(CASE {cases} END)"

    def _joined(self) -> tuple[list[str], list[str]]:
        """The common table expressions and the JOIN clauses of the tables joined to the requests."""
        tables, joins = [], []
        for name, table, columns in (
            ("flagged", "feature_flags", [f"{sql} AS flag_{place}" for place, sql in enumerate(self._pivoted)]),
            ("sold", "product_metadata", [*(f"max({word.sql}) AS {word.name}" for word in self._products),
                                          *(f"max({text}) AS {text}" for text in self._product_texts)]),
        ):  # fmt: skip
            if columns:
                tables.append(
                    f"{name} AS (\n    SELECT coded.request_id, {', '.join(columns)}\n    FROM {table}\n"  # noqa: S608 - our own names
                    f"    JOIN coded ON coded.request_id = {table}.request_id\n    GROUP BY coded.request_id\n)"
                )
                joins.append(f"LEFT JOIN {name} ON coded.request_id = {name}.request_id")
        if self._held.runs:
            tables.append(
                f"tracked AS (\n    SELECT DISTINCT correlation_id AS {RUN}\n    FROM workflow_tracking\n"  # noqa: S608 - our own names
                "    WHERE correlation_id IS NOT NULL\n)"
            )
            joins.append(f"LEFT JOIN tracked ON coded.correlation_id = tracked.{RUN}")
        return tables, joins


def listed(found: pa.Table, columns: Sequence[str]) -> dict[str, list[str] | None]:
    """Column -> its values, from values.sql; None for more than CODED."""
    last = 2 ** len(columns) - 1
    held: dict[str, list[str] | None] = {}
    for place, name in enumerate(columns):
        mine = found.filter(pc.equal(found["of"], last - 2 ** (len(columns) - 1 - place)))[name].drop_null().to_pylist()
        held[name] = mine if len(mine) <= CODED else None
    return held


def flags_of(found: pa.Table) -> dict[str, list[str]] | None:
    """Flag -> its values, from flag_values.sql; None if all flags together have more than CODED."""
    if found.num_rows > CODED:
        return None
    held: dict[str, list[str]] = {}
    for name, value in sorted(zip(found["flag_name"].to_pylist(), found["flag_value"].to_pylist(), strict=True),
                              key=str):  # fmt: skip
        if name is not None and value is not None:
            held.setdefault(name, []).append(value)
    return held
