"""Whether the window must open earlier: a cause is told by the time before it, of which the window may hold too little.

Source: docs/verdicts.md, "Moment".
"""

from datetime import timedelta

from tsg_agent.models import Known, Parameters, Sla, Start
from tsg_agent.wording import clock

LEAST_BEFORE = timedelta(hours=1)
"""Time that must lie before a measured start."""
LEAST_MORE = timedelta(minutes=30)
"""Less of earlier telemetry is not worth to check everything again."""
GIVEN = ("given", "text")
"""How the origin of a window's begin starts, where a flag or the text gives it: such a window is kept."""
FIELD = "start_time"
EARLIER = "earlier than"
"""How the origin of a window's begin says that it was moved."""


def reopened(given: Parameters, start: Start, sla: Sla, known: Known, hours: float) -> Parameters | None:
    """The parameters with an earlier begin of the window; None where it stands, or no earlier telemetry is there.

    Where a start was measured, it must leave LEAST_BEFORE of the window before it. Where nothing changed and the SLA is
    breached, it may have begun before the window; that is looked at once. `hours`: of the window before a start.
    """
    begin, origin = given.start_time, given.origins.get(FIELD, "")
    if origin.startswith(GIVEN) or given.exact_start or known.first is None:
        return None
    before = timedelta(hours=hours)
    if start.measured is not None and start.measured - begin < LEAST_BEFORE:
        wanted, why = start.measured - before, f"it began at {clock(start.measured)}"
    elif start.measured is None and sla.breached and EARLIER not in origin:
        wanted, why = begin - before, "nothing changed in it"
    else:
        return None
    opened = max(wanted, known.first)
    if begin - opened < LEAST_MORE:
        return None
    origins = {**given.origins, FIELD: f"{EARLIER} {clock(begin)}, since {why} ({origin})"}
    return given.model_copy(update={FIELD: opened, "origins": origins})


def note_of(given: Parameters) -> list[str]:
    """What the report says of a window that opens earlier."""
    origin = given.origins.get(FIELD, "")
    return [f"The window opens at {clock(given.start_time)}, {origin}."] if origin.startswith(EARLIER) else []
