"""The service's availability against its threshold: what a conclusion opens with. Pure."""

from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Counts, Measurement
from tsg_agent.models import Availability, Measure, Sla


def sla_of(measurement: Measurement | None, threshold: float) -> Sla:
    """Availability (100 - percent answered 5xx) of the window, and before and after the incident's start.

    `threshold`: percent. Without a measurement nothing is known, and nothing is called breached.
    """
    if measurement is None:
        nothing = Availability(requests=0, server_errors=0, successes=0, availability=None, success_rate=None)
        return Sla(
            threshold=threshold, breached=None, measured_on="no requests", window=nothing, before=None, after=None
        )
    grid, counts = measurement.grid, measurement.entry
    window = _availability(counts, slice(0, grid.count))
    before, after = _sides(counts, grid)
    since = after or window
    return Sla(
        threshold=threshold,
        breached=None if since.availability is None else since.availability < threshold,
        measured_on=f"requests at {measurement.entry_component}" if measurement.entry_component else "all requests",
        window=window,
        before=before,
        after=after,
    )


def _sides(counts: Counts, grid: Grid) -> tuple[Availability | None, Availability | None]:
    if grid.start is None:
        return None, None
    return _availability(counts, slice(0, grid.start)), _availability(counts, grid.after)


def _availability(counts: Counts, span: slice) -> Availability:
    requests = int(counts.requests[0, span].sum())
    errors = int(counts.failures[Measure.SERVER_ERRORS][0, span].sum())
    successes = requests - int(counts.failures[Measure.NOT_SUCCESSFUL][0, span].sum())
    return Availability(
        requests=requests,
        server_errors=errors,
        successes=successes,
        availability=100.0 * (requests - errors) / requests if requests else None,
        success_rate=100.0 * successes / requests if requests else None,
        redirect_rate=100.0 * int(counts.redirects[0, span].sum()) / requests if requests else None,
    )
