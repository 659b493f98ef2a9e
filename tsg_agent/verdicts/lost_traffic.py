"""Did requests stop coming? What is lost has no rows, so it is in no share: a finding over time. Pure numpy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tsg_agent.columns import Nature
from tsg_agent.evidence.blocks import in_blocks
from tsg_agent.evidence.requests import Codes, DimensionCodes, Requests
from tsg_agent.models import Subject
from tsg_agent.statistics import Bools, Floats
from tsg_agent.verdicts.onset import ALPHA

LEFT = 0.3
"""Traffic counts as lost if no more than this share of the usual is left."""
SHORTEST = 5
"""Minutes that must lie before the fall and after it."""
TRIM = 0.1
"""Share of the oddest minutes that is left out of the usual spread."""
NEAR = 20
"""Minutes on each side of a fall in which it is compared with the others' traffic."""
TAKEN = 0.5
"""If others gained more than this share of what a value lost, its traffic moved to them and was not lost."""
ASKING = (Nature.INTERFACE, Nature.TENANT, Nature.CUSTOMER)
"""Columns that say who asks and for what. What answers is moved about by operators: it must be plain that nothing took
its requests over."""
APART = 2
"""Minutes within which values fell together."""
ROUNDED = 0.05
"""By how much what values of one column lost may differ from what one of another lost, and be the same."""
SURE = 3.0
"""Standard errors by which that is plain."""


@dataclass(frozen=True)
class Fall:
    """Requests a minute before `minute` and since. `subject`: whose; empty = the service's."""

    minute: int
    before: float
    after: float
    gain: float
    subject: Subject


def lost_traffic(requests: Requests, entry: Bools | None, minutes: int, *, parts: bool) -> Fall | None:
    """Whose requests stopped coming: the service's, at its entry, or with `parts` those of the value that lost most."""
    if not minutes:
        return None
    weight = requests.weight
    kept = np.ones(len(requests), bool) if entry is None else entry

    def by_minute(column: DimensionCodes | None) -> Floats:
        """(values, minutes); the last value is of requests without one."""
        values = 0 if column is None else len(column.values)

        def place(some: slice) -> Codes:
            code = 0 if column is None else column.codes[some].astype(np.int64) % (values + 1)
            inside = kept[some] & (requests.minute[some] < minutes)
            found: Codes = (code * minutes + requests.minute[some] + 1) * inside
            return found

        (counted,) = in_blocks(place, len(requests), [weight], (values + 1) * minutes + 1)
        by: Floats = counted[1:].reshape(-1, minutes)
        return by

    whole = _fall(by_minute(None)[0], 1, {})
    if whole is not None or not parts:
        return whole
    columns = [one for one in requests.columns if one.recorded]
    tried = max(1, sum(len(column.values) for column in columns))
    falls, plain = list[Fall](), list[list[Fall]]()
    for column in columns:
        sure = 0.0 if column.dimension.nature in ASKING else SURE
        counts = by_minute(column)
        total = counts.sum(axis=0)
        fell = [(code, _fall(counts[code], tried, column.subject(code))) for code in range(len(column.values))]
        found = [(code, fall) for code, fall in fell if fall is not None]
        falls += [fall for _, fall in found]
        plain.append([fall for code, fall in found if _alone(fall.minute, counts[code], total - counts[code], sure)])
    return _worst(falls, plain)


def _worst(falls: Sequence[Fall], plain: Sequence[Sequence[Fall]]) -> Fall | None:
    """The value that lost most, of those `plain` (by column) and of those that lost no more than values of one column
    that are plain lost together: a zone, where it is plain of each of its instances."""
    first = max((fall for some in plain for fall in some), key=_lost, default=None)
    if first is None:
        return None
    together = max(sum(_lost(fall) for fall in some if abs(fall.minute - first.minute) <= APART) for some in plain)
    near = [fall for fall in falls if abs(fall.minute - first.minute) <= APART]
    worst = max((fall for fall in near if _lost(fall) <= together * (1 + ROUNDED)), key=_lost)
    same = [
        one.subject for one in near if (one.minute, one.before, one.after) == (worst.minute, worst.before, worst.after)
    ]
    return replace(worst, subject={name: value for subject in same for name, value in subject.items()})


def _lost(fall: Fall) -> float:
    """Requests a minute."""
    return fall.before - fall.after


def _alone(minute: int, own: Floats, others: Floats, sure: float) -> bool:
    """Whether the other values neither gained what was lost nor lost as much themselves.

    Asked of the minutes right before and after the fall: over hours others grow and clients are replaced anyway.
    `sure`: by so many standard errors the others' traffic would have had to grow.
    """
    before, after = slice(max(0, minute - NEAR), minute), slice(minute, minute + NEAR)
    own_before, own_after = own[before].mean(), own[after].mean()
    others_before, others_after = others[before].mean(), others[after].mean()
    gained, taken = others_after - others_before, TAKEN * (own_before - own_after)
    spread = sum(max(others[side].var(), others[side].mean()) / len(others[side]) for side in (before, after))
    if taken - gained <= sure * math.sqrt(spread):
        return False
    kept = min(1.0, others_after / others_before) if others_before else 0.0
    return bool(own_after <= LEFT * own_before * kept)


def _fall(counted: Floats, tried: int, subject: Subject) -> Fall | None:
    """The likeliest split of requests by minute into two Poisson rates; None where they did not fall.

    Its gain is divided by the overdispersion of the minutes before. `tried`: how many such series are looked at.
    """
    minutes = len(counted)
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
    gain = float(gained[best]) / phi - math.log(minutes * tried)
    if gain < math.log(1 / ALPHA):
        return None
    return Fall(int(split[best]), float(rate[best]), float(left[best]), gain, subject)


def _xlog(count: Floats, rate: Floats) -> Floats:
    result: Floats = np.where(count > 0, count * np.log(np.where(rate > 0, rate, 1.0)), 0.0)
    return result
