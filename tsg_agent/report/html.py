"""A Report as one self-contained HTML page: no network, no script, readable on a phone, in light and dark.

All text is untrusted: the template escapes it, and `finalize` drops control, escape and direction-changing characters.
"""

import re
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from tsg_agent.models import Availability, Confidence, Finding, Report
from tsg_agent.report.charts import availability_chart, cause_chart, causes_chart
from tsg_agent.report.conclusion_words import GUIDES_WORDS, credit, in_words
from tsg_agent.report.evidence import PROSE_CITATION, cell, measured_row, rows_by_id
from tsg_agent.report.markdown import NOTHING
from tsg_agent.report.panels import panels
from tsg_agent.report.ruled_out import alike_words, by_dimension, told_apart
from tsg_agent.report.screen import asked_first, state
from tsg_agent.wording import TIERS, clock, count, lines, moment, percent, rate_words, sentence, subject_name

DRAWN_CAUSES = 3

_UNIT = re.compile(r"(?<=\d) %")
"""Matches the space between a figure and its unit, which must not break."""


def to_html(report: Report) -> str:
    """The whole page."""
    return extended(report, "report.html.j2", Environment(), {})  # noqa: S701 - only its loader and filters are taken


def extended(report: Report, page: str, more: Environment, about: dict[str, Any]) -> str:
    """Render a page that extends the report's template: a template of `more`, with the variables `about`."""
    return _environment(report, more).get_template(page).render(_context(report) | about).lstrip()


def write_html(report: Report, path: Path) -> None:
    """Write the page as UTF-8."""
    path.write_text(to_html(report), "utf-8")


def _environment(report: Report, more: Environment) -> Environment:
    own = PackageLoader("tsg_agent", "report")
    environment = Environment(
        loader=own if more.loader is None else ChoiceLoader([own, more.loader]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: lines(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    anchors = _anchors(report)

    def cite(text: str) -> Markup:
        """Escaped text with its evidence ids as links to their rows."""
        parts = PROSE_CITATION.split(_UNIT.sub("\u00a0%", lines(text)))
        return Markup("").join(_links(part, anchors) if i % 2 else escape(part) for i, part in enumerate(parts))

    environment.filters |= more.filters
    environment.filters |= {
        "cite": cite,
        "cites": lambda ids: Markup("").join(Markup(" [{}]").format(_link(i, anchors)) for i in ids),
        "cell": cell,
        "count": count,
        "percent": percent,
        "rate": rate_words,
        "sentence": sentence,
        "subject": subject_name,
        "moment": moment,
        "measured": measured_row,
        "column_names": _column_names,
        "identity": id,
    }
    return environment


def _anchors(report: Report) -> dict[str, str]:
    """Evidence id -> the anchor on the page."""
    rows = {f.id for f in report.findings} | set(rows_by_id(report))
    causes = {f"C{c.rank}": f"cause-{c.rank}" for c in report.causes}
    shown = {
        f"C{c.rank}.{i}": f"cause-{c.rank}"
        for c in report.causes
        for i in range(1, len([*c.impact, *c.also_visible_in]) + 1)
    }
    actions = {f"A{i}": f"action-{i}" for i in range(1, len(report.actions) + 1)}
    rejected = {f"R{i}": f"rejected-{i}" for i in range(1, len(report.rejected) + 1)}
    return {**{row: row for row in rows}, **causes, **shown, **actions, **rejected, "SLA": "sla"}


def _links(ids: str, anchors: dict[str, str]) -> Markup:
    return Markup("[{}]").format(Markup(", ").join(_link(i.strip(), anchors) for i in re.split("[,;]", ids)))


def _link(item: str, anchors: dict[str, str]) -> Markup:
    if item in anchors:
        return Markup('<a href="#{}">{}</a>').format(anchors[item], item)
    return escape(lines(item))


def _column_names(finding: Finding) -> list[str]:
    """The finding's columns, then others that only its rows have."""
    names = [*finding.columns, *(name for row in finding.rows for name in row)]
    return list(dict.fromkeys(names))


def _spans(report: Report) -> list[tuple[str, Availability]]:
    sla, start = report.sla, report.began
    when = clock(start) if start else "the start"
    spans = [(f"after {when}", sla.after), (f"before {when}", sla.before), ("whole window", sla.window)]
    return [(name, span) for name, span in spans if span is not None]


def _context(report: Report) -> dict[str, Any]:
    drafts = report.communication
    messages = [("Incident channel", drafts.incident_channel), ("Product teams", drafts.product_teams)]
    if drafts.infrastructure is not None:
        messages.append(("Infrastructure team", drafts.infrastructure))
    first = report.causes[:DRAWN_CAUSES]
    telling, like = told_apart(report.rejected)
    return {
        "report": report,
        "p": report.parameters,
        "state": state(report),
        "confirmed": [c for c in report.causes if c.confidence is Confidence.CONFIRMED],
        "now": [(i, a) for i, a in enumerate(report.actions, 1) if a.urgency == "now"],
        "look": [(i, a) for i, a in enumerate(report.actions, 1) if a.urgency != "now"],
        "told": in_words(report),
        "guides_words": GUIDES_WORDS,
        "credit": credit(report),
        "spent": report.usage.model,
        "spans": _spans(report),
        "availability": availability_chart(report),
        "bars": causes_chart(first),
        "cause_charts": [chart for chart in (cause_chart(report, c) for c in first) if chart is not None],
        "panels": panels(report),
        "messages": messages,
        "tiers": TIERS,
        "short": asked_first(report),
        "headings": [h for h in report.summary if h.statement != NOTHING],
        "quiet": [h.title for h in report.summary if h.statement == NOTHING],
        "telling": telling,
        "like_the_rest": [(alike_words(group), group) for group in by_dimension(like)],
        "place": {id(r): i for i, r in enumerate(report.rejected, 1)},
        "parameters": [(k, v) for k, v in report.parameters.model_dump(mode="json").items() if k != "origins"],
    }
