"""Drafts a post-mortem from a Report: known facts are filled in, the rest are questions to people.

Everything that came from telemetry or from the incident's text is escaped, as in Markdown.
"""

from datetime import datetime

from tsg_agent.escape import markdown as escape
from tsg_agent.models import OnsetKind, Report
from tsg_agent.wording import moment, sentence, span, subject_name

OURS = "_To be filled in:_"


def to_postmortem(report: Report) -> str:
    """The draft as Markdown."""
    sections = [_head(report), _timeline(report), _impact(report), _cause(report), _detection(report), _todo(report)]
    return "\n\n".join(sections) + "\n"


def _head(report: Report) -> str:
    p = report.parameters
    where = " · ".join(escape(name) for name in (p.service_name, p.region, p.environment))
    return f"# Post-mortem (draft): {where}\n\n{escape(report.headline)}"


def _timeline(report: Report) -> str:
    start, course = report.onset, report.course
    events: list[tuple[datetime, str]] = []
    if start.reported is not None:
        events.append((start.reported, "began, as reported"))
    if start.measured is not None:
        events.append((start.measured, "began, as measured: failures rose"))
        new = [subject_name(cause.subject) for cause in report.causes if cause.onset.kind is OnsetKind.APPEARED]
        events += [(start.measured, f"first requests of {one}") for one in new]
    if start.ended is not None:
        events.append((start.ended, "was over, as measured"))
    elif course is not None:
        events.append((course.until, "the telemetry ends; it was not over"))
    events.append((report.created, "investigated"))
    rows = [f"| {moment(at)} | {escape(what)} |" for at, what in sorted(events, key=lambda one: one[0])]
    rows.append(f"| | {OURS} who noticed it, who did what, and when |")
    return "\n".join(["## Timeline", "", "| when | what |", "| --- | --- |", *rows])


def _impact(report: Report) -> str:
    lines = {line.asks: line.items for line in report.brief}
    found = [*lines.get("hit", []), *lines.get("now", [])]
    since = report.sla.after
    if since is not None and since.availability is not None:
        failed = f"{since.server_errors:,} of {since.requests:,} requests failed (5xx) since the start"
        found.insert(0, failed)
    return "\n".join(["## Impact", "", *(f"- {escape(sentence(item))}" for item in found or ["nothing was measured"])])


def _cause(report: Report) -> str:
    told = [f"- {cause.confidence.value}: {escape(cause.statement)}" for cause in report.causes]
    asked = f"- {OURS} why it could happen: what changed, and what should have caught it"
    return "\n".join(["## Cause", "", *(told or ["- No cause was found."]), asked])


def _detection(report: Report) -> str:
    start = report.onset
    found = []
    if start.measured is not None and start.reported is not None and start.reported > start.measured:
        found.append(f"- It was reported {span(start.reported - start.measured)} after it began, as measured.")
    found += [f"- Not checked, or not enough: {escape(gap.statement)}" for gap in report.gaps]
    wrong = [one.words for one in report.suspicions if one.answer.value == "no"]
    if wrong:
        found.append(f"- Suspected, and not it: {escape(', '.join(wrong))}.")
    found.append(f"- {OURS} which alert should have told, and did not, or told late")
    return "\n".join(["## What detection missed", "", *found])


def _todo(report: Report) -> str:
    done = [f"- [ ] {escape(action.statement)}" for action in report.actions]
    return "\n".join(["## Actions", "", *done, f"- [ ] {OURS} so that it does not happen again; owner, date"])
