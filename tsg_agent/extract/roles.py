"""What the times in a text are for: the incident's start, its end, a window written out, when it was reported.

A time is the incident's start only by words such as "began at", "started" and "since", said of the incident:
reports are full of times at which deployments, investigations and complaints started.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from tsg_agent.extract import cues
from tsg_agent.extract.changes import changes, changes_after
from tsg_agent.extract.prose import Prose
from tsg_agent.extract.ranges import Purpose, is_of_a_change, purpose
from tsg_agent.extract.readings import Reading
from tsg_agent.extract.sayings import LABELLED, Place, begins, begins_after, ends, ends_after, first_signs, reports
from tsg_agent.extract.spotting import Mention, length

MAXIMUM_SIGHTINGS = 50
"""Times kept for each purpose; a text with more says nothing clearly."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A time with a purpose: how plainly the text says so (higher wins), and the span to quote."""

    mention: Mention
    rank: int
    start: int
    end: int
    reading: Reading | None = None
    """What it means, where that takes more than the mention: an end of a range has its day from the other end."""


@dataclass(frozen=True, slots=True)
class Range:
    """Two times that belong together, or one that lasts until now.

    A window's rank is 3 labelled, 2 in words, 1 hinted, 0 bare. `begun`: the incident is said to have begun at its
    first time; `change`: it may as well be that something changed some time between the two.
    """

    first: Mention
    second: Mention | None
    rank: int
    start: int
    end: int
    begun: bool = False
    change: bool = False


@dataclass(slots=True)
class Roles:
    """All sightings of a text."""

    starts: list[Sighting] = field(default_factory=list)
    ends: list[Sighting] = field(default_factory=list)
    created: list[Sighting] = field(default_factory=list)
    window_starts: list[Sighting] = field(default_factory=list)
    window_ends: list[Sighting] = field(default_factory=list)
    ranges: list[Range] = field(default_factory=list)  # windows
    ran: list[Range] = field(default_factory=list)  # when the incident was on
    either: list[Range] = field(default_factory=list)  # a window, or when the incident was on
    vague: list[Range] = field(default_factory=list)  # "started between A and B"


def assign(prose: Prose, mentions: Sequence[Mention]) -> Roles:
    """Give each mention that has a purpose its role."""
    roles, generic = Roles(), Roles()
    places = [_place(prose, mentions, index) for index in range(len(mentions))]
    index = 0
    while index < len(places):
        place = places[index]
        index += 1
        if index < len(places) and _pair(prose, place, places[index], roles):
            index += 1
            continue
        _single(place, roles, generic)
    _settle_generic(roles, generic)
    _lasting(prose, roles)
    for name in ("starts", "ends", "created", "window_starts", "window_ends", "ranges", "ran", "either", "vague"):
        del getattr(roles, name)[MAXIMUM_SIGHTINGS:]
    return roles


def label_before(prose: Prose, start: int) -> str:
    """The label that a time stands behind ("end_time", "incident start"), in lower case; or nothing."""
    before = prose.text[max(prose.line(start)[0], start - 70) : start]
    match = cues.LABEL.search(before) or cues.INLINE.search(before) or cues.PIPED.search(before)
    if not match:
        return ""
    raw = (match["label"] or match.groupdict()["word"]).strip()
    if re.fullmatch(r"(?:start|end)_time", raw, re.IGNORECASE):
        return raw.lower()
    return " ".join(re.split(r"[\s_-]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", raw).lower()))


def _place(prose: Prose, mentions: Sequence[Mention], index: int) -> Place:
    mention, text = mentions[index], prose.text
    begin, end = prose.sentence(mention.start, mention.end)
    begin, end = max(begin, mention.start - 300), min(end, mention.end + 300)
    floor = max(begin, mentions[index - 1].end) if index else begin
    ceiling = min(end, mentions[index + 1].start) if index + 1 < len(mentions) else end
    return Place(
        mention=mention,
        label=label_before(prose, mention.start),
        head=text[begin : mention.start],
        before=text[floor : mention.start],
        after=text[mention.end : end],
        following=text[mention.end : ceiling],
        chat=bool(cues.CHAT.match(text, mention.end)),
    )


def _pair(prose: Prose, place: Place, next_place: Place, roles: Roles) -> bool:
    """Two times that are written as a range; false where they are not."""
    first, second = place.mention, next_place.mention
    gap = prose.text[first.end : second.start] if second.start - first.end <= 24 else "…"
    opens = cues.OPENS.search(place.before)
    if not cues.BETWEEN_TIMES.fullmatch(gap) or (re.search(r"and|&", gap) and not opens):
        return False
    if not (first.timed or second.timed or opens or place.label in cues.WINDOWS):
        return False
    begin = _opening(place, opens)
    cue = cues.START.search(place.before[: opens.start()][-30:]) if opens else None
    if cue and not cue["point"]:  # "started between", but not "what happened between"
        roles.vague.append(Range(first, second, 0, first.start, second.end))
    elif place.label in cues.START_LABELS - cues.GENERIC_STARTS or begins(place):
        roles.ran.append(Range(first, second, 0, begin, second.end, begun=True))
    else:
        _ranging(place, second, next_place.following, roles)
    return True


def _opening(place: Place, opens: re.Match[str] | None) -> int:
    """Where a range begins: at its "from" or "between", else at its first time."""
    return opens.start() - len(place.before) + place.mention.start if opens else place.mention.start


def _ranging(place: Place, second: Mention | None, rest: str, roles: Roles) -> None:
    """A range by what it is for; one without a second time goes on until now. `rest` is what is said after it."""
    first, opens = place.mention, cues.OPENS.search(place.before)
    begin = _opening(place, opens)
    end = second.end if second else first.end
    rank = 3 if place.label in cues.WINDOWS else 2 if opens else 1 if cues.WINDOW.search(place.head) else 0
    what = purpose(place, rest, opens)
    if what is Purpose.INCIDENT:
        change = is_of_a_change(place, opens)
        roles.ran.append(Range(first, second, rank, begin, end, change=change))
    elif what is Purpose.WINDOW:
        roles.ranges.append(Range(first, second, rank, begin, end))
    elif what is Purpose.EITHER:
        roles.either.append(Range(first, second, rank, begin, end))


def _single(place: Place, roles: Roles, generic: Roles) -> None:
    mention, label = place.mention, place.label
    labelled = Sighting(mention, LABELLED, mention.start, mention.end)
    rank = next((n for n, labels in enumerate(cues.CREATED_LABELS) if label in labels), None)
    if label in cues.WINDOW_STARTS:
        roles.window_starts.append(labelled)
    elif label in cues.WINDOW_ENDS:
        roles.window_ends.append(labelled)
    elif label in cues.GENERIC_STARTS:
        generic.starts.append(labelled)
    elif label in cues.GENERIC_ENDS:
        generic.ends.append(labelled)
    elif label in cues.START_LABELS:
        roles.starts.append(labelled)
    elif label in cues.END_LABELS:
        roles.ends.append(labelled)
    elif rank is not None:
        roles.created.append(Sighting(mention, LABELLED - rank, mention.start, mention.end))
    else:
        _said(place, roles)


def _said(place: Place, roles: Roles) -> None:
    mention = place.mention
    if begins(place, from_alone=True) or begins_after(place):
        roles.starts.append(Sighting(mention, 1, mention.start, mention.end))
        return
    if first_signs(place) or changes(place) or changes_after(place):
        roles.starts.append(Sighting(mention, 0, mention.start, mention.end))
        return
    to_now = cues.TO_NOW.match(place.following)
    if to_now:
        _ranging(place, None, place.following[to_now.end() :], roles)
        return
    rank = ends(place) or ends_after(place)
    if rank:
        roles.ends.append(Sighting(mention, rank, mention.start, mention.end))
        return
    rank = reports(place)
    if rank:
        roles.created.append(Sighting(mention, rank, mention.start, mention.end))


def _settle_generic(roles: Roles, generic: Roles) -> None:
    """ "Start: …" with "End: …" is a window written out; alone, each speaks of the incident."""
    if generic.starts and generic.ends:
        roles.window_starts += generic.starts
        roles.window_ends += generic.ends
    else:
        roles.starts += generic.starts
        roles.ends += generic.ends


def _lasting(prose: Prose, roles: Roles) -> None:
    """ "failing for 3 hours" says when it began; "the last 3 hours" is a window."""
    taken: list[tuple[int, int]] = []
    for match in islice(cues.FOR.finditer(prose.text), MAXIMUM_SIGHTINGS):
        if _lasts(prose, match):
            name = "span" if match["span"] else "one"
            back = Mention(match.start(name), match.end(name), back=length(match["span"] or f"1 {match['one']}"))
            roles.starts.append(Sighting(back, 1, match.start(), match.end()))
            taken.append(match.span())
    for match in islice(cues.LAST.finditer(prose.text), MAXIMUM_SIGHTINGS):
        sentence = prose.text[max(prose.sentence(match.start())[0], match.start() - 200) : match.start()]
        inside = any(begin <= match.start() < end for begin, end in taken)
        # "96.2% (last hour)", "complaints: 1,200 in the last hour": how long something was counted
        if inside or sentence.rstrip().endswith("(") or cues.COUNTED.search(sentence):
            continue
        whole = timedelta(hours=24 if (match["one"] or "").lower() == "day" else 1)
        mention = Mention(match.start(), match.end(), back=length(match["span"]) if match["span"] else whole)
        roles.ranges.append(Range(mention, None, 0 if match["one"] else 1, match.start(), match.end()))


def _lasts(prose: Prose, match: re.Match[str]) -> bool:
    """Does "… for 3 hours" say how long the incident has been on, until now?"""
    begin, _ = prose.sentence(match.start())
    head = prose.text[max(begin, match.start() - 200) : match.start()]
    words = match.group()[: match.start("span" if match["span"] else "one") - match.start()]
    rest = prose.text[match.end() : min(prose.sentence(match.end())[1], match.end() + 60)]
    # "errors for a minute, gone now", "was down for 10 minutes": how long it took, once
    over = not re.search(r"\b(?:last|past)\b", match.group()) and (cues.OVER.search(rest) or cues.WAS.search(head))
    said = cues.FAILING.search(words) and not cues.OTHER.search(words)
    return bool(said) and not over and not cues.PAST.search(head + words)
