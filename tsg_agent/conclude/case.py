"""What a conclusion rests on, in one hand."""

from dataclasses import dataclass
from datetime import datetime

from tsg_agent.models import Finding, Judgement, Parameters, Sla
from tsg_agent.settings import AllThresholds


@dataclass(frozen=True)
class Case:
    """One investigation's parameters, findings (by step), verdicts and availability."""

    parameters: Parameters
    findings: list[Finding]
    judgement: Judgement
    sla: Sla
    thresholds: AllThresholds

    @property
    def start(self) -> datetime | None:
        """When the incident began, UTC; None = unknown."""
        return self.parameters.incident_start

    @property
    def slow_ms(self) -> float:
        """From how many milliseconds on a request is slow."""
        return self.thresholds.version.slow_ms

    def finding(self, step: int) -> Finding | None:
        """The finding of a step, if it ran."""
        return next((f for f in self.findings if f.step == step), None)
