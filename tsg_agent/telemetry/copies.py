"""Makes the copies of a scope: its requests, by number and with codes for texts, and what joins to them.

A text of few values becomes an ENUM: one byte instead of sixteen, grouped by an array instead of a hash table. It
compares, sorts and prints as the text does. A text that only joins becomes its hash, of 64 bits. That no two requests
share one is proven before a copy is read (keys.py). That a request outside of the scope has the hash of one inside, and
gives it its flag, is a chance of one in two hundred thousand for five million requests and twenty million flags.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tsg_agent.columns import COLUMNS
from tsg_agent.telemetry.catalog import FLAGS, LOGS, PRODUCTS

Create = Callable[[str, Mapping[str, object]], tuple[Any, ...]]
"""Runs statements of the engine's own and returns the first row of the last, empty without one."""

FEW, MANY = 64, 10_000
"""Values up to which a text's code is looked up in a list, and up to which it gets a code at all."""
BITMAP_BYTES = 256 * 2**20
"""Of a proof with one bit per request and group; with more than this a DISTINCT is the cheaper one."""
FEWEST_CODED = 30_000
"""Rows of a source with fewer are copied as they are: to find their values takes longer than the codes save."""
REQUEST_BYTES = 250
"""Of the memory limit, for each request that is copied: some 310 bytes are held when the last query is over, most of
them copies, and the process may hold a quarter more than the limit while queries run."""
CODED, PLAIN, _HASHED = (
    tuple(column.name for column in COLUMNS if column.table == LOGS.name and column.copy == way)
    for way in ("coded", "plain", "hashed")
)
HASHED = {name: f"{name.removesuffix('_id')}_hash" for name in _HASHED}
"""A text that only joins -> its hash, by which it does."""
KEPT = (*PLAIN, *CODED, "request_id")
"""What the copy of the requests holds; a query that names another column reads the source."""
CARRIED = ("status_code", "latency_ms", "weight")
"""What the copy of the flags holds of their requests."""
JOINED = {table.name: tuple(name for name in table.columns if name != "request_id") for table in (FLAGS, PRODUCTS)}


@dataclass
class HeldCopies:
    """What there is of a scope's copies."""

    types: list[str] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=dict)
    """Coded column -> its values, NULL among them."""
    requests: int = 0
    coded: bool = True
    """Whether texts are codes: of few requests it costs more than it saves."""


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
        """A copied request's number, which stands for its request_id.

        The remainder is the number itself. It tells the engine how far the numbers go: then a million of them are
        joined by an array instead of a hash table.
        """
        return f"CAST(copied.rowid % {max(1, self.held.requests)} AS INTEGER)"

    def carrying(self, query: re.Match[str]) -> str:
        """Of a query that joins flags to columns of their requests: the same from the copy of the flags alone."""
        names, between = query[1].split(", "), query[2]
        if not set(names) <= set(CARRIED):
            return query[0]
        carried = ", ".join(name if name in self.present else f"{LOGS.blank(name)} AS {name}" for name in names)
        flagged = f"SELECT request_id, flag_name, flag_value, {carried} FROM {FLAGS.name}"  # noqa: S608 - our own names
        return f"flagged AS (\n{flagged}\n){between}FROM flagged AS requests"

    def requests(self, *hashed: str) -> str:
        """A SELECT of the requests as their table has them, request_id being a number; with the hashes of `hashed`."""
        absent = [name for name in KEPT if name not in self.present]
        nulls = "".join(f", {LOGS.blank(name)} AS {name}" for name in absent)
        hidden = ", ".join(code for name, code in HASHED.items() if name in self.present and name not in hashed)
        columns = f"* EXCLUDE ({hidden}), {self.number} AS request_id, $region AS region{nulls}"
        return f"SELECT {columns} FROM {self.of(LOGS.name)} AS copied"  # noqa: S608 - our own names

    def copy_requests(self, requests: str, scope: Mapping[str, object]) -> bool:
        """Copy what the SELECT `requests` finds in the scope's region; False where that is too much."""
        source = f"({requests}\n) WHERE region = $region"
        # What the whole source holds is often known without reading it.
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
        columns = ", ".join([*hashes, *plain, *(f"{code} AS {name}" for name, code in codes.items())])
        sql = f"CREATE OR REPLACE TABLE {self.of(LOGS.name)} AS SELECT {columns} FROM {source}"  # noqa: S608 - our own names
        (self.held.requests,) = self.create(sql, scope)
        return True

    def copy_joined(self, table: str) -> bool:
        """Copy a table's rows about the scope's requests, each once."""
        requests, copy = self.of(LOGS.name), self.of(table)
        codes = self._codes(table, table, JOINED[table], {})
        carried = [f"copied.{name}" for name in CARRIED if table == FLAGS.name and name in self.present]
        coded = [f"{code} AS {name}" for name, code in codes.items()]
        columns = ", ".join([f"{self.number} AS request_id", *carried, *coded])
        rows = f"FROM {table} JOIN {requests} AS copied ON hash({table}.request_id) = copied.{HASHED['request_id']}"
        (found,) = self.create(f"CREATE OR REPLACE TABLE {copy} AS SELECT {columns} {rows}", {})
        if self._repeats(copy, JOINED[table], found):
            self.create(f"CREATE OR REPLACE TABLE {copy} AS SELECT DISTINCT * FROM {copy}", {})  # noqa: S608 - our own names
        return True

    def _repeats(self, copy: str, columns: Collection[str], rows: int) -> bool:
        """Is a row of a joined table's copy there twice?

        One bit per request and group of equal columns: where every row sets a bit of its own, none is repeated.
        """
        equal, last = ", ".join(columns), self.held.requests
        bits = f"bit_count(bitstring_agg(request_id, 0, {last}))"
        if rows <= last and not self.create(f"SELECT count(*) - {bits} FROM {copy}", {})[0]:  # noqa: S608 - our own names
            return False  # no request has two rows
        groups = math.prod(self.held.values.get(name, BITMAP_BYTES) for name in columns)  # there may be fewer
        if groups * last // 8 > BITMAP_BYTES:
            (groups,) = self.create(f"SELECT count(*) FROM (SELECT DISTINCT {equal} FROM {copy})", {})  # noqa: S608 - our own names
        if groups * last // 8 > BITMAP_BYTES:
            distinct = f"(SELECT count(*) FROM (SELECT DISTINCT * FROM {copy}))"  # noqa: S608 - our own names
            return bool(self.create(f"SELECT count(*) - {distinct} FROM {copy}", {})[0])  # noqa: S608 - our own names
        marked = f"SELECT count(*) - {bits} AS repeated FROM {copy} GROUP BY {equal}"  # noqa: S608 - our own names
        return bool(self.create(f"SELECT coalesce(sum(repeated), 0) FROM ({marked})", {})[0])  # noqa: S608 - our own names

    def drop(self) -> None:
        """Drop everything that was made."""
        for table in (LOGS.name, *JOINED):
            self.create(f"DROP TABLE IF EXISTS {self.of(table)}", {})
        for name in self.held.types:
            self.create(f"DROP TYPE IF EXISTS {name}", {})

    def _codes(self, table: str, source: str, columns: Collection[str], bound: Mapping[str, object]) -> dict[str, str]:
        """Column -> the expression that turns its text into a code, or the column itself where it has many values."""
        if not columns or not self.held.coded:
            return {name: name for name in columns}
        held = f"{self.of(table)}_values"
        lists = ", ".join(f"list_sort(list({name}) FILTER ({name} IS NOT NULL)) AS {name}" for name in columns)
        # Groups of one column each take less time, and half of the memory, of as many DISTINCTs.
        sets = ", ".join(f"({name})" for name in columns)
        values = f"SELECT {', '.join(columns)} FROM {source} GROUP BY GROUPING SETS ({sets})"  # noqa: S608 - our own names
        self.create(f"CREATE OR REPLACE TABLE {held} AS SELECT {lists} FROM ({values})", bound)  # noqa: S608 - our own names
        lengths = ", ".join(f"len({name})" for name in columns)
        found = dict(zip(columns, self.create(f"SELECT {lengths} FROM {held}", {}), strict=True))  # noqa: S608 - our own names
        coded = [name for name in columns if 0 < (found[name] or 0) <= MANY]
        kinds = [f"CREATE TYPE {self._kind(name)} AS ENUM (SELECT unnest({name}) FROM {held})" for name in coded]  # noqa: S608 - our own names
        self.create("; ".join([*kinds, f"DROP TABLE {held}"]), {})
        self.held.types += [self._kind(name) for name in coded]
        self.held.values |= {name: found[name] + 1 for name in coded}
        return {name: self._code(name, found[name]) if name in coded else name for name in columns}

    def _kind(self, column: str) -> str:
        return f"{self.of('type')}_{column}"

    def _code(self, column: str, values: int) -> str:
        kind = self._kind(column)
        if values > FEW:
            return f"CAST({column} AS {kind})"
        # Unlike a cast, this is worked out once per value of a Parquet file's dictionary, not once per row.
        known = f"enum_range(CAST(NULL AS {kind}))"
        return f"(CAST({known} AS {kind}[]))[list_position({known}, {column})]"
