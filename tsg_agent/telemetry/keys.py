"""Leaves out the DISTINCTs that change nothing, which makes the checks several times as fast.

A healthy source has one log row per request_id, one product per request and one value of each flag per request; then
counting rows is counting requests. "Check rather than trust": each of the three is measured, once a window, and
where it does not hold the query runs as it is written.
"""

import re
import threading
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from tsg_agent.errors import QueryError

Run = Callable[[str, Mapping[str, object]], pa.Table]

COUNTED = re.compile(r"count\(DISTINCT (?:\w+\.)?request_id\)", re.IGNORECASE)
COPIED = re.compile(r"\s*QUALIFY row_number\(\) OVER \(PARTITION BY request_id\b[^)]*\) = 1")
DISTINCT = re.compile(
    r"SELECT DISTINCT (request_id, [\w, ]+?)\s+FROM (feature_flags|product_metadata)\s+"
    r"WHERE request_id IN \(SELECT request_id FROM requests\)"
)
"""A request's flags or products, each row once."""
SCOPE = ("start_time", "end_time", "environment", "service_name")
BITMAP_BYTES = 256 * 2**20
"""A proof over a join holds one bit per request and group; with more than this the DISTINCT is the cheaper one."""

_WINDOW = "timestamp BETWEEN $start_time AND $end_time AND environment = $environment AND service_name = $service_name"
_HASHES = (
    f"SELECT CASE WHEN request_id IS NOT NULL THEN hash(request_id) END AS hash FROM api_gateway_logs WHERE {_WINDOW}"  # noqa: S608 - our own names
)
_ROWS = f"SELECT count(*) AS rows FROM api_gateway_logs WHERE {_WINDOW} AND region = $region"  # noqa: S608 - our own names
_GROUPS = {"feature_flags": "flag_name", "product_metadata": "NULL"}
"""A request has one row per group: one value of a flag, one product."""


class Keys:
    """Which keys are unique in which window, as measured."""

    def __init__(self) -> None:
        self._proven: dict[tuple[object, ...], bool] = {}
        self._locks: dict[tuple[object, ...], threading.Lock] = {}
        self._lock = threading.Lock()

    def counted(self, sql: str, bound: Mapping[str, object], run: Run) -> str:
        """The query without the DISTINCTs over requests, where no request_id repeats in the window.

        Raises what `run`, which measures, raises.
        """
        if not (bound.keys() >= set(SCOPE) and (COUNTED.search(sql) or COPIED.search(sql))):
            return sql
        scope = tuple(bound[name] for name in SCOPE)
        if not self._holds(("api_gateway_logs", *scope), lambda: _one_row_a_request(bound, run)):
            return sql
        return COPIED.sub("", COUNTED.sub("count(*)", sql))

    def joined(self, sql: str, bound: Mapping[str, object], run: Run) -> str:
        """The query without the DISTINCT over flags or products, where a request has one row of each."""
        joined = DISTINCT.search(sql)
        if not (joined and bound.keys() >= {*SCOPE, "region"}):
            return sql
        table, scope = joined[2], tuple(bound[name] for name in (*SCOPE, "region"))
        if not self._holds((table, *scope), lambda: _one_row_a_group(table, bound, run)):
            return sql
        return DISTINCT.sub(r"SELECT \1 FROM \2", sql)

    def _holds(self, key: tuple[object, ...], measure: Callable[[], bool]) -> bool:
        """Measure once; queries that ask at the same time wait for the answer."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._proven:
                self._proven[key] = measure()
            return self._proven[key]


def _one_row_a_request(bound: Mapping[str, object], run: Run) -> bool:
    """Is request_id neither repeated nor NULL in the window?

    Where no hash repeats, no text does; and numbers are sorted in half the time that texts are grouped in.
    """
    found = run(_HASHES, {name: bound[name] for name in SCOPE})["hash"]
    if found.null_count:
        return False
    hashes = np.require(found.to_numpy(), requirements="W")  # a copy only where these are the engine's own
    hashes.sort()
    return not bool((hashes[1:] == hashes[:-1]).any())


def _one_row_a_group(table: str, bound: Mapping[str, object], run: Run) -> bool:
    """Has each request of the window and region at most one row per group in `table`?

    One bit per request and group: where every row sets a bit of its own, none is repeated.
    """
    scope = {name: bound[name] for name in (*SCOPE, "region")}
    requests = int(run(_ROWS, scope)["rows"][0].as_py())
    group = _GROUPS[table]
    groups = int(run(f"SELECT count(DISTINCT {group}) AS n FROM {table}", {})["n"][0].as_py())  # noqa: S608 - our own names
    if requests // 8 * max(groups, 1) > BITMAP_BYTES:
        return False
    sql = f"""
        WITH requests AS (
            SELECT row_number() OVER () AS number, request_id
            FROM api_gateway_logs
            WHERE {_WINDOW} AND region = $region
        ),
        marked AS (
            SELECT {group}, count(*) AS rows, bit_count(bitstring_agg(number, 0, {requests})) AS bits
            FROM requests
            JOIN {table} ON requests.request_id = {table}.request_id
            GROUP BY ALL
        )
        SELECT coalesce(bool_and(rows = bits), true) AS proven FROM marked
    """  # noqa: S608 - our own names, and a number
    try:
        return bool(run(sql, scope)["proven"][0].as_py())
    except QueryError:
        return False  # too little memory for the proof: the query itself may still fit
