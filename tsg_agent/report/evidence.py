"""Resolves evidence ids such as E5.1 or M.3 to rows of a report."""

import re
from typing import Any

from tsg_agent.models import MeasuredRow, Report
from tsg_agent.wording import measure_words, number, one_line, percent, rate_words, subject_name

CITATION = re.compile(r"\[((?:E\d+(?:\.\d+)?)|(?:M\.\d+))\]")

_ID = r"[A-Z]{1,3}(?:\d+[a-z]{0,2})?(?:\.\d+)?"
PROSE_CITATION = re.compile(rf"\[({_ID}(?:\s*[,;]\s*{_ID})*)\]")
"""A citation in prose: ids of rows, causes, actions or dismissals, several in one pair of brackets."""


def rows_by_id(report: Report) -> dict[str, dict[str, Any]]:
    """Evidence id -> the row, for every row of the findings and of the evidence measurement."""
    rows = {f"{f.id}.{i}": row for f in report.findings for i, row in enumerate(f.rows, 1)}
    return rows | {m.id: measured_row(m) for m in report.measured}


def measured_row(measured: MeasuredRow) -> dict[str, Any]:
    """A measured subject as a row of texts: its failing share over the window, before and after the start."""
    spans = {"before": measured.before, "after": measured.after, "window": measured.window}
    shares = {k: f"{percent(r.percent)} ({rate_words(r)})" if r else None for k, r in spans.items()}
    return {"subject": subject_name(measured.subject), "measure": measure_words(measured.measure), **shares}


def cited_ids(report: Report) -> tuple[list[str], list[str]]:
    """The ids cited by actions and causes, and those cited only by dismissals; unique, in the report's order."""
    acted = [a.evidence for a in report.actions] + [c.evidence for c in report.causes]
    firm = dict.fromkeys(item for evidence in acted for item in evidence)
    dismissed = dict.fromkeys(item for one in report.rejected for item in one.evidence)
    return list(firm), [item for item in dismissed if item not in firm]


def cell(value: Any) -> str:
    """A row's value as text: rounded figures, a dash for None, text on one line."""
    if value is None or value in ([], (), {}):
        return "–"  # noqa: RUF001 - a dash, as tables have it
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        whole = isinstance(value, int) or abs(value) >= 10_000
        return (f"{value:,.0f}" if abs(value) >= 10_000 else str(value)) if whole else number(value)
    if isinstance(value, list | tuple):
        return ", ".join(cell(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{one_line(k)}: {cell(v)}" for k, v in value.items())
    return one_line(value, 400)
