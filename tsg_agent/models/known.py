"""What the telemetry holds that a text can mean."""

from datetime import datetime

from pydantic import AwareDatetime

from tsg_agent.models.base import Model


class Known(Model):
    """The values that an incident's text can mean, the busiest first, and the time that the telemetry covers, UTC."""

    regions: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    first: AwareDatetime | None = None
    last: AwareDatetime | None = None

    @property
    def covers(self) -> tuple[datetime, datetime] | None:
        """The first and the last time; None where there is none."""
        return (self.first, self.last) if self.first is not None and self.last is not None else None
