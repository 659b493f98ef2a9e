"""Contrast: is a subject worse than the rest, at the same time? Pure numpy."""

from dataclasses import dataclass

import numpy as np

from tsg_agent.evidence.grid import Grid
from tsg_agent.statistics import Floats, cochran_mantel_haenszel, share, stratified_difference
from tsg_agent.verdicts.figures import Mask


@dataclass(frozen=True)
class Compared:
    """One entry per group: z, the difference as a share, whether the two meet in time, and whether it is material."""

    z: Floats
    difference: Floats
    overlaps: Mask
    material: Mask


@dataclass(frozen=True)
class Sides:
    """Failures and requests of groups, and of the rest of each; all of shape (groups, buckets)."""

    failures: Floats
    requests: Floats
    rest_failures: Floats
    rest_requests: Floats

    def during(self, span: slice) -> tuple[Floats, Floats, Floats, Floats]:
        """The same, some buckets only."""
        return (
            self.failures[:, span],
            self.requests[:, span],
            self.rest_failures[:, span],
            self.rest_requests[:, span],
        )

    def shares(self, span: slice) -> tuple[Floats, Floats]:
        """Each group's share of failures over a span, and its rest's."""
        k, n, rest_k, rest_n = (values.sum(axis=1) for values in self.during(span))
        return share(k, n), share(rest_k, rest_n)

    def compared(self, grid: Grid, stratified: Mask, phi: Floats, ratio: float) -> Compared:
        """Difference in differences, widened by overdispersion `phi`; Cochran-Mantel-Haenszel where `stratified`.

        Both bucket by bucket, so that a subject which came late is compared with the rest of its own time only.
        `ratio`: material is a rise of this many times the rest's (without a before: a rate of so many times).
        """
        late = stratified_difference(*self.during(grid.after))
        early = stratified_difference(*self.during(grid.before))
        alone = stratified | ~np.isfinite(early[1]) | ~np.isfinite(late[1])
        change = late[0] - np.where(alone, 0.0, early[0])
        spread = np.sqrt(np.where(alone, 1.0, (late[1] + early[1]) * phi))
        now, rest_now = self.shares(grid.after)
        then, rest_then = self.shares(grid.before)
        own, rest = np.where(alone, now, now - then), np.where(alone, rest_now, rest_now - rest_then)
        return Compared(
            np.where(alone, cochran_mantel_haenszel(*self.during(grid.after)), change / spread),
            change,
            np.isfinite(late[1]),
            own >= ratio * np.maximum(rest, 0.0),
        )
