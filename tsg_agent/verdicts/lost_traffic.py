"""Did requests stop coming? What is lost has no rows, so it is in no share: a finding over time. Pure numpy."""

import math

import numpy as np

from tsg_agent.statistics import Floats
from tsg_agent.verdicts.onset import ALPHA

LEFT = 0.3
"""Traffic fell where no more than this share of what was usual is left."""
SHORTEST = 5
"""Minutes that must lie before the fall and after it."""
TRIM = 0.1
"""Share of the minutes, the oddest, that do not count as the usual spread."""


def fall_of(requests: Floats, minutes: int) -> tuple[int, float, float] | None:
    """The minute since which requests are lost, and requests a minute before and since; None where they are not.

    `requests`: by minute; `minutes`: of the window. The likeliest split into two Poisson rates, its gain divided by the
    overdispersion of the minutes before.
    """
    counted = np.zeros(minutes)
    counted[: min(minutes, len(requests))] = requests[:minutes]
    if minutes < 2 * SHORTEST or not counted.any():
        return None
    split = np.arange(SHORTEST, minutes - SHORTEST + 1)
    total = np.concatenate([[0.0], counted.cumsum()])
    before, since = total[split], total[-1] - total[split]
    rate, left = before / split, since / (minutes - split)
    gained = _xlog(before, rate) + _xlog(since, left) - _xlog(total[-1:], total[-1:] / minutes)
    gained = np.where(left <= LEFT * rate, gained, -np.inf)
    best = int(gained.argmax())
    if not np.isfinite(gained[best]):
        return None
    usual = counted[: split[best]]
    spread = np.sort((usual - np.median(usual)) ** 2)[: max(1, math.ceil((1 - TRIM) * len(usual)))]
    phi = max(1.0, float(spread.mean()) / max(float(np.median(usual)), 1.0))
    if gained[best] / phi - math.log(minutes) < math.log(1 / ALPHA):
        return None
    return int(split[best]), float(rate[best]), float(left[best])


def _xlog(count: Floats, rate: Floats) -> Floats:
    result: Floats = np.where(count > 0, count * np.log(np.where(rate > 0, rate, 1.0)), 0.0)
    return result
