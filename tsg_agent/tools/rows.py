"""What the nine tools take and give: typed arguments and rows."""

from datetime import UTC, datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tsg_agent.errors import ParameterError
from tsg_agent.models import Instant


class WindowArgs(BaseModel):
    """The part of a system and of time that a tool looks at. Times without an offset are UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_time: Instant = Field(description="start of the window, ISO 8601, e.g. 2026-03-10T12:00:00Z")
    end_time: Instant = Field(description="end of the window, ISO 8601")
    region: str = Field(description="the region, as the telemetry spells it, e.g. us-east")
    environment: str = Field(description="dev, staging or prod, as the telemetry spells it")

    @model_validator(mode="before")
    @classmethod
    def _naive_is_utc(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: _with_zone(value) if key.endswith("_time") else value for key, value in data.items()}

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start_time >= self.end_time:
            raise ValueError(f"start_time {self.start_time} must lie before end_time {self.end_time}")
        return self

    def bound(self) -> dict[str, object]:
        """Query parameters; times as naive UTC, as the telemetry holds them."""
        return {name: naive_utc(value) if isinstance(value, datetime) else value for name, value in self}


class ScopeArgs(WindowArgs):
    """A window of one service's requests."""

    service_name: str = Field(description="the service, as the telemetry spells it, e.g. api.gateway.main")


def _with_zone(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def naive_utc(value: datetime) -> datetime:
    """The same instant as naive UTC. Raises ParameterError for a naive time: nobody knows what it means."""
    if value.tzinfo is None:
        raise ParameterError(f"The time {value} has no zone.", fix="Give it an offset, such as Z.")
    return value.astimezone(UTC).replace(tzinfo=None)


class Row(BaseModel):
    """One row of a tool's result: the guide's columns first, then what stands beside them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    also: tuple[str, ...] = Field((), description="further arms of the guide's rule that hold for this row")

    def shown(self) -> dict[str, Any]:
        """The row as plain JSON, the guide's columns first."""
        values = self.model_dump(mode="json")
        return {**{name: value for name, value in values.items() if name != "also"}, "also": values["also"]}

    @classmethod
    def described(cls) -> dict[str, str]:
        """Column -> what it means, with its unit, in the order of `shown`."""
        texts = {name: field.description or "" for name, field in cls.model_fields.items()}
        return {**{name: text for name, text in texts.items() if name != "also"}, "also": texts["also"]}


def column(text: str, unit: str = "", **constraints: Any) -> Any:
    """A described field; the unit is part of the description that people and models read."""
    return Field(description=f"{text}, {unit}" if unit else text, **constraints)


def percent(text: str) -> Any:
    """A share of requests, 0 to 100."""
    return column(text, "percent")


def milliseconds(text: str) -> Any:
    """A duration."""
    return column(text, "ms")


def under(value: float | None, limit: float) -> bool:
    """`value < limit` as SQL has it."""
    return value is not None and value < limit


REQUEST_COLUMNS = ("timestamp", "region", "environment", "service_name", "request_id")
"""What every check over the requests needs: its filters, and the key it counts."""

Sortable = tuple[bool, float]


def ascending(value: float | None) -> Sortable:
    """Sorts small values first, NULL last."""
    return (value is None, value or 0.0)


def descending(value: float | None) -> Sortable:
    """Sorts large values first, NULL last."""
    return (value is None, -(value or 0.0))


def text_key(value: str | None) -> tuple[bool, str]:
    """Sorts text, NULL last: what settles ties."""
    return (value is None, value or "")


def ranks(keys: list[Sortable]) -> list[int]:
    """SQL's RANK() of keys that are already in order: ties share a rank, and leave a gap behind them."""
    result: list[int] = []
    for position, key in enumerate(keys, 1):
        result.append(result[-1] if position > 1 and key == keys[position - 2] else position)
    return result


def dense_ranks(keys: list[Sortable]) -> list[int]:
    """SQL's DENSE_RANK() of keys that are already in order: ties share a rank, without a gap."""
    result: list[int] = []
    for position, key in enumerate(keys):
        result.append(1 if not position else result[-1] + (key != keys[position - 1]))
    return result
