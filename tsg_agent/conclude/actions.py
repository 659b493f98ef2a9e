"""What to do, by fixed rules from causes: proposals to a person. Nothing is executed.

A confirmed cause is answered by the first remedy that fits its description, for exactly what it describes; then by
what repairs what it broke. Where no remedy fits, the cause still gets a look: a cause without an action would read as
harmless. A suspect gets a look that says what would confirm it.
"""

from datetime import datetime

from tsg_agent.conclude.case import Case
from tsg_agent.conclude.chronic import chronic
from tsg_agent.conclude.gaps import UNKNOWN_START, steps_words
from tsg_agent.conclude.statements import effect_words
from tsg_agent.models import Action, Cause, Confidence, Gap, Measure, StepKind, TrafficLoss, Verdict
from tsg_agent.steps.remedy import LOOK, NOW, SYMPTOMS, Order, Remedy, Situation, action, look, named
from tsg_agent.wording import cited, clock, listed, name, sentence, subject_name


def actions(case: Case, causes: list[Cause], gaps: list[Gap]) -> list[Action]:
    """Proposals in the order to take them: each confirmed cause's remedy by rank, then repairs, then looks."""
    findings = case.situation.findings
    firmest = sorted(case.guide.steps, key=lambda step: step.kind is not StepKind.DEFINITIVE)
    remedies: list[Action] = []
    repairs: list[Action] = []
    looks: list[Action] = []
    for cause in causes:
        if cause.confidence is Confidence.SUSPECTED:
            looks.append(_with_effect(look(cause, "it is only suspected"), cause, case))
            continue
        remedies.append(_with_effect(_remedy(cause, case), cause, case))
        repairs += [one for step in firmest for one in step.repairs(cause, findings.get(step.step))]
    looks += [one for step, finding in case.judged for one in step.looks(causes, finding)]
    if (other := case.judgement.elsewhere) is not None:
        remedies.append(_look_elsewhere(other.region))
    if case.judgement.traffic is not None:
        remedies.append(_find_lost_traffic(case.judgement.traffic))
    elif not causes and case.something_fails and other is None:
        remedies.append(_widen() if (always := chronic(case)) is None else _look_at(always.verdict))
    elif not causes and case.start is not None and case.sla.breached:
        looks.append(_check_start(case.start))
    if case.sla.outside:
        looks.append(_check_window())
    elif not any(c.confidence is Confidence.CONFIRMED for c in causes):
        looks += _close_gaps(case, gaps)
    return _distinct([*remedies, *repairs, *looks])


def _remedy(cause: Cause, case: Case) -> Action:
    """The first that fits the cause's description."""
    tried = (remedy.propose(cause, case.situation, columns) for remedy, columns in case.guide.remedies(BY_MEASURE))
    fitting = next((found for found in tried if found is not None), None)
    return fitting or look(cause, "the guide has no fixed remedy for it")


def _with_effect(found: Action, cause: Cause, case: Case) -> Action:
    """Add the expected effect of undoing the cause; to a look, which undoes nothing, what would settle the doubt."""
    if found.urgency == NOW:
        return found.model_copy(update={"effect": effect_words(cause.effect)})
    settling = (one.settles for one, columns in case.guide.remedies() if one.settles and named(cause, columns))
    return found.model_copy(update={"how": next(settling, "")})


def _look_first(cause: Cause, _: Situation, __: tuple[str, ...]) -> Action | None:
    if cause.measure not in SYMPTOMS:
        return None
    verb = "are sent again" if cause.measure is Measure.RETRIES else "are slow"
    return look(cause, f"its requests {verb}, which says where to look and not what to change")


def _relieve_rate_limiting(cause: Cause, _: Situation, __: tuple[str, ...]) -> Action | None:
    if cause.measure is not Measure.RATE_LIMITED:
        return None
    who = subject_name(cause.subject)
    text = f"relieve rate limiting for {who}: raise its limit, or slow the callers that exceed it"
    return action("relieve_rate_limiting", text, cause)


BY_MEASURE = (Remedy(Order.RELIEVE, _relieve_rate_limiting), Remedy(Order.LOOK, _look_first))
"""What is done about an outcome, whatever the cause is about."""


def _find_lost_traffic(traffic: TrafficLoss) -> Action:
    """Propose to look for requests that no longer arrive: they fail before the telemetry sees them."""
    lost, where = "requests", "DNS, load balancers, certificates, callers"
    if traffic.subject:
        lost, where = f"requests of {subject_name(traffic.subject)}", f"a release of its own, its network, {where}"
    text = f"find out where {lost} {'got' if traffic.until else 'get'} lost before they reach the service: {where}"
    return Action(
        kind="escalate",
        urgency=NOW,
        statement=sentence(f"{text}; or whether they {'were' if traffic.until else 'are'} only not recorded"),
        target=traffic.subject,
    )


def _look_elsewhere(region: str) -> Action:
    """Propose a look at another region: the incident's text may name the wrong one."""
    text = f"look at region {name(region)}: run this again for it (--region)"
    return Action(kind="look", urgency=NOW, statement=sentence(text), target={"region": region})


def _look_at(one: Verdict) -> Action:
    """Where nothing changed but one part fails throughout, propose a look at that part."""
    text = f"look at {subject_name(one.subject)}: it fails all through the window, and most failures are its"
    return Action(kind="look", urgency=LOOK, statement=sentence(text) + cited(one.evidence), target=one.subject)


def _widen() -> Action:
    """Where requests fail and no part stands out, propose a wider look: an outage must not read as nothing to do."""
    shared = "a dependency, the configuration, the network, the database"
    text = f"escalate: no part that was looked at stands out; check what all requests share ({shared})"
    return Action(kind="escalate", urgency=NOW, statement=sentence(text), target={})


def _check_start(start: datetime) -> Action:
    text = (
        f"check when the incident began and run this again: availability is low, but nothing changed at {clock(start)}"
    )
    return Action(kind="name_start", urgency=LOOK, statement=sentence(text), target={})


def _check_window() -> Action:
    """Where the window holds no rows at all, propose to check it; what else the checks lack is then no help."""
    text = (
        "check the window and the telemetry's times, and run this again: is the window right (--start-time, "
        "--end-time), is this the telemetry of that day, are its dates day-first or month-first, and in UTC"
    )
    return Action(kind="check_window", urgency=LOOK, statement=f"{sentence(text)[:-1]}?", target={})


def _close_gaps(case: Case, gaps: list[Gap]) -> list[Action]:
    """While no cause is confirmed, propose to close the gaps: what was not looked at may hold the cause."""
    found = []
    if case.judgement.traffic is None and any(g.status == UNKNOWN_START for g in gaps):
        text = "find out when the incident began and run this again: nothing could be compared with before"
        found.append(Action(kind="name_start", urgency=LOOK, statement=sentence(text), target={}))
    alike: dict[str, list[int]] = {}
    for gap in gaps:
        if gap.step is not None and case.guide.looks_at(gap.step):
            alike.setdefault(gap.status.replace("_", " "), []).append(gap.step)
    if alike:
        groups = [f"{steps_words(steps)} ({status})" for status, steps in alike.items()]
        text = f"look by hand at what was not checked: {listed(groups, len(alike))}"
        found.append(Action(kind="close_gaps", urgency=LOOK, statement=sentence(text), target={}))
    return found


def _distinct(found: list[Action]) -> list[Action]:
    """Keep the first of the proposals with equal statement and target: several causes may ask for the same."""
    seen: dict[tuple[str, str], Action] = {}
    for one in found:
        seen.setdefault((one.kind, repr(sorted(one.target.items(), key=str))), one)
    return list(seen.values())
