"""Gives each time of a text its role: the incident's start, its end, a written window, now, or when it was reported;
and lengths of time theirs.

`RULES` is tried on each time, in order: words of some kind before or after the time, and a condition on the clause
that they belong to. Only words of beginning said of the incident give a start, as reports also tell when deployments,
investigations and complaints started.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice

from tsg_agent.extract.readings import TimeReading
from tsg_agent.extract.spoken import SPAN, length
from tsg_agent.extract.spotting import TimeMention
from tsg_agent.extract.surroundings import Cue, Surroundings, cues, surroundings
from tsg_agent.extract.text import Prose
from tsg_agent.extract.words import Words, labels

MAXIMUM_SIGHTINGS = 50
"""Times kept for each role; a text with more is not clear."""
LABELLED = 9
"""Rank of a time behind a label; prose ranks lower."""
PLAIN_END = 4
"""Lowest rank of an end that is told; lower ones are implied."""
RAN_TO = 3
"""Rank of an end of a range, or after "until"."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A time in a role: its rank (higher wins), the span of the text to quote, and whether it corrects those before it.

    `reading` is set if that takes more than the mention: one end of a range may have its day from the other.
    """

    mention: TimeMention
    rank: int
    start: int
    end: int
    reading: TimeReading | None = None
    corrects: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """Two times that belong together, or one that lasts until now."""

    first: TimeMention
    second: TimeMention | None
    start: int
    end: int


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


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Words of `kinds` beside a time give it `role` (a list of `Roles`) and `rank`, if `also` holds."""

    kinds: str
    role: str
    rank: int
    also: Callable[[Cue], object] = lambda _: True


RULES = (
    RoleRule("now", "nows", 2, lambda cue: not cue.after and cue.around.is_direct(cue.gap)),
    RoleRule("start occurred since", "starts", 1, Cue.may_begin),
    RoleRule("from", "starts", 1, lambda cue: cue.has("failing symptom event")),
    RoleRule("first", "starts", 0, lambda cue: not (cue.subject and cue.after)),  # "14:01 - first 503s"
    RoleRule("break fall rise", "starts", 0, Cue.worsens),
    RoleRule("until", "starts", 1, lambda cue: cue.has("fine") and not cue.has("not")),  # "fine until 13:40"
    # "back to normal" is the service's; "resolved" may be only the ticket
    RoleRule("done", "ends", 6, lambda cue: cue.is_so() and not cue.around.words["closed"].fullmatch(cue.word)),
    RoleRule("done", "ends", 5, Cue.is_so),
    RoleRule("half_done", "ends", 4, Cue.is_so),
    RoleRule("until", "ends", 3, lambda cue: not cue.has("fine", near=True)),
    RoleRule("still done", "ends", 2),
    RoleRule("created declared opened detected", "created", 6),
    RoleRule("failing", "starts", 0, Cue.is_bare),
)
"""The first rule that holds gives a time its role."""
_REPORTED = ("created", "declared", "opened", "detected", "sent", "stamped")
LABELS = {
    "window_start": ("window_starts", LABELLED),
    "window_end": ("window_ends", LABELLED),
    "start": ("starts", LABELLED),
    "end": ("ends", LABELLED),
    "closed": ("ends", 5),
    "now": ("nows", 2),
    **{kind: ("created", LABELLED - n) for n, kind in enumerate(_REPORTED)},
}
"""Kind of a label ("Start time:") -> role and rank of the time behind it."""
_SUFFIX = re.compile(r"(?:[ _-](?:date[ _-]?time|date|time[ _-]?stamp|time|at|on|utc|epoch|unix|ts))+$")


def _holds(rule: RoleRule, cue: Cue) -> bool:
    """Whether a rule holds for words beside a time: they tell of this incident, and neither of plans nor of others."""
    around = cue.around
    if not rule.also(cue) or around.has("past", around.before + around.following):
        return False
    if around.ends_failing(cue.subject):
        return True
    if rule.role == "created":
        return cue.after or around.is_direct(cue.gap)
    told = f"{cue.subject} {re.split('[,;.]', cue.gap)[0] if cue.after else cue.gap}"
    return not around.has("elsewhere handling window planned", around.words["fine"].sub(" ", told))


def in_ranges(
    prose: Prose, mentions: Sequence[TimeMention], words: Words
) -> Iterator[tuple[Surroundings, Surroundings | None]]:
    """Each time with what is around it; together with the next one where both are a range."""
    every = [surroundings(prose, mentions, index, words) for index in range(len(mentions))]
    second = None
    for around, following in zip(every, [*every[1:], None], strict=False):
        if around is not second:
            joined = following and around.ranges_over(prose.text[around.mention.end : following.mention.start])
            second = following if joined else None
            yield around, second


def assign(prose: Prose, mentions: Sequence[TimeMention], words: Words) -> Roles:
    """The roles of a text's mentions; those without one are in `unused`."""
    roles = Roles()
    for around, second in in_ranges(prose, mentions, words):
        if second:
            _ranging(around, second.mention, second.following, roles)
        else:
            _single(prose, around, roles)
    _put_away(prose, roles, words)
    _find_lengths(prose, roles, words, [(one.start, one.end) for one in mentions if one.clock])
    for name in Roles.__dataclass_fields__:
        del getattr(roles, name)[MAXIMUM_SIGHTINGS:]
    return roles


def _put_away(prose: Prose, roles: Roles, words: Words) -> None:
    """Put away the ends that a relapse follows: "recovered at 14:30, down again at 14:41"."""
    relapse = r"\b(?:{relapse}|{again} (?:\w+ )?{failing break}|{failing break} (?:\w+ )?{again})(?!\w)"
    for match in islice(words.like(relapse).finditer(prose.masked), MAXIMUM_SIGHTINGS) if roles.ends else ():
        before = prose.masked[max(prose.sentence(match.start())[0], match.start() - 60) : match.start()]
        asks = prose.text[: prose.sentence(match.start())[1]].rstrip().endswith("?")  # "is mail-relay down again?"
        if not (asks or words["planned not fine"].search(before)):
            gone = [one for one in roles.ends if one.rank < LABELLED and one.end <= match.start()]
            roles.ends = [one for one in roles.ends if one not in gone]
            roles.unused += [one.mention for one in gone]


def _single(prose: Prose, around: Surroundings, roles: Roles) -> None:
    mention, label, to_now = around.mention, _label_of(around.label), around.until_now()
    rules = [rule for rule in RULES if rule.role == "starts" or not to_now]  # "since 14:00 until now"
    told = ((rule.role, rule.rank) for rule in rules for cue in cues(around, rule.kinds) if _holds(rule, cue))
    role, rank = LABELS[label] if label else next(told, ("", 0))
    prosaic = not (label or around.chat)  # a message's own time answers and corrects nothing
    corrects = prosaic and role in ("starts", "") and _corrects(prose, around, roles.starts)
    if corrects or (prosaic and not role and _answers(prose, around)):
        role, rank = "starts", max(rank, roles.starts[-1].rank if corrects else 1)
    if role:
        getattr(roles, role).append(Sighting(mention, rank, mention.start, mention.end, None, corrects))
    elif to_now:
        _ranging(around, None, around.following[to_now.end() :], roles)
    else:
        roles.unused.append(mention)


def _label_of(label: str) -> str:
    """The kind of a label, as written or without an ending such as "date time" or "at"; "" if it has none."""
    bare = [name for name in LABELS if "window" not in name]
    named = [(name, label) for name in LABELS] + [(name, _SUFFIX.sub("", label)) for name in bare]
    return next((name for name, said in named if labels(name).fullmatch(said)), "")


def _answers(prose: Prose, around: Surroundings) -> bool:
    """Whether the sentence before asks since when: "since when?" "the graph says 13:54"."""
    begin = prose.sentence(around.mention.start)[0]
    asked = around.words.like(r"\b{since_when}(?!\w)[ ]?\?*[^?]*$")
    return bool(asked.search(prose.masked[max(0, begin - 40) : begin]))


def _corrects(prose: Prose, around: Surroundings, starts: Sequence[Sighting]) -> bool:
    """Whether a time corrects the start before it: "began 14:30, sorry, 14:05", "nope, the graphs say 13:55"."""
    begin, end = prose.sentence(around.mention.start, around.mention.end)
    said = prose.masked[max(begin, starts[-1].end) : min(end, begin + 300)] if starts else ""
    _, *behind = around.words["correction instead"].split(said)
    return bool(behind) and not around.has("elsewhere handling planned past", behind[-1])


def _ranging(around: Surroundings, second: TimeMention | None, rest: str, roles: Roles) -> None:
    """Give a range its role. Without a second time it goes on until now; `rest` is the text after it.

    If the incident's own duration were taken for a window, no baseline would be left, and everyday failures would be
    blamed. A range that may be either opens the window before it, and gives no start.
    """
    first, opens = around.mention, around.opening()
    if second and opens and opens["between"] and around.has("start since break rise", around.head[-40:]):
        # "it started between 14:00 and 14:10 CET": at the first of the two, or later
        first, second = replace(first, day=first.day or second.day, zone=first.zone or second.zone), None
    found = Range(first, second, around.begin(opens), (second or first).end)
    said = (_purpose(around, clause) for clause in [*around.clauses(around.head), rest])
    purpose = "unused" if around.has("unrelated", rest) else next(filter(None, said), "either")
    if _label_of(around.label) == "start":
        purpose = "ran"
    getattr(roles, purpose).extend([one for one in (first, second) if one] if purpose == "unused" else [found])


def _purpose(around: Surroundings, clause: str) -> str:
    """The list of `Roles` that a clause puts its range into; "" if it does not tell."""
    if around.has("elsewhere planned calm past", clause):
        return "unused"
    if around.has("to_look_at", clause):
        return "ranges"
    if around.has("event", clause):  # "look at the outage from 14:00 to 15:15" tells when it was
        return "ran"
    trouble = around.has("failing symptom break done low start since", clause) or "%" in clause
    if around.has("window look", clause):
        return "either" if trouble else "ranges"
    return "ran" if trouble else "unused" if around.has("handling", clause) else ""


def _find_lengths(prose: Prose, roles: Roles, words: Words, clocks: Sequence[tuple[int, int]]) -> None:
    """Give lengths of time their roles: "failing for 3 hours" is a start, "an outage of 3 hours" a duration."""
    long = words.like(rf"(?<![\w.])(?P<span>{SPAN}|(?:hour|day)\b)(?P<event>[ -](?:long[ ])?{{event}}(?!\w))?")
    before = words.like(
        r"(?:\b(?P<for>{for since})[ ]|\b(?P<took>{lasting})\W{1,4})?(?:{about}[ ]|~)?(?:the[ ])?"
        r"(?:\b(?P<last>{last})\W{1,4})?(?:{about}[ ]|~)?$"
    )
    for match in islice(long.finditer(prose.masked), 4 * MAXIMUM_SIGHTINGS):
        start, end = match.span("span")
        said = before.search(prose.masked[max(0, start - 200) : start])
        if not said or any(low < match.end() and start < high for low, high in clocks):
            continue
        opened, span = start - len(said[0]), length(match["span"]) or length(f"1 {match['span']}")
        subject = prose.masked[max(prose.sentence(opened)[0], opened - 200) : opened]
        others = words["elsewhere handling planned past"].search(re.split(r"[,;:.]", subject[-70:])[-1])
        if others or re.search("[<>%]", subject):  # "over 5 % for 10m" is an alert's rule
            continue
        until_now = said["for"] or (said["took"] and said["last"])
        rest = prose.masked[end : min(prose.sentence(start)[1], end + 60)]
        # "for the last hour it has been failing"
        been = said["last"] and words.like(r"\b(?={been}\b).*{failing}").search(rest)
        if been or (until_now and words["failing hint event symptom"].search(subject[-70:])):
            over = words["over"].search(rest)
            if over or any(one.rank >= PLAIN_END for one in roles.ends):  # "errors for a minute, gone now"
                roles.lasting.append((span, opened, end))
            else:
                roles.starts.append(Sighting(TimeMention(start, end, back=span), 1, opened, end))
        elif (said["took"] or match["event"]) and words["start event failing hint served"].search(
            subject + said[0] + match[0]
        ):
            roles.lasting.append((span, opened, match.end()))
        elif said["last"] and words["look"].search(subject) and not (roles.starts or roles.created):
            roles.ranges.append(Range(TimeMention(start, end, back=span), None, opened, end))
