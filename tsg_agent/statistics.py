"""Statistics for verdicts, vectorized over groups. Pure numpy: importing scipy takes a second.

Counts are arrays of one entry per group, or of (groups, buckets); `failures` never exceed `requests`.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Z95 = 1.959963984540054
NORMAL = NormalDist()


def _xlogy(x: Floats, y: Floats) -> Floats:
    """x * log(y), 0 where x is 0."""
    result: Floats = np.where(x > 0, x * np.log(np.where(y > 0, y, 1.0)), 0.0)
    return result


def share(failures: ArrayLike, requests: ArrayLike) -> Floats:
    """failures / requests, 0 where there are no requests."""
    k, n = np.asarray(failures, float), np.asarray(requests, float)
    result: Floats = np.divide(k, n, out=np.zeros(np.broadcast(k, n).shape), where=n > 0)
    return result


def g2_z(failures0: ArrayLike, requests0: ArrayLike, failures1: ArrayLike, requests1: ArrayLike) -> Floats:
    """Signed root of the log-likelihood ratio G2 of the 2x2 tables before/after by failed/not, one z per entry.

    Positive if the share rose; 0 if a side has no requests. Source: G-test, Wilks 1938.
    """
    k0, n0 = np.asarray(failures0, float), np.asarray(requests0, float)
    k1, n1 = np.asarray(failures1, float), np.asarray(requests1, float)
    # One array for before, after and both together: a call of numpy costs more than the few numbers in it.
    k = np.empty((3, *np.broadcast(k0, n0, k1, n1).shape))
    n = np.empty_like(k)
    k[0], k[1], k[2] = k0, k1, k0 + k1
    n[0], n[1], n[2] = n0, n1, n0 + n1
    p = share(k, n)
    before, after, both = _xlogy(k, p) + _xlogy(n - k, 1 - p)
    root = np.sqrt(np.maximum(2 * (before + after - both), 0.0)) * np.sign(p[1] - p[0])
    result: Floats = np.where((n[0] > 0) & (n[1] > 0), root, 0.0)
    return result


def _dispersion(failures: Floats, requests: Floats) -> tuple[Floats, Floats]:
    """Pearson's chi2 of each row's buckets around the row's own share, and its degrees of freedom; shape (groups,)."""
    used = requests > 0
    p = share(failures.sum(axis=1), requests.sum(axis=1))[:, None]
    variance = requests * p * (1 - p)
    chi2 = np.divide((failures - requests * p) ** 2, variance, out=np.zeros_like(variance), where=variance > 0).sum(
        axis=1
    )
    df: Floats = np.maximum(used.sum(axis=1) - 1, 0).astype(float)
    return chi2, df


TRIM = 0.1
"""Share of the oddest groups of buckets that robust_dispersion leaves out."""
FEWEST_GROUPS = 5
"""Of fewer nothing is left out, and buckets are not grouped to fewer."""
LEAST_EXPECTED = 3.0
"""Independent failures that a group of buckets must expect: else most are empty, the tenth that is left out holds the
others, and failures that come in pairs look even. Source: Cochran 1954, who asks for 5 in most cells."""


def merged(values: Floats, size: int) -> Floats:
    """Sums of each `size` successive buckets, the last of what is left."""
    return np.add.reduceat(values, np.arange(0, len(values), size)) if size > 1 and len(values) else values


def robust_dispersion(failures: Floats, requests: Floats) -> float:
    """Overdispersion of a series, shape (buckets,), at least 1; robust to a bad minute or hour.

    Pearson's chi2 of each bucket, averaged over groups of buckets that each expect LEAST_EXPECTED failures times the
    overdispersion (of failures that come in pairs, half are independent); the oddest groups are left out. Every
    request twice gives exactly twice of it.
    """
    k, n = failures[requests > 0], requests[requests > 0]
    failed, count = float(k.sum()), len(k)
    if not failed or count < 2:
        return 1.0
    size, most = 1, max(1, count // FEWEST_GROUPS)
    found = _trimmed(k, n, size)
    # Under 1 it is chance; at half of it, twice is 1 again, so that both stop at the same size.
    while size < most and failed * size / count < LEAST_EXPECTED * max(found, 0.5):
        size = min(2 * size, most)
        found = _trimmed(k, n, size)
    return max(1.0, found)


def _trimmed(k: Floats, n: Floats, size: int) -> float:
    """Mean chi2 of buckets without the oddest groups of `size`, around their share, over what it is by chance."""
    group = np.arange(len(k)) // size
    many = np.bincount(group)
    gone = math.ceil(TRIM * len(many)) if len(many) >= FEWEST_GROUPS else 0
    kept = np.ones(len(many), bool)
    for _ in range(2 if gone else 1):  # the share without the outliers, then the dispersion of the others around it
        used = kept[group]
        p = float(k[used].sum() / n[used].sum())
        each = np.bincount(group, (k - n * p) ** 2 / (n * p * (1 - p)) if 0 < p < 1 else np.zeros(len(k))) / many
        kept = np.ones(len(many), bool)
        kept[np.argsort(-each, kind="stable")[:gone]] = False
    return float(each[kept].mean()) * len(k) / (len(k) - 1) / _left_by_trimming(size, gone / len(many))


def _left_by_trimming(size: int, share_gone: float) -> float:
    """Mean of chi2 / df with `size` degrees of freedom without its highest values: Wilson and Hilferty 1931."""
    if not share_gone:
        return 1.0
    cut = NORMAL.inv_cdf(1 - share_gone)
    tail = NORMAL.pdf(cut) / (1 - share_gone)
    spread = math.sqrt(2 / (9 * size))
    middle = 1 - spread**2
    first, second, third = -tail, 1 - cut * tail, -(cut**2 + 2) * tail  # moments of a normal cut off above
    return middle**3 + 3 * middle**2 * spread * first + 3 * middle * spread**2 * second + spread**3 * third


def unevenness(failures: Floats, requests: Floats) -> Floats:
    """z of heterogeneity of each row's share over its buckets; 0 for fewer than two. (groups, buckets) -> (groups,).

    Pearson's chi2 test of homogeneity, with the normal approximation of Wilson and Hilferty 1931.
    """
    chi2, df = _dispersion(failures, requests)
    safe = np.where(df > 0, df, 1.0)
    z = (np.cbrt(chi2 / safe) - (1 - 2 / (9 * safe))) / np.sqrt(2 / (9 * safe))
    return np.asarray(np.where((df > 0) & (failures.sum(axis=1) > 0), z, 0.0), float)


def upper_p(z: ArrayLike) -> Floats:
    """One-sided p of standard normal z: the probability of a value at least as high."""
    return np.asarray([0.5 * math.erfc(value / math.sqrt(2)) for value in np.ravel(np.asarray(z, float))]).reshape(
        np.shape(z)
    )


def significant(p_values: ArrayLike, rate: float) -> NDArray[np.bool_]:
    """Benjamini-Hochberg: mask of the p-values that are significant at this false discovery rate."""
    p = np.asarray(p_values, float)
    if not p.size:
        return np.zeros(0, bool)
    order = np.argsort(p)
    below = p[order] <= rate * np.arange(1, p.size + 1) / p.size
    cut = p[order][np.nonzero(below)[0][-1]] if below.any() else -1.0
    return p <= cut


def wilson_interval(successes: float, total: float) -> tuple[float, float]:
    """95 % confidence interval of a share, Wilson 1927; (0, 1) for a total of 0."""
    if total <= 0:
        return 0.0, 1.0
    p, z2 = successes / total, Z95**2
    center = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * math.sqrt(p * (1 - p) / total + z2 / (4 * total**2))
    return max(0.0, center - half), min(1.0, center + half)


def difference_interval(
    failures0: ArrayLike, requests0: ArrayLike, failures1: ArrayLike, requests1: ArrayLike, phi: ArrayLike
) -> tuple[Floats, Floats]:
    """95 % confidence interval of a share's rise (after minus before), widened by the overdispersion `phi`.

    Agresti-Caffo: one success and one failure are added to each side, so that 0 of n has an interval too.
    """
    n0, n1 = np.asarray(requests0, float) + 2, np.asarray(requests1, float) + 2
    p0, p1 = (np.asarray(failures0, float) + 1) / n0, (np.asarray(failures1, float) + 1) / n1
    half = Z95 * np.sqrt((p0 * (1 - p0) / n0 + p1 * (1 - p1) / n1) * np.asarray(phi, float))
    return p1 - p0 - half, p1 - p0 + half
