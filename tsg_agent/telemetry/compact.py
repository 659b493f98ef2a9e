"""Caches a scope's requests in compact temporary tables, over which its queries run several times as fast.

An investigation reads the same requests some twenty times, and joins flags and products to them ten times, by a text
key of some twenty characters. With the copies, columns are read and joins made once. If a scope is too large, or its
request_ids repeat, queries run unchanged. So does the first query of a scope, unless it joins or returns ids: a single
check does not pay for a copy.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files

from tsg_agent.errors import QueryError, TelemetryError
from tsg_agent.telemetry.catalog import LOGS
from tsg_agent.telemetry.copies import HASHED, JOINED, KEPT, NUMBERS, Copies, Create, HeldCopies
from tsg_agent.telemetry.keys import COPIED

SCOPE = ("start_time", "end_time", "environment", "service_name", "region")
NAMED = re.compile(rf"\bFROM ({'|'.join(JOINED)})\b")
DISTINCT = re.compile(
    r"SELECT DISTINCT (request_id, [\w, ]+?)\s+FROM (feature_flags|product_metadata)\s+"
    r"WHERE request_id IN \(SELECT request_id FROM requests\)"
)
"""A request's flags or products, without duplicate rows."""
SCOPED = re.compile(r"\bFROM service_requests\s+WHERE region = \$region\b")
OTHER = re.compile(rf"\b({'|'.join(name for name in LOGS.columns if name not in (*KEPT, 'region'))})\b")
ROWS = re.compile(r"\bSELECT bucket AS second\b")
"""Fetches the requests: their users are counted outside of the engine."""
ALONE = re.compile(
    r"SELECT (?:requests\.request_id, ([\w, ]+)|(\w+)\.\*)\s+FROM requests\s+"
    r"JOIN (\w+) ON requests\.request_id = \3\.request_id\s*$"
)
"""Reads only the ids of the requests: it is dropped, since the joined copies hold only the scope's rows."""
CARRYING = re.compile(
    r"requests AS \(\s+SELECT request_id, ([\w, ]+)\s+FROM service_requests\s+WHERE region = \$region\s+\),\s+"
    r"flagged AS \(\s+SELECT request_id, flag_name, flag_value FROM feature_flags\s+\)(.*)"
    r"FROM requests\s+JOIN flagged ON requests\.request_id = flagged\.request_id",
    re.DOTALL,
)
"""Reads columns of the requests that the copy of their flags also holds."""
TWICE = re.compile(
    r"\bAS (\(\s+SELECT requests\.\*, [\w, ]+\s+FROM requests\s+"
    r"JOIN (\w+) ON requests\.request_id = \2\.request_id\s+\))"
)
"""A join that is read by half hour and by user: made once, it takes two thirds of the time."""
RUNS = re.compile(
    r"SELECT request_id, correlation_id\s+FROM requests\s+"
    r"WHERE correlation_id IN \(SELECT correlation_id FROM workflow_tracking\)\s*$"
)
BY_HASH = f"""SELECT requests.request_id, tracked.correlation_id
FROM requests
JOIN (SELECT DISTINCT correlation_id FROM workflow_tracking WHERE correlation_id IS NOT NULL) AS tracked
    ON requests.{HASHED["correlation_id"]} = hash(tracked.correlation_id)"""  # noqa: S608 - our own names
"""The same for requests with hashed users."""
COMMENT = re.compile(r"--[^\n]*")
MAXIMUM_SCOPES = 2
EAGER = 2
"""The ordinal of the query that starts the copies, while the first query's keys are still being checked."""
Over = Callable[[str], str]
"""SQL -> the SQL that reads the copies."""


@dataclass
class _Scope:
    """One window's copies. `made`: table -> whether the copy succeeded."""

    name: str
    held: HeldCopies = field(default_factory=HeldCopies)
    made: dict[str, bool] = field(default_factory=dict)
    locks: dict[str, threading.Lock] = field(default_factory=dict)
    readers: int = 0
    asked: int = 0
    used: bool = False
    """True once a query has read the copies."""


class Compact:
    """An engine's cache of copies: those of the few most recently used scopes."""

    def __init__(self, present: frozenset[str], memory: int) -> None:
        """`present`: the columns that the source's requests have. `memory`: bytes that the engine may use."""
        self._present, self._memory = present, memory
        self._scopes: OrderedDict[tuple[object, ...], _Scope] = OrderedDict()
        self._lock = threading.Lock()
        self._number = 0
        self._requests = files("tsg_agent.tools").joinpath("requests.sql").read_text("utf-8").rstrip()

    @contextmanager
    def reading(self, sql: str, bound: Mapping[str, object], create: Create) -> Iterator[Over]:
        """Yields a function that rewrites the query onto the copies, kept inside the block; or the identity.

        Enter it as soon as the query arrives: arrivals are counted, and a scope's first query needs no copy. Call the
        function only if no request_id repeats in the window, with what `Keys.counted` made of `sql`. `create` makes the
        copies; its errors are raised, except QueryError.
        """
        scoped = 0 < len(SCOPED.findall(sql)) == sql.count("FROM service_requests")

        if not (scoped and self._requests in COPIED.sub("", sql) and bound.keys() >= set(SCOPE)):
            yield lambda text: text
            return
        scope, place = self._entered(tuple(bound[name] for name in SCOPE))
        copies = Copies(scope.name, self._present, self._memory, create, scope.held)
        named = {name: bound[name] for name in SCOPE}
        try:
            if place == EAGER:
                self._has(scope, LOGS.name, partial(copies.copy_requests, self._requests, named))
            yield lambda text: self._over(scope, text, named, copies)
        finally:
            self._left(scope, create)

    def _entered(self, key: tuple[object, ...]) -> tuple[_Scope, int]:
        """The scope, and the ordinal of this query among the scope's queries."""
        with self._lock:
            if key not in self._scopes:
                self._number += 1
                self._scopes[key] = _Scope(f"scope_{self._number}")
            self._scopes.move_to_end(key)
            scope = self._scopes[key]
            scope.readers += 1
            scope.asked += 1
            return scope, scope.asked

    def _left(self, scope: _Scope, create: Create) -> None:
        """Drop the copies of old scopes, and those that turned out not to be readable."""
        with self._lock:
            scope.readers -= 1
            dropped = self._idle(MAXIMUM_SCOPES)
            if scope.made.get(LOGS.name) and not (scope.readers or scope.used):
                dropped.append(scope)  # request_ids repeat: no query may read the copies
                scope.made[LOGS.name] = False
        self._drop(dropped, create)

    def release(self, create: Create) -> None:
        """Drop all copies that are not being read."""
        with self._lock:
            dropped = self._idle(0)
        self._drop(dropped, create)

    def _idle(self, kept: int) -> list[_Scope]:
        """Take out the least recently used scopes above `kept`, unless they are being read."""
        idle = [key for key, one in self._scopes.items() if not one.readers]
        return [self._scopes.pop(key) for key in idle[: max(0, len(self._scopes) - kept)]]

    def _drop(self, scopes: list[_Scope], create: Create) -> None:
        for old in scopes:
            with suppress(TelemetryError):  # a failed cleanup must not fail the query
                Copies(old.name, self._present, self._memory, create, old.held).drop()
                old.held.types.clear()

    def _over(self, scope: _Scope, sql: str, bound: Mapping[str, object], copies: Copies) -> str:
        scope.used = True
        joins = DISTINCT.search(sql) is not None
        text = DISTINCT.sub(r"SELECT \1 FROM \2", sql)
        runs = HASHED.keys() <= self._present and RUNS.search(text) is not None
        rest = (RUNS.sub("", text) if runs else text).replace(self._requests, "")
        rest = COMMENT.sub("", rest)
        other = OTHER.search(rest) is not None or any(name in rest and _tells(name, rest) for name in NUMBERS)
        tells_ids = runs or "request_id" in text.rpartition("SELECT")[2]  # all other copies use the numbers of this one
        if not joins and (other or (scope.asked == 1 and not tells_ids)):
            return sql
        if not self._has(scope, LOGS.name, partial(copies.copy_requests, self._requests, bound)):
            return sql
        named = sorted(set(NAMED.findall(sql)))
        uncopied = {table for table in named if not self._has(scope, table, partial(copies.copy_joined, table))}
        text = sql if uncopied else CARRYING.sub(copies.carrying, ALONE.sub(r"SELECT *\nFROM \3", text))
        text = RUNS.sub(BY_HASH, text) if runs else text
        text = TWICE.sub(r"AS MATERIALIZED \1", text)
        requests = copies.requests(*["correlation_id"] * runs)
        if other:
            requests = (
                f"SELECT listed.* REPLACE ({copies.number} AS request_id)\nFROM (\n{self._requests}\n) AS listed\n"
                f"JOIN {copies.of(LOGS.name)} AS copied ON hash(listed.request_id) = copied.{HASHED['request_id']}"
            )
        text = text.replace(self._requests, requests)
        # A table without a copy (too little memory for it) is joined in the query: ids are numbers in all results.
        return NAMED.sub(lambda one: f"FROM {copies.joined(one[1]) if one[1] in uncopied else copies.of(one[1])}", text)

    def _has(self, scope: _Scope, table: str, make: Callable[[], bool]) -> bool:
        """Make a copy once; concurrent queries wait for it."""
        with self._lock:
            lock = scope.locks.setdefault(table, threading.Lock())
        with lock:
            if table not in scope.made:
                try:
                    scope.made[table] = make()
                except QueryError:  # too little memory for the copy: the query itself may still fit
                    scope.made[table] = False
            return scope.made[table]


def _tells(name: str, sql: str) -> bool:
    """Whether a query may show, or compare, the values of a column instead of only counting them."""
    head, _, last = re.sub(rf"count\((?:DISTINCT )?{name}\)", "", sql).rpartition("SELECT")
    if name in re.sub(rf"(?<=[\s,]){name}(?=,|\s*\n)", "", head):  # more than an item of a list
        return True
    whole = re.findall(r"(?:\b(\w+)\.)?\*(?=,|\s)", last)
    return ROWS.search(sql) is None and (
        name in last or any(re.search(rf"\b{one} AS [^)]*\b{name}\b", head) for one in whole)
    )
