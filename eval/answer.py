"""The exam's paper: what an entrant gets, and what it hands in. The JSON Schemas in `protocol/` are made from these."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Paper(BaseModel):
    """Closed, so that a misspelt field is an error and not a lost answer."""

    model_config = ConfigDict(extra="forbid")


class Question(Paper):
    """One incident, as an entrant gets it."""

    protocol: int = 1
    incident: str = Field(description="the report, Markdown")
    telemetry: str = Field(description="folder of <table>.parquet: the guide's tables, or those of them that there are")
    now: AwareDatetime = Field(description="the clock of the replay")
    answers: dict[str, Any] = Field(default_factory=dict, description="parameter -> value, for what was asked before")


class Check(Paper):
    """How one of the guide's Steps 2-10 ended."""

    step: int
    status: str = Field(description="ok, or a gap: no_data, insufficient_data, not_applicable, timeout, error")
    label: str = ""
    note: str = ""


class Blamed(Paper):
    """One cause, ranked by its place in the list."""

    subject: dict[str, str] = Field(description='dimension -> value, for example {"shard_id": "shard-07"}')
    confidence: Literal["confirmed", "suspected"] = "confirmed"
    step: int | None = None
    tier: str | None = Field(None, description="definitive, potential or symptom")
    label: str = ""
    statement: str = ""


class Dismissed(Paper):
    """Looked at, and not blamed."""

    subject: dict[str, str]
    step: int | None = None
    reason: str = ""


class Measured(Paper):
    """When trouble began, as measured from the telemetry, and the interval that holds it."""

    measured: AwareDatetime | None = None
    earliest: AwareDatetime | None = None
    latest: AwareDatetime | None = None


class Proposed(Paper):
    """One action."""

    kind: str = Field(description="roll_back, set_flag, redirect_traffic, scale, drain, mitigate_workflow, …, look")
    urgency: Literal["now", "look"] = "now"
    target: dict[str, Any] = Field(default_factory=dict)
    statement: str = ""


class Stated(Paper):
    """Something that was not looked at, said aloud. `step` 1 = the parameters; None = the service as a whole."""

    step: int | None
    status: str
    statement: str = ""


class Replied(Paper):
    """Something that the report's text suspects, answered."""

    words: str
    answer: Literal["yes", "perhaps", "no", "not in this telemetry"]
    because: str = ""


class Spent(Paper):
    """What the answer cost, as far as the entrant knows; time is measured by the harness."""

    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = Field(0.0, description="US dollars")


class Answer(Paper):
    """The conclusion, or `questions` for parameters that the text leaves open (then the rest is not read)."""

    protocol: int = 1
    questions: list[str] = Field(default_factory=list, description="parameters to be asked for")
    parameters: dict[str, Any] = Field(default_factory=dict, description="region, service_name, …, times ISO 8601")
    checks: list[Check] = Field(default_factory=list)
    causes: list[Blamed] = Field(default_factory=list)
    dismissed: list[Dismissed] = Field(default_factory=list)
    actions: list[Proposed] = Field(default_factory=list)
    gaps: list[Stated] = Field(default_factory=list)
    suspicions: list[Replied] | None = Field(None, description="what the text suspects; None = it is not answered")
    screen: str = Field("", description="the conclusion as one screen of text, 80 columns; empty = there is none")
    onset: Measured | None = Field(None, description="the measured start; not what the report says of it")
    prose: str = Field("", description="the conclusion in words; every number in it should be grounded")
    evidence: Any = Field(None, description="data the prose's numbers come from; None = grounding is not scored")
    spent: Spent = Spent()
