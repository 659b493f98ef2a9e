"""Makes the compact copies of a scope: its requests, numbered and dictionary-encoded, and the tables joined to them.

A low-cardinality text becomes an ENUM: one byte instead of sixteen, grouped by an array instead of a hash table. It
compares, sorts and prints like the text. A text that is only a join key, or only counted (users), becomes a 64-bit
hash: of a million users two have the same one in one of 40 million cases. keys.py proves before a copy is read that no
two requests in the scope share a hash. A request outside of the scope that has the hash of one inside would give it its
flag: for five million requests and twenty million flags the chance is 1 in 200,000.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tsg_agent.columns import COLUMNS
from tsg_agent.telemetry.catalog import FLAGS, LOGS, PRODUCTS
from tsg_agent.telemetry.values import literal

Create = Callable[[str, Mapping[str, object]], tuple[Any, ...]]
"""Runs statements of the engine's own and returns the first row of the last, empty without one."""

FEW, MANY = 64, 10_000
"""Cardinality up to which a text is encoded by a list lookup, and up to which it is encoded at all."""
BITMAP_BYTES = 256 * 2**20
"""Largest bitmap of a duplicate check, in bytes; above it a DISTINCT is cheaper."""
FEWEST_CODED = 30_000
"""Sources with fewer rows are copied unencoded: finding the values takes longer than the encoding saves."""
REQUEST_BYTES = 250
"""Bytes of the memory limit reserved per copied request: some 140 for the copies, which may spill, 75 for what is
fetched of it, and 25 for its workflow."""
CODED, PLAIN, COUNTED, _HASHED, _STATUSES = (
    tuple(column.name for column in COLUMNS if column.table == LOGS.name and column.copy == way)
    for way in ("coded", "plain", "counted", "hashed", "small")
)
STATUSES = {name: f"CAST({name} AS SMALLINT)" for name in _STATUSES}
"""Column of HTTP statuses -> the same in two bytes; three flags of a request repeat it."""
NUMBERS = {name: f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END" for name in COUNTED}
"""Text column whose values are only told apart -> the number that stands for a value: a tenth of the time to count."""
HASHED = {name: f"{name.removesuffix('_id')}_hash" for name in _HASHED}
"""Text column that is only a join key -> its hash."""
KEPT = (*PLAIN, *STATUSES, *CODED, *COUNTED, "request_id")
"""Columns of the copy of the requests; a query that names another column reads the source."""
CARRIED = ("status_code", "latency_ms", "weight")
"""Columns of the requests that the copy of the flags repeats."""
JOINED = {table.name: tuple(name for name in table.columns if name != "request_id") for table in (FLAGS, PRODUCTS)}


@dataclass
class HeldCopies:
    """The copies of a scope that exist."""

    types: list[str] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=dict)
    """Encoded column -> its values, including NULL."""
    requests: int = 0
    coded: bool = True
    """True if texts are encoded: for few requests that costs more than it saves."""


@dataclass
class Copies:
    """One scope's copies, under a name of their own.

    `present`: the columns that the source's requests have. `memory`: bytes that the engine may use.
    """

    name: str
    present: frozenset[str]
    memory: int
    create: Create
    held: HeldCopies = field(default_factory=HeldCopies)

    def of(self, table: str) -> str:
        """The copy's name."""
        return f"{self.name}_{table}"

    @property
    def number(self) -> str:
        """The SQL of a copied request's number, which replaces its request_id.

        The modulo leaves the number unchanged, but tells the engine its range: it then joins a million of them by
        an array instead of a hash table.
        """
        return f"CAST(copied.rowid % {max(1, self.held.requests)} AS INTEGER)"

    def carrying(self, query: re.Match[str]) -> str:
        """A query that joins flags to their requests, rewritten to read the copy of the flags alone."""
        names, between = query[1].split(", "), query[2]
        if not set(names) <= set(CARRIED):
            return query[0]
        carried = ", ".join(name if name in self.present else f"{LOGS.blank(name)} AS {name}" for name in names)
        flagged = f"SELECT request_id, flag_name, flag_value, {carried} FROM {FLAGS.name}"  # noqa: S608 - our own names
        return f"flagged AS (\n{flagged}\n){between}FROM flagged AS requests"

    def requests(self, *hashed: str) -> str:
        """A SELECT of the table's columns with request_id as a number, and of the hashes of `hashed`."""
        absent = [name for name in KEPT if name not in self.present]
        nulls = "".join(f", {LOGS.blank(name)} AS {name}" for name in absent)
        hidden = ", ".join(code for name, code in HASHED.items() if name in self.present and name not in hashed)
        columns = f"* EXCLUDE ({hidden}), {self.number} AS request_id, $region AS region{nulls}"
        return f"SELECT {columns} FROM {self.of(LOGS.name)} AS copied"  # noqa: S608 - our own names

    def copy_requests(self, requests: str, scope: Mapping[str, object]) -> bool:
        """Copy the rows of the SELECT `requests` in the scope's region; False if they would exceed the memory."""
        source = f"({requests}\n) WHERE region = $region"
        # The size of the whole source is often known from metadata.
        (rows,) = self.create(f"SELECT count(*) FROM {LOGS.name}", {})  # noqa: S608 - our own name
        most = self.memory // REQUEST_BYTES
        if rows > most:
            (rows,) = self.create(f"SELECT count(*) FROM {source}", scope)  # noqa: S608 - our own names
        if rows > most:
            return False
        self.held.coded = rows > FEWEST_CODED
        codes = self._codes(LOGS.name, source, [name for name in CODED if name in self.present], scope)
        plain = [name for name in PLAIN if name in self.present]
        hashes = [f"hash({name}) AS {code}" for name, code in HASHED.items() if name in self.present]
        told = codes | {name: number for name, number in (STATUSES | NUMBERS).items() if name in self.present}
        columns = ", ".join([*hashes, *plain, *(f"{code} AS {name}" for name, code in told.items())])
        sql = f"CREATE OR REPLACE TABLE {self.of(LOGS.name)} AS SELECT {columns} FROM {source}"  # noqa: S608 - our own names
        (self.held.requests,) = self.create(sql, scope)
        return True

    def copy_joined(self, table: str) -> bool:
        """Copy a table's rows about the scope's requests, without duplicates."""
        copy, codes = self.of(table), self._codes(table, table, JOINED[table], {})
        carried = [f"copied.{name}" for name in CARRIED if table == FLAGS.name and name in self.present]
        columns = [*carried, *(f"{code} AS {name}" for name, code in codes.items())]
        (found,) = self.create(f"CREATE OR REPLACE TABLE {copy} AS {self._joined(table, columns)}", {})
        if self._repeats(copy, JOINED[table], found):
            self.create(f"CREATE OR REPLACE TABLE {copy} AS SELECT DISTINCT * FROM {copy}", {})  # noqa: S608 - our own names
        return True

    def joined(self, table: str) -> str:
        """What `copy_joined` would copy, as a subquery in the place of the table; duplicates stay."""
        return f"({self._joined(table, JOINED[table])}) AS {table}"

    def _joined(self, table: str, columns: Sequence[str]) -> str:
        shown = ", ".join([f"{self.number} AS request_id", *columns])
        requests, of = self.of(LOGS.name), HASHED["request_id"]
        return f"SELECT {shown} FROM {table} JOIN {requests} AS copied ON hash({table}.request_id) = copied.{of}"  # noqa: S608 - our own names

    def _repeats(self, copy: str, columns: Collection[str], rows: int) -> bool:
        """Whether a joined table's copy has duplicate rows.

        Uses a bitmap of one bit per request and group of equal columns: rows are unique if each sets its own bit.
        """
        equal, last = ", ".join(columns), self.held.requests
        bits = f"bit_count(bitstring_agg(request_id, 0, {last}))"
        if rows <= last and not self.create(f"SELECT count(*) - {bits} FROM {copy}", {})[0]:  # noqa: S608 - our own names
            return False  # no request has two rows
        groups = math.prod(self.held.values.get(name, BITMAP_BYTES) for name in columns)  # an upper bound
        if groups * last // 8 > BITMAP_BYTES:
            (groups,) = self.create(f"SELECT count(*) FROM (SELECT DISTINCT {equal} FROM {copy})", {})  # noqa: S608 - our own names
        if groups * last // 8 > BITMAP_BYTES:
            distinct = f"(SELECT count(*) FROM (SELECT DISTINCT * FROM {copy}))"  # noqa: S608 - our own names
            return bool(self.create(f"SELECT count(*) - {distinct} FROM {copy}", {})[0])  # noqa: S608 - our own names
        marked = f"SELECT count(*) - {bits} AS repeated FROM {copy} GROUP BY {equal}"  # noqa: S608 - our own names
        return bool(self.create(f"SELECT coalesce(sum(repeated), 0) FROM ({marked})", {})[0])  # noqa: S608 - our own names

    def drop(self) -> None:
        """Drop all copies and types."""
        for table in (LOGS.name, *JOINED):
            self.create(f"DROP TABLE IF EXISTS {self.of(table)}", {})
        for name in self.held.types:
            self.create(f"DROP TYPE IF EXISTS {name}", {})

    def _codes(self, table: str, source: str, columns: Sequence[str], bound: Mapping[str, object]) -> dict[str, str]:
        """Column -> the expression that encodes its text, or the column itself if its cardinality is high."""
        if not columns or not self.held.coded:
            return {name: name for name in columns}
        names, sets = ", ".join(columns), ", ".join(f"({name})" for name in columns)
        # One GROUP BY per column is faster than count(DISTINCT), and takes half of the memory.
        each = f"SELECT GROUPING({names}) AS of, coalesce({names}) AS value FROM {source}"  # noqa: S608 - our own names
        few = f"CASE WHEN count(value) <= {MANY} THEN list_sort(list(value) FILTER (value IS NOT NULL)) END"
        lists = f"SELECT of, {few} AS held FROM ({each} GROUP BY GROUPING SETS ({sets})) GROUP BY of"  # noqa: S608 - our own names
        (held,) = self.create(f"SELECT map_from_entries(list((of, held))) FROM ({lists})", bound)  # noqa: S608 - our own names
        others = 2 ** len(columns) - 1  # `of` has a 0 bit for the column that a row is about; the last one's is lowest
        found = {name: (held or {}).get(others - 2**place) or [] for place, name in enumerate(reversed(columns))}
        coded: dict[str, list[str]] = {name: found[name] for name in columns if found[name]}
        kinds = [f"CREATE TYPE {self._kind(name)} AS ENUM ({', '.join(map(literal, coded[name]))})" for name in coded]
        if kinds:
            self.create("; ".join(kinds), {})
        self.held.types += map(self._kind, coded)
        self.held.values |= {name: len(values) + 1 for name, values in coded.items()}
        return {name: self._code(name, len(coded[name])) if name in coded else name for name in columns}

    def _kind(self, column: str) -> str:
        return f"{self.of('type')}_{column}"

    def _code(self, column: str, values: int) -> str:
        kind = self._kind(column)
        if values > FEW:
            return f"CAST({column} AS {kind})"
        # Unlike a cast, this runs once per value of a Parquet dictionary, not once per row.
        known = f"enum_range(CAST(NULL AS {kind}))"
        return f"(CAST({known} AS {kind}[]))[list_position({known}, {column})]"
