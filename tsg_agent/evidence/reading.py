"""Builds Requests from query results: encodes each column, and joins flags, products and runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tsg_agent.evidence.requests import FLAG, Codes, DimensionCodes, Requests, held_by
from tsg_agent.evidence.seen_users import Users
from tsg_agent.statistics import Bools
from tsg_agent.steps.dimension import Dimension
from tsg_agent.telemetry.catalog import FLAGS, LOGS, PRODUCTS

SPARSE = 16
"""Numbers up to so many times the number of requests are used as indices directly."""
LOOKED_FOR = 32
"""Up to so many codes are searched one by one; more are counted."""


def read_requests(results: dict[str, pa.Table], dimensions: Sequence[Dimension]) -> Requests:
    """The requests from the results of their queries. `dimensions`: those that can name a cause."""
    rows = results["rows"]
    columns = _columns(rows, held_by(dimensions, LOGS))
    own, run, runs = _tied(results, dimensions) if "slower" not in rows.column_names else _own(rows, dimensions)
    latency = rows["latency_ms"].cast(pa.float64()).fill_null(np.nan).to_numpy()
    passed, slower = (
        rows[name].fill_null(False).to_numpy() if name in rows.column_names else None
        for name in ("passed_on", "slower")
    )
    weight = rows["weight"].cast(pa.float64()).to_numpy() if "weight" in rows.column_names else None
    return Requests(
        rows["second"].to_numpy().astype(np.int32, copy=False),
        rows["kind"].to_numpy().astype(np.int8, copy=False),
        latency,
        None if weight is None or (weight == 1).all() else weight,
        [column for column in (*columns, *own) if column.values],
        run,
        runs,
        passed,
        rows["user_id"] if "user_id" in rows.column_names else None,
        _users(results, ""),
        _users(results, "all_"),
        slower,
        directed="directed" in rows.column_names,
        status=rows["status"].to_numpy().astype(np.int16, copy=False),
    )


def _users(results: dict[str, pa.Table], which: str) -> tuple[Users, Users | None] | None:
    everyone, entry = (results.get(f"{which}{name}") for name in ("users", "entry_users"))
    return None if everyone is None else (Users.of(everyone), None if entry is None else Users.of(entry))


def _tied(
    results: dict[str, pa.Table], dimensions: Sequence[Dimension]
) -> tuple[list[DimensionCodes], Codes | None, pa.Array | None]:
    """The joined columns of separate results: flags and products, each request's run, and the runs' ids."""
    columns: list[DimensionCodes] = []
    run = runs = None
    if "request_id" in results["rows"].column_names:
        requests = _Ids.of(results["rows"]["request_id"])
        if "flags" in results:
            columns += [
                column for flag in held_by(dimensions, FLAGS) for column in _flags(flag, results["flags"], requests)
            ]
        if "products" in results:
            where = requests.find(results["products"]["request_id"])
            for dimension in held_by(dimensions, PRODUCTS):
                values, codes = _coded(results["products"][dimension.columns[0]])
                columns.append(
                    DimensionCodes(dimension, [(value,) for value in values], requests.scatter(where, codes))
                )
        if "runs" in results:
            runs, codes = _numbered(results["runs"]["correlation_id"])
            run = requests.scatter(requests.find(results["runs"]["request_id"]), codes)
    return columns, run, runs


def _own(rows: pa.Table, dimensions: Sequence[Dimension]) -> tuple[list[DimensionCodes], Codes | None, pa.Array | None]:
    """The same from combinations, which are already joined."""
    columns = []
    for flag in held_by(dimensions, FLAGS):
        for name in sorted(name for name in rows.column_names if name.startswith(FLAG)):
            values, codes = _coded(rows[name])
            columns.append(DimensionCodes(flag, [(name.removeprefix(FLAG), value) for value in values], codes))
    columns += _columns(rows, held_by(dimensions, PRODUCTS))
    if "correlation_id" not in rows.column_names:
        return columns, None, None
    runs, run = _numbered(rows["correlation_id"])
    return columns, run, runs


def _numbered(ids: pa.ChunkedArray) -> tuple[pa.Array, Codes]:
    """The distinct ids, and each row's index among them; -1 for NULL."""
    whole = ids.combine_chunks()
    encoded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    return encoded.dictionary, _filled(encoded.indices)


def _filled(numbers: pa.Array | pa.ChunkedArray) -> Codes:
    """The numbers, -1 for NULL."""
    return np.asarray(numbers.fill_null(-1) if numbers.null_count else numbers)


def _columns(rows: pa.Table, dimensions: Sequence[Dimension]) -> list[DimensionCodes]:
    """The encoded columns of those dimensions that the rows have."""
    found = []
    for dimension in dimensions:
        if dimension.columns[0] in rows.column_names:
            values, codes = _coded(rows[dimension.columns[0]])
            found.append(DimensionCodes(dimension, [(value,) for value in values], codes))
    return found


def _coded(column: pa.ChunkedArray) -> tuple[list[str], Codes]:
    """The distinct values, sorted, and each row's index among them; -1 for NULL."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # chunks of a dictionary column may have dictionaries of their own
        whole = whole.unify_dictionaries().combine_chunks()
    encoded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    kind = _smallest(len(names))
    codes = _filled(encoded.indices.cast(pa.from_numpy_dtype(kind), safe=False))
    order = sorted(np.flatnonzero(_held(codes, len(names))).tolist(), key=names.__getitem__)
    return [names[place] for place in order], _renumbered(codes, order, len(names))


def _renumbered(codes: Codes, order: Sequence[int], count: int) -> Codes:
    """The codes as places in `order`, which has all that occur of the codes below `count`."""
    if list(order) == list(range(count)):
        return codes  # as an engine's dictionaries mostly are
    rank = np.full(count + 1, -1, _smallest(len(order)))
    rank[order] = np.arange(len(order))
    return rank[codes]


def _held(codes: Codes, count: int) -> Bools:
    """Which of the codes below `count` occur, shape (count,). Few are searched one by one, which is mostly faster."""
    if count <= LOOKED_FOR:
        return np.array([(codes == code).any() for code in range(count)], bool)
    return np.asarray(np.bincount(codes + 1, minlength=count + 1)[1:] > 0)


def _smallest(values: int) -> type[np.signedinteger[Any]]:
    """The smallest integer type for the codes of `values` values."""
    return next((kind for kind in (np.int8, np.int16) if values <= np.iinfo(kind).max), np.int32)


@dataclass(frozen=True)
class _Ids:
    """The distinct request ids, and each request's index among them. A request may have several rows.

    `distinct`: the ids by index; None if the engine numbers the requests: then the number is the index.
    """

    distinct: pa.Array | None
    place: Codes
    count: int

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "_Ids":
        if pa.types.is_integer(column.type):
            place = _filled(column)
            if (last := int(place.max(initial=-1))) < SPARSE * len(place):
                return cls(None, place, last + 1)
        encoded = column.combine_chunks().dictionary_encode()
        place = _filled(encoded.indices)
        return cls(encoded.dictionary, place, len(encoded.dictionary))

    def find(self, ids: pa.ChunkedArray) -> Codes:
        """The index of each id among the distinct ones; -1 for an unknown one."""
        if self.distinct is None:
            number = _filled(ids)
            return number if number.max(initial=-1) < self.count else np.where(number < self.count, number, -1)
        return _filled(pc.index_in(ids.combine_chunks(), value_set=self.distinct))

    def scatter(self, where: Codes, codes: Codes) -> Codes:
        """Each request's code, given `codes` of the ids at the indices `where`; -1 for the others."""
        found = np.full(self.count + 1, -1, codes.dtype)
        found[where] = codes
        found[-1] = -1  # the slot for unknown ids
        return found[:-1] if self._in_order else found[self.place]

    @cached_property
    def _in_order(self) -> bool:
        """Whether each request has one row, in the order of the numbers, as an engine's mostly have."""
        return self.count == len(self.place) and bool((self.place == np.arange(self.count)).all())


def _flags(dimension: Dimension, rows: pa.Table, requests: _Ids) -> list[DimensionCodes]:
    """One column per flag: a request has at most one value of each."""
    names, name = _coded(rows["flag_name"])
    values, value = _coded(rows["flag_value"])
    where = requests.find(rows["request_id"])
    columns = []
    for place, flag in enumerate(names):
        mine = np.flatnonzero((name == place) & (value >= 0))
        held = requests.scatter(where[mine], value[mine])
        present = np.flatnonzero(_held(held, len(values))).tolist()
        codes = _renumbered(held, present, len(values))
        columns.append(DimensionCodes(dimension, [(flag, values[one]) for one in present], codes))
    return columns
