"""Step 11: the conclusion, and what it took."""

from datetime import datetime
from enum import StrEnum
from html import escape
from typing import Any

from pydantic import AwareDatetime, Field, model_validator

from tsg_agent.models.base import Model, Subject
from tsg_agent.models.findings import Finding, Status
from tsg_agent.models.parameters import Parameters
from tsg_agent.models.report_schema import SCHEMA, upgraded
from tsg_agent.models.verdicts import (
    Confidence,
    Contrast,
    Course,
    Description,
    Effect,
    Gate,
    Measure,
    MeasuredRow,
    Onset,
    OtherRegion,
    Reach,
    Series,
    Start,
    Tier,
    TrafficLoss,
    Visible,
)


class Availability(Model):
    """Requests of a time span, and how they were answered."""

    requests: int = Field(description="whose answer is known")
    unknown: int = Field(0, description="requests whose status is NULL: they are in none of the other figures")
    server_errors: int = Field(description="answered 5xx")
    successes: int = Field(description="answered 2xx")
    availability: float | None = Field(description="100 - percent answered 5xx; None without requests")
    success_rate: float | None = Field(description="percent answered 2xx; None without requests")
    redirect_rate: float | None = Field(None, description="percent answered 3xx; None without requests")


class Sla(Model):
    """The service's availability against its threshold."""

    threshold: float = Field(description="percent")
    breached: bool | None = Field(
        description="after the incident's start (the window, where that is unknown); None where status is not ok"
    )
    lost: str = Field("", description="what users lose beside 5xx, as a clause; empty = nothing that was seen")
    status: Status = Field(Status.OK, description="how its measurement ended; only ok is an answer, not no_data")
    reason: str = Field("", description="why the status is not ok, as a clause")
    measured_on: str = Field(description="which requests count: all of the service, or those at its entry component")
    covers: tuple[AwareDatetime, AwareDatetime] | None = Field(
        None, description="the time that the telemetry covers, all services together; None = not known"
    )
    outside: bool = Field(False, description="no row of the telemetry lies in the window")
    window: Availability | None = Field(description="None where nothing was measured, which is not the same as 0")
    before: Availability | None
    after: Availability | None


class Cause(Model):
    """One cause, ranked. The names of its fields are a contract with evaluation harnesses."""

    rank: int
    confidence: Confidence
    tier: Tier
    step: int
    label: str
    subject: Subject
    measure: Measure
    statement: str
    onset: Onset
    contrast: Contrast
    began: AwareDatetime | None = Field(None, description="where it began later than the incident: when")
    evidence: list[str]
    shortfalls: list[str] = Field(default_factory=list)
    detail: dict[str, Any] = Field(default_factory=dict)
    also_visible_in: list[Visible] = Field(default_factory=list)
    impact: list[Visible] = Field(default_factory=list)
    effect: Effect | None = Field(None, description="what undoing it would bring; None = not known")


class Rejected(Model):
    """Looked at and dismissed, with the reason."""

    step: int
    label: str
    subject: Subject
    measure: Measure
    reason: str = Field(description="a code: unchanged, below_threshold, no_contrast, …")
    statement: str
    onset: Onset
    contrast: Contrast
    evidence: list[str]


class Gap(Model):
    """Something that was not looked at, or not enough."""

    step: int | None
    status: str
    statement: str


class Action(Model):
    """A proposal to a person. Nothing is executed."""

    kind: str = Field(description="roll_back, set_flag, redirect_traffic, scale, drain, mitigate_workflow, …")
    urgency: str = Field(description="now, or look (for a suspect: check first)")
    statement: str
    effect: str = Field(
        "", description="what it would bring, in words, as a clause; the figures are the cause's `effect`"
    )
    how: str = Field("", description="what to look at first and who owns it, or what would confirm it, as a clause")
    target: dict[str, Any]
    cause: int | None = Field(None, description="rank of the cause it answers")
    evidence: list[str] = Field(default_factory=list)


class Communication(Model):
    """Drafts. `infrastructure` is None where no zone, resource or infrastructure finding calls for it."""

    incident_channel: str
    product_teams: str
    infrastructure: str | None = None


class Heading(Model):
    """One of the eight headings of the guide's Step 11."""

    title: str
    steps: list[int]
    statement: str
    evidence: list[str] = Field(default_factory=list)


class NodeUsage(Model):
    """What one node spent on the language model."""

    node: str
    calls: int = Field(0, description="every try counted")
    input_tokens: int = 0
    output_tokens: int = 0
    milliseconds: float = 0.0
    cost: float | None = Field(None, description="money; None without prices")


class ModelUsage(Model):
    """What all nodes together spent on it."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    milliseconds: float = 0.0
    cost: float | None = None
    nodes: list[NodeUsage] = Field(default_factory=list)


class Usage(Model):
    """What the investigation cost."""

    milliseconds: float
    queries: int
    mode: str = Field("rules only", description="rules only, or the model's name")
    model: ModelUsage = ModelUsage()


class NarrativeSection(Model):
    """One part of the report told in prose: the model's where it passed the check, else the rules'."""

    title: str
    text: str
    by: str = Field(description="model, or rules")


class Narrative(Model):
    """The conclusion told by a model around given numbers. It adds nothing: the rest of the report stands alone."""

    sections: list[NarrativeSection]
    sentences: int = Field(description="sentences that the model wrote at first")
    sent_back: int = Field(description="of them, sent back because a figure or a name is not in the row they cite")
    replaced: int = Field(description="of them, failed again, and gave way to the sentences of the rules")


class Reply(StrEnum):
    """The answer to a suspicion."""

    YES = "yes"
    PERHAPS = "perhaps"
    NO = "no"
    NOT_SEEN = "not in this telemetry"


class Suspicion(Model):
    """Something that the incident's text brings up, answered."""

    words: str = Field(description="as the text has it")
    subject: Subject | None = Field(None, description="what it is called in the telemetry")
    answer: Reply
    because: str = Field(description="why, as a clause")
    evidence: list[str] = Field(default_factory=list)


class Line(Model):
    """One thing that is asked first, as the conclusion's short form answers it: a clause, or several."""

    asks: str = Field(description="broke, since, sure, hit, now, first, then, shows, suspected or unchecked")
    items: list[str] = Field(description="clauses without full stops, the most telling first")


class Report(Model):
    """The whole conclusion as data. Its JSON Schema ships as `tsg_agent/report/report.schema.json`."""

    schema_version: int = SCHEMA
    id: str
    version: str = Field(description="of tsg-agent")
    created: AwareDatetime
    headline: str
    brief: list[Line] = Field(default_factory=list, description="the conclusion in short, in the order to read it")
    parameters: Parameters
    onset: Start = Field(Start(), description="when it began, as measured; what was reported beside it")
    sla: Sla
    traffic: TrafficLoss | None = Field(None, description="requests that stopped coming; None = they came as before")
    elsewhere: OtherRegion | None = Field(None, description="another region that fails; None = none, or this one does")
    reach: Reach | None = Field(None, description="who is hit; None = nothing began, or it is not known when")
    course: Course | None = Field(None, description="better or worse now; None as with `reach`")
    causes: list[Cause]
    suspicions: list[Suspicion] = Field(default_factory=list, description="what the text suspects, answered")
    rejected: list[Rejected]
    gaps: list[Gap]
    summary: list[Heading]
    actions: list[Action]
    communication: Communication
    findings: list[Finding]
    measured: list[MeasuredRow]
    series: list[Series]
    gates: list[Gate]
    considered: list[Description] = Field(default_factory=list, description="the best descriptions of the search")
    notes: list[str]
    usage: Usage
    narrative: Narrative | None = Field(None, description="None without a model, or where it gave none")

    @model_validator(mode="before")
    @classmethod
    def _of_this_schema(cls, held: Any) -> Any:
        return upgraded(held)

    @property
    def began(self) -> datetime | None:
        """When the incident began, UTC: as measured, else as reported; None = unknown."""
        return self.onset.measured or self.onset.reported

    def __repr__(self) -> str:
        """In short: a report has some thousand lines."""
        return f"<Report {self.id}: {self.headline!r}, {len(self.causes)} causes, {len(self.gaps)} gaps>"

    def _repr_html_(self) -> str:
        """For a notebook: the headline, the causes, and what to do. `to_html` makes the whole page."""
        causes = "".join(f"<li><b>{escape(one.confidence)}</b>: {escape(one.statement)}</li>" for one in self.causes)
        actions = "".join(f"<li>{escape(one.statement)}</li>" for one in self.actions)
        lists = f"<ol>{causes}</ol><ul>{actions}</ul>"
        return f"<div><p><b>{escape(self.headline)}</b></p>{lists}<small>{escape(self.id)}</small></div>"
