"""Counts by dimension, value and bucket, and the arithmetic on them. Pure numpy."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tsg_agent.evidence.dimensions import FLAG, Dimension
from tsg_agent.evidence.grid import Grid
from tsg_agent.models import Measure, Subject
from tsg_agent.statistics import Floats

SQL_MEASURES = {
    "server_errors": Measure.SERVER_ERRORS,
    "not_successful": Measure.NOT_SUCCESSFUL,
    "rate_limited": Measure.RATE_LIMITED,
    "client_errors": Measure.CLIENT_ERRORS,
    "slow": Measure.SLOW,
    "retries": Measure.RETRIES,
}
"""Column of measures.sql -> what it counts."""


@dataclass(frozen=True)
class Counts:
    """Requests and failures, each of shape (groups, buckets); `latency` sums ms, `redirects` counts 3xx."""

    requests: Floats
    failures: dict[Measure, Floats]
    latency: Floats
    redirects: Floats

    def __sub__(self, other: "Counts") -> "Counts":
        """What is left when the other's requests are taken out."""
        return Counts(
            np.maximum(self.requests - other.requests, 0.0),
            {measure: np.maximum(k - other.failures[measure], 0.0) for measure, k in self.failures.items()},
            np.maximum(self.latency - other.latency, 0.0),
            np.maximum(self.redirects - other.redirects, 0.0),
        )

    def take(self, rows: list[int]) -> "Counts":
        """Some groups, by index; -1 gives a group without requests."""
        index = np.asarray(rows, int)
        present = (index >= 0)[:, None]

        def pick(values: Floats) -> Floats:
            if not len(values):
                return np.zeros((len(rows), values.shape[1]))
            return np.where(present, values[np.maximum(index, 0)], 0.0)

        return Counts(
            pick(self.requests),
            {measure: pick(k) for measure, k in self.failures.items()},
            pick(self.latency),
            pick(self.redirects),
        )

    def sum(self) -> "Counts":
        """All groups as one."""
        return Counts(
            self.requests.sum(axis=0, keepdims=True),
            {measure: k.sum(axis=0, keepdims=True) for measure, k in self.failures.items()},
            self.latency.sum(axis=0, keepdims=True),
            self.redirects.sum(axis=0, keepdims=True),
        )

    @classmethod
    def stack(cls, parts: "list[Counts]") -> "Counts":
        """The groups of several, one below the other."""
        return cls(
            np.concatenate([part.requests for part in parts]),
            {m: np.concatenate([part.failures[m] for part in parts]) for m in parts[0].failures},
            np.concatenate([part.latency for part in parts]),
            np.concatenate([part.redirects for part in parts]),
        )

    @classmethod
    def zeros(cls, groups: int, buckets: int, measures: Iterable[Measure] = SQL_MEASURES.values()) -> "Counts":
        """Nothing counted."""
        shape = (groups, buckets)
        return cls(
            np.zeros(shape), {measure: np.zeros(shape) for measure in measures}, np.zeros(shape), np.zeros(shape)
        )


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
        all_requests = self.whole.take([0] * len(self.values))
        if self.dimension != FLAG:
            return all_requests - self.counts
        names = [value[0] for value in self.values]
        rows: list[Counts] = []
        for row, name in enumerate(names):
            others = [other for other, other_name in enumerate(names) if other_name == name and other != row]
            rows.append(
                self.counts.take(others).sum() if others else all_requests.take([row]) - self.counts.take([row])
            )
        return Counts.stack(rows) if rows else all_requests

    def find(self, subject: Subject) -> int:
        """The row about a subject, -1 if it has none."""
        if set(subject) != set(self.dimension.columns):
            return -1
        key = tuple(subject[column] for column in self.dimension.columns)
        return self.values.index(key) if key in self.values else -1


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
                counts = Counts(
                    np.repeat(total.requests, len(table.values), axis=0),
                    counts.failures,
                    counts.latency,
                    counts.redirects,
                )
            tables.append(Table(table.dimension, table.values, counts, table.whole - other.whole, table.error_only))
        return Measurement(self.grid, tables, total, self.entry - part.entry, self.entry_component)

    def table(self, columns: tuple[str, ...]) -> Table | None:
        """The table of a dimension."""
        return next((table for table in self.tables if table.dimension.columns == columns), None)
