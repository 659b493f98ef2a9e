"""What to do, by fixed rules from causes: proposals to a person. Nothing is executed.

A confirmed cause is answered by the first remedy that fits its description, for exactly what it describes; then by
what repairs what it broke. Where no remedy fits, the cause still gets a look: a cause without an action would read as
harmless. A suspect gets a look that says what would confirm it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tsg_agent.conclude.case import Case
from tsg_agent.conclude.gaps import UNKNOWN_START, steps_words
from tsg_agent.conclude.statements import effect_words
from tsg_agent.conclude.summary import HEALTHY
from tsg_agent.models import Action, Cause, Confidence, Finding, Gap, Measure, Status
from tsg_agent.wording import (
    cited,
    clock,
    count,
    listed,
    name,
    one_line,
    percent,
    points,
    sentence,
    some,
    subject_name,
)

NOW, LOOK = "now", "look"
PLACES = ("region", "datacenter", "availability_zone")
DRAINABLE = ("shard_id", "partition_id", "load_balancer_id", "tenant_category")
FIXABLE = ("service_component", "dependency_name", "error_category", "exception_type")
ENDPOINT = ("endpoint_path", "http_method", "api_version", "client_type")
SYMPTOMS = (Measure.SLOW, Measure.SLOWER, Measure.RETRIES)
"""Nothing to fix is known of what is slow or sent again: somebody must look."""
DEFAULTS = ("off", "control", "false", "disabled", "0", "no", "none", "default")
"""Flag values that commonly mean "as it was before the flag"."""


def actions(case: Case, causes: list[Cause], gaps: list[Gap]) -> list[Action]:
    """Proposals in the order to take them: each confirmed cause's remedy by rank, then repairs, then looks."""
    remedies: list[Action] = []
    repairs: list[Action] = []
    looks: list[Action] = []
    for cause in causes:
        if cause.confidence is Confidence.SUSPECTED:
            looks.append(_look(cause, "it is only suspected"))
            continue
        remedy = next((found for rule in REMEDIES if (found := rule(cause, case)) is not None), None)
        remedies.append(_with_effect(remedy or _look(cause, "the guide has no fixed remedy for it"), cause))
        repairs += [action for rule in REPAIRS for action in rule(cause, case.findings)]
    looks += _relieve_pressure(causes, case.findings)
    if case.judgement.traffic is not None:
        remedies.append(_find_lost_traffic())
    elif not causes and case.something_fails:
        remedies.append(_widen())
    elif not causes and case.start is not None and case.sla.breached:
        looks.append(_check_start(case.start))
    if case.sla.outside:
        looks.append(_check_window())
    elif not any(c.confidence is Confidence.CONFIRMED for c in causes):
        looks += _close_gaps(gaps)
    return _distinct([*remedies, *repairs, *looks])


def _with_effect(action: Action, cause: Cause) -> Action:
    """What undoing the cause would bring, beside what undoes it; a look undoes nothing."""
    return action.model_copy(update={"effect": effect_words(cause.effect)}) if action.urgency == NOW else action


def _action(kind: str, text: str, cause: Cause, urgency: str = NOW, **target: Any) -> Action:
    statement = sentence(text) + cited(cause.evidence)
    target = {**cause.subject, **target}
    return Action(
        kind=kind, urgency=urgency, statement=statement, target=target, cause=cause.rank, evidence=cause.evidence
    )


def _proposal(kind: str, text: str, cause: Cause, evidence: list[str], target: dict[str, Any]) -> Action:
    """An action about something else than the cause's own subject, with evidence of its own."""
    statement = sentence(text) + cited(evidence)
    return Action(kind=kind, urgency=NOW, statement=statement, target=target, cause=cause.rank, evidence=evidence)


SETTLES = (
    (("service_version", "flag_name"), "taking it back for a part of the traffic would settle it"),
    ((*PLACES, *DRAINABLE), "moving a part of its traffic elsewhere would settle it"),
    (FIXABLE, "its failing requests' own errors, against those of a good hour, would settle it"),
)
"""What would tell a suspect from a cause, by what its description names."""


def _settles(cause: Cause) -> str:
    return next((words for columns, words in SETTLES if any(column in cause.subject for column in columns)), "")


def _look(cause: Cause, why: str) -> Action:
    short = f": {listed([one_line(s).rstrip('.') for s in cause.shortfalls], 5)}" if cause.shortfalls else ""
    found = _action("look", f"look at {subject_name(cause.subject)} before acting; {why}{short}", cause, LOOK)
    return found.model_copy(update={"how": _settles(cause)})


def _only_for(cause: Cause, acted_on: tuple[str, ...]) -> str:
    """The rest of a description, to which an action is limited: " for client type android"."""
    rest = {column: value for column, value in cause.subject.items() if column not in acted_on}
    return f" for {subject_name(rest)}" if rest else ""


def _roll_back(cause: Cause, case: Case) -> Action | None:
    if "service_version" not in cause.subject:
        return None
    version, healthy = name(cause.subject["service_version"]), cause.detail.get("roll_back_to")
    if not healthy:
        return _look(cause, "no version was measured healthier beside it to roll back to")
    text = f"roll back version {version} to {name(healthy)}{_only_for(cause, ('service_version',))}"
    rule = case.thresholds.version
    below = f"{points(rule.regression_points)} on over {count(rule.minimum_requests)} requests"
    return _action("roll_back", text + _under(cause, below), cause, roll_back_to=str(healthy))


def _under(cause: Cause, threshold: str) -> str:
    """That the guide's own rule does not name a cause which the evidence confirms."""
    return f" (under the guide's threshold of {threshold}; the evidence confirms it)" if cause.label in HEALTHY else ""


def _set_flag(cause: Cause, case: Case) -> Action | None:
    if "flag_name" not in cause.subject:
        return None
    guilty = str(cause.detail.get("leave_value", cause.subject.get("flag_value", "")))
    others = [str(v) for v in cause.detail.get("other_values", ())]
    text, set_to = _flag_back(name(cause.subject["flag_name"]), guilty, others)
    text += _only_for(cause, ("flag_name", "flag_value"))
    rule = case.thresholds.flag
    below = f"{percent(rule.action_error_rate)} errors on over {count(rule.action_requests)} requests"
    return _action("set_flag", text + _under(cause, below), cause, leave_value=guilty, set_to=set_to)


def _flag_back(flag: str, guilty: str, others: list[str]) -> tuple[str, str | None]:
    """How to leave a guilty value, in words, and the value to set, where the evidence settles it."""
    bad, words = name(guilty), [name(v) for v in others]
    only = others[0] if len(others) == 1 else None
    if guilty.casefold() in DEFAULTS:
        instead = f"set it to {words[0]}" if only else f"choose another value ({listed(words, 5) or 'none was seen'})"
        return f"move flag {flag} off its value {bad}: {instead}; do not disable it, that would choose {bad}", only
    back = next((v for v in others if v.casefold() in DEFAULTS), only)
    if back is not None:
        return f"set flag {flag} back from {bad} to {name(back)}", back
    if words:
        return f"set flag {flag} back from {bad} to its value before (seen beside it: {listed(words, 5)})", None
    return f"disable flag {flag}: its value {bad} fails", None


def _look_first(cause: Cause, _case: Case) -> Action | None:
    if cause.measure not in SYMPTOMS:
        return None
    verb = "are sent again" if cause.measure is Measure.RETRIES else "are slow"
    return _look(cause, f"its requests {verb}, which says where to look and not what to change")


def _relieve_rate_limiting(cause: Cause, _case: Case) -> Action | None:
    if cause.measure is not Measure.RATE_LIMITED:
        return None
    who = subject_name(cause.subject)
    text = f"relieve rate limiting for {who}: raise its limit, or slow the callers that exceed it"
    return _action("relieve_rate_limiting", text, cause)


def _redirect(cause: Cause, _case: Case) -> Action | None:
    places = {k: v for k, v in cause.subject.items() if k in PLACES}
    if not places:
        return None
    text = f"redirect traffic away from {subject_name(places)}{_only_for(cause, PLACES)}"
    return _action("redirect_traffic", text, cause)


def _scale(cause: Cause, case: Case) -> Action | None:
    pressed = "RESOURCE_PRESSURE" in (cause.label, *cause.detail.get("labels", ()))
    if not pressed and not _row_says("RESOURCE_PRESSURE", cause, case.findings):
        return None
    return _action("scale", f"add capacity to {subject_name(cause.subject)}: it is short of CPU or memory", cause)


def _row_says(label: str, cause: Cause, findings: list[Finding]) -> bool:
    """Whether a row that the cause cites carries a label, be it one that the guide's CASE hides behind another."""
    rows = {f"{f.id}.{i}": row for f in findings for i, row in enumerate(f.rows, 1)}
    cells = [cell for item in cause.evidence for cell in rows.get(item, {}).values()]
    return any(cell == label or (isinstance(cell, list | tuple) and label in cell) for cell in cells)


def _drain(cause: Cause, _case: Case) -> Action | None:
    parts = {k: v for k, v in cause.subject.items() if k in DRAINABLE}
    if not parts:
        return None
    rest = _only_for(cause, DRAINABLE)
    if set(parts) == {"tenant_category"}:
        text = f"shed or isolate {subject_name(parts)}{rest}, so that it does not wear down the others"
        return _action("drain", text, cause)
    return _action("drain", f"drain {subject_name(parts)} and move its traffic to healthy ones{rest}", cause)


def _mitigate_workflow(cause: Cause, _case: Case) -> Action | None:
    if "scenario_name" not in cause.subject:
        return None
    step = cause.detail.get("workflow_step") or cause.subject.get("workflow_step")
    workflow = subject_name({k: v for k, v in cause.subject.items() if k != "workflow_step"})
    where = f" at step {name(step)}" if step else ""
    text = f"mitigate {workflow}{where}: stop or bypass what fails there"
    return _action("mitigate_workflow", text, cause, workflow_step=step)


def _repair_runs(cause: Cause, _findings: list[Finding]) -> list[Action]:
    """Runs of a workflow that failed half way: what they did is to be undone."""
    bare, failed = cause.detail.get("uncompensated"), cause.detail.get("failed_runs")
    if "scenario_name" not in cause.subject or not isinstance(bare, int) or bare <= 0:
        return []
    of = f" (of {count(failed)} that failed)" if isinstance(failed, int) else ""
    workflow = subject_name({"scenario_name": cause.subject["scenario_name"]})
    text = f"repair {some(bare, 'run')} of {workflow} that failed without compensation{of}"
    return [_action("repair_runs", text, cause, uncompensated=bare, failed_runs=failed)]


def _repair_broken_runs(cause: Cause, findings: list[Finding]) -> list[Action]:
    """Undoing a cause does not undo what it left half done in the workflows that it broke."""
    runs = next((f for f in findings if f.step == 9), None)
    found = []
    for broken in cause.impact:
        for i, row in enumerate(runs.rows if runs else [], 1):
            bare, matches = row.get("uncompensated_runs"), broken.subject.items() <= row.items()
            if broken.step == 9 and matches and isinstance(bare, int) and bare > 0 and runs is not None:
                text = f"repair {some(bare, 'run')} of {subject_name(broken.subject)} that failed without compensation"
                evidence = [f"{runs.id}.{i}"]
                found.append(_proposal("repair_runs", text, cause, evidence, {**broken.subject, "uncompensated": bare}))
    return found


def _act_for_tier(cause: Cause, _case: Case) -> Action | None:
    if "customer_tier" not in cause.subject or not cause.label.startswith("SLA_BREACH"):
        return None
    return _action("act_for_tier", f"act at once for {subject_name(cause.subject)}: its SLA is breached", cause)


def _tell_breached_tiers(cause: Cause, _findings: list[Finding]) -> list[Action]:
    breached = [v for v in cause.also_visible_in if v.label.startswith("SLA_BREACH")]
    if not breached:
        return []
    text = f"act at once for {listed([subject_name(v.subject) for v in breached])}: the cause breaches their SLA"
    evidence = [e for v in breached for e in v.evidence] or cause.evidence
    return [_proposal("act_for_tier", text, cause, evidence, {"subjects": [v.subject for v in breached]})]


def _fix_error(cause: Cause, _case: Case) -> Action | None:
    places = {k: v for k, v in cause.subject.items() if k in ("service_component", "dependency_name")}
    if not any(column in cause.subject for column in FIXABLE):
        return None
    error = cause.detail.get("exception_type") or cause.subject.get("exception_type")
    message = cause.detail.get("message")
    what = name(error) if error else "what fails"
    text = f"fix {what}{f' in {subject_name(places)}' if places else ''}{_only_for(cause, FIXABLE)}"
    text += f" (most frequent message: “{one_line(message, 120)}”)" if message else ""
    return _action("fix_error", text, cause, exception_type=error)


def _fix_endpoint(cause: Cause, _case: Case) -> Action | None:
    if not any(column in cause.subject for column in ENDPOINT):
        return None
    errors = [v for v in cause.also_visible_in if any(column in v.subject for column in FIXABLE)]
    hint = f"; start at {subject_name(errors[0].subject)}" if errors else ""
    return _action("fix_endpoint", f"fix {subject_name(cause.subject)}{hint}", cause)


Remedy = Callable[[Cause, Case], Action | None]
Repair = Callable[[Cause, list[Finding]], list[Action]]

REMEDIES: tuple[Remedy, ...] = (
    _roll_back,
    _set_flag,
    _relieve_rate_limiting,
    _mitigate_workflow,
    _scale,
    _redirect,
    _drain,
    _act_for_tier,
    _look_first,
    _fix_error,
    _fix_endpoint,
)
"""What somebody changed goes before the place that it breaks; an action is limited to all that a description says."""
REPAIRS: tuple[Repair, ...] = (_repair_runs, _repair_broken_runs, _tell_breached_tiers)


def _relieve_pressure(causes: list[Cause], findings: list[Finding]) -> list[Action]:
    """RESOURCE_PRESSURE that no cause rests on is worth a look while something is wrong, never a change."""
    zones = next((f for f in findings if f.step == 6 and f.status is Status.OK), None)
    if not causes or zones is None or not zones.labels.get("RESOURCE_PRESSURE"):
        return []
    text = "check CPU and memory of the zones marked RESOURCE_PRESSURE; scale only if they cannot keep up"
    return [
        Action(kind="look", urgency=LOOK, statement=sentence(text) + cited([zones.id]), target={}, evidence=[zones.id])
    ]


def _find_lost_traffic() -> Action:
    """Requests that do not come fail before they are seen."""
    text = "find out where requests get lost before they reach the service: DNS, load balancers, certificates, callers"
    return Action(
        kind="escalate", urgency=NOW, statement=sentence(f"{text}; or whether they are only not recorded"), target={}
    )


def _widen() -> Action:
    """Something fails and no part of it stands out: a whole outage must not read as nothing to do."""
    shared = "a dependency, the configuration, the network, the database"
    text = f"escalate: no part that was looked at stands out; check what all requests share ({shared})"
    return Action(kind="escalate", urgency=NOW, statement=sentence(text), target={})


def _check_start(start: datetime) -> Action:
    text = (
        f"check when the incident began and run this again: availability is low, but nothing changed at {clock(start)}"
    )
    return Action(kind="name_start", urgency=LOOK, statement=sentence(text), target={})


def _check_window() -> Action:
    """Nothing in the window was looked at: what each check lacked besides is no help."""
    text = (
        "check the window and the telemetry's times, and run this again: is the window right (--start-time, "
        "--end-time), is this the telemetry of that day, are its dates day-first or month-first, and in UTC"
    )
    return Action(kind="check_window", urgency=LOOK, statement=f"{sentence(text)[:-1]}?", target={})


def _close_gaps(gaps: list[Gap]) -> list[Action]:
    """While no cause is confirmed, what was not looked at may hold it."""
    found = []
    if any(g.status == UNKNOWN_START for g in gaps):
        text = "find out when the incident began and run this again: nothing could be compared with before"
        found.append(Action(kind="name_start", urgency=LOOK, statement=sentence(text), target={}))
    alike: dict[str, list[int]] = {}
    for gap in gaps:
        if gap.step is not None and gap.step > 1:
            alike.setdefault(gap.status.replace("_", " "), []).append(gap.step)
    if alike:
        groups = [f"{steps_words(steps)} ({status})" for status, steps in alike.items()]
        text = f"look by hand at what was not checked: {listed(groups, len(alike))}"
        found.append(Action(kind="close_gaps", urgency=LOOK, statement=sentence(text), target={}))
    return found


def _distinct(found: list[Action]) -> list[Action]:
    """One proposal of each statement and target, the first: several causes may ask for the same."""
    seen: dict[tuple[str, str], Action] = {}
    for action in found:
        seen.setdefault((action.kind, repr(sorted(action.target.items(), key=str))), action)
    return list(seen.values())
