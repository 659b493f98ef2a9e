"""What a conclusion rests on, in one hand."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from tsg_agent.models import Finding, Judgement, Measure, OnsetKind, Parameters, Sla, Status
from tsg_agent.settings import AllThresholds
from tsg_agent.steps.remedy import Situation
from tsg_agent.steps.step import Step
from tsg_agent.steps.typed_guide import Guide


@dataclass(frozen=True)
class Case:
    """One investigation's guide, parameters, findings (by step), verdicts and availability."""

    guide: Guide[Step]
    parameters: Parameters
    findings: list[Finding]
    judgement: Judgement
    sla: Sla
    thresholds: AllThresholds

    @property
    def start(self) -> datetime | None:
        """When the incident began, UTC: as measured, else as reported; None = unknown."""
        return self.judgement.start.measured or self.judgement.start.reported

    @property
    def slow_ms(self) -> float:
        """From how many milliseconds on a request is slow."""
        return self.thresholds.version.slow_ms

    @property
    def something_fails(self) -> bool:
        """Whether there is something to explain: a measure rose at the start or, if none did, the SLA is breached.

        With a doubted start the gates of what was always over its limit are open: that is no incident.
        """
        gates = [g for g in self.judgement.gates if g.open]
        if self.start is None:
            return bool(self.sla.breached) or any(g.measure is Measure.WORKFLOW_FAILURES for g in gates)
        return any(g.onset.kind in (OnsetKind.NEW, OnsetKind.WORSE, OnsetKind.APPEARED) for g in gates)

    @cached_property
    def situation(self) -> Situation:
        """What remedies look at."""
        findings = {finding.step: finding for finding in self.findings}
        return Situation(findings, self.thresholds, self.guide.harmless, self.start)

    @property
    def judged(self) -> list[tuple[Step, Finding]]:
        """The checks that ended ok, with what they found."""
        held = self.situation.findings
        return [
            (step, found) for step in self.guide.steps if (found := held.get(step.step)) and found.status is Status.OK
        ]
