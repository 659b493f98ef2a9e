"""What a range of times ("from 14:00 to 15:15") is for: the time the incident ran, or a window to look at.

The two must not be confused. A time the incident ran that is taken for a window leaves no baseline: what fails every
day is blamed then. What reads as either opens the window before it, and says nothing of the start.
"""

import re
from enum import StrEnum

from tsg_agent.extract.time_role_rules import Place
from tsg_agent.extract.words import ALL


class Purpose(StrEnum):
    """What a range is for."""

    INCIDENT = "incident"
    CHANGE = "change"
    """The incident began some time between the two."""
    WINDOW = "window"
    EITHER = "either"
    NEITHER = "neither"
    """Something else's: a deployment's, a meeting's, a quiet time."""


def opening(place: Place) -> re.Match[str] | None:
    """The "from" or "between" before a range's first time."""
    words = place.words
    return words.made(
        "opens",
        rf"\b(?:(?P<between>{words.one_of('between')})|{words.one_of('from')})[\s~]*(?:{words.one_of('about')} )?"
        rf"(?:{words.one_of('prepositions')} )?$",
    ).search(place.before)


def ranges_over(gap: str, place: Place, opens: re.Match[str] | None) -> bool:
    """Is a gap between two times that of a range?"""
    words = place.words
    joins = words.one_of("range_and")
    pattern = words.made(
        "between times",
        rf",?[ ]{{0,3}}(?:-{{1,2}}|\u2013|—|{words.one_of('to')}|->|→|/|\.{{2,3}}|{joins})"
        rf"[ ]{{0,3}}(?:{words.one_of('about')} |~)?",
    )
    return bool(pattern.fullmatch(gap)) and bool(opens or not re.search(joins, gap, re.IGNORECASE))


def purpose(place: Place, rest: str, opens: re.Match[str] | None) -> Purpose:
    """What a range is for that begins at `place`; `rest` is what its sentence says after it."""
    words = place.words
    head = place.head[: len(place.head) - len(place.before) + opens.start()] if opens else place.head
    if ALL.labels("ran").fullmatch(place.label):
        return Purpose.INCIDENT
    if words["past"].search(head):
        return Purpose.NEITHER
    said = None
    for clause in place.clauses(head):
        said = _of_clause(place, clause)
        if said is Purpose.EITHER and words["measure"].search(clause) and _low(place, rest):
            said = Purpose.INCIDENT  # "availability from 14:00 to 15:15: 92 %"
        if said:
            break
    else:
        said = _of_clause(place, rest)
    asks = rest.rstrip().endswith("?") and words.made("asks", rf"\s*(?:and |so |but )?{words.one_of('asks')}\b").match(
        head or rest
    )
    if asks and said in (Purpose.INCIDENT, None):
        return Purpose.EITHER if said else Purpose.WINDOW
    if said is Purpose.INCIDENT and opens and opens["between"] and words["change"].search(place.before):
        return Purpose.CHANGE  # or was it on all the time: `window` tells by how far the two are apart
    return said or Purpose.EITHER


def _low(place: Place, text: str) -> bool:
    return bool(place.words["low"].search(text) or re.search(r"[0-9] ?(?:%|percent)", text))


def _of_clause(place: Place, clause: str) -> Purpose | None:
    """What a clause says of the range that it stands at; None where it says nothing of it."""
    words = place.words
    if words["elsewhere planned"].search(clause) or words["calm"].search(clause):
        return Purpose.NEITHER
    event, noun = words.one_of("event"), words.one_of("window")
    measured = bool(words["measure"].search(clause) and _low(place, clause))
    trouble = words["failing event symptom break"].search(clause) or measured
    own = words.made(
        "own window",
        rf"\b{event}(?:'s)? (?:time )?{noun}(?!\w)"
        rf"|\b{noun} (?:of|des?r?|del?) (?:the |an? |la |los )?(?:\w+ )?(?:{event}|low)(?!\w)",
    )
    if own.search(clause):
        return Purpose.INCIDENT
    if words["to_look_at"].search(clause):
        return Purpose.WINDOW
    if words["window"].search(clause) or words["look"].search(clause):
        # "look at the outage from 14:00 to 15:15" tells when it was; "look at the errors from …" may only say where
        named = words["event"].search(clause) and not words["window"].search(clause)
        return Purpose.INCIDENT if named else Purpose.EITHER if trouble else Purpose.WINDOW
    if trouble:
        return Purpose.INCIDENT
    return (
        Purpose.NEITHER
        if words["handling"].search(clause)
        else Purpose.EITHER
        if words["measure"].search(clause)
        else None
    )
