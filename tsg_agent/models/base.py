"""Base of all models: closed, immutable, times in UTC."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict

Subject: TypeAlias = dict[str, str]
"""What a finding is about: dimension -> value, for example {"service_version": "3.15.0"}."""


def _has_utc(moment: datetime) -> datetime:
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it is before the year 1, or after 9999") from None
    return moment


Instant: TypeAlias = Annotated[AwareDatetime, AfterValidator(_has_utc)]
"""A time with an offset, converted to UTC; rejected if UTC cannot represent it."""


class Model(BaseModel):
    """Immutable and closed: an unknown field is an error, never dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StepKind(StrEnum):
    """What an abnormal label of a step means for the incident."""

    CHANGE = "change"
    """Somebody acted: a version, a flag, a configuration. It can be undone."""
    SYMPTOM = "symptom"
    """Something suffers; it says where, not why."""
    DEFINITIVE = "definitive"
    """The guide calls it a root cause."""
