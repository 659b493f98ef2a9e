"""The window's requests as arrays, one entry each: when, how they were answered, their value of each dimension."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
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
"""Answers that requests.sql tells apart, numbered as follows; 6 = any other."""
UNKNOWN, SUCCESS, REDIRECT, RATE_LIMITED, CLIENT_ERROR, SERVER_ERROR = range(6)
KINDS = 4 * ANSWERS
"""Kinds of requests that are told apart: answer, slow, a retry."""
PLAIN = (4 * UNKNOWN, 4 * SUCCESS, 4 * REDIRECT, 4 * (ANSWERS - 1))
"""Kinds that no outcome counts as a failure which users lose a request by."""
MINUTE = 60
USUAL, FEWEST = 2.0, 200
"""How many times the 99th percentile is slow; requests without which nothing is known to be usual."""
FLAG, RUN = "flag ", "run"
"""Before a flag's name, where its values are a column of the requests; and the run's column before it is decoded."""
REQUEST_MEASURES = (
    Measure.SERVER_ERRORS,
    Measure.NOT_SUCCESSFUL,
    Measure.RATE_LIMITED,
    Measure.CLIENT_ERRORS,
    Measure.SLOW,
    Measure.RETRIES,
)
"""What a request can count as."""


def usual_until(given: Parameters) -> float:
    """Minutes since the window's begin until which requests say how long is usual: to a reported start, else half."""
    whole = (given.end_time - given.start_time).total_seconds() / MINUTE
    at = given.incident_start
    reported = 0.0 if at is None else (at - given.start_time).total_seconds() / MINUTE
    return reported if 0 < reported < whole else whole / 2


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
class DimensionCodes:
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
    """Requests in no order; all arrays have one entry per request, or per combination of what is told of requests.

    `second`: since the window's origin, of a combination its bucket's. `kind`: see KINDS. `latency`: ms, NaN where
    unknown, of a combination the mean. `weight`: how many requests each stands for, None where each is one. `run`: its
    place among `runs`, -1 where it is part of none.
    """

    second: NDArray[np.int32]
    kind: NDArray[np.int8]
    latency: Floats
    weight: Floats | None
    columns: list[DimensionCodes]
    run: Codes | None = None
    runs: pa.Array | None = None
    passed: Bools | None = None
    """Spans that failed because a call that they made failed; None where the source has no spans."""
    user: pa.ChunkedArray | None = None
    """Each request's user; None where the source names no users. Of combinations, only those that fail have one."""
    users: tuple[Users, Users | None] | None = None
    """Of combinations: the users of all requests, and of those at the entry, where there is one."""
    slower: Bools | None = None
    """Of combinations: which took longer than is usual, as it was measured where the requests are."""
    slower_ms: float = np.inf
    """From how long on a request counts as slower than usual."""
    directed: bool = False
    """A request's dependency is the service in which its failing calls end; none where it failed by itself."""

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
        """Since the window's origin."""
        return self.second // MINUTE

    def until(self, second: int) -> "Requests":
        """The requests before a second."""
        kept = self.second < second
        held = {one.name: getattr(self, one.name) for one in fields(self)}
        changed: dict[str, Any] = {name: of[kept] for name, of in held.items() if isinstance(of, np.ndarray)}
        if self.user is not None:
            changed["user"] = self.user.filter(pa.array(kept))
        if self.users is not None:
            everyone, entry = self.users
            changed["users"] = everyone.until(second), None if entry is None else entry.until(second)
        changed["columns"] = [replace(column, codes=column.codes[kept]) for column in self.columns]
        return replace(self, **changed)

    def with_usual(self, minute: float) -> "Requests":
        """The requests, slowness measured by those before a minute: twice the time that 99 % of them took at most.

        Of combinations it has been measured.
        """
        if self.slower is not None:
            return self
        usual = self.latency[(self.second < minute * MINUTE) & ~np.isnan(self.latency)]
        slower = USUAL * float(np.percentile(usual, 99)) if len(usual) >= FEWEST else np.inf
        return replace(self, slower_ms=slower)

    def column(self, name: str) -> DimensionCodes | None:
        """The column of a dimension of one name."""
        return next((one for one in self.columns if one.dimension.columns == (name,)), None)

    def of_values(self, column: DimensionCodes, rows: Bools) -> Floats:
        """How many of some rows' requests have none of a column's values, then how many each one."""
        weight = None if self.weight is None else self.weight[rows]
        return np.bincount(column.codes[rows] + 1, weight, len(column.values) + 1).astype(float)

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


def held_by(dimensions: Iterable[Dimension], table: CatalogTable) -> list[Dimension]:
    """Those that a table's rows tell apart; the requests' are of one region."""
    return [one for one in dimensions if one.table == table.name and one.nature is not Nature.REGION]


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
    column = DimensionCodes(dimension, [(one,) for one in names], of_run[requests.run])
    return replace(requests, columns=[*requests.columns, column])
