"""Which of the guide's labels a subject carries."""

from typing import Any

from tsg_agent.evidence.measurement import Table
from tsg_agent.models import Finding, Measure, Subject
from tsg_agent.verdicts.figures import Figures
from tsg_agent.verdicts.labels import HEALTHY, labels_of
from tsg_agent.verdicts.setting import Setting


def names_of(table: Table, window: Figures, after: Figures, setting: Setting) -> list[str]:
    """The guide's label over the window, else that of the time after the start: two healthy hours dilute it."""
    if table.dimension.step == 9:
        return _workflow_labels(table, setting)
    over_window = labels_of(table, window, window, setting.limits)
    since = (
        labels_of(table, after, window, setting.limits)
        if setting.knows_start(table.dimension.step)
        else [""] * len(table.values)
    )
    named = [w or a for w, a in zip(over_window, since, strict=True)]
    if table.dimension.step != 10:
        return named
    return [(label and _shown_label(table, row, setting)) or label for row, label in enumerate(named)]


def _shown_label(table: Table, row: int, setting: Setting) -> str:
    """The gravest label among the finding's rows about a subject."""
    finding = setting.findings.get(table.dimension.step)
    if finding is None:
        return ""
    labels = [str(r.get("priority", "")) for _, r in rows_about(finding, table.subject(row))]
    order = ("CRITICAL", "URGENT", "HIGH", "MEDIUM", "LOW")
    return next((label for label in order if label in labels), "")


def _workflow_labels(table: Table, setting: Setting) -> list[str]:
    finding = setting.findings.get(9)
    rows = finding.rows if finding else []
    failing = {str(r["scenario_name"]) for r in rows if r["workflow_status"] != HEALTHY[9]}
    critical = {
        str(r["scenario_name"])
        for r in rows
        if str(r["business_criticality"]).upper() == setting.limits.workflow.critical
    }
    after = Figures.over(table.counts, setting.grid.after)
    low = after.percent(Measure.WORKFLOW_FAILURES) > 100.0 - setting.limits.workflow.completion
    return [
        "CRITICAL_SCENARIO_FAILING"
        if name in failing or (name in critical and low[row])
        else HEALTHY[9]
        if low[row]
        else ""
        for row, (name,) in enumerate(table.values)
    ]


def rows_about(finding: Finding, subject: Subject) -> list[tuple[str, dict[str, Any]]]:
    """The finding's rows that are about a subject, as far as they tell: (evidence id, row)."""
    told = [(column, value) for column, value in subject.items() if finding.rows and column in finding.rows[0]]
    return [
        (f"{finding.id}.{number}", row)
        for number, row in enumerate(finding.rows, 1)
        if told and all(row[column] == value for column, value in told)
    ]
