"""Step 1: what an incident is about, and what its text leaves open."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from tsg_agent.models.base import Model

ColumnKind = Literal["text", "number", "integer", "boolean", "timestamp"]
"""What a column, or a parameter, holds."""


class Parameter(Model):
    """A value of the incident that a guide's first step asks for, or that a query names."""

    name: str
    description: str = ""
    kind: ColumnKind = "text"
    line: int = Field(0, description="where a guide's file declares it, else where a query first names it")
    declared: bool = Field(False, description="the guide asks for it")


class Parameters(Model):
    """The guide's Step 1, with the incident's start kept beside the window it opens."""

    region: str
    service_name: str
    environment: str
    start_time: AwareDatetime = Field(description="start of the window, UTC")
    end_time: AwareDatetime = Field(description="end of the window, UTC: resolution, else now")
    incident_start: AwareDatetime | None = Field(
        None, description="when the incident is reported to have begun, UTC; None = not said"
    )
    exact_start: bool = Field(False, description="whether `incident_start` is binding, and is not measured")
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
