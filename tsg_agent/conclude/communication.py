"""Drafts of the guide's three messages. Plain text, ready to paste; a person sends them."""

from tsg_agent.columns import Nature, of_nature
from tsg_agent.conclude.case import Case
from tsg_agent.conclude.gaps import steps_words
from tsg_agent.escape import slack
from tsg_agent.models import Action, Cause, Communication, Confidence, Gap, Parameters
from tsg_agent.steps.remedy import named
from tsg_agent.wording import moment, one_line, percent, some, subject_name, uncited


def communication(
    case: Case, headline: str, causes: list[Cause], actions: list[Action], gaps: list[Gap]
) -> Communication:
    """Incident channel, product teams, and infrastructure where a finding calls for it. Escaped for a chat."""
    infrastructure = _infrastructure(case, causes)
    return Communication(
        incident_channel=slack(_incident_channel(case, headline, causes, actions, gaps)),
        product_teams=slack(_product_teams(case, causes, actions)),
        infrastructure=infrastructure and slack(infrastructure),
    )


def _where(parameters: Parameters) -> str:
    names = (parameters.service_name, parameters.region, parameters.environment)
    return " / ".join(one_line(name, 80) for name in names)


def _bullets(items: list[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _incident_channel(case: Case, headline: str, causes: list[Cause], actions: list[Action], gaps: list[Gap]) -> str:
    blocks = [f"[{_where(case.parameters)}] {headline}"]
    named = [f"{c.confidence.value}: {c.statement}" for c in causes[:3]]
    if named:
        blocks.append(f"Found:\n{_bullets(named)}")
    blocks.append(f"Proposed, not done yet:\n{_bullets([a.statement for a in actions[:6]] or ['nothing'])}")
    steps = [g.step for g in gaps if g.step is not None and case.guide.looks_at(g.step)]
    if steps:
        blocks.append(f"Not checked, or not enough: {steps_words(steps)}.")
    return "\n\n".join(blocks)


def _product_teams(case: Case, causes: list[Cause], actions: list[Action]) -> str:
    parameters, sla, start = case.parameters, case.sla, case.start
    confirmed = [c for c in causes if c.confidence is Confidence.CONFIRMED]
    window = f" between {moment(parameters.start_time)} and {moment(parameters.end_time)}"
    since = f" since {moment(start)}" if start else window
    counted = sla.after if sla.after is not None and start is not None else sla.window
    if sla.breached is None or counted is None or counted.availability is None:
        first = f"{_where(parameters)}: we cannot say how customers are served{since}: {one_line(sla.reason)}."
    elif not sla.breached and not confirmed:
        state = f"availability is {percent(counted.availability)}{since}"
        first = f"{_where(parameters)}: {state}; no incident is confirmed."
    elif sla.lost:
        first = f"{_where(parameters)}{since}: {sla.lost}."
    else:
        share = percent(100 - counted.availability)
        failed = some(counted.server_errors, "request")
        first = f"{_where(parameters)}: {share} of requests fail{since} ({failed})."
    blocks = [first]
    affected = _affected(case, confirmed)
    if affected:
        blocks.append(f"Affected:\n{_bullets(affected)}")
    doing = [uncited(a.statement) for a in actions if a.urgency == "now"]
    if doing:
        blocks.append(f"We propose to:\n{_bullets(doing[:4])}")
    elif confirmed or sla.breached:
        blocks.append("The cause is still being looked for; there is nothing for you to do yet.")
    return "\n\n".join(blocks)


def _affected(case: Case, causes: list[Cause]) -> list[str]:
    """What customers meet: products, tiers, workflows and endpoints, as causes or as where causes show."""
    steps = case.guide.by_number
    found = []
    for cause in causes:
        found.append((cause.subject, cause.onset.after or cause.contrast.subject, steps[cause.step]))
        found += [(v.subject, v.after, steps[v.step]) for v in [*cause.impact, *cause.also_visible_in]]
    lines = []
    for subject, after, step in found:
        share = f": {percent(after.percent)} of {step.unit}s affected" if after is not None else ""
        lines += [subject_name(subject) + share] if step.customers else []
    return list(dict.fromkeys(lines))[:8]


def _infrastructure(case: Case, causes: list[Cause]) -> str | None:
    """Needed where a zone or machine is a cause or suspect, or a check of them says so."""
    places = [c for c in causes if named(c, of_nature(Nature.SITE, Nature.MACHINE))]
    lines = [f"{c.confidence.value}: {c.statement}" for c in places]
    lines += [line for step, finding in case.judged for line in step.alarms(finding, causes)]
    if not lines:
        return None
    return f"{_where(case.parameters)}: please check the infrastructure.\n\n{_bullets(lines)}"
