"""The window's requests as arrays, one entry each: time, outcome, latency, and the value of each dimension."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tsg_agent.columns import Nature
from tsg_agent.evidence.blocks import in_blocks
from tsg_agent.evidence.seen_users import Users
from tsg_agent.models import Measure, Parameters, Subject
from tsg_agent.statistics import Bools, Floats
from tsg_agent.steps.dimension import Dimension
from tsg_agent.telemetry.catalog import FLAGS, WORKFLOWS, CatalogTable

Codes = NDArray[np.integer]
ANSWERS = 7
"""Outcomes that requests.sql distinguishes, by number; 6 = any other."""
UNKNOWN, SUCCESS, REDIRECT, RATE_LIMITED, CLIENT_ERROR, SERVER_ERROR = range(6)
KINDS = 4 * ANSWERS
"""Number of kinds of requests: outcomes x (slow or not) x (retry or not)."""
PLAIN = (4 * SUCCESS, 4 * REDIRECT, 4 * (ANSWERS - 1))
"""Kinds that no measure counts as a failure."""
MINUTE = 60
STATUSES, LEAST_REFUSAL = 1000, 400
"""Status codes are below the first; those from the second on say that a request was not served."""
USUAL, FEWEST = 2.0, 200
"""Factor on the baseline's 99th percentile above which a request is slow; fewest requests for that percentile."""
FLAG, RUN = "flag ", "run"
"""Prefix of a flag's column in combinations; and the name of the run's column there."""
REQUEST_MEASURES = (
    Measure.SERVER_ERRORS,
    Measure.NOT_SUCCESSFUL,
    Measure.RATE_LIMITED,
    Measure.CLIENT_ERRORS,
    Measure.SLOW,
    Measure.RETRIES,
)
"""The measures that are defined per request."""


def usual_until(given: Parameters) -> float:
    """End of the latency baseline, minutes since the window's begin: a reported start, else half of the window."""
    whole = (given.end_time - given.start_time).total_seconds() / MINUTE
    at = given.incident_start
    reported = 0.0 if at is None else (at - given.start_time).total_seconds() / MINUTE
    return reported if 0 < reported < whole else whole / 2


@cache
def kinds_of(measure: Measure) -> Bools:
    """Which kinds of requests a measure counts as failures, shape (kinds,); not to be written to."""
    kind = np.arange(KINDS)
    answer = kind // 4
    if measure is Measure.UNANSWERED:
        return np.asarray(answer == UNKNOWN)
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
class DimensionCodes:
    """One dimension: a code per request (-1: no value), and the value of each code."""

    dimension: Dimension
    values: list[tuple[str, ...]]
    codes: Codes

    def subject(self, code: int) -> Subject:
        """The subject of a code."""
        return dict(zip(self.dimension.columns, self.values[code], strict=True))

    @property
    def recorded(self) -> bool:
        """True if a missing value means "unknown"; False if it means "none", as for flags and workflows."""
        return self.dimension.table not in (FLAGS.name, WORKFLOWS.name)

    @cached_property
    def subjects(self) -> list[Subject]:
        """The subject of each code."""
        return [self.subject(code) for code in range(len(self.values))]


@dataclass(frozen=True)
class Requests:
    """Requests in no order; all arrays have one entry per request, or per combination of values (see combined.py).

    `second`: since the window's origin; for a combination, its bucket's start. `kind`: see KINDS. `latency`: ms, NaN if
    unknown; for a combination, the mean. `weight`: number of requests per entry, None if all are 1. `run`: index into
    `runs`, -1 if it is part of none.
    """

    second: NDArray[np.int32]
    kind: NDArray[np.int8]
    latency: Floats
    weight: Floats | None
    columns: list[DimensionCodes]
    run: Codes | None = None
    runs: pa.Array | None = None
    passed: Bools | None = None
    """Mask of spans that failed because a call they made failed; None if the source has no spans."""
    user: pa.ChunkedArray | None = None
    """Each request's user; None if the source has no users. For combinations, only failing ones have one."""
    users: tuple[Users, Users | None] | None = None
    """For combinations: the users of all requests with a known status, and of those at the entry component, if there is
    one."""
    all_users: tuple[Users, Users | None] | None = None
    """The same of those whose status is unknown too; None if it is of none."""
    slower: Bools | None = None
    """For combinations: mask of those slower than usual, as measured at the server."""
    slower_ms: float = np.inf
    """Latency in ms above which a request is slower than usual."""
    directed: bool = False
    """True if a request's dependency is the service in which its failing calls end; none if it failed by itself."""
    status: NDArray[np.int16] | None = None
    """Status code of each request that was not answered by 2xx; 0 for the others. None if it was not read."""

    def __len__(self) -> int:
        return len(self.second)

    @cached_property
    def known(self) -> Bools:
        """Mask of the requests with a known status."""
        result: Bools = self.kind >= 4 * SUCCESS
        return result

    @cached_property
    def not_failed(self) -> Bools:
        """Mask of the requests with a known status other than 5xx."""
        return self.known & ~self.failed(Measure.SERVER_ERRORS)

    @cached_property
    def went_well(self) -> Bools:
        """Mask of the successful requests: 2xx or 3xx, and not slow."""
        kind = np.arange(KINDS)
        well: Bools = np.isin(kind // 4, (SUCCESS, REDIRECT)) & ~kinds_of(Measure.SLOW)
        return well[self.kind]

    @cached_property
    def passed_on(self) -> Bools:
        """Mask of the requests that failed because a call they made failed: their span has a failing child."""
        return np.zeros(len(self), bool) if self.passed is None else self.passed

    def asked(self, measure: Measure) -> Bools:
        """Mask of the requests that a measure's share is of: those with a known status, unless it counts the others."""
        return np.ones(len(self), bool) if measure is Measure.UNANSWERED else self.known

    def failed(self, measure: Measure) -> Bools:
        """Mask of the requests that a measure counts as failed."""
        if measure not in self._failed:
            if measure is Measure.SLOWER:
                slower = self.latency > self.slower_ms if self.slower is None else self.slower
                self._failed[measure] = self.known & slower
            else:
                self._failed[measure] = kinds_of(measure)[self.kind]
        return self._failed[measure]

    @cached_property
    def _failed(self) -> dict[Measure, Bools]:
        return {}

    @cached_property
    def minute(self) -> NDArray[np.int32]:
        """Minutes since the window's origin."""
        return self.second // MINUTE

    def until(self, second: int) -> "Requests":
        """The requests before a time, in seconds since the window's origin."""
        kept = self.second < second
        held = {one.name: getattr(self, one.name) for one in fields(self)}
        changed: dict[str, Any] = {name: of[kept] for name, of in held.items() if isinstance(of, np.ndarray)}
        if self.user is not None:
            changed["user"] = self.user.filter(pa.array(kept))
        for name, users in (("users", self.users), ("all_users", self.all_users)):
            if users is not None:
                everyone, entry = users
                changed[name] = everyone.until(second), None if entry is None else entry.until(second)
        changed["columns"] = [replace(column, codes=column.codes[kept]) for column in self.columns]
        return replace(self, **changed)

    def with_usual(self, minute: float) -> "Requests":
        """The requests with `slower_ms` from those before a minute: USUAL times their 99th percentile of latency.

        For combinations the server has measured it.
        """
        if self.slower is not None:
            return self
        usual = self.latency[(self.second < minute * MINUTE) & ~np.isnan(self.latency)]
        slower = USUAL * float(np.percentile(usual, 99, overwrite_input=True)) if len(usual) >= FEWEST else np.inf
        return replace(self, slower_ms=slower)

    def column(self, name: str) -> DimensionCodes | None:
        """The column of a dimension; None if there is none."""
        return next((one for one in self.columns if one.dimension.columns == (name,)), None)

    def of_values(self, column: DimensionCodes, rows: Bools) -> Floats:
        """Weighted counts over some rows, shape (1 + values,): requests without a value, then those of each value."""
        weight = None if self.weight is None else self.weight[rows]
        return np.bincount(column.codes[rows] + 1, weight, len(column.values) + 1).astype(float)

    def refused_with(self, rows: Bools) -> int | None:
        """The status code, 400 or above, that at least half of some rows have that are answered so; None if none is."""
        if self.status is None:
            return None
        chosen = rows & (self.status >= LEAST_REFUSAL)
        weight = None if self.weight is None else self.weight[chosen]
        counted = np.bincount(self.status[chosen], weight, STATUSES)
        best = int(counted.argmax())
        return best if counted[best] and counted[best] >= counted.sum() / 2 else None

    def having(self, subject: Subject) -> Bools:
        """Mask of the requests that match all values of a description."""
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
        """Mask of the requests for which one of the description's dimensions is unknown."""
        found = np.zeros(len(self), bool)
        for column in self.columns:
            if column.recorded and set(column.dimension.columns) <= subject.keys():
                found |= column.codes < 0
        return found

    def series(self, measure: Measure, rows: Bools | None = None) -> tuple[Floats, Floats]:
        """Failures, and requests that the measure is of, per minute, for some rows; each of shape (minutes,)."""
        if rows is None:
            return self.all_by_minute.series(measure)
        if self.weight is None and 2 * np.count_nonzero(rows) > len(self):  # it takes less to count the others
            pairs = zip(self.all_by_minute.series(measure), self.series(measure, ~rows), strict=True)
            failed, asked = (whole - others for whole, others in pairs)
            return failed, asked
        kept, length = rows & self.asked(measure), len(self.all_by_minute.counts)
        cell = self.minute[kept] * 2 + self.failed(measure)[kept]
        weight = None if self.weight is None else self.weight[kept]
        counted = np.bincount(cell, weight, 2 * length).astype(float).reshape(-1, 2)
        return counted[:, 1], counted.sum(axis=1)

    @cached_property
    def all_by_minute(self) -> "ByMinute":
        """All of them."""
        return self.by_minute(None)

    def by_minute(self, rows: Bools | None) -> "ByMinute":
        """Some requests, or all, counted for every measure at once."""
        length, slower = int(self.minute.max(initial=0)) + 1, self.failed(Measure.SLOWER)

        def place(some: slice) -> Codes:
            found = self.minute[some] * KINDS + self.kind[some]
            found *= 2
            found += slower[some]
            if rows is not None:
                found += 1
                found *= rows[some]  # the first slot, which is dropped, is of the others
            return found

        apart = int(rows is not None)
        counted = in_blocks(place, len(self), [self.weight], length * KINDS * 2 + apart)[0][apart:]
        counts = counted.reshape(length, KINDS, 2)
        kinds = np.flatnonzero(counts.any(axis=(0, 2)))
        return ByMinute(counts[:, kinds], kinds)


@dataclass(frozen=True)
class ByMinute:
    """Requests by minute, kind, and whether they are slower than usual: shape (minutes, kinds, 2)."""

    counts: Floats
    kinds: Codes

    def series(self, measure: Measure) -> tuple[Floats, Floats]:
        """See Requests.series."""
        asked = self.counts if measure is Measure.UNANSWERED else self.counts[:, self.kinds >= 4 * SUCCESS]
        lost = asked[..., 1:] if measure is Measure.SLOWER else self.counts[:, kinds_of(measure)[self.kinds]]
        return lost.sum(axis=(1, 2)), asked.sum(axis=(1, 2))


def held_by(dimensions: Iterable[Dimension], table: CatalogTable) -> list[Dimension]:
    """The dimensions that a table has columns for; for requests without the region, which is fixed."""
    return [one for one in dimensions if one.table == table.name and one.nature is not Nature.REGION]


def with_workflows(
    requests: Requests, names: list[str], scenario: Codes, places: Codes, dimension: Dimension
) -> Requests:
    """The requests with the workflow of their run. `places`: indices into `runs`; of duplicates the last counts."""
    if requests.run is None or requests.runs is None or not names:
        return requests
    of_run = np.full(len(requests.runs) + 1, -1, np.int32)
    said = scenario >= 0
    of_run[places[said]] = scenario[said]
    of_run[-1] = -1  # set by runs without a request
    column = DimensionCodes(dimension, [(one,) for one in names], of_run[requests.run])
    return replace(requests, columns=[*requests.columns, column])
