"""The 5-minute buckets of a window, laid so that the incident's start is an edge."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tsg_agent.errors import ParameterError

MOST_BUCKETS = 200_000
"""Nearly two years of five minutes. A window that begins with the calendar would fill the memory."""


@dataclass(frozen=True)
class Grid:
    """The buckets of a window. Bucket i covers [origin + i * width, origin + (i + 1) * width), naive UTC.

    The incident's start falls on a bucket's edge, so that before and after do not mix.
    """

    origin: datetime
    width: timedelta
    count: int
    start: int | None
    """Index of the first bucket after the incident's start; None = unknown."""
    guard: int
    """Buckets left out before the start, in case it is reported late."""

    @classmethod
    def over(
        cls, window: tuple[datetime, datetime], start: datetime | None, minutes: int, guard_minutes: int
    ) -> "Grid":
        """The buckets of a window (naive UTC), laid so that `start` is an edge. Raises ParameterError."""
        width = timedelta(minutes=minutes)
        begin, end = window
        if (end - begin) / width > MOST_BUCKETS:
            raise ParameterError(
                f"The window from {begin} to {end} has more than {MOST_BUCKETS:,} buckets of {minutes} minutes.",
                fix="Give --start-time and --end-time around the incident.",
            )
        if start is not None and not begin < start <= end:
            start = None  # nothing lies before, or nothing after: there is no onset to measure
        lead = -((begin - start) // width) if start is not None else 0
        origin = start - lead * width if start is not None else begin
        return cls(
            origin, width, (end - origin) // width + 1, lead if start is not None else None, guard_minutes // minutes
        )

    @property
    def before(self) -> slice:
        """Buckets before the incident, the guard left out."""
        return slice(0, max(0, (self.start or 0) - self.guard))

    @property
    def after(self) -> slice:
        """Buckets from the incident's start on; all where it is unknown."""
        return slice(self.start or 0, self.count)

    def time(self, bucket: int) -> datetime:
        """A bucket's start, naive UTC."""
        return self.origin + bucket * self.width
