"""What Step 1 is given, and what it gives."""

from pydantic import AwareDatetime, Field

from tsg_agent.models import Instant, Model, Parameters, Question


class Known(Model):
    """What the telemetry holds: the values a text may mean, and the time it covers (UTC)."""

    regions: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    first: AwareDatetime | None = None
    last: AwareDatetime | None = None


class Given(Model):
    """Parameters that were given as flags. Each wins over the text."""

    region: str | None = None
    service_name: str | None = None
    environment: str | None = None
    start_time: Instant | None = None
    end_time: Instant | None = None
    incident_start: Instant | None = None
    threshold: float | None = None


class Extraction(Model):
    """The parameters, or the questions that stand in their way; never both."""

    parameters: Parameters | None = Field(None, description="set when there are no questions")
    questions: list[Question] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list, description="what was read and not used, and what was assumed")
    unsettled: list[Question] = Field(default_factory=list, description="what stays open, and nobody needs to answer")
