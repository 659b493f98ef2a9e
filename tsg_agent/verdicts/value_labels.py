"""Which of the guide's labels a subject carries, and which of a finding's rows are about it."""

from collections.abc import Mapping

import numpy as np

from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import DimensionCounts, Measurement
from tsg_agent.models import Finding, Subject
from tsg_agent.settings import AllThresholds
from tsg_agent.steps.step import Step
from tsg_agent.steps.typed_guide import Guide
from tsg_agent.verdicts.sums import Figures

SubjectKey = tuple[tuple[str, str], ...]
"""A subject, to be looked up by."""


def key_of(subject: Subject) -> SubjectKey:
    """A subject's pairs in the order of their names."""
    return tuple(sorted(subject.items()))


class ValueLabels:
    """The guide's labels of single values: over the window, else over the time since the start.

    Two healthy hours dilute what twenty minutes did: 16 % failing is 3 % of the window, and no label.
    """

    def __init__(
        self,
        guide: Guide[Step],
        measurement: Measurement,
        findings: Mapping[int, Finding],
        limits: AllThresholds,
    ) -> None:
        self._guide, self._findings = guide, findings
        self._named: dict[SubjectKey, str] = {}
        for table in measurement.tables:
            for row, label in enumerate(_labels(guide, table, measurement.grid, limits)):
                if label:
                    self._named[key_of(table.subject(row))] = label

    def of(self, subject: Subject) -> str:
        """The label of the value that a description is filed under; a healthy one has the step's word for that."""
        dimension = self._guide.leading(subject)
        part = {column: subject[column] for column in dimension.columns}
        step = self._guide.by_number[dimension.step]
        finding = self._findings.get(step.step)
        shown = step.label_about(finding, part) if finding and step.labels_rows else ""
        return shown or self._named.get(key_of(part), step.healthy)

    def abnormal(self, subject: Subject) -> bool:
        """Whether the guide's rule names a single value."""
        return key_of(subject) in self._named


def _labels(guide: Guide[Step], table: DimensionCounts, grid: Grid, limits: AllThresholds) -> list[str]:
    """Each value's label over the window, else since the start; "" for what is healthy."""
    step = guide.by_number[table.dimension.step]
    own = step.rule.limits(limits)
    window = Figures.over(table.counts, slice(0, grid.count))
    names = np.full(len(table.values), "", object)
    spans = [window] if grid.start is None else [Figures.over(table.counts, grid.after), window]
    for sums in spans:  # what is later, and graver, is written over what is there
        rates = step.rates_of(table.dimension.columns, table.values, sums, own)
        for label, holds in step.rule.held(rates, own) if rates is not None else ():
            names[step.asked(window, own) & holds & (label != step.healthy)] = label
    return names.tolist()
