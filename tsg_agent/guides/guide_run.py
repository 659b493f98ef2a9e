"""What running a guide gives."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from tsg_agent.guides.guide import Edge
from tsg_agent.models import Finding, Model, StepKind, Subject


class Outcome(StrEnum):
    """What a labelled row says of the incident, from the same query before its start and since."""

    CHANGED = "changed"
    """Healthy before, abnormal since."""
    NEW = "new"
    """Not there before, abnormal since."""
    WORSE = "worse"
    """Abnormal before too, and clearly worse since."""
    STANDING = "standing"
    """As abnormal before: not this incident's."""
    OVER = "over"
    """Abnormal before, and healthy since."""
    SHARED = "shared"
    """Abnormal since, as the other groups are: not this one is what fails."""
    UNCLEAR = "unclear"
    """Abnormal since, and by no more than chance, or by little."""
    UNKNOWN = "unknown"
    """Nothing to compare with."""


class GuideVerdict(Model):
    """An abnormal row of an annotated step, judged."""

    step: int
    evidence: str = Field(description="the row: E3.1 is the first row of Step 3's finding")
    subject: Subject
    label: str
    kind: StepKind
    outcome: Outcome
    measure: str = ""
    before: float | None = Field(None, description="the measure before the incident's start")
    since: float | None = None
    remedy: str = ""

    @property
    def came_with_it(self) -> bool:
        """It is abnormal since the incident began, and was not before, or less."""
        return self.outcome in {Outcome.CHANGED, Outcome.NEW, Outcome.WORSE}


class StepResult(Model):
    """What became of one step."""

    step: int
    title: str
    judged: bool = Field(description="the front matter says what it is about, so its rows got verdicts")
    findings: tuple[str, ...] = ()
    labels: dict[str, int] = Field(default_factory=dict, description="abnormal label -> rows")
    say: tuple[str, ...] = Field((), description="the guide's own sentences about these labels")
    note: str = ""


class GuideReport(Model):
    """A guide's run: findings, verdicts where steps are annotated, and what the reading of the guide left open."""

    guide: str
    headline: str
    parameters: dict[str, Any]
    origins: dict[str, str] = Field(default_factory=dict, description="parameter -> where its value came from")
    steps: tuple[StepResult, ...]
    not_reached: tuple[int, ...] = Field((), description="steps that the labels did not lead to")
    findings: tuple[Finding, ...]
    causes: tuple[GuideVerdict, ...] = Field((), description="changes and root causes that came with the incident")
    symptoms: tuple[GuideVerdict, ...] = Field((), description="where it fails since the incident, and did not before")
    suspects: tuple[GuideVerdict, ...] = Field(
        (), description="abnormal, with nothing to compare with, or not beyond chance"
    )
    standing: tuple[GuideVerdict, ...] = Field((), description="abnormal before the incident too, or no longer")
    gaps: tuple[str, ...] = Field((), description="what was not looked at, and why")
    doubts: tuple[Edge, ...] = Field((), description="moves that were followed although their reading is not certain")
    notes: tuple[str, ...] = ()
