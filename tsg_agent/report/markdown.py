"""A Report as Markdown: for a terminal through rich, and to paste into a ticket.

Everything that came from telemetry or from the incident's text is escaped: it can neither link, nor break a
table, nor start a block.
"""

from collections.abc import Iterator

from tsg_agent.escape import markdown as escape
from tsg_agent.escape import markdown_block as fenced
from tsg_agent.escape import markdown_code as code
from tsg_agent.models import Action, Availability, Cause, Confidence, Report, Status, Visible
from tsg_agent.report.conclusion_words import GUIDES_WORDS, credit
from tsg_agent.report.evidence import cell, cited_ids, rows_by_id
from tsg_agent.report.ruled_out import SHOWN, in_short
from tsg_agent.report.screen import asked_first
from tsg_agent.wording import (
    TIERS,
    cited,
    clock,
    listed,
    moment,
    percent,
    rate_words,
    sentence,
    some,
    subject_name,
)

SHOWN_ROWS = 12
NOTHING = "Nothing abnormal."


def to_markdown(report: Report, *, brief: bool = False) -> str:
    """The report as Markdown, what to do first. Brief: without the drafts of messages and the evidence."""
    sections = [s for s in SECTIONS if not (brief and s in (_messages, _evidence))]
    shorter = {_rejected_all: _rejected} if brief else {}
    blocks = [block for section in sections for block in shorter.get(section, section)(report)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    table = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in table)


def _head(report: Report) -> Iterator[str]:
    p = report.parameters
    yield f"# {escape(p.service_name)} · {escape(p.region)} · {escape(p.environment)}"
    yield f"**{escape(report.headline)}**"


def _actions(report: Report) -> Iterator[str]:
    now = [a for a in report.actions if a.urgency == "now"]
    look = [a for a in report.actions if a.urgency != "now"]
    if now:
        yield "## Do now"
        yield _numbered(now, 1)
    if look:
        yield "## Look at" if not now else "## Then look at"
        yield _numbered(look, len(now) + 1)
    if not report.actions:
        yield "## Do now"
        yield "Nothing: no cause calls for an action."


def _numbered(actions: list[Action], first: int) -> str:
    return "\n".join(f"{i}. {escape(a.statement)}{_more(a)}" for i, a in enumerate(actions, first))


def _more(action: Action) -> str:
    """The expected effect, if known, and how to do it."""
    return "".join(f"\n   - {escape(sentence(text))}" for text in (action.effect, action.how) if text)


def _short(report: Report) -> Iterator[str]:
    """Lines of the short answers that no section contains: confidence, blast radius, duration, trend."""
    if found := asked_first(report):
        yield "## In short"
        yield "\n".join(f"- **{label}**: {escape(text)}" for label, text in found)


def _suspected(report: Report) -> Iterator[str]:
    if report.suspicions:
        yield "## You suspected"
        yield "\n".join(
            f"- {escape(one.words)}: **{one.answer.value}**, {escape(one.because + cited(one.evidence))}"
            for one in report.suspicions
        )


def _told(report: Report) -> Iterator[str]:
    """The model's sentences that passed the grounding check, and the number of those that failed."""
    told = report.narrative
    if told is None:
        return
    yield "## In words"
    for section in told.sections:
        yield f"**{escape(section.title)}.** {escape(section.text)}"
    yield escape(credit(report))


def _availability(report: Report) -> Iterator[str]:
    sla, start = report.sla, report.began
    when = clock(start) if start else "the start"
    spans: list[tuple[str, Availability | None]] = [
        (f"before {when}", sla.before),
        (f"after {when}", sla.after),
        ("whole window", sla.window),
    ]
    state = {True: "breached", False: "met", None: "unknown"}[sla.breached]
    yield f"## SLA {percent(sla.threshold)}: {state}"
    if sla.breached is None:
        yield escape(sentence(sla.reason))
    rows = [
        [name, percent(s.availability), percent(s.success_rate), f"{s.requests:,}", f"{s.server_errors:,}"]
        for name, s in spans
        if s is not None
    ]
    if rows:
        yield _table(["", "availability", "answered 2xx", "requests", "5xx"], rows)
        yield f"Measured on {escape(sla.measured_on)}; test traffic is left out."


def _causes(report: Report) -> Iterator[str]:
    for title, confidence in (("Causes", Confidence.CONFIRMED), ("Suspects", Confidence.SUSPECTED)):
        causes = [c for c in report.causes if c.confidence is confidence]
        if causes:
            yield f"## {title}"
            yield "\n".join(_cause(c) for c in causes)
        elif confidence is Confidence.CONFIRMED:
            yield f"## {title}"
            yield "No cause is confirmed."
    if report.causes:
        yield GUIDES_WORDS


def _cause(cause: Cause) -> str:
    item = [
        f"{cause.rank}. **{escape(subject_name(cause.subject))}** · {code(cause.label)} · "
        f"Step {cause.step} · {TIERS[cause.tier]}",
        f"   - {escape(cause.statement)}",
    ]
    if cause.also_visible_in:
        seen = listed([_visible(v) for v in cause.also_visible_in], 6)
        item.append(f"   - Also visible in: {escape(seen)}")
    return "\n".join(item)


def _visible(item: Visible) -> str:
    share = f" ({percent(item.after.percent)}, {rate_words(item.after)})" if item.after else ""
    return subject_name(item.subject) + share


def _rejected(report: Report, most: int | None = SHOWN) -> Iterator[str]:
    if not report.rejected:
        return
    yield "## Looked at and dismissed"
    yield "\n".join(f"- {escape(line)}" for line in in_short(report.rejected, most=most))


def _rejected_all(report: Report) -> Iterator[str]:
    yield from _rejected(report, None)


def _gaps(report: Report) -> Iterator[str]:
    if report.gaps:
        yield "## Not checked, or not enough"
        yield "\n".join(f"- {escape(g.statement)}" for g in report.gaps)
    if report.notes:
        yield "## Notes"
        yield "\n".join(f"- {escape(n)}" for n in report.notes)


def _summary(report: Report) -> Iterator[str]:
    yield "## The guide's headings"
    quiet = [h.title for h in report.summary if h.statement == NOTHING]
    found = [f"- **{escape(h.title)}**: {escape(h.statement)}" for h in report.summary if h.statement != NOTHING]
    yield "\n".join([*found, *([f"- Nothing abnormal: {escape(', '.join(quiet))}."] if quiet else [])])


def _messages(report: Report) -> Iterator[str]:
    drafts = report.communication
    yield "## Messages, as drafts"
    yield "### Incident channel"
    yield fenced(drafts.incident_channel)
    yield "### Product teams"
    yield fenced(drafts.product_teams)
    if drafts.infrastructure is not None:
        yield "### Infrastructure team"
        yield fenced(drafts.infrastructure)


def _evidence(report: Report) -> Iterator[str]:
    yield "## Evidence"
    rows = []
    for f in report.findings:
        label = code(f.label) if f.label and f.status is Status.OK else ""  # a check that is a gap has no healthy label
        rows.append([f.id, escape(f.title), f.status.value.replace("_", " "), label, str(f.row_count)])
    yield _table(["id", "check", "status", "label", "rows"], rows)
    known = rows_by_id(report)
    firm, dismissed = cited_ids(report)
    bullets = []
    for item in [*firm, *dismissed[: max(0, SHOWN_ROWS - len(firm))]]:
        row = known.get(item, {})  # a whole check, [E2], is in the table above
        values = ", ".join(f"{k} = {cell(v)}" for k, v in row.items() if v not in (None, "", [], ()))
        if values:
            bullets.append(f"- [{item}] {escape(values)}")
    yield "\n".join(bullets)


def _foot(report: Report) -> Iterator[str]:
    p, usage = report.parameters, report.usage
    yield "---"
    yield (
        f"Window {moment(p.start_time)} to {moment(p.end_time)} · investigation {code(report.id)} · "
        f"tsg-agent {escape(report.version)} · {moment(report.created)} · {some(usage.queries, 'query', 'queries')} "
        f"in {usage.milliseconds / 1000:.1f} s · {escape(usage.mode)} · proposals only, nothing was executed"
    )


SECTIONS = (
    _head,
    _actions,
    _short,
    _suspected,
    _causes,
    _told,
    _availability,
    _gaps,
    _rejected_all,
    _summary,
    _messages,
    _evidence,
    _foot,
)
