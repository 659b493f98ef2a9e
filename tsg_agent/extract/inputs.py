"""Inputs and results of Step 1."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from tsg_agent.models import Instant, Model, Parameters, Question

HOW_TO_WRITE_TIMES = "Write it as 2026-03-10T14:00Z, or with another offset: 2026-03-10T16:00+02:00."


def _moment(value: Any) -> Any:
    """A time as an aware datetime; without an offset it is UTC."""
    if isinstance(value, str):
        written = value.strip()
        try:
            value = datetime.fromisoformat(written)
        except ValueError:
            raise ValueError(f"{written[:60]!r} is no time of ISO 8601. {HOW_TO_WRITE_TIMES}") from None
        if re.fullmatch(r"[0-9W-]{6,10}", written):
            raise ValueError(f"{written!r} is a day without a time of day. {HOW_TO_WRITE_TIMES}")
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


Moment = Annotated[Instant, BeforeValidator(_moment)]
"""A point in time: an aware datetime, or ISO 8601 text. Without an offset it is UTC."""
Now = Annotated[Moment, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))]
"""The current time. Its year is limited, so that days before and after it exist."""


class Given(Model):
    """Parameters that were given as flags. Each wins over the text.

    Times are aware datetimes or ISO 8601 text; without an offset they are UTC.
    """

    region: str | None = Field(None, description="affected region; spelled as in the telemetry, or recognisably so")
    service_name: str | None = Field(None, description="affected service; as above")
    environment: str | None = Field(None, description="dev, staging or prod, as the telemetry has it; as above")
    start_time: Moment | None = Field(None, description="start of the window; without it, before the incident's start")
    end_time: Moment | None = Field(None, description="end of the window; without it, the resolution, or now")
    incident_start: Moment | None = Field(None, description="when the incident began, e.g. 2026-03-10T14:00Z")
    exact_start: bool = Field(False, description="whether the reported start is exact, and is not to be measured")
    threshold: float | None = Field(None, description="SLA threshold, percent of requests, e.g. 99.9")


class Extraction(Model):
    """The parameters, or the questions to answer first; never both."""

    parameters: Parameters | None = Field(None, description="set when there are no questions")
    questions: list[Question] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list, description="what was read and not used, and what was assumed")
    unsettled: list[Question] = Field(default_factory=list, description="what stays open, and nobody needs to answer")
