"""What the words and figures of every verdict of an investigation are taken from."""

from collections.abc import Mapping
from dataclasses import dataclass

from tsg_agent.evidence.measurement import Measurement
from tsg_agent.evidence.requests import Requests
from tsg_agent.models import Finding, Subject
from tsg_agent.settings import AllThresholds
from tsg_agent.steps.step import Step, rows_about
from tsg_agent.steps.typed_guide import TypedGuide
from tsg_agent.verdicts.ledger import Ledger
from tsg_agent.verdicts.naming import Names

CITED = 3
"""Rows of a finding that a verdict cites."""


@dataclass(frozen=True)
class Context:
    """The guide, the requests and their counts, the findings by step, the limits, the labels, the rows cited so far."""

    guide: TypedGuide[Step]
    requests: Requests
    measurement: Measurement
    findings: Mapping[int, Finding]
    limits: AllThresholds
    names: Names
    ledger: Ledger

    def cited(self, step: int, subject: Subject) -> list[str]:
        """The first rows of a step's finding that are about a subject."""
        finding = self.findings.get(step)
        return [row_id for row_id, _ in rows_about(finding, subject)[:CITED]] if finding else []
