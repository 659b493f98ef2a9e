"""How many different users there were in a span of time, of counts of users only."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tsg_agent.evidence.grid import Grid

LAST = np.iinfo(np.int64).max
"""The time of the next request of a user who has none."""


@dataclass(frozen=True)
class Users:
    """So many users had a request at a second since the window's begin, and their next one at another.

    Of a user's requests in a span one is the last: its next lies beyond the span. Those are counted.
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
        """Those of the requests before a second."""
        kept = self.second < second
        following = np.where(self.following < second, self.following, LAST)
        return Users(self.second[kept], following[kept], self.users[kept])

    def after(self, grid: Grid) -> int:
        """How many users there were from an incident's start to its end."""
        span, later = grid.after, self.following != LAST
        next_one = np.where(later, self.following, 0)
        bucket, beyond = grid.buckets(self.second), ~later | (grid.buckets(next_one) >= span.stop)
        return int(self.users[(bucket >= span.start) & (bucket < span.stop) & beyond].sum())
