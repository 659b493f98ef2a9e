"""Says that the service broke, availability dropped or errors rose at a time: an incident's start without "began".

Only verbs that tell of a change for the worse count, and only said of what users meet: that a server crashed or that
traffic dropped at 14:00 is a time to ask about.
"""

import re

from tsg_agent.extract import cues
from tsg_agent.extract.sayings import Place, clause_of, heads, last_match

_STOPPED = (
    r"stopped (?:working|responding|serving|answering|loading|accepting|processing|functioning)"
    r"|stops (?:working|responding|serving|answering|loading|accepting)"
)
_BREAK = re.compile(
    r"\b(?:broke(?: down)?|breaks|(?:went|goes|going) (?:down|dark|offline|red|bad|wrong|south|haywire)|crashe[ds]|died"
    r"|dies|degraded|collapsed|fell over|falls over|blew up|"
    rf"{_STOPPED}"
    r"|(?:became|becomes|turned|went|goes) (?:unavailable|unreachable|unresponsive|unhealthy|unstable|slow))\b",
    re.IGNORECASE,
)
_FALL = re.compile(
    r"\b(?:dropped|drops|fell|dipped|sank|plunged|plummeted|tanked|declined|decreased|went down|nosedived|cratered"
    r"|collapsed|crashed)\b",
    re.IGNORECASE,
)
_RISE = re.compile(
    r"\b(?:spiked|jumped|rose|climbed|surged|shot up|increased|went up|exploded|soared|went through|skyrocketed"
    r"|took off)\b",
    re.IGNORECASE,
)
_GOOD = re.compile(r"\b(?:availability|success(?:es)?|uptime|apdex|sla|slo|sli|healthy hosts)\b", re.IGNORECASE)
_BAD = re.compile(
    r"\b(?:errors?|failures?|failed|failing|[45]xx|[45][0-9]{2}s?|time-?outs?|latenc(?:y|ies)|exceptions?|rejections?"
    r"|response times?|p9[0-9])\b",
    re.IGNORECASE,
)
_COMPONENT = re.compile(
    r"\b(?:servers?|hosts?|nodes?|instances?|machines?|vms?|disks?|cpu|memory|databases?|db|replicas?|workers?|brokers?"
    r"|queues?|threads?|traffic|load|laptop|builds?|tables?|pipelines?|ci)\b"
    r"|\b(?:i|we|he|she|you)(?:'ve|'d| have| had| just| also| accidentally)?\W*$",
    re.IGNORECASE,
)
_LEVEL = (
    r"(?:[\s,~(]|\b(?:to|from|below|under|by|about|around|roughly|nearly|almost|over|above|past|sharply|suddenly|abruptly"
    r"|dramatically|significantly|considerably|completely|entirely|hard|fast|the floor|the roof|through|into"
    r"|points?|percent|pp|times|its|our|normal|target|threshold|sla|slo|objective|only|as low as|as high as|and|down|up"
    r"|slightly)\b|(?<![0-9.,])[0-9][0-9.,]{0,12}(?![0-9.,])[ ]?[%x]?)*"
)
_TO_TIME = re.compile(rf"{_LEVEL}{cues.TAIL}", re.IGNORECASE)
_OBJECT = re.compile(
    r"\s*(?:the|a|an|our|some|my) (?!floor|roof|sla|slo|threshold)|\s*(?:\w+ )?(?:further|back|again)\b", re.I
)
_LONGEST = 90


def changes(place: Place) -> bool:
    """Is it said before the time that things went bad then: "availability dropped to 92 % at"?"""
    cue = _last(place.before)
    if not cue or cues.NOUN_AFTER.match(place.after) or cues.PAST.search(place.before):
        return False
    gap = place.before[cue.end() :]
    if len(gap) > _LONGEST or not _TO_TIME.fullmatch(gap):
        return False
    head = place.head[: len(place.head) - len(place.before) + cue.start()]
    return _for_the_worse(clause_of(head), cue[0], gap)


def changes_after(place: Place) -> bool:
    """ "14:00 - checkout goes down": a time at the head of a sentence, and what went bad then."""
    found = [cue for pattern in (_BREAK, _FALL, _RISE) if (cue := pattern.search(place.following[:160]))]
    if not found or place.chat or not heads(place) or place.following != place.after:
        return False
    cue = min(found, key=lambda match: match.start())
    if cues.PAST.search(place.following):
        return False
    return _for_the_worse(clause_of(place.following[: cue.start()]), cue[0], place.following[cue.end() :][:60])


def _last(text: str) -> re.Match[str] | None:
    found = [cue for pattern in (_BREAK, _FALL, _RISE) if (cue := last_match(pattern, text))]
    return max(found, key=lambda match: match.start()) if found else None


def _for_the_worse(subject: str, verb: str, rest: str) -> bool:
    """Is it the service that broke, what is good that fell, or what is bad that rose?"""
    if cues.OTHER.search(subject) or cues.PLANNED.search(subject) or cues.NOT.search(subject) or _OBJECT.match(rest):
        return False
    good, bad = _GOOD.search(subject), _BAD.search(subject)
    if _RISE.fullmatch(verb):
        return bool(bad) and not good
    if _COMPONENT.search(subject):
        return False
    if _BREAK.fullmatch(verb):
        return bool(good) or not (bad and _FALL.fullmatch(verb))
    bare = not subject or re.fullmatch(r"\W*(?:it|this)\W*", subject, re.IGNORECASE)
    return bool((good and not bad) or re.search(r"success rate", subject, re.I) or (bare and "%" in rest))
