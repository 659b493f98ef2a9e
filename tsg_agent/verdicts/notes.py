"""What a reader must know to read the verdicts right, in sentences."""

from datetime import timedelta

from tsg_agent.evidence.measurement import Measurement
from tsg_agent.models import Start, TrafficLoss
from tsg_agent.settings import VerdictThresholds
from tsg_agent.wording import moment, percent


def notes_of(
    measurement: Measurement, start: Start, limits: VerdictThresholds, traffic: TrafficLoss | None = None
) -> list[str]:
    """Doubts about the start, inner calls, redirects, requests of unknown outcome, values that were not looked at."""
    notes = []
    requests = float(measurement.entry.requests.sum())
    if not requests:  # nothing was looked at: that is no doubt of the start
        notes.append("No request was seen in the window: nothing was judged.")
    elif start.measured is None and start.reported is None:
        notes.append("Nothing in the window shows when the incident began: no share of failures changed.")
    elif start.doubted and start.reported is not None and traffic is None:
        notes.append(f"The reported start, {moment(start.reported)}, is doubted: nothing changed in what is counted.")
    if measurement.entry_component:
        entry = measurement.entry_component
        notes.append(f"The telemetry holds inner calls: availability is measured at the entry component {entry}.")
    redirects = 100.0 * float(measurement.entry.redirects.sum()) / requests if requests else 0.0
    if redirects > limits.redirects:
        notes.append(
            f"{percent(redirects)} of requests were redirects (3xx), which the guide counts as not successful."
        )
    if (minutes := measurement.grid.width // timedelta(minutes=1)) > limits.bucket_minutes:
        notes.append(f"The window is long: counts, and the incident's end, are to {minutes} minutes.")
    left = [(table.dimension.columns[0], table.left_out) for table in measurement.tables if table.left_out]
    notes += [
        f"{count:,} values of {column} were not looked at one by one: the busiest were." for column, count in left
    ]
    return [*notes, *_unknown(measurement, limits.unknown)]


def _unknown(measurement: Measurement, limit: float) -> list[str]:
    """Requests that do not say how they were answered, where they are many: what failed may be among them."""
    counts, grid = measurement.entry, measurement.grid

    def share(span: slice) -> float:
        unknown = float(counts.unknown[0, span].sum())
        seen = unknown + float(counts.requests[0, span].sum())
        return 100.0 * unknown / seen if seen else 0.0

    whole, after = share(slice(0, grid.count)), share(grid.after)
    if max(whole, after) <= limit:
        return []
    sides = f", {percent(share(grid.before))} before the incident's start and {percent(after)} after it"
    return [
        f"{percent(whole)} of requests do not say how they were answered (no status){sides if grid.start else ''}: "
        "they are in no share of the verdicts and the availability, and may have failed."
    ]
