"""The measured rows that verdicts cite, and the series that charts draw."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Counts, Measurement, Table
from tsg_agent.models import Measure, MeasuredRow, Point, Rate, Series, Subject
from tsg_agent.verdicts.candidates import Candidate

CHARTED = ("service_version", "availability_zone", "region")
MOST = 8
"""Values per chart: more lines than this cannot be told apart."""


@dataclass
class Ledger:
    """Numbers the measured subjects that verdicts cite: M.1, M.2, …"""

    grid: Grid
    rows: list[MeasuredRow] = field(default_factory=list)

    def add(self, one: Candidate) -> str:
        """The id under which a candidate's counts are cited."""
        counts, row = one.screen.table.counts, one.row
        window = Rate(failures=int(counts.failures[one.measure][row].sum()), requests=int(counts.requests[row].sum()))
        known = self.grid.start is not None
        entry = MeasuredRow(
            id=f"M.{len(self.rows) + 1}",
            subject=one.subject,
            measure=one.measure,
            window=window,
            before=one.onset.before if known else None,
            after=one.onset.after if known else None,
        )
        self.rows.append(entry)
        return entry.id


def series_of(measurement: Measurement, workflows: Table | None, causes: list[Candidate]) -> list[Series]:
    """Failures over time: of the service, of each cause, and of the versions, zones, regions and workflows."""
    grid = measurement.grid
    times = [grid.time(bucket).replace(tzinfo=UTC) for bucket in range(grid.count)]
    result = [_series({}, Measure.SERVER_ERRORS, measurement.entry, 0, times)]
    seen: set[tuple[tuple[str, str], ...]] = set()
    for cause in causes:
        result.append(_series(cause.subject, cause.measure, cause.screen.table.counts, cause.row, times))
        seen.add((*cause.key, ("", cause.measure)))
    tables = [
        table
        for table in measurement.tables
        if table.dimension.columns[0] in CHARTED and len(table.dimension.columns) == 1
    ]
    for table in [*tables, *([workflows] if workflows is not None else [])]:
        measure = Measure.WORKFLOW_FAILURES if table is workflows else Measure.SERVER_ERRORS
        busiest = sorted(range(len(table.values)), key=lambda row: -table.counts.requests[row].sum())[:MOST]
        for row in busiest if len(table.values) > 1 else []:
            subject = table.subject(row)
            if (*sorted(subject.items()), ("", measure)) not in seen:
                result.append(_series(subject, measure, table.counts, row, times))
    return result


def _series(subject: Subject, measure: Measure, counts: Counts, row: int, times: list[datetime]) -> Series:
    requests, failures = (k[row].astype(int).tolist() for k in (counts.requests, counts.failures[measure]))
    points = [
        Point(time=time, requests=asked, failures=failed)
        for time, asked, failed in zip(times, requests, failures, strict=True)
    ]
    return Series(subject=subject, measure=measure, points=points)
