"""Copies of a scope's requests in which request_id is a number, and of what joins to them.

Flags and products are tied to requests by a text of some twenty characters, and an investigation joins them some ten
times. Each join by text is made once instead, and its result kept: the queries then join by number. Where a scope is
too large, or its request_ids repeat, the queries run as they are written.
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
from tsg_agent.telemetry.catalog import FLAGS, LOGS, PRODUCTS

Create = Callable[[str, Mapping[str, object]], int]
"""Runs one statement and returns its first number, 0 without one."""

SCOPE = ("start_time", "end_time", "environment", "service_name", "region")
JOINED = {table.name: ", ".join(table.columns) for table in (FLAGS, PRODUCTS)}
NAMED = re.compile(rf"\bFROM ({'|'.join(JOINED)})\b")
DISTINCT = re.compile(
    r"SELECT DISTINCT (request_id, [\w, ]+?)\s+FROM (feature_flags|product_metadata)\s+"
    r"WHERE request_id IN \(SELECT request_id FROM requests\)"
)
"""A request's flags or products: what a copy holds, each once."""
SCOPED = re.compile(r"\bFROM service_requests\s+WHERE region = \$region\b")
KEPT = (
    "request_id", "timestamp", "status_code", "latency_ms", "is_retry", "user_id", "has_dependency_failure",
)  # fmt: skip
"""What the copy of the requests holds; a query that names another column reads the source, and takes the number."""
OTHER = re.compile(rf"\b({'|'.join(name for name in LOGS.columns if name not in (*KEPT, 'region'))})\b")
COMMENT = re.compile(r"--[^\n]*")
MAXIMUM_REQUESTS = 6_000_000
"""Some 200 bytes each, with their flags and products."""
MAXIMUM_SCOPES = 2


@dataclass
class _Scope:
    """One window's copies: which there are; False = tried, and not to be had."""

    name: str
    made: dict[str, bool] = field(default_factory=dict)
    locks: dict[str, threading.Lock] = field(default_factory=dict)
    readers: int = 0


class Compact:
    """The copies that an engine holds: of the few scopes that were asked for last."""

    def __init__(self) -> None:
        self._scopes: OrderedDict[tuple[object, ...], _Scope] = OrderedDict()
        self._lock = threading.Lock()
        self._number = 0
        self._requests = files("tsg_agent.tools").joinpath("requests.sql").read_text("utf-8").rstrip()

    @contextmanager
    def reading(self, sql: str, bound: Mapping[str, object], create: Create) -> Iterator[str]:
        """The query over the copies, which stay while the block lasts; or as it is, where there are none.

        To be asked only where no request_id repeats in the window. `create` makes them; raises what it raises, but
        for a QueryError.
        """
        asked = DISTINCT.search(sql)
        alone = len(SCOPED.findall(sql)) == sql.count("FROM service_requests") == 1
        if not (asked and alone and self._requests in sql and bound.keys() >= set(SCOPE)):
            yield sql
            return
        scope = self._entered(tuple(bound[name] for name in SCOPE))
        try:
            yield self._over(scope, sql, {name: bound[name] for name in SCOPE}, create)
        finally:
            self._left(scope, create)

    def _entered(self, key: tuple[object, ...]) -> _Scope:
        with self._lock:
            if key not in self._scopes:
                self._number += 1
                self._scopes[key] = _Scope(f"scope_{self._number}")
            self._scopes.move_to_end(key)
            scope = self._scopes[key]
            scope.readers += 1
            return scope

    def _left(self, scope: _Scope, create: Create) -> None:
        """Drop the copies of scopes that were asked for long ago, unless they are being read."""
        with self._lock:
            scope.readers -= 1
            idle = [key for key, one in self._scopes.items() if not one.readers]
            dropped = [self._scopes.pop(key) for key in idle[: max(0, len(self._scopes) - MAXIMUM_SCOPES)]]
        for old in dropped:
            for table in (LOGS.name, *JOINED):
                with suppress(TelemetryError):  # the query that was last is not to fail for it
                    create(f"DROP TABLE IF EXISTS {old.name}_{table}", {})

    def _over(self, scope: _Scope, sql: str, bound: Mapping[str, object], create: Create) -> str:
        if not self._has(scope, LOGS.name, partial(self._copy_requests, scope, bound, create)):
            return sql
        for table in sorted(set(NAMED.findall(sql))):
            if not self._has(scope, table, partial(_copy_joined, scope, table, create)):
                return sql
        source = f"{scope.name}_{LOGS.name}"
        text = DISTINCT.sub(r"SELECT \1 FROM \2", sql)
        if OTHER.search(COMMENT.sub("", text.replace(self._requests, ""))):
            requests = (
                f"SELECT listed.* REPLACE ({source}.number AS request_id)\nFROM (\n{self._requests}\n) AS listed\n"
                f"JOIN {source} ON listed.request_id = {source}.request_id"
            )
        else:
            requests = f"SELECT * REPLACE (number AS request_id), $region AS region FROM {source}"  # noqa: S608 - ours
        text = text.replace(self._requests, requests)
        return NAMED.sub(rf"FROM {scope.name}_\1", text)

    def _has(self, scope: _Scope, table: str, make: Callable[[], bool]) -> bool:
        """Make a copy once; queries that ask at the same time wait for it."""
        with self._lock:
            lock = scope.locks.setdefault(table, threading.Lock())
        with lock:
            if table not in scope.made:
                try:
                    scope.made[table] = make()
                except QueryError:  # too little memory for the copy: the query itself may still fit
                    scope.made[table] = False
            return scope.made[table]

    def _copy_requests(self, scope: _Scope, bound: Mapping[str, object], create: Create) -> bool:
        table = f"{scope.name}_{LOGS.name}"
        some = f"SELECT {', '.join(KEPT)} FROM ({self._requests}\n) WHERE region = $region LIMIT {MAXIMUM_REQUESTS + 1}"  # noqa: S608 - ours
        numbered = f"SELECT CAST(row_number() OVER () AS INTEGER) AS number, * FROM ({some})"  # noqa: S608 - ours
        create(f"CREATE OR REPLACE TABLE {table} AS {numbered}", bound)
        if create(f"SELECT count(*) FROM {table}", {}) <= MAXIMUM_REQUESTS:  # noqa: S608 - ours
            return True
        create(f"DROP TABLE {table}", {})
        return False


def _copy_joined(scope: _Scope, table: str, create: Create) -> bool:
    """A table's rows about the scope's requests, each once."""
    columns = JOINED[table].replace("request_id", "number AS request_id")
    requests, copy = f"{scope.name}_{LOGS.name}", f"{scope.name}_{table}"
    rows = f"FROM {table} JOIN {requests} ON {table}.request_id = {requests}.request_id"
    create(f"CREATE OR REPLACE TABLE {copy} AS SELECT {columns} {rows}", {})
    repeated = f"SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT * FROM {copy})) FROM {copy}"  # noqa: S608 - ours
    if create(repeated, {}):
        create(f"CREATE OR REPLACE TABLE {copy} AS SELECT DISTINCT * FROM {copy}", {})  # noqa: S608 - ours
    return True
