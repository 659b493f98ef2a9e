"""Confidence intervals of scores, and paired significance tests.

Independent of `tsg_agent.statistics`, which the exam examines.
"""

import math
from collections.abc import Sequence

import numpy as np

Z95 = 1.959963984540054
SEED = 20_260_310
"""Fixed seed: equal results have equal intervals."""
Interval = tuple[float, float]


def wilson(successes: float, total: float) -> Interval:
    """95 % interval of a share (Wilson 1927); (0, 1) for a total of 0."""
    if total <= 0:
        return 0.0, 1.0
    p, z2 = successes / total, Z95**2
    center = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * math.sqrt(p * (1 - p) / total + z2 / (4 * total**2))
    return max(0.0, center - half), min(1.0, center + half)


def bootstrap(values: Sequence[float], draws: int = 2000) -> Interval:
    """95 % interval of a mean: percentile bootstrap (Efron 1979). Deterministic."""
    if not values:
        return 0.0, 1.0
    means = np.sort(np.random.default_rng(SEED).choice(np.asarray(values), (draws, len(values))).mean(axis=1))
    return float(means[int(draws * 0.025)]), float(means[min(draws - 1, int(draws * 0.975))])


def mean_interval(values: Sequence[float]) -> Interval:
    """Wilson where each value is 0 or 1, else bootstrap."""
    if all(value in (0.0, 1.0) for value in values):
        return wilson(sum(values), len(values))
    return bootstrap(values)


def mcnemar(won: int, lost: int) -> float:
    """Two-sided exact p of McNemar's test (1947) for `won` and `lost` discordant incidents."""
    changed = won + lost
    if not changed:
        return 1.0
    tail = sum(math.comb(changed, k) for k in range(min(won, lost) + 1))
    return min(1.0, math.ldexp(tail, 1 - changed))


def sign_flip(differences: Sequence[float], draws: int = 10_000) -> float:
    """Two-sided p of a paired permutation test (Fisher 1935), which flips the signs of the differences."""
    moved = [value for value in differences if value]
    if not moved:
        return 1.0
    signs = np.random.default_rng(SEED).choice((-1.0, 1.0), (draws, len(moved)))
    beyond = np.abs(signs @ np.asarray(moved)) >= abs(sum(moved)) - 1e-12
    return (int(beyond.sum()) + 1) / (draws + 1)


def pass_hat(passes: int, runs: int, k: int) -> float:
    """Probability that k runs, drawn without replacement, all passed (pass^k)."""
    return math.comb(passes, k) / math.comb(runs, k) if runs >= k else 0.0
