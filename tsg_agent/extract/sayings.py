"""What is said of a time: that the incident began, ended or was reported then. Pure readings of one sentence."""

import re
from dataclasses import dataclass

from tsg_agent.extract import cues
from tsg_agent.extract.spotting import Mention

LABELLED = 9
"""Rank of what stands behind a label; prose ranks lower."""


@dataclass(frozen=True, slots=True)
class Place:
    """A mention among its words: its sentence before and after it, and the words since the mention before it."""

    mention: Mention
    label: str
    head: str
    before: str
    after: str
    following: str
    """`after`, up to the next mention."""
    chat: bool


def clause_of(text: str) -> str:
    """The last clause of a text that has a word in it: what a verb behind the text is said of."""
    for piece in reversed(cues.CLAUSE.split(cues.STAMP.sub(" ", text))):
        if not cues.FILLER.fullmatch(piece):
            return piece
    return ""


def leads_to(gap: str, mention: Mention) -> bool:
    """May the words between a verb and a time stand there: "failing requests at", not "the rollback, which"?"""
    if cues.DIRECT.fullmatch(gap):
        return True
    if len(gap) > 80 or cues.JOINS.search(gap):
        return False
    last = re.split(r"[,:(\u2013—]", gap)[-1]
    if last is not gap and last != gap and not cues.DIRECT.fullmatch(last):
        return False
    day = mention.day
    worded = mention.back is not None or bool(mention.problem) or bool(day and not day.dates and not day.month_day)
    return worded or bool(cues.PREPOSED.search(gap))


def heads(place: Place) -> bool:
    """Does the time stand at the head of its sentence, or of a part of it?"""
    return bool(cues.HEAD.fullmatch(re.split(r"[,:;(]", place.before)[-1]))


def last_match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The last place in a text that a pattern fits."""
    found = None
    for match in pattern.finditer(text):
        found = match
    return found


def begins(place: Place, *, from_alone: bool = False) -> bool:
    """Is it said before the time that the incident began then? `from_alone`: also by "errors from", where no end is."""
    cue = last_match(cues.START, place.before) or _from(place, alone=from_alone)
    if not cue or cues.NOUN_AFTER.match(place.after):
        return False
    gap = place.before[cue.end() :]
    if not leads_to(gap, place.mention) or cues.OTHER.search(gap):
        return False
    head = place.head[: len(place.head) - len(place.before) + cue.start()]
    clause = clause_of(head)
    if cues.PAST.search(place.before) or cues.PLANNED.search(clause):
        return False
    if cues.ENDS_FAILING.search(clause) or cues.OTHER.search(clause):
        return bool(cues.ENDS_FAILING.search(clause))
    if not clause and cue[0].lower() == "since":
        alone = cues.FILLER.fullmatch(place.following)  # the answer "yes, since 06:30"
        return bool(alone or cues.FAILING.search(place.following)) and not cues.OTHER.search(place.following)
    # "PetSite: began at", "start time 06:30": no other subject is named
    named = re.search(r":\W*$", head) or cue[0].lower() == "onset" or gap.lower().startswith(" time")
    return bool(not clause or named or cues.FAILING.search(clause) or cues.FAILING.search(gap))


def _from(place: Place, *, alone: bool) -> re.Match[str] | None:
    """ "errors from 14:00 onwards"; or "failing from 14:00"."""
    cue = cues.FROM.search(place.before)
    if cue and cues.ONWARDS.match(place.after):
        return cue
    return cue if cue and alone and cues.ENDS_FAILING.search(clause_of(place.before[: cue.start()])) else None


def begins_after(place: Place) -> bool:
    """ "07:05 - errors begin": a time at the head of a sentence, and what began then."""
    cue = cues.START.search(place.following[:160])
    if not cue or place.chat or not heads(place) or place.following != place.after:
        return False
    subject, rest = clause_of(place.following[: cue.start()]), place.following[cue.end() :][:80]
    if any(pattern.search(place.following) for pattern in (cues.PAST, cues.PLANNED)):
        return False
    if cues.ENDS_FAILING.search(subject):
        return True
    if cues.OTHER.search(subject) or cues.OTHER.search(rest) or cue[0].lower() == "since":
        return False
    return bool(cues.FAILING.search(subject) or cues.FAILING.search(rest) or cue[1].lower() == "onset")


def first_signs(place: Place) -> bool:
    """ "first errors 14:01": said before the time, or "14:01 - first 503s" after it."""
    cue = last_match(cues.FIRST, place.before)
    if cue:
        head = place.head[: len(place.head) - len(place.before) + cue.start()]
        told = cues.DIRECT.fullmatch(place.before[cue.end() :]) and not cues.NOUN_AFTER.match(place.after)
        return bool(told) and not cues.PAST.search(head) and not cues.OTHER.search(clause_of(head))
    cue = cues.FIRST.search(place.following[:80])
    if not cue or place.chat or not heads(place) or place.following != place.after:
        return False
    said = place.following[:160]
    return not (clause_of(said[: cue.start()]) or cues.OTHER.search(said) or cues.PAST.search(said))


_END_RANKS = {"done": 5, "half": 4, "until": 3, "still": 2}


def ends(place: Place) -> int:
    """How plainly it is said before the time that the incident ended, or still went on, then; 0 is not at all."""
    cue = last_match(cues.END, place.before)
    if not cue or cues.NOUN_AFTER.match(place.after):
        return 0
    gap = place.before[cue.end() :]
    head = place.head[: len(place.head) - len(place.before) + cue.start()]
    clause = clause_of(head)
    kind = cue.lastgroup or ""
    by = re.sub(r"\bby\b.*\b(?=at\b|around\b|about\b)", "", gap)
    if not leads_to(by, place.mention) or cues.PLANNED.search(clause) or cues.PAST.search(head):
        return 0
    if kind in ("done", "half") and cues.NOT.search(head[-30:]):
        kind = "still"
    if kind == "still":
        return 0 if cues.OTHER.search(clause) else _END_RANKS[kind]
    if kind == "until":
        fine = cues.FINE.search(clause) or cues.FINE.search(place.following[:60])
        return 0 if fine or not cues.DIRECT.fullmatch(gap) or not about_incident(clause) else _END_RANKS[kind]
    return _END_RANKS[kind] if about_incident(clause) else 0


def about_incident(clause: str) -> bool:
    """Is a clause about the incident, and not about a deployment or a meeting?"""
    if not clause or cues.ENDS_FAILING.search(clause):
        return True
    return not cues.OTHER.search(clause) and bool(cues.FAILING.search(clause) or cues.SERVED.search(clause))


def ends_after(place: Place) -> int:
    """ "08:40: resolved"."""
    cue = cues.END.search(place.following[:120])
    if not cue or place.chat or not heads(place) or place.following != place.after:
        return 0
    head = place.following[: cue.start()]
    if cue.lastgroup not in ("done", "half") or cues.NOT.search(head) or cues.PLANNED.search(place.following):
        return 0
    return _END_RANKS[cue.lastgroup] if about_incident(clause_of(head)) else 0


def reports(place: Place) -> int:
    """How plainly the time is when the incident was reported; 0 is not at all."""
    cue = last_match(cues.CREATED, place.before)
    if cue and cues.DIRECT.fullmatch(place.before[cue.end() :]):
        head = place.head[: len(place.head) - len(place.before) + cue.start()]
        if cues.PAST.search(head) or cues.ELSEWHERE.search(clause_of(head)):
            return 0
        return LABELLED - "abcd".index(cue.lastgroup or "d")
    cue = cues.CREATED.search(place.following[:100])
    if not cue or place.chat or not heads(place):
        return 0
    subject = clause_of(place.following[: cue.start()])
    if cues.ELSEWHERE.search(subject) or not (cues.FAILING.search(subject) or cue.lastgroup == "b"):
        return 0
    return LABELLED - "abcd".index(cue.lastgroup or "d")
