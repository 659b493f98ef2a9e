"""What a report says about a value that a question names: a cause, a symptom of one, dismissed, or not seen."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tsg_agent.ask.compiling import PERIOD
from tsg_agent.ask.typed import AFTER, BEFORE
from tsg_agent.models import Cause, Confidence, Report, Visible
from tsg_agent.statistics import Z95, g2_z
from tsg_agent.wording import cited, listed, moment, percent, rate_words, sentence, subject_name

ROWS = 3


def is_of_cause(report: Report, column: str, value: str) -> bool:
    """Whether the value is a cause or shows one."""
    return any(
        subject.get(column) == value
        for cause in report.causes
        for subject in (cause.subject, *(one.subject for one in (*cause.also_visible_in, *cause.impact)))
    )


def is_worse(rows: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether more fail after the start than before it, beyond chance; None if the rows are not of both."""
    sides = {row.get(PERIOD): row for row in rows}
    if not {BEFORE, AFTER} <= sides.keys():
        return None
    (k0, n0), (k1, n1) = (_failed(sides[side]) for side in (BEFORE, AFTER))
    return bool(g2_z(k0, n0, k1, n1) > Z95)


def _failed(row: Mapping[str, Any]) -> tuple[float, float]:
    """Failures of all requests, or of all runs."""
    return (row["failed_runs"], row["runs"]) if "runs" in row else (row["failures"], row["requests"])


def labelled(report: Report, column: str, value: str) -> list[str]:
    """The abnormal labels of the checks' rows that hold the value."""
    return [
        f"{finding.title} (Step {finding.step}) labels it {label} [{finding.id}.{i}]"
        for finding in report.findings
        for i, row in enumerate(finding.rows, 1)
        if row.get(column) == value
        for label in row.values()
        if isinstance(label, str) and label in finding.abnormal
    ]


def verdict_on(report: Report, column: str, value: str) -> list[str]:
    """What the report says about a value, in sentences."""
    name = subject_name({column: value})
    for cause in report.causes:
        if cause.subject.get(column) == value:
            firm = cause.confidence is Confidence.CONFIRMED
            head = (
                f"Yes: {name} is cause {cause.rank}, confirmed"
                if firm
                else f"Perhaps: {name} is suspected, not confirmed"
            )
            return [f"{head}. {cause.statement}{_once(cause.statement, cause.evidence)}"]
    said = [line for cause in report.causes for line in _shows(cause, column, value)]
    gone = [rejected for rejected in report.rejected if rejected.subject.get(column) == value]
    gone.sort(key=lambda rejected: len(rejected.subject))
    if said:
        return [
            f"Not a cause of its own: {said[0]}",
            *said[1:ROWS],
            *(sentence(f"Dismissed: {r.statement}") for r in gone[:1]),
        ]
    if gone:
        lines = [f"{r.statement}{_once(r.statement, r.evidence)}" for r in gone[:ROWS]]
        more = f" And {len(gone) - ROWS} more of it." if len(gone) > ROWS else ""
        return [f"Not a cause: {name} was looked at and dismissed.", "\n".join(f"- {line}" for line in lines) + more]
    rows = labelled(report, column, value)
    if rows:
        return [f"Not a cause, and not dismissed by name: {name}. {listed(rows, ROWS)}."]
    return [f"Not a cause: the investigation saw nothing abnormal of {name}, or too little traffic to judge it."]


def _shows(cause: Cause, column: str, value: str) -> list[str]:
    """The causes that show in the value's requests, or break the workflow of that name."""
    of = f"cause {cause.rank} ({subject_name(cause.subject)})"
    shown = [(f"where {of} shows", one) for one in cause.also_visible_in]
    broken = [(f"broken by {of}", one) for one in cause.impact]
    return [
        f"{subject_name(one.subject)} is {how}{_rates(one)}{cited(one.evidence)} [C{cause.rank}]."
        for how, one in (*shown, *broken)
        if one.subject.get(column) == value
    ]


def _rates(one: Visible) -> str:
    sides = [(side, rate) for side, rate in (("before", one.before), ("after", one.after)) if rate is not None]
    said = [f"{percent(rate.percent)} ({rate_words(rate)}) {side} the start" for side, rate in reversed(sides)]
    return f": {', '.join(said)}" if said else ""


def _once(statement: str, evidence: list[str]) -> str:
    return "" if "[" in statement else cited(evidence)


def began(report: Report) -> list[str]:
    """When the incident began, and how that is known."""
    parameters = report.parameters
    origin = parameters.origins.get("incident_start", "")
    if parameters.incident_start is None:
        unknown = f" ({origin})" if origin else ""
        return [f"When it began is not known{unknown}. Say it with --incident-start, or in the incident's text."]
    said = [f"It began at {moment(parameters.incident_start)}: {origin or 'given'}."]
    if report.sla.before and report.sla.after:
        before, after = percent(report.sla.before.availability), percent(report.sla.after.availability)
        said.append(f"Availability was {before} before and {after} after that [SLA].")
    said += [sentence(note) for note in report.notes if "start" in note.lower() or "began" in note.lower()]
    return said


def roll_back(report: Report, versions: Iterable[str] = ()) -> list[str]:
    """Whether a rollback is proposed; if `versions` are given, whether one of them is to be rolled back."""
    proposed = [action for action in report.actions if action.kind == "roll_back"]
    wanted = set(versions)
    faulty = {cause.subject.get("service_version", "") for cause in report.causes}
    if proposed and wanted and not wanted & faulty:
        other = [f"Proposed is: {action.statement}{_once(action.statement, action.evidence)}" for action in proposed]
        return [f"No rollback of {listed(sorted(wanted))} is proposed.", *other]
    if proposed:
        firm = all(action.urgency == "now" for action in proposed)
        head = "Yes, it is proposed" if firm else "Look first"
        return [f"{head}: {action.statement}{_once(action.statement, action.evidence)}" for action in proposed]
    causes = [subject_name(cause.subject) for cause in report.causes]
    found = f"the causes found are {listed(causes)}" if causes else "no cause was found"
    said = [f"No rollback is proposed: no version is among the causes; {found}."]
    return said + [sentence(f"Dismissed: {r.statement}") for r in report.rejected if "service_version" in r.subject][:2]


def actions_on(report: Report, values: Iterable[str]) -> list[str]:
    """The proposed actions on `values`; if there is none, that is said, and all actions."""
    wanted = set(values)
    own = [one for one in report.actions if wanted & {str(value) for value in one.target.values()}]
    chosen = own or report.actions
    said = [] if own or not wanted else [f"No action is proposed on {listed(sorted(wanted))}."]
    said += [f"Proposed: {one.statement}{_once(one.statement, one.evidence)}" for one in chosen]
    return said or ["No action is proposed."]
