"""Which of the guide's labels a subject carries, and which of a finding's rows are about it."""

from collections.abc import Mapping
from typing import Any

from tsg_agent.evidence.dimensions import leading
from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Measurement, Table
from tsg_agent.models import Finding, Subject
from tsg_agent.settings import AllThresholds
from tsg_agent.verdicts.labels import HEALTHY, labels_of
from tsg_agent.verdicts.sums import Figures

GRAVEST_ERRORS = ("CRITICAL", "URGENT", "HIGH", "MEDIUM", "LOW")


class Names:
    """The guide's labels of single values: over the window, else over the time since the start.

    Two healthy hours dilute what twenty minutes did: 16 % failing is 3 % of the window, and no label.
    """

    def __init__(self, measurement: Measurement, findings: Mapping[int, Finding], limits: AllThresholds) -> None:
        self._findings = findings
        self._named: dict[tuple[tuple[str, str], ...], str] = {}
        for table in measurement.tables:
            for row, label in enumerate(_labels(table, measurement.grid, limits)):
                if label:
                    self._named[_key(table.subject(row))] = label

    def of(self, subject: Subject) -> str:
        """The label of the value that a description is filed under; a healthy one has the step's word for that."""
        dimension = leading(subject)
        part = {column: subject[column] for column in dimension.columns}
        return self._shown(dimension.step, part) or self._named.get(_key(part), HEALTHY[dimension.step])

    def abnormal(self, subject: Subject) -> bool:
        """Whether the guide's rule names a single value."""
        return _key(subject) in self._named

    def _shown(self, step: int, part: Subject) -> str:
        """The gravest label among the finding's rows about a subject, where a step labels combinations of its own."""
        finding = self._findings.get(step)
        if finding is None or step not in (9, 10):
            return ""
        labels = [str(row.get("priority") or row.get("workflow_status") or "") for _, row in rows_about(finding, part)]
        if step == 9:
            return next((label for label in labels if label != HEALTHY[9]), labels[0] if labels else "")
        return next((label for label in GRAVEST_ERRORS if label in labels), "")


def _labels(table: Table, grid: Grid, limits: AllThresholds) -> list[str]:
    window = Figures.over(table.counts, slice(0, grid.count))
    over_window = labels_of(table, window, window, limits)
    if grid.start is None:
        return over_window
    since = labels_of(table, Figures.over(table.counts, grid.after), window, limits)
    return [one or other for one, other in zip(over_window, since, strict=True)]


def _key(subject: Subject) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(subject.items()))


def rows_about(finding: Finding, subject: Subject) -> list[tuple[str, dict[str, Any]]]:
    """The finding's rows that are about a subject, as far as they tell: (evidence id, row)."""
    told = [(column, value) for column, value in subject.items() if finding.rows and column in finding.rows[0]]
    return [
        (f"{finding.id}.{number}", row)
        for number, row in enumerate(finding.rows, 1)
        if told and all(row[column] == value for column, value in told)
    ]
