"""Counts distinct users in a time span from pre-aggregated counts, without user ids."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tsg_agent.evidence.grid import Grid

LAST = np.iinfo(np.int64).max
"""Stands for the time of the next request if there is none."""


@dataclass(frozen=True)
class Users:
    """Number of requests by their own time and the same user's next request, in seconds since the window's begin.

    Exactly one of a user's requests in a span has its next one beyond the span. Counting those counts the users.
    """

    second: NDArray[np.int64]
    following: NDArray[np.int64]
    users: NDArray[np.int64]

    @classmethod
    def of(cls, rows: pa.Table) -> "Users":
        """From users.sql's rows, in seconds."""
        following = rows["following"].fill_null(LAST)
        return cls(*(one.cast(pa.int64()).to_numpy() for one in (rows["bucket"], following, rows["users"])))

    def until(self, second: int) -> "Users":
        """The requests before a time, in seconds since the window's begin."""
        kept = self.second < second
        following = np.where(self.following < second, self.following, LAST)
        return Users(self.second[kept], following[kept], self.users[kept])

    def after(self, grid: Grid) -> int:
        """Number of distinct users from an incident's start to its end."""
        span, later = grid.after, self.following != LAST
        next_one = np.where(later, self.following, 0)
        bucket, beyond = grid.buckets(self.second), ~later | (grid.buckets(next_one) >= span.stop)
        return int(self.users[(bucket >= span.start) & (bucket < span.stop) & beyond].sum())
