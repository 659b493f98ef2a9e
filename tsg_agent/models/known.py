"""Values in the telemetry that a text can refer to."""

from datetime import datetime

from pydantic import AwareDatetime

from tsg_agent.models.base import Model


class Known(Model):
    """Values that an incident's text can refer to, the most frequent first, and the telemetry's time range, UTC."""

    regions: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    first: AwareDatetime | None = None
    last: AwareDatetime | None = None

    @property
    def covers(self) -> tuple[datetime, datetime] | None:
        """The first and the last time; None if there is none."""
        return (self.first, self.last) if self.first is not None and self.last is not None else None
