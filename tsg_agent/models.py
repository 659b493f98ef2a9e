"""The data that flows through an investigation, from the incident's text to its report. No logic."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

Subject: TypeAlias = dict[str, str]
"""What a finding is about: dimension -> value, for example {"service_version": "3.15.0"}."""


def _has_utc(moment: datetime) -> datetime:
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it is before the year 1, or after 9999") from None
    return moment


Instant: TypeAlias = Annotated[AwareDatetime, AfterValidator(_has_utc)]
"""A time with an offset that UTC has too: the calendar's first and last hours, in another zone, it has not."""


class Model(BaseModel):
    """Immutable and closed: an unknown field is an error, never dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- Step 1 -------------------------------------------------------------------------------------


class Parameters(Model):
    """The guide's Step 1, with the incident's start kept beside the window it opens."""

    region: str
    service_name: str
    environment: str
    start_time: AwareDatetime = Field(description="start of the window, UTC")
    end_time: AwareDatetime = Field(description="end of the window, UTC: resolution, else now")
    incident_start: AwareDatetime | None = Field(None, description="when the incident began, UTC; None = unknown")
    threshold: float = Field(99.9, gt=0, le=100, description="SLA threshold, percent")
    other_regions: tuple[str, ...] = Field((), description="regions the incident names besides `region`")
    origins: dict[str, str] = Field(
        default_factory=dict, description="parameter -> where its value came from, in words"
    )


class Doubt(StrEnum):
    """Why a text does not settle a parameter."""

    SILENT = "silent"
    """It says nothing of it."""
    SEVERAL = "several"
    """It says several values, one as plain as the other."""
    UNCLEAR = "unclear"
    """What it says can be read in several ways, or in none."""


class Question(Model):
    """A parameter that the incident's text does not settle."""

    parameter: str
    text: str
    candidates: tuple[str, ...] = ()
    doubt: Doubt = Doubt.UNCLEAR


# --- Steps 2-10: what the guide's checks say -----------------------------------------------------


class Status(StrEnum):
    """How a check ended. Only `ok` looked at enough data; every other one is a gap."""

    OK = "ok"
    NO_DATA = "no_data"
    INSUFFICIENT_DATA = "insufficient_data"
    NOT_APPLICABLE = "not_applicable"
    TIMEOUT = "timeout"
    ERROR = "error"


class Finding(Model):
    """What one step's check found. `rows` are the guide's rows; row i (from 1) is cited as `<id>.<i>`."""

    id: str = Field(description="evidence id: E2 is Step 2's finding")
    step: int
    plugin: int
    tool: str
    title: str
    question: str
    status: Status
    reason: str = Field("", description="why the status is not ok, and what would help")
    label: str = Field("", description="the gravest of the guide's labels in the rows; its name for healthy if none is")
    labels: dict[str, int] = Field(
        default_factory=dict, description="the guide's label -> number of rows that carry it"
    )
    rows: list[dict[str, Any]] = Field(default_factory=list, description="the rows the guide shows, in its order")
    row_count: int = Field(0, description="number of rows shown")
    groups: int = Field(0, description="number of groups measured, before the guide's filters and limits")
    truncated: bool = Field(False, description="the guide's limit, or ours, cut the rows")
    columns: dict[str, str] = Field(default_factory=dict, description="column -> what it means, with its unit")
    notes: list[str] = Field(default_factory=list, description="what a reader must know to read the rows right")
    missing_columns: list[str] = Field(
        default_factory=list, description="optional columns the source lacks: read as NULL"
    )
    sql: str = ""
    sql_parameters: dict[str, Any] = Field(default_factory=dict)
    milliseconds: float = 0.0


# --- verdicts: what the evidence says ------------------------------------------------------------


class Measure(StrEnum):
    """What is counted as a failure. Each of the guide's labels names its own."""

    SERVER_ERRORS = "server_errors"  # 5xx
    NOT_SUCCESSFUL = "not_successful"  # not 2xx
    RATE_LIMITED = "rate_limited"  # 429
    CLIENT_ERRORS = "client_errors"  # 4xx
    SLOW = "slow"  # over 5 s
    RETRIES = "retries"
    WORKFLOW_FAILURES = "workflow_failures"  # runs of a workflow that did not complete


class Rate(Model):
    """Failures among requests (for workflows: among runs)."""

    failures: int
    requests: int

    @property
    def percent(self) -> float:
        """Failures, percent of requests; 0 without requests."""
        return 100.0 * self.failures / self.requests if self.requests else 0.0


class OnsetKind(StrEnum):
    """How a subject's rate changed when the incident began."""

    NEW = "new"
    WORSE = "worse"
    APPEARED = "appeared"
    UNCHANGED = "unchanged"
    BETTER = "better"
    UNKNOWN = "unknown"


class Onset(Model):
    """Did it change when the incident began?"""

    kind: OnsetKind
    before: Rate | None = None
    after: Rate | None = None
    excess: float = Field(0.0, description="failures beyond what the rate before would have given")
    z: float | None = Field(None, description="signed root of G2, divided by the root of the overdispersion")
    p: float | None = Field(None, description="one-sided p of z")
    reason: str = Field("", description="why unknown")


class Contrast(Model):
    """Is it worse than the rest, at the same time?"""

    method: str = Field(description="difference_in_differences, cochran_mantel_haenszel or none")
    subject: Rate | None = None
    rest: Rate | None = None
    difference: float | None = Field(
        None, description="points by which the subject exceeds the rest (after its own rise)"
    )
    z: float | None = None
    p: float | None = None
    significant: bool = False
    reason: str = Field("", description="why there is none")


class Tier(StrEnum):
    """How far the guide goes: Step 9 is definitive, Steps 2 and 3 a potential resolution, the rest symptoms."""

    DEFINITIVE = "definitive"
    POTENTIAL = "potential"
    SYMPTOM = "symptom"


class Confidence(StrEnum):
    """Confirmed: every rule holds. Suspected: worth a look, never a rollback."""

    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"


class Visible(Model):
    """Another subject in which a cause shows: its blast radius, or the workflow that it breaks."""

    subject: Subject
    step: int
    label: str
    before: Rate | None = None
    after: Rate | None = None
    without: Rate | None = Field(
        None, description="the same subject after the incident's start, the cause's requests taken out"
    )
    evidence: list[str] = Field(default_factory=list)


class Verdict(Model):
    """One subject, judged: a cause where `confidence` is set, dismissed where `dismissal` is."""

    subject: Subject
    step: int
    label: str
    measure: Measure
    tier: Tier
    onset: Onset
    contrast: Contrast
    confidence: Confidence | None = None
    shortfalls: list[str] = Field(default_factory=list, description="rules that a suspect falls short of, in words")
    dismissal: str = Field("", description="unchanged, below_threshold, no_contrast, no_onset, too_few, everything, …")
    reason: str = Field("", description="the dismissal in words, with its figures")
    detail: dict[str, Any] = Field(
        default_factory=dict, description="what the step's action needs (version to return to, …)"
    )
    evidence: list[str] = Field(default_factory=list, description="rows this rests on: E5.1, M.12")
    also_visible_in: list[Visible] = Field(default_factory=list)
    impact: list[Visible] = Field(default_factory=list, description="workflows that fail because of it")


class Gate(Model):
    """Is there something to explain? One per measure."""

    measure: Measure
    open: bool
    reason: str
    onset: Onset


class Point(Model):
    """One 5-minute bucket."""

    time: AwareDatetime
    requests: int
    failures: int


class Series(Model):
    """A subject's failures over time; {} is the service as a whole."""

    subject: Subject
    measure: Measure
    points: list[Point]


class MeasuredRow(Model):
    """A measured subject that a verdict cites, as M.<i>."""

    id: str
    subject: Subject
    measure: Measure
    window: Rate
    before: Rate | None
    after: Rate | None


class Judgement(Model):
    """All verdicts of an investigation, causes in rank order."""

    gates: list[Gate]
    causes: list[Verdict]
    rejected: list[Verdict]
    series: list[Series]
    measured: list[MeasuredRow]
    notes: list[str] = Field(default_factory=list, description="doubted start, entry component, redirects, …")
    unmade: str = Field("", description="why no verdict could be made; empty where they were")


# --- Step 11: the conclusion ---------------------------------------------------------------------


class Availability(Model):
    """Requests of a time span, and how they were answered."""

    requests: int
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
    evidence: list[str]
    shortfalls: list[str] = Field(default_factory=list)
    detail: dict[str, Any] = Field(default_factory=dict)
    also_visible_in: list[Visible] = Field(default_factory=list)
    impact: list[Visible] = Field(default_factory=list)


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


class Report(Model):
    """The whole conclusion as data. Its JSON Schema ships as `tsg_agent/report/report.schema.json`."""

    schema_version: int = 1
    id: str
    version: str = Field(description="of tsg-agent")
    created: AwareDatetime
    headline: str
    parameters: Parameters
    sla: Sla
    causes: list[Cause]
    rejected: list[Rejected]
    gaps: list[Gap]
    summary: list[Heading]
    actions: list[Action]
    communication: Communication
    findings: list[Finding]
    measured: list[MeasuredRow]
    series: list[Series]
    gates: list[Gate]
    notes: list[str]
    usage: Usage
    narrative: Narrative | None = Field(None, description="None without a model, or where it gave none")
