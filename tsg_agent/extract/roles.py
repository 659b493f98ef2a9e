"""Gives each time of a text its role: the incident's start, its end, a written window, now, or when it was reported;
and lengths of time theirs.

`RULES` is tried on each time, in order: words of some kind before or after the time, and a condition on the clause
that they belong to. Only words of beginning said of the incident give a start, as reports also tell when deployments,
investigations and complaints started.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from tsg_agent.extract.readings import TimeReading
from tsg_agent.extract.spoken import SPAN, length
from tsg_agent.extract.spotting import TimeMention
from tsg_agent.extract.surroundings import Cue, Surroundings, cues, surroundings
from tsg_agent.extract.text import Prose
from tsg_agent.extract.words import ALL, Words

MAXIMUM_SIGHTINGS = 50
"""Times kept for each role; a text with more is not clear."""
LABELLED = 9
"""Rank of a time behind a label; prose ranks lower."""
PLAIN_END = 4
"""Lowest rank of an end that is told; lower ones are implied."""
RAN_TO = 3
"""Rank of an end of a range, or after "until"."""
_SHARE = re.compile(r"[0-9][ ]?(?:%|percent\b|per cent\b)[ ]?$", re.IGNORECASE)
"""A length right behind it is what it was measured over."""


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
    RoleRule("from", "starts", 1, Cue.runs_on),
    RoleRule("first", "starts", 0, lambda cue: not (cue.subject and cue.after)),  # "14:01 - first 503s"
    RoleRule("break fall rise", "starts", 0, Cue.worsens),
    RoleRule("until", "starts", 1, lambda cue: cue.has("fine") and not cue.has("not")),  # "fine until 13:40"
    # "back to normal" is the service's; "resolved" may be only the ticket
    RoleRule("done", "ends", 6, lambda cue: cue.is_so() and not cue.around.words["closed"].fullmatch(cue.word)),
    RoleRule("done", "ends", 5, Cue.is_so),
    RoleRule("half_done", "ends", 4, Cue.is_so),
    RoleRule("until", "nows", 2, lambda cue: cue.has("watched", near=True)),  # "we had watched it until 15:00"
    RoleRule("until", "ends", 3, lambda cue: not cue.has("fine", near=True)),
    RoleRule("still done", "ends", 2),
    RoleRule("created declared opened detected", "created", 6),
    RoleRule("alarm", "created", 5, lambda cue: not (cue.subject and cue.after)),
    RoleRule("failing", "starts", 0, Cue.is_bare),
)
"""The first rule that holds gives a time its role."""
_BEGINS = next(rule for rule in RULES if "since" in rule.kinds)
LABELS = {
    "window_start": ("window_starts", LABELLED),
    "window_end": ("window_ends", LABELLED),
    "start": ("starts", LABELLED),
    "end": ("ends", LABELLED),
    "closed": ("ends", 5),
    "now": ("nows", 2),
    "created": ("created", LABELLED),
    "declared": ("created", LABELLED - 1),
    "opened": ("created", LABELLED - 2),
    "detected": ("created", LABELLED - 3),
    "sent": ("created", LABELLED - 4),
    "stamped": ("created", LABELLED - 5),
}
"""Kind of a label ("Start time:") -> role and rank of the time behind it."""
_SUFFIX = re.compile(r"(?:[ ](?:date ?time|date|time ?stamp|time|at|on|utc|epoch|unix|ts))+$")


def _gives(rule: RoleRule, around: Surroundings) -> bool:
    """Whether a rule holds for words beside a time: they tell of this incident, and neither of plans nor of others."""
    return any(rule.also(cue) and _is_told(rule.role, cue) for cue in cues(around, rule.kinds))


def _is_told(role: str, cue: Cue) -> bool:
    around = cue.around
    beside = around.following if cue.after else around.before if role == "starts" else cue.head
    if around.has("past", beside) or around.has("planned", cue.subject or beside):
        return False
    if around.ends_failing(cue.subject) or role == "nows":
        return True
    if role == "created":
        return (cue.after or around.is_direct(cue.gap)) and not cue.has("elsewhere")
    told = f"{cue.subject} {cue.gap}{re.split('[,;.]', cue.rest)[0]}" if role == "starts" else cue.subject
    return not around.has("elsewhere handling window", around.words["fine"].sub(" ", told))


def assign(prose: Prose, mentions: Sequence[TimeMention], words: Words) -> Roles:
    """The roles of a text's mentions; those without one are in `unused`."""
    roles = Roles()
    every = [surroundings(prose, mentions, index, words) for index in range(len(mentions))]
    second = None
    for around, following in zip(every, [*every[1:], None], strict=False):
        if around is second:
            continue
        second = following if following and _are_range(prose, around, following.mention) else None
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
        if not (asks or words["planned not fine"].search(before) or prose.is_quoted(match.start())):
            gone = [one for one in roles.ends if one.rank < LABELLED and one.end <= match.start()]
            roles.ends = [one for one in roles.ends if one not in gone]
            roles.unused += [one.mention for one in gone]


def _single(prose: Prose, around: Surroundings, roles: Roles) -> None:
    mention, label, to_now = around.mention, _label_of(around.label), around.until_now()
    rules = (rule for rule in RULES if (rule.role == "starts" or not to_now) and _gives(rule, around))
    role, rank = LABELS[label] if label else next(((rule.role, rule.rank) for rule in rules), ("", 0))
    corrects = not label and role in ("starts", "") and _corrects(prose, around, roles.starts)
    if corrects or (not role and not to_now and not around.chat and _answers(prose, around)):
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
    return next((name for name, said in named if ALL.labels(name).fullmatch(said)), "")


def _answers(prose: Prose, around: Surroundings) -> bool:
    """Whether the sentence before asks since when: "since when?" "the graph says 13:54"."""
    begin = prose.sentence(around.mention.start)[0]
    return bool(around.words.like(r"\b{since_when}(?!\w)\?*[^?]*$").search(prose.masked[max(0, begin - 40) : begin]))


def _corrects(prose: Prose, around: Surroundings, starts: Sequence[Sighting]) -> bool:
    """Whether a time corrects the start before it: "began 14:30, sorry, 14:05", "nope, the graphs say 13:55"."""
    if around.chat or not starts or around.of_a_thing() or around.mention.start - starts[-1].end > 120:
        return False
    begin, end = prose.sentence(around.mention.start, around.mention.end)
    between = prose.masked[starts[-1].end : around.mention.start]
    first = max(prose.sentence(starts[-1].start)[0], starts[-1].start - 40)
    negated = around.has("not", prose.masked[first : starts[-1].start])  # "not at 14:10 but at 13:50"
    said = prose.masked[max(begin, starts[-1].end) : min(end, begin + 300)]
    kinds = "correction instead" if negated else "correction"
    _, *behind = around.words[kinds].split(between)
    if not behind and not around.has(kinds, said):
        return False
    return not around.has("elsewhere handling planned past", f"{behind[-1]} {around.following}" if behind else said)


def _are_range(prose: Prose, around: Surroundings, second: TimeMention) -> bool:
    """Whether a time and the next one are a range."""
    first = around.mention
    if second.start - first.end > 24 or not around.ranges_over(prose.text[first.end : second.start]):
        return False
    return bool(first.timed or second.timed or around.opening() or ALL.labels("window").fullmatch(around.label))


def _ranging(around: Surroundings, second: TimeMention | None, rest: str, roles: Roles) -> None:
    """Give a range its role. Without a second time it goes on until now; `rest` is the text after it.

    If the incident's own duration were taken for a window, no baseline would be left, and everyday failures would be
    blamed. A range that may be either opens the window before it, and gives no start.
    """
    first, opens = around.mention, around.opening()
    head = around.head[: len(around.head) - len(opens[0])] if opens else around.head
    started = bool(opens) and around.has("start since", head[-30:])  # "it started between"
    begun = bool(second) and (started or _label_of(around.label) == "start" or _gives(_BEGINS, around))
    vague = started if begun else bool(opens and opens["between"]) and around.has("change", around.before)
    found = Range(first, second, around.begin(opens), (second or first).end, begun=begun, vague=vague)
    if begun:
        roles.ran.append(found)
    elif ALL.labels("window").fullmatch(around.label):
        roles.ranges.append(found)
    elif around.has("past", head) or around.has("unrelated", rest):
        roles.unused += [one for one in (first, second) if one]
    else:
        asks = rest.rstrip().endswith("?")
        said = (_purpose(around, clause, rest, asks=asks) for clause in [*around.clauses(head), rest])
        purpose = next(filter(None, said), "ranges" if asks else "either")
        getattr(roles, purpose).extend([one for one in (first, second) if one] if purpose == "unused" else [found])


def _purpose(around: Surroundings, clause: str, rest: str, *, asks: bool) -> str:
    """The list of `Roles` that a clause puts its range into; "" if it does not tell."""
    words = around.words
    low = around.has("low", clause + rest) or re.search(r"[0-9] ?(?:%|percent)", clause + rest)
    trouble = around.has("failing event symptom break done", clause) or bool(around.has("measure", clause) and low)
    if around.has("elsewhere planned calm", clause):
        return "unused"
    of = r"(?:of|des?r?|del?) (?:the |an? |la |los )?(?:\w+ )?(?:{event}|low)(?!\w)"
    if words.like(rf"\b{{event}}(?:'s)? (?:time )?{{window}}(?!\w)|\b{{window}} {of}").search(clause):
        return "ran"
    window = around.has("window to_look_at", clause)
    if window or around.has("look", clause):
        # "look at the outage from 14:00 to 15:15" tells when it was; "look at the errors from …" may only say where
        if around.has("event", clause) and not window:
            return "ran"
        return "either" if trouble and not around.has("to_look_at", clause) else "ranges"
    if trouble:
        return "either" if asks else "ran"
    return "unused" if around.has("handling", clause) else ""


def _find_lengths(prose: Prose, roles: Roles, words: Words, clocks: Sequence[tuple[int, int]]) -> None:
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
    # "over 5 % for 10m" is an alert's rule
    ruled = re.search(r"[<>]|%", subject) and words.like("[<>]|{rule}").search(subject)
    others = words["elsewhere handling planned past"].search(re.split(r"[,;:.]", near)[-1])
    if others or (ruled and not words["was"].search(subject)):
        return
    if lasts and trouble:
        was = words["over"].search(rest[:60]) or words.like(r"\b{was}\b[^.\n]{0,40}$").search(subject)
        over = was or any(one.rank >= PLAIN_END for one in roles.ends)  # "errors for a minute, gone now"
        at = opened - len(near) + trouble.start()
        if since := next((one for one in roles.unused if one.clock and at <= one.start < start), None):
            roles.unused.remove(since)  # "an outage at 13:05 for 40 minutes"
            roles.starts.append(Sighting(since, 1, since.start, end))
        if since or (over and not said["last"]):
            roles.lasting.append((span, opened, end))
        else:
            roles.starts.append(Sighting(mention, 1, opened, end))
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
