"""Counts by dimension, value and bucket. Pure numpy."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from tsg_agent.columns import Nature
from tsg_agent.evidence.blocks import blocks
from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.requests import (
    ANSWERS,
    KINDS,
    MINUTE,
    REDIRECT,
    REQUEST_MEASURES,
    UNKNOWN,
    DimensionCodes,
    Requests,
    kinds_of,
)
from tsg_agent.evidence.together import counted
from tsg_agent.models import Measure, Parameters, Rate, Subject
from tsg_agent.statistics import Floats, robust_dispersion
from tsg_agent.steps.dimension import Dimension
from tsg_agent.versions import VersionOrder, version_order

COMPONENT = "service_component"
"""The column that names the component which answered."""
MOST_VALUES = 2_000
"""Most values of one dimension that are measured, by frequency; the others count in the total only."""
MOST_CELLS = 1_000_000
"""Most values times buckets, of up to 500 bytes each; above it buckets get longer."""


@dataclass(frozen=True)
class Counts:
    """Requests and failures, each of shape (groups, buckets); `latency` sums ms, `redirects` counts 3xx.

    `unknown` counts requests without a status. They are not included in `requests`.
    """

    requests: Floats
    failures: dict[Measure, Floats]
    latency: Floats
    redirects: Floats
    unknown: Floats

    @classmethod
    def of(cls, kinds: Floats, latency: Floats) -> "Counts":
        """From `kinds`, shape (groups, buckets, kinds), and `latency` in ms, shape (groups, buckets)."""
        answer = kinds.reshape(*kinds.shape[:2], ANSWERS, 4).sum(axis=3)
        return cls(
            answer.sum(axis=2) - answer[:, :, UNKNOWN],
            {measure: kinds[:, :, kinds_of(measure)].sum(axis=2) for measure in REQUEST_MEASURES},
            latency,
            answer[:, :, REDIRECT],
            answer[:, :, UNKNOWN],
        )

    @property
    def first(self) -> list[int]:
        """Index of each group's first bucket with a request."""
        return [int(bucket) for bucket in (self.requests + self.unknown > 0).argmax(axis=1)]

    def __sub__(self, other: "Counts") -> "Counts":
        """The counts without the other's requests."""
        return self._with(other, lambda mine, theirs: np.maximum(mine - theirs, 0.0))

    def beside(self, other: "Counts") -> "Counts":
        """Concatenate the groups of both."""
        return self._with(other, lambda mine, theirs: np.concatenate([mine, theirs]))

    def take(self, rows: ArrayLike) -> "Counts":
        """Some groups, by index."""
        index = np.asarray(rows, int)
        return self._each(lambda values: values[index])

    def sum(self) -> "Counts":
        """All groups as one."""
        return self._each(lambda values: values.sum(axis=0, keepdims=True))

    def _each(self, change: Callable[[Floats], Floats]) -> "Counts":
        return Counts(
            change(self.requests),
            {measure: change(k) for measure, k in self.failures.items()},
            change(self.latency),
            change(self.redirects),
            change(self.unknown),
        )

    def _with(self, other: "Counts", join: Callable[[Floats, Floats], Floats]) -> "Counts":
        return Counts(
            join(self.requests, other.requests),
            {measure: join(k, other.failures[measure]) for measure, k in self.failures.items()},
            join(self.latency, other.latency),
            join(self.redirects, other.redirects),
            join(self.unknown, other.unknown),
        )

    @classmethod
    def zeros(cls, groups: int, buckets: int, measures: Iterable[Measure] = REQUEST_MEASURES) -> "Counts":
        """Counts of 0."""
        nothing = np.zeros((groups, buckets))
        failures = {measure: nothing.copy() for measure in measures}
        return cls(nothing.copy(), failures, nothing.copy(), nothing.copy(), nothing.copy())


@dataclass(frozen=True)
class DimensionCounts:
    """One dimension: its values, the counts of each, and the counts of all requests that may have a value (one group).

    `error_only`: only failures carry the dimension, so `counts.requests` are all requests of the service.
    `left_out`: number of values beyond MOST_VALUES, which were not measured one by one.
    """

    dimension: Dimension
    values: list[tuple[str, ...]]
    counts: Counts
    whole: Counts
    error_only: bool = False
    left_out: int = 0

    def subject(self, row: int) -> Subject:
        """The subject of a row."""
        return dict(zip(self.dimension.columns, self.values[row], strict=True))

    @cached_property
    def rest(self) -> Counts:
        """The comparison group of each value: all other requests."""
        return self.whole - self.counts

    @cached_property
    def versions(self) -> VersionOrder:
        """The order of its values, if they are versions."""
        return version_order(
            {version: first for (version,), first in zip(self.values, self.counts.first, strict=True)}, 1
        )

    def rate(self, row: int, measure: Measure, span: slice, *, rest: bool = False) -> Rate:
        """Failures and requests of a value in the buckets `span`, or with `rest` of its comparison group."""
        failures, requests = self.sums(row, measure, span, rest=rest)
        return Rate(failures=int(failures), requests=int(requests))

    def sums(
        self, rows: int | list[int], measure: Measure, span: slice, *, rest: bool = False
    ) -> tuple[Floats, Floats]:
        """The same as numbers, of one value or of several: one entry each."""
        counts = self.rest if rest else self.counts
        asked = self.counts if self.error_only else counts
        failures, requests = counts.failures[measure][rows, span], asked.requests[rows, span]
        return np.rint(failures.sum(axis=-1)), np.rint(requests.sum(axis=-1))

    def dispersion(self, row: int, measure: Measure, span: slice) -> float:
        """Overdispersion of a value's failures in the buckets `span`."""
        return robust_dispersion(self.counts.failures[measure][row, span], self.counts.requests[row, span])

    def find(self, subject: Subject) -> int:
        """The index of a subject's row; -1 if there is none."""
        if set(subject) != set(self.dimension.columns):
            return -1
        return self._rows.get(tuple(subject[column] for column in self.dimension.columns), -1)

    @cached_property
    def _rows(self) -> dict[tuple[str, ...], int]:
        return {value: row for row, value in enumerate(self.values)}


@dataclass(frozen=True)
class Measurement:
    """Everything measured in a window. `total` and `entry` have one group.

    `entry`: the requests as customers see them: if the source has rows for inner calls, only those of the component
    named like the service (`entry_component`), else all.
    """

    grid: Grid
    tables: list[DimensionCounts]
    total: Counts
    entry: Counts
    entry_component: str | None = None

    def table(self, columns: tuple[str, ...]) -> DimensionCounts | None:
        """The counts of a dimension, by its columns; None if it was not measured."""
        return next((table for table in self.tables if table.dimension.columns == columns), None)


def bucket_minutes(requests: Requests, span: timedelta, least: int) -> int:
    """Minutes per bucket, a multiple of `least`: the fewest for which the window's counts stay below MOST_CELLS."""
    values = 1 + sum(min(len(column.values), MOST_VALUES) for column in requests.columns)
    return least * max(1, math.ceil(span / timedelta(minutes=least) * values / MOST_CELLS))


def measured(
    requests: Requests, grid: Grid, regions: pa.Table | None, given: Parameters, dimensions: Sequence[Dimension]
) -> Measurement:
    """Count every dimension's values by the grid's buckets. `regions`: the other regions' rows, by minute."""
    all_of_them = DimensionCodes(Dimension(("region",), 0), [(given.region,)], np.zeros(len(requests), np.int8))
    busiest = [_busiest(column, requests.weight) for column in requests.columns]
    total, *each = _counted([all_of_them, *busiest], requests, grid)
    by_dimension: dict[Dimension, list[DimensionCounts]] = {}
    for column, kept, counts in zip(requests.columns, busiest, each, strict=True):  # one table per flag
        by_dimension.setdefault(column.dimension, []).append(_table(column, kept, counts, requests, total))
    tables = [_together(each) for each in by_dimension.values()]
    tables += [_regions(one, regions, total, given.region, grid) for one in dimensions if one.nature is Nature.REGION]
    tables = sorted((one for one in tables if one.values), key=lambda one: dimensions.index(one.dimension))
    components = next((table for table in tables if table.dimension.columns == (COMPONENT,)), None)
    named = None if components is None or components.error_only else [value for (value,) in components.values]
    row = entry_of(named, given.service_name) if named else None
    if components is None or row is None:
        return Measurement(grid, tables, total, total)
    return Measurement(grid, tables, total, components.counts.take([row]), components.values[row][0])


def _together(tables: list[DimensionCounts]) -> DimensionCounts:
    """Merge the tables of one dimension: each flag has its own."""
    first, *others = tables
    if len(first.dimension.columns) == 1:
        return first
    counts = first.counts
    for other in others:
        counts = counts.beside(other.counts)
    return DimensionCounts(first.dimension, [value for one in tables for value in one.values], counts, first.whole)


def _busiest(column: DimensionCodes, weight: Floats | None) -> DimensionCodes:
    """The column reduced to its MOST_VALUES most frequent values."""
    if len(column.values) <= MOST_VALUES:
        return column
    asked = np.bincount(column.codes + 1, weight, len(column.values) + 1)[1:]
    kept = sorted(np.argsort(-asked, kind="stable")[:MOST_VALUES].tolist())
    rank = np.full(len(column.values) + 1, -1, np.int16)
    rank[kept] = np.arange(len(kept))
    return DimensionCodes(column.dimension, [column.values[code] for code in kept], rank[column.codes])


def _counted(columns: list[DimensionCodes], requests: Requests, grid: Grid) -> list[Counts]:
    """Counts of each column's values by the grid's buckets.

    Most requests are of one kind, and are counted by bucket alone; the few others by kind too: fewer counters are fewer
    passes over the requests.
    """
    usual = int(np.bincount(requests.kind, minlength=KINDS).argmax())
    odd = np.flatnonzero(requests.kind != usual)
    bucket, weight, spent = grid.buckets(requests.second), requests.weight, requests.latency
    if weight is not None:
        spent = spent * weight
    if not np.isfinite(spent).all():
        spent = np.nan_to_num(spent)
    few, cell = [replace(column, codes=column.codes[odd]) for column in columns], bucket[odd]
    bucket[odd] = grid.count  # a cell of its own: they are not counted with the usual ones
    times = None if weight is None else weight[odd]
    found = []
    for usuals, others, (ms,) in zip(
        counted(columns, bucket, grid.count + 1, (weight, spent)),
        counted(few, cell * KINDS + requests.kind[odd], grid.count * KINDS, (times,)),
        counted(few, cell, grid.count, (spent[odd],)),
        strict=True,
    ):
        kinds = others.reshape(-1, grid.count, KINDS)
        kinds[:, :, usual] = usuals[0][:, :-1]
        found.append(Counts.of(kinds, usuals[1][:, :-1] + ms))
    return found


def _table(
    column: DimensionCodes, kept: DimensionCodes, counts: Counts, requests: Requests, total: Counts
) -> DimensionCounts:
    """One dimension's counts; requests without a value count in the total only. Values are sorted."""
    only = is_error_only(column, requests)
    if only:
        counts = replace(counts, requests=np.repeat(total.requests, len(kept.values), axis=0))
    return DimensionCounts(column.dimension, kept.values, counts, total, only, len(column.values) - len(kept.values))


def is_error_only(column: DimensionCodes, requests: Requests) -> bool:
    """True if only failures carry the dimension, or it describes errors: then the base is all requests."""
    if column.dimension.error_only:
        return True
    failed, fine = requests.failed(Measure.SERVER_ERRORS), requests.not_failed
    if any((column.codes[rows][fine[rows]] >= 0).any() for rows in blocks(len(requests))):
        return False  # the first block mostly decides
    carried = column.codes[failed] >= 0
    return bool(carried.any() and (fine.any() or not carried.all()))


def _regions(dimension: Dimension, rows: pa.Table | None, own: Counts, region: str, grid: Grid) -> DimensionCounts:
    """The counts of all regions: the other ones from `rows`, and the incident's own, which are given."""
    values, counts = [(region,)] if own.requests.any() else [], own
    if rows is not None and rows.num_rows:
        encoded = rows["region"].combine_chunks().dictionary_encode()
        names, code = encoded.dictionary.to_pylist(), encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
        asked = rows["requests"].to_numpy().astype(float)
        said = code >= 0
        bucket = grid.buckets(rows["minute"].to_numpy() * MINUTE)
        place = (code * grid.count + bucket) * KINDS + rows["kind"].to_numpy()
        shape = (len(names), grid.count)
        kinds = np.bincount(place[said], asked[said], shape[0] * shape[1] * KINDS).astype(float)
        others = Counts.of(kinds.reshape(*shape, KINDS), np.zeros(shape))
        values, counts = (
            ([*values, *((name,) for name in names)], own.beside(others))
            if values
            else ([(name,) for name in names], others)
        )
    order = sorted(range(len(values)), key=values.__getitem__)
    ordered = counts.take(order) if values else Counts.zeros(0, grid.count)
    return DimensionCounts(dimension, [values[row] for row in order], ordered, ordered.sum())


def entry_of(components: Iterable[str], service: str) -> int | None:
    """Index of the component named like the service; None if there is none, or it is the only component."""
    names = list(components)
    named = [row for row, name in enumerate(names) if _plain(name) == _plain(service)]
    return named[0] if named and len(names) > 1 else None


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
