"""Generated requests as columns, and the masks of descriptions over them."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tsg_agent.simulator.frame import Text
from tsg_agent.simulator.randomness import Bools, Ints

Description: TypeAlias = dict[str, str]
"""Dimension -> value; a conjunction."""


@dataclass(frozen=True)
class Requests:
    """Columns of equal length, sorted by time (microseconds). `after`: at or after the incident's start."""

    dimensions: dict[str, Text]
    time: Ints
    after: Bools
    failed: Bools

    def meant(self, description: Description) -> Bools:
        """Mask of the requests that match a description; {} matches all."""
        mask = np.ones(len(self.time), dtype=np.bool_)
        for name, value in description.items():
            mask &= self.dimensions[name].equals(value)
        return mask

    def counts(self, mask: Bools) -> tuple[int, int, int, int]:
        """(failed, all) before the start, then (failed, all) after, of the masked requests."""
        early, late = mask & ~self.after, mask & self.after
        failed = self.failed
        return int((failed & early).sum()), int(early.sum()), int((failed & late).sum()), int(late.sum())
