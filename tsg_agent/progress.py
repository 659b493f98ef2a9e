"""What a run tells while it runs."""

from dataclasses import dataclass
from typing import Any

from tsg_agent.models import Finding


@dataclass(frozen=True)
class Progress:
    """One thing that happened: a check began or ended. `step` 0 is the evidence measurement."""

    step: int
    title: str
    finding: Finding | None = None

    def as_event(self) -> dict[str, Any]:
        """It in plain JSON, without the finding's rows: for a parent graph's stream, and for the event log."""
        about: dict[str, Any] = {"kind": "check began", "step": self.step, "title": self.title}
        if self.finding is None:
            return about
        said = self.finding.model_dump(mode="json", include={"status", "label", "reason", "milliseconds"})
        return {**about, "kind": "check ended", **said}
