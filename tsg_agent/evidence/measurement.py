"""Counts by dimension, value and bucket, and the arithmetic on them. Pure numpy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsg_agent.evidence.cells import REQUEST_MEASURES
from tsg_agent.evidence.dimensions import FLAG, Dimension
from tsg_agent.evidence.grid import Grid
from tsg_agent.models import Measure, Subject
from tsg_agent.statistics import Floats


@dataclass(frozen=True)
class Counts:
    """Requests and failures, each of shape (groups, buckets); `latency` sums ms, `redirects` counts 3xx.

    `unknown` counts requests that do not say how they were answered. They are not among `requests`.
    """

    requests: Floats
    failures: dict[Measure, Floats]
    latency: Floats
    redirects: Floats
    unknown: Floats

    def __sub__(self, other: "Counts") -> "Counts":
        """What is left when the other's requests are taken out."""
        return self._with(other, lambda mine, theirs: np.maximum(mine - theirs, 0.0))

    def grouped(self, group: NDArray[np.intp], groups: int) -> "Counts":
        """Groups added up into fewer: `group` says into which each goes."""

        def add(values: Floats) -> Floats:
            made = np.zeros((groups, values.shape[1]))
            np.add.at(made, group, values)
            return made

        return self._each(add)

    def where(self, mask: NDArray[np.bool_], other: "Counts") -> "Counts":
        """Groups where the mask holds, else the other's."""
        return self._with(other, lambda mine, theirs: np.where(mask[:, None], mine, theirs))

    def beside(self, other: "Counts") -> "Counts":
        """Its groups, then the other's."""
        return self._with(other, lambda mine, theirs: np.concatenate([mine, theirs]))

    def take(self, rows: ArrayLike) -> "Counts":
        """Some groups, by index; -1 gives a group without requests."""
        index = np.asarray(rows, int)
        present = (index >= 0)[:, None]

        def pick(values: Floats) -> Floats:
            if not len(values):
                return np.zeros((len(index), values.shape[1]))
            return np.where(present, values[np.maximum(index, 0)], 0.0)

        return self._each(pick)

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
        """Nothing counted."""
        nothing = np.zeros((groups, buckets))
        failures = {measure: nothing.copy() for measure in measures}
        return cls(nothing.copy(), failures, nothing.copy(), nothing.copy(), nothing.copy())


@dataclass(frozen=True)
class Table:
    """One dimension: its values, each one's counts, and all requests that might have had a value (one group).

    `error_only`: only failures carry the dimension, so `counts.requests` are all requests of the service.
    """

    dimension: Dimension
    values: list[tuple[str, ...]]
    counts: Counts
    whole: Counts
    error_only: bool = False

    def subject(self, row: int) -> Subject:
        """What a row is about."""
        return dict(zip(self.dimension.columns, self.values[row], strict=True))

    @cached_property
    def rest(self) -> Counts:
        """What each value is compared with: the other requests; for a flag's value, the flag's other values.

        A flag with one value is compared with the requests that lack it.
        """
        if self.dimension != FLAG or not self.values:
            return self.whole - self.counts
        names, flag, values = np.unique([value[0] for value in self.values], return_inverse=True, return_counts=True)
        others = self.counts.grouped(flag, len(names)).take(flag) - self.counts
        return others.where(values[flag] > 1, self.whole - self.counts)

    def find(self, subject: Subject) -> int:
        """The row about a subject, -1 if it has none."""
        if set(subject) != set(self.dimension.columns):
            return -1
        return self._rows.get(tuple(subject[column] for column in self.dimension.columns), -1)

    @cached_property
    def _rows(self) -> dict[tuple[str, ...], int]:
        return {value: row for row, value in enumerate(self.values)}


@dataclass(frozen=True)
class Measurement:
    """Everything measured in a window. `total` and `entry` have one group.

    `entry`: the requests as customers see them: rows of the component named like the service, where a source has
    rows for inner calls too; else all. `entry_component` names it.
    """

    grid: Grid
    tables: list[Table]
    total: Counts
    entry: Counts
    entry_component: str | None = None

    def without(self, part: "Measurement") -> "Measurement":
        """The same measurement with the part's requests taken out. Tables are matched by dimension and value."""
        others = {table.dimension: table for table in part.tables}
        total = self.total - part.total
        tables = []
        for table in self.tables:
            other = others.get(table.dimension)
            if other is None:
                tables.append(table)
                continue
            places = {value: row for row, value in enumerate(other.values)}
            rows = [places.get(value, -1) for value in table.values]
            gone = other.counts
            if other.error_only and not table.error_only:  # in the part every request with a value happened to fail
                gone = replace(gone, requests=gone.failures[Measure.SERVER_ERRORS])
            counts = table.counts - gone.take(rows)
            if table.error_only:
                counts = replace(counts, requests=np.repeat(total.requests, len(table.values), axis=0))
            tables.append(Table(table.dimension, table.values, counts, table.whole - other.whole, table.error_only))
        return Measurement(self.grid, tables, total, self.entry - part.entry, self.entry_component)

    def table(self, columns: tuple[str, ...]) -> Table | None:
        """The table of a dimension."""
        return next((table for table in self.tables if table.dimension.columns == columns), None)
