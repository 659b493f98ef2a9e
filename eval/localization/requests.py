"""Requests in the making, column by column, and which of them a description means."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tsg_agent.simulator.frame import Text
from tsg_agent.simulator.randomness import Bools, Ints

Description: TypeAlias = dict[str, str]
"""Dimension -> value, all of them together."""


@dataclass(frozen=True)
class Requests:
    """Requests by time: dimensions, time in microseconds, whether they came after the start, whether they failed."""

    dimensions: dict[str, Text]
    time: Ints
    after: Bools
    failed: Bools

    def meant(self, description: Description) -> Bools:
        """Which requests a description is about; the empty one is about all."""
        mask = np.ones(len(self.time), dtype=np.bool_)
        for name, value in description.items():
            mask &= self.dimensions[name].equals(value)
        return mask

    def counts(self, mask: Bools) -> tuple[int, int, int, int]:
        """Failed and all of these requests before the start, and after."""
        early, late = mask & ~self.after, mask & self.after
        failed = self.failed
        return int((failed & early).sum()), int(early.sum()), int((failed & late).sum()), int(late.sum())
