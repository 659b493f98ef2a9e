"""The window's requests as arrays, one entry each: when, how they were answered, their value of each dimension."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tsg_agent.columns import Nature
from tsg_agent.evidence.blocks import in_blocks
from tsg_agent.models import Measure, Subject
from tsg_agent.statistics import Bools, Floats
from tsg_agent.steps.dimension import Dimension
from tsg_agent.telemetry.catalog import FLAGS, LOGS, PRODUCTS, WORKFLOWS, Table

Codes = NDArray[np.integer]
ANSWERS = 7
"""Answers that requests.sql tells apart, numbered as follows; 6 = any other."""
UNKNOWN, SUCCESS, REDIRECT, RATE_LIMITED, CLIENT_ERROR, SERVER_ERROR = range(6)
KINDS = 4 * ANSWERS
"""Kinds of requests that are told apart: answer, slow, a retry."""
MINUTE = 60
USUAL, FEWEST = 2.0, 200
"""How many times the 99th percentile is slow; requests without which nothing is known to be usual."""
SPARSE = 16
"""Numbers up to so many times the requests are taken as their places."""
LOOKED_FOR = 32
"""Codes of a column that are looked for one by one; more are counted."""
REQUEST_MEASURES = (
    Measure.SERVER_ERRORS,
    Measure.NOT_SUCCESSFUL,
    Measure.RATE_LIMITED,
    Measure.CLIENT_ERRORS,
    Measure.SLOW,
    Measure.RETRIES,
)
"""What a request can count as."""


def kinds_of(measure: Measure) -> Bools:
    """Which kinds of requests a measure counts as failures."""
    kind = np.arange(KINDS)
    answer = kind // 4
    counted = {
        Measure.SERVER_ERRORS: answer == SERVER_ERROR,
        Measure.NOT_SUCCESSFUL: answer > SUCCESS,
        Measure.RATE_LIMITED: answer == RATE_LIMITED,
        Measure.CLIENT_ERRORS: (answer == RATE_LIMITED) | (answer == CLIENT_ERROR),
        Measure.SLOW: (kind // 2) % 2 == 1,
        Measure.RETRIES: kind % 2 == 1,
    }
    result: Bools = counted[measure] & (answer != UNKNOWN)
    return result


@dataclass(frozen=True)
class Column:
    """One dimension: a code per request, -1 where it has no value, and what each code says."""

    dimension: Dimension
    values: list[tuple[str, ...]]
    codes: Codes

    def subject(self, code: int) -> Subject:
        """What a code is about."""
        return dict(zip(self.dimension.columns, self.values[code], strict=True))

    @property
    def recorded(self) -> bool:
        """Whether no value means "not known": a request that asks for no flag, or is of no workflow, has none."""
        return self.dimension.table not in (FLAGS.name, WORKFLOWS.name)

    @cached_property
    def subjects(self) -> list[Subject]:
        """What each code is about."""
        return [self.subject(code) for code in range(len(self.values))]


@dataclass(frozen=True)
class Requests:
    """Requests in no order; all arrays have one entry per request.

    `second`: since the window's origin. `kind`: see KINDS. `latency`: ms, NaN where unknown. `weight`: how many
    requests each stands for, None where each is one. `run`: its place among `runs`, -1 where it is part of none.
    """

    second: NDArray[np.int32]
    kind: NDArray[np.int8]
    latency: Floats
    weight: Floats | None
    columns: list[Column]
    run: Codes | None = None
    runs: pa.Array | None = None
    passed: Bools | None = None
    """Spans that failed because a call that they made failed; None where the source has no spans."""
    user: pa.ChunkedArray | None = None
    """Each request's user; None where the source names no users."""
    slower_ms: float = np.inf
    """From how long on a request counts as slower than usual."""

    def __len__(self) -> int:
        return len(self.second)

    @cached_property
    def known(self) -> Bools:
        """Which requests say how they were answered."""
        result: Bools = self.kind >= 4 * SUCCESS
        return result

    @cached_property
    def not_failed(self) -> Bools:
        """Which requests say that they were answered otherwise than by 5xx."""
        return self.known & ~self.failed(Measure.SERVER_ERRORS)

    @cached_property
    def went_well(self) -> Bools:
        """Which requests lost nobody anything: answered by 2xx or 3xx, and not slowly."""
        kind = np.arange(KINDS)
        well: Bools = np.isin(kind // 4, (SUCCESS, REDIRECT)) & ~kinds_of(Measure.SLOW)
        return well[self.kind]

    @cached_property
    def passed_on(self) -> Bools:
        """Requests that pass on what failed behind them: a failing span without a failing child is where it failed."""
        return np.zeros(len(self), bool) if self.passed is None else self.passed

    def failed(self, measure: Measure) -> Bools:
        """Which requests a measure counts."""
        if measure not in self._failed:
            slower = measure is Measure.SLOWER
            self._failed[measure] = (
                self.known & (self.latency > self.slower_ms) if slower else kinds_of(measure)[self.kind]
            )
        return self._failed[measure]

    @cached_property
    def _failed(self) -> dict[Measure, Bools]:
        return {}

    @cached_property
    def minute(self) -> NDArray[np.int32]:
        """Since the window's origin."""
        return self.second // MINUTE

    def until(self, second: int) -> "Requests":
        """The requests before a second."""
        kept = self.second < second
        held = {one.name: getattr(self, one.name) for one in fields(self)}
        changed: dict[str, Any] = {name: of[kept] for name, of in held.items() if isinstance(of, np.ndarray)}
        if self.user is not None:
            changed["user"] = self.user.filter(pa.array(kept))
        changed["columns"] = [replace(column, codes=column.codes[kept]) for column in self.columns]
        return replace(self, **changed)

    def with_usual(self, minute: float) -> "Requests":
        """The requests, slowness measured by those before a minute: twice the time that 99 % of them took at most."""
        usual = self.latency[(self.second < minute * MINUTE) & ~np.isnan(self.latency)]
        slower = USUAL * float(np.percentile(usual, 99)) if len(usual) >= FEWEST else np.inf
        return replace(self, slower_ms=slower)

    def column(self, name: str) -> Column | None:
        """The column of a dimension of one name."""
        return next((one for one in self.columns if one.dimension.columns == (name,)), None)

    def having(self, subject: Subject) -> Bools:
        """Which requests a description is about."""
        found = np.ones(len(self), bool)
        for column in self.columns:
            said = tuple(subject.get(name) for name in column.dimension.columns)
            if column.dimension.table == FLAGS.name and not any(value[0] == said[0] for value in column.values):
                continue
            if None not in said:
                code = next((code for code, value in enumerate(column.values) if value == said), None)
                found &= column.codes == code if code is not None else False
        return found

    def lacking(self, subject: Subject) -> Bools:
        """Which requests do not record one of the dimensions that a description names."""
        found = np.zeros(len(self), bool)
        for column in self.columns:
            if column.recorded and set(column.dimension.columns) <= subject.keys():
                found |= column.codes < 0
        return found

    def series(self, measure: Measure, rows: Bools | None = None) -> tuple[Floats, Floats]:
        """Failures and requests whose answer is known, by minute, of some rows."""
        kept, failed = self.known if rows is None else rows & self.known, self.failed(measure)
        length = int(self.minute.max(initial=0)) + 1

        def place(some: slice) -> Codes:
            # The first two places are of what is left out: numbers that nobody reads cost less than picking rows.
            return (self.minute[some] * 2 + failed[some] + 2) * kept[some]

        counted = in_blocks(place, len(self), self.weight, 2 * length + 2)[2:].reshape(-1, 2)
        return counted[:, 1], counted.sum(axis=1)


def held_by(dimensions: Iterable[Dimension], table: Table) -> list[Dimension]:
    """Those that a table's rows tell apart; the requests' are of one region."""
    return [one for one in dimensions if one.table == table.name and one.nature is not Nature.REGION]


def read_requests(results: dict[str, pa.Table], dimensions: Sequence[Dimension]) -> Requests:
    """The requests from their queries' results, with what causes may be named by."""
    rows = results["rows"]
    columns = [
        column
        for dimension in held_by(dimensions, LOGS)
        if (column := _column(dimension, rows[dimension.columns[0]])).values
    ]
    run = runs = None
    if "request_id" in rows.column_names:
        requests = _Ids.of(rows["request_id"])
        if "flags" in results:
            columns += [
                column for flag in held_by(dimensions, FLAGS) for column in _flags(flag, results["flags"], requests)
            ]
        if "products" in results:
            where = requests.find(results["products"]["request_id"])
            for dimension in held_by(dimensions, PRODUCTS):
                values, codes = _coded(results["products"][dimension.columns[0]])
                columns.append(Column(dimension, [(value,) for value in values], requests.scatter(where, codes)))
        if "runs" in results:
            found = results["runs"]["correlation_id"].combine_chunks()
            encoded = found if pa.types.is_dictionary(found.type) else found.dictionary_encode()
            runs = encoded.dictionary
            where = requests.find(results["runs"]["request_id"])
            run = requests.scatter(where, encoded.indices.fill_null(-1).to_numpy())
    latency = rows["latency_ms"].cast(pa.float64()).fill_null(np.nan).to_numpy()
    passed = rows["passed_on"].fill_null(False).to_numpy() if "passed_on" in rows.column_names else None
    weight = rows["weight"].cast(pa.float64()).to_numpy() if "weight" in rows.column_names else None
    return Requests(
        rows["second"].to_numpy().astype(np.int32, copy=False),
        rows["kind"].to_numpy().astype(np.int8, copy=False),
        latency,
        None if weight is None or (weight == 1).all() else weight,
        [column for column in columns if column.values],
        run,
        runs,
        passed,
        rows["user_id"] if "user_id" in rows.column_names else None,
    )


def with_workflows(
    requests: Requests, names: list[str], scenario: Codes, places: Codes, dimension: Dimension
) -> Requests:
    """The requests with the workflow that each is part of: each run's, by its place among `runs`. The last counts."""
    if requests.run is None or requests.runs is None or not names:
        return requests
    of_run = np.full(len(requests.runs) + 1, -1, np.int32)
    said = scenario >= 0
    of_run[places[said]] = scenario[said]
    of_run[-1] = -1  # runs that no request is part of
    column = Column(dimension, [(one,) for one in names], of_run[requests.run])
    return replace(requests, columns=[*requests.columns, column])


def _column(dimension: Dimension, column: pa.ChunkedArray) -> Column:
    values, codes = _coded(column)
    return Column(dimension, [(value,) for value in values], codes)


def _coded(column: pa.ChunkedArray) -> tuple[list[str], Codes]:
    """The values that occur, sorted, and each row's place among them; -1 for NULL."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # chunks of a dictionary column may have dictionaries of their own
        whole = whole.unify_dictionaries().combine_chunks()
    encoded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    kind = _smallest(len(names))
    codes = encoded.indices.cast(pa.from_numpy_dtype(kind)).fill_null(-1).to_numpy(zero_copy_only=False)
    order = sorted(np.flatnonzero(_held(codes, len(names))).tolist(), key=names.__getitem__)
    if order == list(range(len(names))):
        return names, codes  # as an engine's codes mostly are
    rank = np.full(len(names) + 1, -1, kind)
    rank[order] = np.arange(len(order))
    return [names[place] for place in order], rank[codes]


def _held(codes: Codes, count: int) -> Bools:
    """Which of so many codes occur: of a few each is looked for, which mostly ends with the first requests."""
    if count <= LOOKED_FOR:
        return np.array([(codes == code).any() for code in range(count)], bool)
    return np.asarray(np.bincount(codes + 1, minlength=count + 1)[1:] > 0)


def _smallest(values: int) -> type[np.signedinteger[Any]]:
    """The type of the codes of so many values."""
    return next((kind for kind in (np.int8, np.int16) if values <= np.iinfo(kind).max), np.int32)


@dataclass(frozen=True)
class _Ids:
    """The requests' ids, and each request's place among them. A request may have several rows.

    `distinct`: the ids by their place; None where an engine numbers the requests: then a number is its place.
    """

    distinct: pa.Array | None
    place: Codes
    count: int

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "_Ids":
        if pa.types.is_integer(column.type):
            place = column.fill_null(-1).to_numpy()
            if (last := int(place.max(initial=-1))) < SPARSE * len(place):
                return cls(None, place, last + 1)
        encoded = column.combine_chunks().dictionary_encode()
        place = encoded.indices.fill_null(-1).to_numpy()
        return cls(encoded.dictionary, place, len(encoded.dictionary))

    def find(self, ids: pa.ChunkedArray) -> Codes:
        """The place of each id among the distinct ones, -1 for one that is no request's."""
        if self.distinct is None:
            number = ids.fill_null(-1).to_numpy()
            return number if number.max(initial=-1) < self.count else np.where(number < self.count, number, -1)
        return np.asarray(pc.index_in(ids.combine_chunks(), value_set=self.distinct).fill_null(-1))

    def scatter(self, where: Codes, codes: Codes) -> Codes:
        """Each request's code, given those of the ids at some places; -1 for the others."""
        found = np.full(self.count + 1, -1, codes.dtype)
        found[where] = codes
        found[-1] = -1  # what is at no place
        return found[self.place]


def _flags(dimension: Dimension, rows: pa.Table, requests: _Ids) -> list[Column]:
    """One column per flag: a request has one value of each."""
    names, name = _coded(rows["flag_name"])
    values, value = _coded(rows["flag_value"])
    where = requests.find(rows["request_id"])
    columns = []
    for place, flag in enumerate(names):
        mine = np.flatnonzero((name == place) & (value >= 0))
        held = requests.scatter(where[mine], value[mine])
        present = np.flatnonzero(_held(held, len(values)))
        rank = np.full(len(values) + 1, -1, _smallest(len(values)))
        rank[present] = np.arange(len(present))
        columns.append(Column(dimension, [(flag, values[one]) for one in present], rank[held]))
    return columns
