"""How sure: a description's change at its start, its distance from the rest, and what either falls short of. Pure."""

import math
from dataclasses import dataclass, replace

import numpy as np

from tsg_agent.models import Confidence, Contrast, Onset, OnsetKind, Rate
from tsg_agent.settings import VerdictThresholds
from tsg_agent.statistics import Floats, g2_z, merged, robust_dispersion, upper_p
from tsg_agent.verdicts.onset import SPREAD, ChangePoint
from tsg_agent.wording import count, percent, some

MOST_MORE = 50
"""Up to this many times the requests since the start are asked for."""
GATE_CLOSED, UNSETTLED = "gate_closed", "unsettled"
NO_ONSET, NO_CONTRAST, NO_BEFORE = "no_onset", "no_contrast", "no_before"


@dataclass(frozen=True)
class MinuteSeries:
    """Failures and requests by minute."""

    failures: Floats
    requests: Floats

    def rate(self, first: int, last: int | None) -> Rate:
        """Those of the minutes [first, last)."""
        span = slice(max(first, 0), last)
        return Rate(failures=round(self.failures[span].sum()), requests=round(self.requests[span].sum()))

    def dispersion(self, last: int) -> float:
        """Overdispersion of the minutes before one."""
        return robust_dispersion(merged(self.failures[:last], SPREAD), merged(self.requests[:last], SPREAD))


@dataclass(frozen=True)
class Weighed:
    """A subject's change and contrast, its excess of failures, and what it falls short of: (code, words)."""

    onset: Onset
    contrast: Contrast
    confidence: Confidence | None
    shortfalls: tuple[tuple[str, str], ...]

    def short_of(self, code: str, words: str) -> "Weighed":
        """The same, a suspect for one reason more."""
        return replace(self, confidence=Confidence.SUSPECTED, shortfalls=(*self.shortfalls, (code, words)))


@dataclass(frozen=True)
class Sides:
    """Series of a subject and of all others; and the series that gives a new subject's share before."""

    own: MinuteSeries
    rest: MinuteSeries
    told: MinuteSeries


def weigh(sides: Sides, moment: ChangePoint, nats: float, limits: VerdictThresholds, *, change: bool) -> Weighed:
    """Judge a subject by its change at a moment and against the rest.

    `nats`: what chance among all that was looked at could explain. `change`: somebody changed it, so it may be new.
    """
    own, rest, whole = sides.own, sides.rest, sides.told
    need, edge = math.sqrt(2 * max(nats, 0.0)), moment.before(limits.guard_minutes)
    before, after = own.rate(0, edge), own.rate(moment.start, moment.end)
    born = before.requests < limits.minimum_requests
    base = whole.rate(0, edge) if born else before
    phi = (whole if born else own).dispersion(edge)
    z = float(g2_z(base.failures, base.requests, after.failures, after.requests)) / math.sqrt(phi)
    rise = _share(after) - _share(base)
    excess = after.failures - after.requests * _share(base)
    contrast, rest_rise = _contrast(after, base, rest.rate(0, edge), rest.rate(moment.start, moment.end), phi)
    missing = []
    if born and not change:
        missing.append((NO_BEFORE, "it had no requests before to compare with: nothing shows that it ever worked"))
    if z < need or excess < limits.minimum_excess or 100 * rise < limits.minimum_rise:
        missing.append((NO_ONSET, _wanting(z, need, base, after, (moment.end or len(own.requests)) - moment.start)))
    if rise < limits.contrast_ratio * max(rest_rise, 0.0):
        missing.append((NO_CONTRAST, f"it rose less than {limits.contrast_ratio:g} times as much as the rest"))
    stands = not any(code == NO_CONTRAST for code, _ in missing)
    kind = (
        OnsetKind.APPEARED
        if born
        else OnsetKind.NEW
        if _share(base) < limits.new_share * _share(after)
        else OnsetKind.WORSE
    )
    onset = Onset(
        kind=kind, before=base if base.requests else None, after=after, excess=round(excess, 2), z=round(z, 4),
        p=float(upper_p(z)),
    )  # fmt: skip
    confidence = Confidence.SUSPECTED if missing else Confidence.CONFIRMED
    return Weighed(onset, contrast.model_copy(update={"significant": stands}), confidence, tuple(missing))


def _share(rate: Rate) -> float:
    return rate.failures / rate.requests if rate.requests else 0.0


def _contrast(after: Rate, base: Rate, rest_before: Rate, rest_after: Rate, phi: float) -> tuple[Contrast, float]:
    """The difference in differences, half a failure added so that 0 of n has a width; and the rest's rise."""
    if not rest_after.requests:
        return Contrast(method="none", subject=after, reason="it has all of the traffic: there is no rest"), 0.0
    rest_rise = _share(rest_after) - _share(rest_before) if rest_before.requests else 0.0
    difference = _share(after) - _share(base) - rest_rise
    spread = 0.0
    for rate in (after, base, rest_after, rest_before):
        p = (rate.failures + 0.5) / (rate.requests + 1)
        spread += p * (1 - p) / max(rate.requests, 1)
    z = difference / math.sqrt(spread * phi) if spread else 0.0
    return Contrast(
        method="difference_in_differences", subject=after, rest=rest_after, difference=round(100 * difference, 4),
        z=round(z, 4), p=float(upper_p(z)),
    ), rest_rise  # fmt: skip


def _enough(base: Rate, after: Rate, z: float, need: float) -> float | None:
    """The multiple of the requests, at the same rate, that would settle it; None if none would."""
    raw = float(g2_z(base.failures, base.requests, after.failures, after.requests))
    for factor in np.geomspace(0.1, MOST_MORE, 40):
        grown = 1 + float(factor)
        if z / raw * float(g2_z(base.failures, base.requests, grown * after.failures, grown * after.requests)) >= need:
            return float(factor)
    return None


def _wanting(z: float, need: float, base: Rate, after: Rate, lasted: int) -> str:
    """What would settle it, in words; `lasted`: minutes since it began."""
    if z <= 0:
        return "its own failures did not rise"
    if z >= need:
        return f"the rise is small: {percent(after.percent)} ({count(after.failures)} of {count(after.requests)})"
    factor = _enough(base, after, z, need)
    if factor is None:
        return "chance among all that was looked at could do as much, and the time before is too short to tell"
    more = math.ceil(after.requests * factor)
    minutes = math.ceil(lasted * factor)
    return (
        f"chance among all that was looked at could do as much; {some(more, 'more request')} at this rate, "
        f"about {some(minutes, 'minute')}, would confirm it"
    )
