"""The order of causes: confidence, tier, how much they changed; what only mirrors another stands behind it."""

import math

from tsg_agent.models import Confidence, Tier
from tsg_agent.verdicts.candidates import Candidate
from tsg_agent.verdicts.rules import Ruling

Ranked = tuple[Candidate, Ruling]
TIERS = list(Tier)
PASSED_ON_Z = 2.33
"""The entry's failures are more than those behind it where the difference is over this (one-sided 1 %)."""
YIELD_SHARE = 0.5
"""What only mirrors failures yields to a place that has at least this share of its excess."""


def ranked(found: list[Ranked], tie: float, entry: str | None) -> list[Ranked]:
    """Best first. `tie`: z values this near are equal, and the rate after decides, then the name.

    `entry`: the component named like the service; its failures contain the others'.
    """
    groups: dict[tuple[bool, int], list[Ranked]] = {}
    for one in found:
        confirmed = one[1].confidence is Confidence.CONFIRMED
        groups.setdefault((not confirmed, TIERS.index(one[0].tier)), []).append(one)
    ordered = [one for key in sorted(groups) for one in _by_change(groups[key], tie)]
    for mirror in [one for one in ordered if one[0].error_only or _is_entry(one[0], entry)]:
        ordered = _behind(mirror, ordered, entry)
    return ordered


def passes_on(one: Candidate, causes: list[Candidate], entry: str | None) -> bool:
    """Is it the entry, with no more failures than the components behind it, causes themselves, can have passed on?"""
    if not _is_entry(one, entry):
        return False
    inner = sum(c.onset.excess for c in causes if "service_component" in c.subject and c.measure is one.measure)
    own = one.onset.excess
    return inner > 0 and own - inner < PASSED_ON_Z * math.sqrt(max(own + inner, 1.0))


def _by_change(found: list[Ranked], tie: float) -> list[Ranked]:
    rest = sorted(found, key=lambda one: (-one[0].z, one[0].key))
    result: list[Ranked] = []
    while rest:
        level = rest[0][0].z
        equal = [one for one in rest if one[0].z >= level - tie]
        # The more exact subject of two that are the same requests says more.
        result += sorted(equal, key=lambda one: (-one[0].rate_after, -len(one[0].subject), one[0].key))
        rest = rest[len(equal) :]
    return result


def _is_entry(one: Candidate, entry: str | None) -> bool:
    return entry is not None and one.subject == {"service_component": entry}


def _behind(mirror: Ranked, ordered: list[Ranked], entry: str | None) -> list[Ranked]:
    """Move a mirror behind the places that have at least half of its excess."""
    where = ordered.index(mirror)
    enough = YIELD_SHARE * mirror[0].onset.excess
    places = [
        index
        for index, (one, ruling) in enumerate(ordered)
        if index > where
        and ruling.confidence is mirror[1].confidence
        and one.step != 9
        and not one.error_only
        and not _is_entry(one, entry)
        and one.onset.excess >= enough
        and (mirror[0].error_only or one.step == mirror[0].step)
    ]
    if not places:
        return ordered
    return [*ordered[:where], *ordered[where + 1 : places[-1] + 1], mirror, *ordered[places[-1] + 1 :]]
