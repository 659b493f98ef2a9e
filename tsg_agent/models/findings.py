"""Steps 2 to 10: what the guide's checks say."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from tsg_agent.models.base import Model


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

    id: str = Field(description="evidence id: E and the step's number")
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
    harmless: list[str] = Field(
        default_factory=list, description="those of the guide's labels that call for nothing; empty = not said"
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

    @property
    def told(self) -> dict[str, Any]:
        """What an event says of it: plain JSON, without its rows."""
        return self.model_dump(mode="json", include={"step", "title", "status", "label", "reason", "milliseconds"})

    @property
    def abnormal(self) -> dict[str, int]:
        """The labels that call for something, each with its number of rows."""
        return {label: rows for label, rows in self.labels.items() if label not in self.harmless}
