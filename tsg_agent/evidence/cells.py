"""What a cell of requests.sql means: which requests it counts, and as what."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tsg_agent.evidence.grid import Grid
from tsg_agent.models import Measure
from tsg_agent.statistics import Bools, Floats

Places: TypeAlias = NDArray[np.int_]
ANSWERS = 7
"""Answers that requests.sql tells apart, numbered as follows; 6 = any other."""
UNKNOWN, SUCCESS, REDIRECT, RATE_LIMITED, CLIENT_ERROR, SERVER_ERROR = range(6)
REQUEST_MEASURES = (
    Measure.SERVER_ERRORS,
    Measure.NOT_SUCCESSFUL,
    Measure.RATE_LIMITED,
    Measure.CLIENT_ERRORS,
    Measure.SLOW,
    Measure.RETRIES,
)
"""What a request can count as."""


@dataclass(frozen=True)
class Cells:
    """Rows of a query: each one's bucket, requests and summed ms, and which requests are failures by which measure.

    Requests that do not say how they were answered are `unknown`, and nothing else: they are in no rate.
    """

    buckets: Places
    requests: Floats
    latency: Floats
    unknown: Floats
    redirects: Bools
    failures: dict[Measure, Bools]

    @classmethod
    def of(cls, result: pa.Table, grid: Grid) -> "Cells":
        """Read `cell`, `requests` and `latency_sum`; buckets beyond the grid count as its first or last."""
        cell, retry = np.divmod(result["cell"].to_numpy().astype(int), 2)
        cell, slow = np.divmod(cell, 2)
        bucket, answer = np.divmod(cell, ANSWERS)
        known, rows = answer != UNKNOWN, result["requests"].to_numpy().astype(float)
        return cls(
            np.clip(bucket, 0, grid.count - 1),
            rows * known,
            pc.fill_null(result["latency_sum"].cast(pa.float64()), 0.0).to_numpy() * known,
            rows * ~known,
            answer == REDIRECT,
            {
                Measure.SERVER_ERRORS: answer == SERVER_ERROR,
                Measure.NOT_SUCCESSFUL: answer > SUCCESS,
                Measure.RATE_LIMITED: answer == RATE_LIMITED,
                Measure.CLIENT_ERRORS: (answer == RATE_LIMITED) | (answer == CLIENT_ERROR),
                Measure.SLOW: slow == 1,
                Measure.RETRIES: retry == 1,
            },
        )

    def take(self, rows: Places) -> "Cells":
        """Some rows, by index."""
        return Cells(
            self.buckets[rows],
            self.requests[rows],
            self.latency[rows],
            self.unknown[rows],
            self.redirects[rows],
            {measure: failed[rows] for measure, failed in self.failures.items()},
        )
