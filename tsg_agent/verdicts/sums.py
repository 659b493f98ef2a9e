"""What a subject's requests add up to over a span of time. Pure."""

from dataclasses import dataclass

import numpy as np

from tsg_agent.evidence.measurement import Counts
from tsg_agent.models import Measure, Rate
from tsg_agent.statistics import Floats


@dataclass(frozen=True)
class Figures:
    """Sums over a span, one entry per group."""

    requests: Floats
    failures: dict[Measure, Floats]
    latency: Floats
    counts: Counts
    """By bucket, of the whole window."""

    @classmethod
    def over(cls, counts: Counts, span: slice) -> "Figures":
        """Add up some buckets."""
        return cls(
            counts.requests[:, span].sum(axis=1),
            {measure: k[:, span].sum(axis=1) for measure, k in counts.failures.items()},
            counts.latency[:, span].sum(axis=1),
            counts,
        )

    @property
    def first(self) -> list[int]:
        """The first bucket of the window in which each group has a request."""
        return self.counts.first

    def percent(self, measure: Measure) -> Floats:
        """Share of the requests that the measure counts, percent; NaN without requests."""
        return 100.0 * self._per_request(self.failures[measure])

    def percentile(self, share: float) -> Floats:
        """A percentile of the latency, as far as the limit of slowness tells: infinite over it, else 0."""
        return np.where(self.percent(Measure.SLOW) > 100 - share, np.inf, 0.0)

    @property
    def mean_latency(self) -> Floats:
        """Milliseconds; NaN without requests."""
        return self._per_request(self.latency)

    def rate(self, measure: Measure, row: int) -> Rate:
        """One group's failures among its requests."""
        return Rate(failures=round(self.failures[measure][row]), requests=round(self.requests[row]))

    def _per_request(self, values: Floats) -> Floats:
        return np.divide(values, self.requests, out=np.full_like(values, np.nan), where=self.requests > 0)
