"""The service's availability against its SLA threshold, with which a conclusion begins. Pure."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime

from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Counts, Measurement
from tsg_agent.models import Availability, Measure, Parameters, Sla, Start, Status, TrafficLoss
from tsg_agent.wording import clock, count, fall_words, moment, name, one_line, percent, some

Covers = tuple[datetime, datetime] | None
"""The telemetry's first and last time, UTC."""


COLLAPSE = 5.0
"""Fall of the share of served requests, in points, above which users lose requests regardless of 5xx."""


def sla_of(
    measurement: Measurement,
    parameters: Parameters,
    start: Start,
    covers: Covers = None,
    traffic: TrafficLoss | None = None,
) -> Sla:
    """Availability (100 - percent answered 5xx) of the window, and before and after the measured start.

    The threshold does not count as met if users lose requests otherwise: far fewer are served, or traffic fell.
    """
    grid, counts, threshold = measurement.grid, measurement.entry, parameters.threshold
    window = _availability(counts, slice(0, grid.count))
    before, after = _sides(counts, grid)
    since = after or window
    if start.measured is None and start.reported is not None and not start.doubted:
        since = _availability(counts, slice(0, 0))  # the telemetry ends before the start
    status, reason = Status.OK, ""
    if not since.requests:
        status, reason = (
            Status.NO_DATA,
            _unseen(parameters, window, since.unknown, start.measured or start.reported, covers),
        )
    elif doubt := _doubt(parameters, since, before):
        status, reason = Status.INSUFFICIENT_DATA, doubt
    kept = since.availability is not None and since.availability >= threshold
    lost = _lost(since, before, traffic) if kept else ""
    under = bool(lost) or (since.availability is not None and since.availability < threshold)
    return Sla(
        threshold=threshold,
        breached=under if since.availability is not None and not reason else None,
        lost=lost,
        status=status,
        reason=reason,
        measured_on=f"requests at {measurement.entry_component}" if measurement.entry_component else "all requests",
        covers=covers,
        outside=_outside(parameters, covers),
        window=window,
        before=before,
        after=after,
    )


def with_code(sla: Sla, traffic: TrafficLoss | None, refused_with: Callable[[], int | None]) -> Sla:
    """The Sla, told with the status code of most requests that are not served, where users lose some."""
    code = refused_with() if sla.lost and traffic is None else None
    return sla if code is None else sla.model_copy(update={"lost": f"{sla.lost}, most of the others {code}"})


def with_aside(sla: Sla, service: str, aside: Sequence[tuple[str, int, int]]) -> Sla:
    """The Sla, set to unknown if excluded failed requests that may be the service's increased.

    `aside`: which requests were excluded, and how many of them failed before and since the incident's start.
    """
    since, before = sla.after or sla.window, sla.before
    if since is None or since.availability is None or sla.reason or since.availability < sla.threshold:
        return sla
    scale = since.requests / before.requests if before is not None and before.requests else 0.0
    usual, failed = scale * sum(one[1] for one in aside), sum(one[2] for one in aside)
    more = failed - usual
    least = 100.0 * (1 - (since.server_errors + more) / (since.requests + more)) if more > 0 else since.availability
    if more <= 3 * math.sqrt(max(usual, 1.0)) or least >= sla.threshold:
        return sla
    which, _, number = max(aside, key=lambda one: one[2])
    reason = (
        f"{count(number)} {which} failed and may be of {name(service)}, "
        f"so its availability may be anything between {percent(least)} and {percent(since.availability)}"
    )
    return sla.model_copy(update={"breached": None, "status": Status.INSUFFICIENT_DATA, "reason": reason})


def unmeasured(parameters: Parameters, status: Status, why: str, covers: Covers = None) -> Sla:
    """An unmeasured availability: its values are unknown, and the threshold does not count as breached.

    `status`: not_applicable, timeout or error. `why`: what stopped the measurement.
    """
    service = name(parameters.service_name)
    words = {
        Status.NOT_APPLICABLE: f"the availability of {service} cannot be measured with this telemetry",
        Status.TIMEOUT: f"measuring the availability of {service} ran out of time",
    }.get(status, f"measuring the availability of {service} failed")
    why = one_line(why, 300).rstrip(".")
    return Sla(
        threshold=parameters.threshold,
        breached=None,
        status=status,
        reason=f"{words} ({why[:1].lower()}{why[1:]})",
        measured_on="nothing",
        covers=covers,
        outside=_outside(parameters, covers),
        window=None,
        before=None,
        after=None,
    )


def _outside(parameters: Parameters, covers: Covers) -> bool:
    """True if the telemetry's time range does not overlap the window."""
    return covers is not None and (parameters.end_time < covers[0] or parameters.start_time > covers[1])


def _unseen(parameters: Parameters, window: Availability, unknown: int, start: datetime | None, covers: Covers) -> str:
    """The reason for missing requests, in words."""
    service = name(parameters.service_name)
    if unknown:
        return (
            f"none of the {some(unknown, 'request')} of {service} that were seen says how it was answered (no status)"
        )
    if window.requests and start is not None:
        return f"no request of {service} was seen after {clock(start)} ({count(window.requests)} before)"
    times = f"{moment(parameters.start_time)} to {moment(parameters.end_time)}"
    if covers is not None and _outside(parameters, covers):
        held = f"{moment(covers[0])} to {moment(covers[1])}"
        return f"no row of the telemetry lies in the window asked for, {times}: it covers {held}"
    where = f"{name(parameters.region)} / {name(parameters.environment)}"
    return f"no request of {service} in {where} was seen in the window, {times}"


def _doubt(parameters: Parameters, since: Availability, before: Availability | None) -> str:
    """Why meeting the threshold is unknown: more requests than before have no status, and may have failed."""
    seen = since.requests + since.unknown
    usual = before.unknown / (before.requests + before.unknown) if before is not None and before.requests else 0.0
    more = since.unknown - usual * seen
    if since.availability is None or since.availability < parameters.threshold or more <= 3 * math.sqrt(seen * usual):
        return ""
    least = since.availability * (1 - more / seen)
    if least >= parameters.threshold:
        return ""
    service, between = name(parameters.service_name), f"{percent(least)} and {percent(since.availability)}"
    return (
        f"{some(since.unknown, 'request')} of {service} do not say how they were answered (no status), "
        f"so its availability may be anything between {between}"
    )


def _lost(since: Availability, before: Availability | None, traffic: TrafficLoss | None) -> str:
    """What users lose besides 5xx, in words; "" if nothing."""
    if traffic is not None:
        fall = f"{fall_words(traffic, clock)}"
        return f"{fall}, and what does not come is in no share"
    if before is None or not before.requests or not since.requests:
        return ""
    served, usual = _served(since), _served(before)
    if usual - served < COLLAPSE:
        return ""
    return f"only {percent(served)} of requests are answered 2xx or 3xx ({percent(usual)} before)"


def _served(one: Availability) -> float:
    return (one.success_rate or 0.0) + (one.redirect_rate or 0.0)


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
        unknown=int(counts.unknown[0, span].sum()),
        server_errors=errors,
        successes=successes,
        availability=100.0 * (requests - errors) / requests if requests else None,
        success_rate=100.0 * successes / requests if requests else None,
        redirect_rate=100.0 * int(counts.redirects[0, span].sum()) / requests if requests else None,
    )
