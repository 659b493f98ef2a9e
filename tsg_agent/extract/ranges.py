"""What a range of times ("from 14:00 to 15:15") is for: the time the incident ran, or a window to look at.

The two must not be confused. A time the incident ran that is taken for a window leaves no baseline: what fails every
day is blamed then. What reads as either is asked.
"""

import re
from enum import StrEnum

from tsg_agent.extract import cues
from tsg_agent.extract.sayings import Place


class Purpose(StrEnum):
    """What a range is for."""

    INCIDENT = "incident"
    WINDOW = "window"
    EITHER = "either"
    NEITHER = "neither"
    """Something else's: a deployment's, a meeting's, a quiet time."""


_EVENT = (
    r"(?:outages?|incidents?|downtime|disruptions?|degradations?|brown-?outs?|black-?outs?|interruptions?|impact"
    r"|unavailability|sev-?[0-9]|breach\w*|drops?|dips?|spikes?|duration)"
)
_SYMPTOM = (
    r"(?:fail\w*|errors?|erroring|[45]xx|[45][0-9]{2}s|time-?outs?|tim(?:ed|ing) out|unavailable|unreachable|down"
    r"|broken?|degraded|slow\w*|crash\w*|refus\w*|reject\w*|threw|throw\w*|affected|impacted|hit|suffer\w*|trouble|problems?"
    r"|issues?|elevated|complain\w*|hanging|hung|stuck|flapping|worse|tanked|dead|could(?: not|n't)|cannot|can't"
    r"|n't work\w*|not work\w*)"
)
_LOW = re.compile(
    r"\b(?:low(?:er|ered)?|below|under|reduced|bad|poor|red|dropp\w+|fell|fallen|dipp\w+|sank|plung\w+|tank\w+|rose|risen"
    r"|high(?:er)?|increas\w+|spik\w+|jump\w+|climb\w+|only)\b|[0-9] ?(?:%|percent)",
    re.IGNORECASE,
)
_MEASURE = re.compile(r"\b(?:availability|success rate|latenc\w+|sla|slo|response times?|p9[0-9])\b", re.IGNORECASE)
_EVENTS = re.compile(rf"\b{_EVENT}\b", re.IGNORECASE)
_TROUBLE = re.compile(rf"\b(?:{_EVENT}|{_SYMPTOM})\b|n't work\w*", re.IGNORECASE)
_NOUN = r"(?:windows?|range|period|time ?frame|interval)"
_OWN_WINDOW = re.compile(
    rf"\b{_EVENT}(?:'s)? (?:time )?{_NOUN}\b|\b{_NOUN} of (?:the |an? )?(?:\w+ )?(?:{_EVENT}|{_SYMPTOM}|low)\b",
    re.IGNORECASE,
)
_TO_LOOK_AT = re.compile(rf"\b(?:analysis|investigation|query|search|data|telemetry|time) ?-?{_NOUN}\b", re.IGNORECASE)
_WINDOW = re.compile(rf"\b{_NOUN}\b", re.IGNORECASE)
_LOOK = re.compile(
    r"\b(?:look|check|investigate|analy[sz]e|focus|examine|inspect|review|query|search|consider|scan|compare|restrict"
    r"|limit|zoom|dig|cover|use|take|show|pull)\b",
    re.IGNORECASE,
)
_CALM = re.compile(
    r"\b(?:no|zero|without|free of) (?:\w+ ){0,2}?(?:errors?|failures?|issues?|problems?|incidents?|outages?|impact)\b"
    r"|(?<!than )(?<!below )(?<!above )(?<!beyond )(?<!not )(?<!n't )"
    r"\b(?:normal|fine|healthy|stable|ok|okay|good|green|quiet|clean)\b",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"\b(?:broke|went|dropp\w+|fell|dipp\w+|sank|plung\w+|tanked|crashed|spiked|jumped|rose|degraded|increased)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(rf"{cues.CLAUSE.pattern}|\b(?:why|that)\b", re.IGNORECASE)
_ASKS = re.compile(r"\s*(?:and |so |but )?(?:which|what|how|who|where|were|was|did|do|is|are|any)\b", re.IGNORECASE)
_PLANNED = re.compile(r"\b(?:will|expect(?:ed)?|eta|planned|scheduled|going to)\b", re.IGNORECASE)
_LABELS = frozenset({"when", "duration", "impact", "outage", "incident", "downtime"})


def purpose(place: Place, rest: str, opens: re.Match[str] | None) -> Purpose:
    """What a range is for that begins at `place`; `rest` is what its sentence says after it."""
    head = place.head[: len(place.head) - len(place.before) + opens.start()] if opens else place.head
    if place.label in cues.WINDOWS:
        return Purpose.WINDOW
    if place.label in _LABELS:
        return Purpose.INCIDENT
    if cues.PAST.search(head):
        return Purpose.NEITHER
    for clause in reversed(_CLAUSE.split(cues.STAMP.sub(" ", head))):
        said = _of_clause(clause)
        if said is Purpose.EITHER and _MEASURE.search(clause) and _LOW.search(rest):
            said = Purpose.INCIDENT  # "availability from 14:00 to 15:15: 92 %"
        if said:
            break
    else:
        said = _of_clause(rest)
    asks = rest.rstrip().endswith("?") and _ASKS.match(head or rest)
    if asks and said in (Purpose.INCIDENT, None):
        return Purpose.EITHER if said else Purpose.WINDOW
    return said or Purpose.EITHER


def _of_clause(clause: str) -> Purpose | None:
    """What a clause says of the range that it stands at; None where it says nothing of it."""
    if cues.ELSEWHERE.search(clause) or _PLANNED.search(clause) or _CALM.search(clause):
        return Purpose.NEITHER
    trouble = _TROUBLE.search(clause) or (_MEASURE.search(clause) and _LOW.search(clause))
    if _OWN_WINDOW.search(clause):
        return Purpose.INCIDENT
    if _TO_LOOK_AT.search(clause):
        return Purpose.WINDOW
    if _WINDOW.search(clause) or _LOOK.search(clause):
        # "look at the outage from 14:00 to 15:15" tells when it was; "look at the errors from …" may only say where
        own = _EVENTS.search(clause) and not _WINDOW.search(clause)
        return Purpose.INCIDENT if own else Purpose.EITHER if trouble else Purpose.WINDOW
    if trouble:
        return Purpose.INCIDENT
    return Purpose.NEITHER if cues.OTHER.search(clause) else Purpose.EITHER if _MEASURE.search(clause) else None


def is_of_a_change(place: Place, opens: re.Match[str] | None) -> bool:
    """ "It broke between A and B": that it was broken from A to B, or that it broke at some moment between them?"""
    between = opens is not None and opens["cue"].lower() == "between"
    return between and bool(_CHANGE.search(place.before))
