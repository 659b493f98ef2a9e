"""The conclusion in one sentence, and the service's availability in another."""

from tsg_agent.conclude.case import Case
from tsg_agent.conclude.gaps import CANARY
from tsg_agent.conclude.statements import alike, figures
from tsg_agent.models import Availability, Cause, Confidence, Gap, Parameters, Sla
from tsg_agent.wording import clock, listed, moment, name, percent, sentence, subject_name


def headline(case: Case, causes: list[Cause], gaps: list[Gap]) -> str:
    """What, since when, how bad; or that nothing was found, or that nothing is wrong."""
    sla = case.sla
    state = availability_words(case.parameters, sla)
    confirmed = [c for c in causes if c.confidence is Confidence.CONFIRMED]
    if confirmed:
        return sentence(f"{_cause(case, confirmed[0])}; {state}")
    if sla.breached is None:
        return sentence(f"nothing could be judged: {state}")
    if causes:
        number = "one suspect" if len(causes) == 1 else f"{len(causes)} suspects"
        return sentence(f"no cause confirmed, {number}, first {subject_name(causes[0].subject)}; {state}")
    if not case.something_fails:
        if not sla.breached:
            return sentence(f"no incident visible: {state}{_unlooked(gaps)}")
        if case.start is not None:
            unchanged = f"no cause found within this guide: nothing changed at {clock(case.start)}"
            return sentence(f"{unchanged}; {state}{_unlooked(gaps)}")
    return sentence(f"no cause found within this guide; {state}{_unlooked(gaps)}")


def availability_words(parameters: Parameters, sla: Sla) -> str:
    """The availability that is held against the threshold, and the one before, in words."""
    after, before = sla.after, sla.before
    start = parameters.incident_start
    if sla.breached is None:
        return f"no request of {name(parameters.service_name)} was seen in the time that counts"
    if after is None or after.availability is None or start is None:
        return f"availability is {_availability(sla.window)} over the window, {_against(sla, sla.window)}"
    words = f"availability is {_availability(after)} since {clock(start)}, {_against(sla, after)}"
    if before is not None and before.availability is not None:
        words += f" ({_availability(before)} before)"
    return words


def _against(sla: Sla, span: Availability) -> str:
    just = "just " if percent(span.availability) == percent(sla.threshold) and sla.breached else ""
    return f"{just}{'under' if sla.breached else 'within'} the SLA threshold of {percent(sla.threshold)}"


def _availability(span: Availability) -> str:
    return percent(span.availability)


def _cause(case: Case, cause: Cause) -> str:
    start = case.start
    since = f" since {moment(start)}" if start and cause.onset.kind.value in ("new", "worse", "appeared") else ""
    detail = figures(cause.onset, cause.contrast, cause.measure, case.slow_ms)
    known = cause.step != 9 or "workflow_step" in cause.subject
    step = None if known else cause.detail.get("workflow_step")
    where = f" at {name(step)}" if step else ""
    verb = {"slow": "is slow", "rate_limited": "is rate limited"}.get(cause.measure.value, "is failing")
    others = "".join(f", or {other}" for other in alike(cause.detail))
    return f"{subject_name(cause.subject)}{others and f'{others} (as many fail there),'} {verb}{where}{since}" + (
        f": {detail}" if detail else ""
    )


def _unlooked(gaps: list[Gap]) -> str:
    steps = [f"Step {g.step}" for g in gaps if g.step is not None and g.step > 1 and g.status != CANARY]
    return f"; not checked: {listed(steps, 9)}" if steps else ""
