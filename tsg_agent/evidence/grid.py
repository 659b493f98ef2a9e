"""The 5-minute buckets of a window, laid so that the incident's start is an edge."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from tsg_agent.errors import ParameterError

LONGEST = timedelta(days=100)
"""Longest window within the telemetry: verdicts count by the minute, and more would exhaust the memory."""


def check_length(begin: datetime, end: datetime, last: datetime | None) -> None:
    """Raises ParameterError for a window longer than LONGEST. `last`: the end of the telemetry."""
    if min(end, last or end) - begin > LONGEST:
        raise ParameterError(
            f"The window from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC is longer than {LONGEST.days} days.",
            fix="Give --start-time and --end-time around the incident.",
        )


@dataclass(frozen=True)
class Grid:
    """The buckets of a window. Bucket i covers [origin + i * width, origin + (i + 1) * width), naive UTC.

    The incident's start falls on a bucket's edge, so that before and after do not mix.
    """

    begin: datetime
    """Begin of the window, naive UTC."""
    origin: datetime
    width: timedelta
    count: int
    start: int | None = None
    """Index of the first bucket after the incident's start; None = unknown."""
    guard: int = 0
    """Buckets left out before the start, which may belong to the incident."""
    stop: int | None = None
    """Index of the first bucket after the incident's end; None = it has not ended."""

    @classmethod
    def over(
        cls,
        window: tuple[datetime, datetime],
        start: datetime | None,
        minutes: int,
        *,
        earliest: datetime | None = None,
        ended: datetime | None = None,
    ) -> "Grid":
        """The buckets of a window (naive UTC), laid so that `start` is an edge."""
        width = timedelta(minutes=minutes)
        begin, end = window
        if start is not None and not begin < start <= end:
            start = None  # no baseline before the start, or nothing after it: no onset to measure
        if start is None:
            return cls(begin, begin, width, (end - begin) // width + 1)
        lead = -((begin - start) // width)
        origin = start - lead * width
        guard = 0 if earliest is None else -((earliest - start) // width)
        stop = None if ended is None or ended >= end else max(lead + 1, -((origin - ended) // width))
        return cls(begin, origin, width, (end - origin) // width + 1, lead, guard, stop)

    @property
    def before(self) -> slice:
        """The baseline buckets before the incident, without the guard."""
        return slice(0, max(0, (self.start or 0) - self.guard))

    @property
    def after(self) -> slice:
        """Buckets from the incident's start to its end; all if the start is unknown."""
        return slice(self.start or 0, self.count if self.stop is None else min(self.stop, self.count))

    def time(self, bucket: int) -> datetime:
        """A bucket's start, naive UTC."""
        return self.origin + bucket * self.width

    def buckets(self, seconds: NDArray[np.integer]) -> NDArray[np.integer]:
        """The bucket index of each time, given in seconds since the window's begin."""
        lead = round((self.begin - self.origin).total_seconds())
        found: NDArray[np.integer] = (seconds + lead) // round(self.width.total_seconds())
        return found.clip(0, self.count - 1)
