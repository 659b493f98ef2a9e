"""The conclusion in one sentence, and the service's availability in another."""

from datetime import datetime, timedelta

from tsg_agent.conclude.case import Case
from tsg_agent.conclude.chronic import chronic
from tsg_agent.conclude.gaps import CANARY, steps_words
from tsg_agent.conclude.statements import alike, figures
from tsg_agent.models import Cause, Confidence, Gap, Sla
from tsg_agent.wording import clock, compared, fall_words, moment, name, one_line, percent, sentence, subject_name

TOLD = timedelta(minutes=3)
"""A reported start that differs from the measured one by so much is told beside it."""


def headline(case: Case, causes: list[Cause], gaps: list[Gap]) -> str:
    """What, since when, how bad; or that nothing was found, or that nothing is wrong."""
    sla = case.sla
    state = availability_words(case.start, sla, case.judgement.start.ended)
    confirmed = [c for c in causes if c.confidence is Confidence.CONFIRMED]
    traffic = case.judgement.traffic
    if confirmed:
        fell = ""
        if traffic is not None and not sla.lost:  # else the availability's words say it
            fell = f"; {fall_words(traffic, clock)}"
        return sentence(f"{_cause(case, confirmed[0])}{fell}; {state}")
    if causes and case.judgement.traffic is None:
        number = "one suspect" if len(causes) == 1 else f"{len(causes)} suspects"
        return sentence(f"no cause confirmed, {number}, first {subject_name(causes[0].subject)}; {state}")
    found = nothing_found(case)
    if case.judgement.traffic is not None:
        return sentence(found)
    if sla.breached is None:
        return sentence(f"{found}: {state}")
    quiet = not case.judgement.unmade and not case.something_fails and not sla.breached
    return sentence(f"{found}{': ' if quiet else '; '}{state}{_unlooked(case, gaps)}")


def nothing_found(case: Case) -> str:
    """Without a cause: what is said of the region that was looked at, and another one where it fails."""
    found, other = _nothing_here(case), case.judgement.elsewhere
    if other is None:
        return found
    rates = f"{percent(other.after.percent)} of requests failed (5xx), {percent(other.before.percent)} before"
    return f"{found}; region {name(other.region)} fails more since {moment(other.since)}: {rates}"


def _nothing_here(case: Case) -> str:
    """Why no cause is named: requests are missing, nothing is wrong, none was found, or none could be looked for."""
    traffic = case.judgement.traffic
    if traffic is not None:
        rates = f"{traffic.before:.3g} a minute before, {traffic.after:.3g} {'then' if traffic.until else 'since'}"
        unseen = "what does not come is in no share of failures"
        return f"{fall_words(traffic, moment)} ({rates}); {unseen}"
    if case.sla.breached is None:
        return "nothing could be judged"
    if case.judgement.unmade:
        return f"no verdict could be made ({one_line(case.judgement.unmade, 200).rstrip('.')})"
    if not case.something_fails:
        if not case.sla.breached:
            return "no incident visible"
        if case.start is not None:
            return f"no cause found within this guide: nothing changed at {clock(case.start)}"
    always = chronic(case)
    return f"no cause found within this guide{f'; {always.words}' if always else ''}"


def availability_words(start: datetime | None, sla: Sla, ended: datetime | None = None) -> str:
    """The availability that is compared with the threshold, and that of the time before, in words."""
    after, before = sla.after, sla.before
    if sla.breached is None:
        return one_line(sla.reason) or "the availability is unknown"
    if after is None or after.availability is None or start is None:
        whole = sla.window or after
        share = whole.availability if whole is not None else None
        return f"availability is {percent(share)} over the window, {_against(sla, share)}"
    earlier = before.availability if before is not None and not sla.lost else None
    now, then = compared(after.availability, after.availability if earlier is None else earlier)
    when = f"was {now} from {clock(start)} to {clock(ended)}" if ended else f"is {now} since {clock(start)}"
    words = f"availability {when}, {_against(sla, after.availability)}"
    return words if earlier is None else f"{words} ({then} before)"


def _against(sla: Sla, share: float | None) -> str:
    if sla.lost and share is not None and share >= sla.threshold:
        return f"counted by 5xx alone, but {sla.lost}"
    just = "just " if percent(share) == percent(sla.threshold) and sla.breached else ""
    return f"{just}{'under' if sla.breached else 'within'} the SLA threshold of {percent(sla.threshold)}"


def _cause(case: Case, cause: Cause) -> str:
    start = cause.began or case.start
    reported = case.judgement.start.reported
    other = reported is not None and start is not None and abs(reported - start) >= TOLD
    said = f" (reported {clock(reported)})" if other and reported is not None else ""
    ended = case.judgement.start.ended
    since = ""
    if start and cause.onset.kind.value in ("new", "worse", "appeared"):
        since = f" from {moment(start)} to {clock(ended)}{said}" if ended else f" since {moment(start)}{said}"
    detail = figures(cause, case.slow_ms)
    step = None if "workflow_step" in cause.subject else cause.detail.get("workflow_step")
    where = f" at {name(step)}" if step else ""
    how = {"slow": "slow", "slower": "slower than before", "rate_limited": "rate limited"}
    verb = f"{'was' if ended else 'is'} {how.get(cause.measure.value, 'failing')}"
    others = "," if alike(cause.detail) else ""
    return f"{subject_words(cause)}{others} {verb}{where}{since}" + (f": {detail}" if detail else "")


def subject_words(cause: Cause) -> str:
    """A cause's subject, with those that it cannot be told from."""
    others = "".join(f", or {other}" for other in alike(cause.detail))
    return f"{subject_name(cause.subject)}{others and f'{others} (as many fail there)'}"


def _unlooked(case: Case, gaps: list[Gap]) -> str:
    steps = [g.step for g in gaps if g.step is not None and case.guide.looks_at(g.step) and g.status != CANARY]
    return f"; not checked: {steps_words(steps)}" if steps else ""
