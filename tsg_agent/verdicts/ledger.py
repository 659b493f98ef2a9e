"""The measured rows that verdicts cite, and the series that charts draw."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Measurement
from tsg_agent.evidence.requests import Requests
from tsg_agent.models import Measure, MeasuredRow, Onset, Point, Rate, Series, Subject
from tsg_agent.statistics import Bools, Floats

POINTS = 600
"""Points of a chart at most: more than it has pixels.

Five-minute buckets of two days fit; in a longer window a point is of several buckets.
"""


@dataclass
class Ledger:
    """Numbers the measured subjects that verdicts cite: M.1, M.2, …"""

    known: bool
    """Whether a start is known."""
    rows: list[MeasuredRow] = field(default_factory=list)

    def add(self, subject: Subject, measure: Measure, window: Rate, onset: Onset) -> str:
        """The id under which a subject's counts are cited."""
        entry = MeasuredRow(
            id=f"M.{len(self.rows) + 1}",
            subject=subject,
            measure=measure,
            window=window,
            before=onset.before if self.known else None,
            after=onset.after if self.known else None,
        )
        self.rows.append(entry)
        return entry.id


def charted(measurement: Measurement, causes: list[tuple[Subject, Measure, Floats, Floats]]) -> list[Series]:
    """Failures over time: of the service, and of each cause (failures, requests by bucket)."""
    grid = measurement.grid
    step = -(-grid.count // POINTS)
    ahead = (grid.start or 0) % step  # the start stays an edge
    firsts = [*([0] if ahead else []), *range(ahead, grid.count, step)]
    times = {bucket: grid.time(bucket).replace(tzinfo=UTC) for bucket in firsts}
    whole, failed = measurement.entry, Measure.SERVER_ERRORS
    service = _series({}, failed, whole.failures[failed][0], whole.requests[0], times)
    return [service, *(_series(*cause, times) for cause in causes)]


def by_bucket(requests: Requests, measure: Measure, rows: Bools, grid: Grid) -> tuple[Floats, Floats]:
    """Failures and requests of some rows by the grid's buckets."""
    kept = rows & requests.asked(measure)
    weight = None if requests.weight is None else requests.weight[kept]
    bucket, failed = grid.buckets(requests.second[kept]), requests.failed(measure)[kept]
    lost = np.bincount(bucket[failed], None if weight is None else weight[failed], grid.count)
    return lost.astype(float), np.bincount(bucket, weight, grid.count).astype(float)


def _series(
    subject: Subject, measure: Measure, failures: Floats, requests: Floats, times: dict[int, datetime]
) -> Series:
    asked, failed = (np.add.reduceat(counts, list(times)).tolist() for counts in (requests, failures))
    points = [
        Point(time=time, requests=round(of), failures=round(lost))
        for time, of, lost in zip(times.values(), asked, failed, strict=True)
    ]
    return Series(subject=subject, measure=measure, points=points)
