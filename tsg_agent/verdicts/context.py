"""What the words and figures of every verdict of an investigation are taken from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tsg_agent.evidence.measurement import Measurement
from tsg_agent.evidence.requests import Requests
from tsg_agent.models import Finding, Start, Subject
from tsg_agent.settings import AllThresholds
from tsg_agent.steps.step import Step, rows_about
from tsg_agent.steps.typed_guide import Guide
from tsg_agent.verdicts.ledger import Ledger
from tsg_agent.verdicts.onset import ChangePoint
from tsg_agent.verdicts.value_labels import ValueLabels

LATER = timedelta(minutes=3)
"""A cause that began so much after the incident did has a start of its own."""
CITED = 3
"""Rows of a finding that a verdict cites."""


@dataclass(frozen=True)
class VerdictContext:
    """The guide, the requests and their counts, the findings by step, the limits, the labels, the rows cited so far.

    `begin`: the window's, which minutes are counted from.
    """

    guide: Guide[Step]
    requests: Requests
    measurement: Measurement
    findings: Mapping[int, Finding]
    limits: AllThresholds
    names: ValueLabels
    ledger: Ledger
    start: Start
    begin: datetime

    def later(self, own: ChangePoint | None) -> datetime | None:
        """When a cause began, where that is later than the incident."""
        if own is None or self.start.latest is None:
            return None
        earliest, began = (self.begin + timedelta(minutes=minute) for minute in (own.earliest, own.start))
        return began if earliest > self.start.latest + LATER else None

    def cited(self, step: int, subject: Subject) -> list[str]:
        """The first rows of a step's finding that are about a subject."""
        finding = self.findings.get(step)
        return [row_id for row_id, _ in rows_about(finding, subject)[:CITED]] if finding else []
