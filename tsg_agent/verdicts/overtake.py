"""Who may take the first place from whom, and with what confidence."""

from dataclasses import replace

from tsg_agent.models import Confidence
from tsg_agent.verdicts.candidates import Candidate
from tsg_agent.verdicts.order import YIELD_SHARE, Ranked
from tsg_agent.verdicts.rules import Ruling


def may_overtake(rival: Ruling, first: Ruling) -> bool:
    """A rival must meet every rule that the first meets, but for the guide's threshold."""
    return rival.codes <= first.codes | {"below_threshold"}


def standing_for(first: Ranked, rival: Ranked) -> Ranked:
    """The rival in the first's place: what the guide's threshold calls abnormal is there, in the one it explains."""
    if first[1].confidence is not Confidence.CONFIRMED or rival[1].confidence is Confidence.CONFIRMED:
        return rival
    return replace(rival[0], detail={**rival[0].detail, "explains": first[0].subject}), Ruling(Confidence.CONFIRMED)


def ruled_again(before: Ruling, now: Ruling) -> Ruling:
    """What is left after a cause is taken out is judged again: it may have become a suspect, never more than it was."""
    if before.confidence is Confidence.CONFIRMED and now.confidence is Confidence.SUSPECTED:
        return now
    return before


def place_of(first: Candidate, rivals: list[Ranked]) -> Ranked | None:
    """Where the errors are that a dimension only describes: the place that changed most, with half of the excess."""
    places = [
        one
        for one in rivals
        if one[0].step != 9 and not one[0].error_only and one[0].onset.excess >= YIELD_SHARE * first.onset.excess
    ]
    return max(places, key=lambda one: (one[0].z, one[0].key), default=None)
