"""The roles that times can have; and the roles of lengths of time ("for 3 hours")."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from tsg_agent.extract.readings import TimeReading
from tsg_agent.extract.spoken import SPAN, length
from tsg_agent.extract.spotting import TimeMention
from tsg_agent.extract.text import Prose
from tsg_agent.extract.words import Words

MAXIMUM_SIGHTINGS = 50
"""Times kept for each role; a text with more is not clear."""
LABELLED = 9
"""Rank of a time behind a label; prose ranks lower."""
_SHARE = re.compile(r"[0-9][ ]?(?:%|percent\b|per cent\b)[ ]?$", re.IGNORECASE)
"""A length right behind it is what it was measured over."""
PLAIN_END = 4
"""Lowest rank of an end that is told; lower ones are implied."""
RAN_TO = 3
"""Rank of an end of a range, or after "until"."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A time in a role: its rank (higher wins), and the span of the text to quote."""

    mention: TimeMention
    rank: int
    start: int
    end: int
    reading: TimeReading | None = None
    """Its reading, if that takes more than the mention: one end of a range may have its day from the other."""
    corrects: bool = False
    """Whether it corrects the sightings before it."""


@dataclass(frozen=True, slots=True)
class Range:
    """Two times that belong together, or one that lasts until now.

    `begun`: the incident began at the first time; `vague`: it began some time between the two.
    """

    first: TimeMention
    second: TimeMention | None
    start: int
    end: int
    begun: bool = False
    vague: bool = False


@dataclass(slots=True)
class Roles:
    """The times of a text by role."""

    starts: list[Sighting] = field(default_factory=list)
    ends: list[Sighting] = field(default_factory=list)
    nows: list[Sighting] = field(default_factory=list)
    """Ends told as "now"; "2 hours ago" counts from them."""
    created: list[Sighting] = field(default_factory=list)
    window_starts: list[Sighting] = field(default_factory=list)
    window_ends: list[Sighting] = field(default_factory=list)
    ranges: list[Range] = field(default_factory=list)  # windows
    ran: list[Range] = field(default_factory=list)  # when the incident was on
    either: list[Range] = field(default_factory=list)  # a window, or when the incident was on
    lasting: list[tuple[timedelta, int, int]] = field(default_factory=list)
    """How long the incident lasted by the text, and where it says so: "an outage of 70 minutes"."""
    unused: list[TimeMention] = field(default_factory=list)


def find_lengths(prose: Prose, roles: Roles, words: Words, clocks: Sequence[tuple[int, int]]) -> None:
    """Give lengths of time their roles: "failing for 3 hours" is a start, "an outage of 3 hours" a duration, "the last
    3 hours" a window."""
    long = words.like(
        rf"(?<![\w.])(?P<span>{SPAN})(?P<event>[ -](?:long[ ])?{{event}}(?!\w))?|\b(?P<one>hour|day|week)\b"
    )
    before = words.like(
        r"(?:\b(?P<for>{for since})[ ]|\b(?P<took>{lasting})\W{1,4})?(?:{about}[ ]|~)?(?:the[ ])?"
        r"(?:\b(?P<last>{last})\W{1,4})?(?:{about}[ ]|~)?$"
    )
    for match in islice(long.finditer(prose.masked), 4 * MAXIMUM_SIGHTINGS):
        said = before.search(prose.masked[max(0, match.start() - 200) : match.start()])
        named = said and (said["last"] or (match["span"] and (said["for"] or said["took"] or match["event"])))
        if said and named and not any(low < match.end() and match.start() < high for low, high in clocks):
            _length(prose, roles, words, said, match)


def _length(prose: Prose, roles: Roles, words: Words, said: re.Match[str], match: re.Match[str]) -> None:
    """Give one length of time its role, by the words `said` before it."""
    start, end = match.start(), match.end("span" if match["span"] else "one")
    opened, span = start - len(said[0]), length(match["span"] or f"1 {match['one']}")
    subject = prose.masked[max(prose.sentence(opened)[0], opened - 200) : opened]
    rest = prose.masked[match.end() : min(prose.sentence(start)[1], end + 120)]
    near, mention = subject[-70:], TimeMention(start, end, back=span)
    trouble = words["failing hint event symptom"].search(near)
    lasts = said["for"] or (said["took"] and said["last"])  # "down for the last hour"
    been = words.like(r"\b{been}(?!\w).*").search(rest)
    if words["elsewhere handling planned past"].search(re.split(r"[,;:.]", near)[-1]) or _is_rule(words, subject):
        return
    if lasts and trouble:
        at = opened - len(near) + trouble.start() if trouble else opened
        since = next((one for one in roles.unused if one.clock and at <= one.start < start), None)
        was = words["over"].search(rest[:60]) or words.like(r"\b{was}\b[^.\n]{0,40}$").search(subject)
        over = was or any(one.rank >= PLAIN_END for one in roles.ends)  # "errors for a minute, gone now"
        if since:  # "an outage at 13:05 for 40 minutes"
            roles.unused.remove(since)
        if since or said["last"] or not over:
            roles.starts.append(Sighting(since or mention, 1, since.start if since else opened, end))
        if since or (over and not said["last"]):
            roles.lasting.append((span, opened, end))
    elif said["took"] or match["event"]:
        if "§" in subject or words["start event failing hint served"].search(subject + said[0] + match[0]):
            roles.lasting.append((span, opened, match.end()))
    elif been and words["failing"].search(been[0]) and not words["look"].search(subject):
        roles.starts.append(Sighting(mention, 1, opened, end))
    elif said["last"] and match["one"] != "week" and not (roles.starts or roles.created):
        if words["counted"].search(subject) or subject.rstrip().endswith("(") or _SHARE.search(subject):
            return  # "96.2% (last hour)", "complaints: 1,200 in the last hour": how long something was counted
        found = roles.either if words["start"].search(subject) else roles.ranges
        found.append(Range(mention, None, opened, end))


def _is_rule(words: Words, head: str) -> bool:
    """Whether a length of time belongs to an alert's rule: "over 5 % for 10m"."""
    return bool(
        re.search(r"[<>]", head) or (words["rule"].search(head) and "%" in head and not words["was"].search(head))
    )
