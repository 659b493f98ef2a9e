"""When did it begin? The change point of a series of failures. Pure numpy.

The series is cut into what lies inside one span of time and what lies outside of it, each with a failing share of its
own; the likeliest span is the incident. A span that lasts to the window's end has one edge to be chosen, one that ends
within it two, and each choice costs the logarithm of how many there are. A reported start is a prior: half of the
belief lies around it, the other half is spread evenly. Source: docs/verdicts.md; the binomial likelihood ratio of
Hinkley 1970, with the description length of its choices as the bound.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from tsg_agent.statistics import Floats, merged, robust_dispersion, share

MOST = 720
"""Buckets that are looked at one by one; a longer window is first looked at in coarser ones."""
ALPHA = 0.01
NEAR = 10.0
"""Minutes around a reported start in which half of the belief lies (a Laplace distribution's scale)."""
FAR = 2.0
"""Starts within this log-likelihood of the best one form its interval (some 95 %)."""
SHORTEST = 2
"""Minutes that an incident lasts at least."""
BEFORE = 5
"""Minutes with requests that lie before it at least."""
GROWN = 2.0
"""A ramp has begun where the failing share is twice what it was; less is a drift."""
SPREAD = 5
"""Minutes of a bucket in which overdispersion is measured: bursts last longer than one."""


@dataclass(frozen=True)
class ChangePoint:
    """In minutes since the window's begin: start, its interval, end (None = it lasted); and what it explains (nats)."""

    start: int
    earliest: int
    latest: int
    end: int | None
    gain: float
    phi: float
    alpha: float = ALPHA

    def before(self, guard: float) -> int:
        """The minute at which the time before ends: a guard is left out, which may belong to a slow beginning.

        It is at most half of what lies before.
        """
        return max(math.ceil(self.earliest / 2), self.earliest - round(guard))

    @property
    def clear(self) -> bool:
        """Whether the rise is beyond chance, given how many spans were looked at."""
        return self.gain >= math.log(1 / self.alpha)


def change_point(
    failures: Floats, requests: Floats, reported: float | None = None, alpha: float = ALPHA, least: float = -math.inf
) -> ChangePoint | None:
    """When it began to fail more, of series by minute; None where it never did.

    `reported`: the minute at which somebody says that it began. `least`: None where no span explains so much (nats),
    which is often known before its overdispersion is. What comes before is to be quiet: where it fails more and more,
    its likeliest span is the steepest part, and it began where the time before that begins to.
    """
    found = _lasting(failures, requests, reported, alpha, least)
    while found is not None and found.clear:
        earlier = _span(failures[: found.start], requests[: found.start], reported, alpha)
        if earlier is None or not earlier.clear or earlier.end is not None:
            break
        mild, usual = slice(earlier.start, found.start), slice(0, earlier.start)
        if _rate(failures, requests, mild) < GROWN * _rate(failures, requests, usual):
            break
        found = replace(found, start=earlier.start, earliest=earlier.earliest, latest=earlier.latest)
    return found


def _lasting(
    failures: Floats, requests: Floats, reported: float | None, alpha: float, least: float
) -> ChangePoint | None:
    """The likeliest span, or where most of it is a single minute, the likeliest without that, if there is one.

    A minute in which nearly all fails is likelier than an hour of five percent.
    """
    found = _span(failures, requests, reported, alpha, least)
    if found is None:
        return None
    inside = slice(found.start, found.end)
    usual = share(failures.sum() - failures[inside].sum(), requests.sum() - requests[inside].sum())
    more = np.maximum(failures - usual * requests, 0.0)[inside]
    flash = found.start + int(more.argmax())
    if more.max() <= more.sum() / 2:
        return found
    calm = failures.copy()
    calm[flash] = usual * requests[flash]
    other = _span(calm, requests, reported, alpha)
    apart = other is not None and (other.start > flash + SHORTEST or (other.end is not None and other.end <= flash))
    return other if other is not None and other.clear and apart else found


def _rate(failures: Floats, requests: Floats, some: slice) -> float:
    return float(share(failures[some].sum(), requests[some].sum()))


def _span(
    failures: Floats, requests: Floats, reported: float | None, alpha: float, least: float = -math.inf
) -> ChangePoint | None:
    """The likeliest span of a higher failing share."""
    step = -(-len(failures) // MOST)
    k, n = merged(failures, step), merged(requests, step)
    if len(k) < SHORTEST + 1 or not k.sum():
        return None
    gains = _gains(k, n, max(1, SHORTEST // step), -(-BEFORE // step))
    if reported is not None and reported < len(failures):  # what was over by then is not what was reported
        gains[:, : math.floor(reported / step) + 1] = -np.inf
    if not np.isfinite(gains).any():
        return None
    costs, scored = _costs(len(k), step, reported), gains
    if (gains - costs).max() < least:  # overdispersion, at least 1, would only lower it
        return None
    for _ in range(2):  # a burst that outshines the incident is no measure of the time outside of it
        first, last = _place(scored)
        phi = _phi(failures, requests, first * step, last * step)
        scored = gains / phi - costs
    first, last = _place(scored)
    profile = scored.max(axis=1)
    near = np.flatnonzero(profile >= profile[first] - FAR)
    near = near[(near >= first - _run(near, first, -1)) & (near <= first + _run(near, first, 1))]
    found = ChangePoint(
        first * step, int(near[0]) * step, int(near[-1]) * step, None if last == len(k) else last * step,
        float(scored[first, last]), phi, alpha,
    )  # fmt: skip
    return found if step == 1 else _finer(found, failures, requests, step)


def _place(scores: Floats) -> tuple[int, int]:
    """Row and column of the highest."""
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    return row, column


def _run(places: "np.ndarray[tuple[int, ...], np.dtype[np.intp]]", first: int, sign: int) -> int:
    """How far the places go on without a gap from `first`."""
    held = set(places.tolist())
    length = 0
    while first + sign * (length + 1) in held:
        length += 1
    return length


def _gains(k: Floats, n: Floats, shortest: int, lead: int) -> Floats:
    """Log-likelihood gained by each span [first, last): (buckets, buckets + 1); -inf where its share is no higher."""
    count = len(k)
    failed, asked = np.concatenate([[0.0], k.cumsum()]), np.concatenate([[0.0], n.cumsum()])
    inside_k = failed[None, :] - failed[:-1, None]
    inside_n = asked[None, :] - asked[:-1, None]
    outside_k, outside_n = failed[-1] - inside_k, asked[-1] - inside_n
    first, last = np.arange(count)[:, None], np.arange(count + 1)[None, :]
    inside, outside = share(inside_k, inside_n), share(outside_k, outside_n)
    # Without a better time before it nothing shows that it began: it may be what fell, or always was so.
    before = first >= (int(np.flatnonzero(n)[0]) if n.any() else 0) + lead
    better = share(failed[:-1], asked[:-1])[:, None] < (inside + outside) / 2
    stands = (last - first >= shortest) & before & better & (inside > outside)
    gained = np.full(stands.shape, -np.inf)
    split = _best(inside_k[stands], inside_n[stands]) + _best(outside_k[stands], outside_n[stands])
    gained[stands] = split - _best(failed[-1:], asked[-1:])
    return gained


def _best(k: Floats, n: Floats) -> Floats:
    """Log-likelihood of k of n at its own share."""
    p = np.clip(share(k, n), 1e-9, 1 - 1e-9)
    result: Floats = k * np.log(p) + (n - k) * np.log1p(-p)
    return result


def _phi(failures: Floats, requests: Floats, first: int, last: int) -> float:
    """Overdispersion of the time outside of a span."""
    outside = np.concatenate([np.arange(first), np.arange(last, len(failures))])
    return robust_dispersion(merged(failures[outside], SPREAD), merged(requests[outside], SPREAD))


def _costs(count: int, step: int, reported: float | None) -> Floats:
    """What the choice of each span costs (nats): shape (buckets, buckets + 1)."""
    minute = np.arange(count) * step
    belief = np.full(count, 1.0 / count)
    if reported is not None:
        near = np.exp(-np.abs(minute - reported) / NEAR)
        belief = 0.5 * belief + 0.5 * near / max(near.sum(), 1e-12)
    ends = np.full(count + 1, math.log(count) + 1.0)
    ends[-1] = 0.0
    costs: Floats = -np.log(belief)[:, None] + ends[None, :]
    return costs


def _finer(found: ChangePoint, failures: Floats, requests: Floats, step: int) -> ChangePoint:
    """The start by the minute, within the coarse bucket that holds it and its neighbours."""
    end = len(failures) if found.end is None else found.end
    low, high = max(1, found.start - step), min(end - 1, found.start + step)
    starts = np.arange(low, high + 1)
    failed, asked = np.concatenate([[0.0], failures.cumsum()]), np.concatenate([[0.0], requests.cumsum()])
    k, n = failed[end] - failed[starts], asked[end] - asked[starts]
    gained = _best(k, n) + _best(failed[-1] - k, asked[-1] - n)
    start = int(starts[int(gained.argmax())])
    near = starts[gained / found.phi >= gained.max() / found.phi - FAR]
    return ChangePoint(start, int(near[0]), int(near[-1]), found.end, found.gain, found.phi, found.alpha)
