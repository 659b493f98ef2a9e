"""What the times in a text are for: the incident's start, its end, a window written out, when it was reported.

One engine tries the rules of one table on each time: words before or after it (of the text's languages), and a guard on
what is said around them. A time is the incident's start only by words of beginning, said of the incident: reports are
full of times at which deployments, investigations and complaints started.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from tsg_agent.extract.lengths import SPAN, length
from tsg_agent.extract.ranges import Purpose, opening, purpose, ranges_over
from tsg_agent.extract.readings import TimeReading
from tsg_agent.extract.spotting import TimeMention
from tsg_agent.extract.text import Prose
from tsg_agent.extract.time_role_rules import Place, RoleRule, RoleWords, Side, label_before
from tsg_agent.extract.words import ALL, Words

MAXIMUM_SIGHTINGS = 50
"""Times kept for each purpose; a text with more says nothing clearly."""
LABELLED = 9
"""Rank of what stands behind a label; prose ranks lower."""
PLAIN_END = 4
"""Rank of an end from which on it is said, not implied."""
RAN_TO = 3
"""Rank of an end that is a range's, as that of "until"."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A time with a purpose: how plainly the text says so (higher wins), and the span to quote."""

    mention: TimeMention
    rank: int
    start: int
    end: int
    reading: TimeReading | None = None
    """What it means, where that takes more than the mention: an end of a range has its day from the other end."""
    corrects: bool = False
    """It is said to correct what was said before."""


@dataclass(frozen=True, slots=True)
class Range:
    """Two times that belong together, or one that lasts until now.

    A window's rank is 3 labelled, 2 in words, 1 hinted, 0 bare. `begun`: the incident is said to have begun at its
    first time; `vague`: it began, or something changed, some time between the two.
    """

    first: TimeMention
    second: TimeMention | None
    rank: int
    start: int
    end: int
    begun: bool = False
    vague: bool = False


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long the incident is said to have been on, once: "an outage of 70 minutes"."""

    span: timedelta
    start: int
    end: int


@dataclass(slots=True)
class Roles:
    """All sightings of a text."""

    starts: list[Sighting] = field(default_factory=list)
    ends: list[Sighting] = field(default_factory=list)
    nows: list[Sighting] = field(default_factory=list)
    """Ends by "now" and the like: what "2 hours ago" counts from, too."""
    created: list[Sighting] = field(default_factory=list)
    window_starts: list[Sighting] = field(default_factory=list)
    window_ends: list[Sighting] = field(default_factory=list)
    ranges: list[Range] = field(default_factory=list)  # windows
    ran: list[Range] = field(default_factory=list)  # when the incident was on
    either: list[Range] = field(default_factory=list)  # a window, or when the incident was on
    lasting: list[Lasting] = field(default_factory=list)
    unused: list[TimeMention] = field(default_factory=list)


BEFORE, AFTER = Side.BEFORE, Side.AFTER
OTHER = "elsewhere handling"
TROUBLE = "failing hint"
INCIDENT = "failing hint served event alarm detected created opened"
RULES = (
    RoleRule("now", BEFORE, "nows", 2, gap=Place.is_direct),
    RoleRule("now", AFTER, "nows", 2, also=RoleWords.stands_alone),
    RoleRule(
        "start occurred since", BEFORE, "starts", 1, about=f"{TROUBLE} symptom", never=OTHER, also=RoleWords.may_begin
    ),
    RoleRule("since", BEFORE, "starts", 1, never=OTHER, also=RoleWords.may_begin),
    RoleRule("from", BEFORE, "starts", 1, also=RoleWords.runs_on),
    RoleRule("start occurred", AFTER, "starts", 1, about=TROUBLE, never=OTHER, strictly=True),
    RoleRule("first", BEFORE, "starts", 0, never=OTHER),
    RoleRule("first", AFTER, "starts", 0, never=OTHER, also=RoleWords.names_nothing),
    RoleRule("break fall rise", BEFORE, "starts", 0, gap=Place.is_level, also=RoleWords.worsens),
    RoleRule("break fall rise", AFTER, "starts", 0, also=RoleWords.worsens),
    RoleRule("until", BEFORE, "starts", 1, gap=Place.is_direct, also=RoleWords.was_fine, negated=False),
    RoleRule("done", BEFORE, "ends", 5, about=INCIDENT, never=OTHER, negated=False),
    RoleRule("half_done", BEFORE, "ends", 4, about=INCIDENT, never=OTHER, negated=False),
    RoleRule("until", BEFORE, "ends", 3, gap=Place.is_direct, about=INCIDENT, never=OTHER, also=RoleWords.goes_badly),
    RoleRule("until", BEFORE, "nows", 2, gap=Place.is_direct, about="watched", strictly=True),
    RoleRule("until", BEFORE, "nows", 2, gap=Place.is_direct, also=RoleWords.is_watched),
    RoleRule("still", BEFORE, "ends", 2, never=OTHER),
    RoleRule("done half_done", BEFORE, "ends", 2, never=OTHER, negated=True),
    RoleRule("still", AFTER, "ends", 2, about=INCIDENT, never="elsewhere"),
    RoleRule("done", AFTER, "ends", 5, about=INCIDENT, never=OTHER, negated=False),
    RoleRule("half_done", AFTER, "ends", 4, about=INCIDENT, never=OTHER, negated=False),
    RoleRule("created", BEFORE, "created", 9, gap=Place.is_direct, never="elsewhere"),
    RoleRule("declared", BEFORE, "created", 8, gap=Place.is_direct, never="elsewhere"),
    RoleRule("opened", BEFORE, "created", 7, gap=Place.is_direct, never="elsewhere"),
    RoleRule("detected", BEFORE, "created", 6, gap=Place.is_direct, never="elsewhere"),
    RoleRule(
        "created opened detected",
        AFTER,
        "created",
        6,
        about=TROUBLE,
        never="elsewhere",
        strictly=True,
        also=RoleWords.stands_ahead,
    ),
    RoleRule("alarm", BEFORE, "created", 5, gap=Place.is_direct, never=OTHER),
    RoleRule("alarm", AFTER, "created", 5, never=OTHER, also=RoleWords.names_nothing),
    RoleRule("declared", AFTER, "created", 8, never="elsewhere", also=RoleWords.stands_ahead),
    RoleRule("failing", AFTER, "starts", 0, also=RoleWords.is_all),
)
"""What the words around a time make of it. The first rule that holds gives the role."""

_BEGINS = next(rule for rule in RULES if "since" in rule.kinds)
LABELS = (
    ("window_start", "window_starts", LABELLED),
    ("window_end", "window_ends", LABELLED),
    ("start", "starts", LABELLED),
    ("end", "ends", LABELLED),
    ("now", "nows", 2),
    ("created", "created", LABELLED),
    ("declared", "created", LABELLED - 1),
    ("opened", "created", LABELLED - 2),
    ("detected", "created", LABELLED - 3),
    ("sent", "created", LABELLED - 4),
    ("stamped", "created", LABELLED - 5),
)
"""Kinds of labels that a time may stand behind, with its role; of the times of a report the plainest first."""


def assign(prose: Prose, mentions: Sequence[TimeMention], words: Words) -> Roles:
    """Give each mention that has a purpose its role."""
    roles = Roles()
    places = [_place(prose, mentions, index, words) for index in range(len(mentions))]
    index = 0
    while index < len(places):
        place = places[index]
        index += 1
        if index < len(places) and _pair(prose, place, places[index], roles):
            index += 1
        else:
            _single(prose, place, roles)
    _lasting(prose, roles, words, [(one.start, one.end) for one in mentions if one.clock])
    for name in Roles.__dataclass_fields__:
        del getattr(roles, name)[MAXIMUM_SIGHTINGS:]
    return roles


def _place(prose: Prose, mentions: Sequence[TimeMention], index: int, words: Words) -> Place:
    mention, text = mentions[index], prose.masked
    begin, end = prose.sentence(mention.start, mention.end)
    line = prose.line(mention.start)[0]
    if begin > line and not re.search(r"\w", text[begin : mention.start] + text[mention.end : end]):
        begin = max(line, prose.sentence(begin - 1)[0])  # "Resolved - all is well. Mar 10, 15:05 UTC"
    begin, end = max(begin, mention.start - 300), min(end, mention.end + 300)
    floor = max(begin, mentions[index - 1].end) if index else begin
    chat = bool(_CHAT.match(prose.text, mention.end))
    if chat:  # the message itself is the sentence behind who says it
        end = min(prose.sentence(end)[1], mention.end + 300)
    ceiling = min(end, mentions[index + 1].start) if index + 1 < len(mentions) else end
    return Place(
        words=words,
        mention=mention,
        label=label_before(prose.text, line, mention.start),
        head=text[begin : mention.start],
        before=text[floor : mention.start],
        after=text[mention.end : end],
        following=text[mention.end : ceiling],
        chat=chat,
    )


_CHAT = re.compile(r"\W{0,3}(?:\w{2,5}\W{1,3})?(?:<[^>\n]{1,40}>|@?[\w.'-]{1,30}(?:[ ][A-Z][\w.'-]{0,30})?:)\s")


def _pair(prose: Prose, place: Place, next_place: Place, roles: Roles) -> bool:
    """Two times that are written as a range; false where they are not."""
    first, second = place.mention, next_place.mention
    opens = opening(place)
    windowed = bool(ALL.labels("window").fullmatch(place.label))
    if second.start - first.end > 24 or not ranges_over(prose.text[first.end : second.start], place, opens):
        return False
    if not (first.timed or second.timed or opens or windowed):
        return False
    start = place.words["start since"].search(place.before[: opens.start()][-30:]) if opens else None
    begin = _opened_at(place, opens)
    if start:  # "started between", but not "what happened between"
        roles.ran.append(Range(first, second, 0, first.start, second.end, begun=True, vague=True))
    elif _label_of(place.label) == "start" or _BEGINS.gives(place):
        roles.ran.append(Range(first, second, 0, begin, second.end, begun=True))
    else:
        _ranging(place, second, next_place.following, roles)
    return True


def _opened_at(place: Place, opens: re.Match[str] | None) -> int:
    """Where a range begins: at its "from" or "between", else at its first time."""
    return opens.start() - len(place.before) + place.mention.start if opens else place.mention.start


def _ranging(place: Place, second: TimeMention | None, rest: str, roles: Roles) -> None:
    """A range by what it is for; one without a second time goes on until now. `rest` is what is said after it."""
    first, opens = place.mention, opening(place)
    begin, end = _opened_at(place, opens), second.end if second else first.end
    labelled = bool(ALL.labels("window").fullmatch(place.label))
    rank = 3 if labelled else 2 if opens else 1 if place.words["look window"].search(place.head) else 0
    what = Purpose.WINDOW if labelled else purpose(place, rest, opens)
    found = Range(first, second, rank, begin, end, vague=what is Purpose.CHANGE)
    if what in (Purpose.INCIDENT, Purpose.CHANGE):
        roles.ran.append(found)
    elif what is Purpose.WINDOW:
        roles.ranges.append(found)
    elif what is Purpose.EITHER:
        roles.either.append(found)
    else:
        roles.unused += [one for one in (first, second) if one]


def _label_of(label: str) -> str:
    """Its kind, without "date time", "at" and the like at its end, where it has none with them."""
    bare = _SUFFIX.sub("", label)
    named = [(name, label) for name, *_ in LABELS] + [(name, bare) for name, *_ in LABELS if "window" not in name]
    return next((name for name, said in named if said and ALL.labels(name).fullmatch(said)), "")


_SUFFIX = re.compile(r"(?:[ ](?:date ?time|date|time ?stamp|time|at|on|utc|epoch|unix|ts))+$")


def _single(prose: Prose, place: Place, roles: Roles) -> None:
    mention = place.mention
    label = _label_of(place.label)
    if label:
        _, role, rank = next(row for row in LABELS if row[0] == label)
        getattr(roles, role).append(Sighting(mention, rank, mention.start, mention.end))
        return
    to_now = place.to_now()
    for rule in RULES:
        if to_now and rule.role != "starts":
            break
        if rule.gives(place):
            corrects = rule.role == "starts" and _corrects(prose, place, roles.starts)
            getattr(roles, rule.role).append(Sighting(mention, rule.rank, mention.start, mention.end, None, corrects))
            return
    if to_now:
        _ranging(place, None, place.following[to_now.end() :], roles)
    elif not place.chat and (
        _corrects(prose, place, roles.starts, bare=True) or _otherwise(prose, place, roles.starts)
    ):
        roles.starts.append(Sighting(mention, roles.starts[-1].rank, mention.start, mention.end, None, corrects=True))
    elif not place.chat and _answers(prose, place):
        roles.starts.append(Sighting(mention, 1, mention.start, mention.end))
    else:
        roles.unused.append(mention)


def _answers(prose: Prose, place: Place) -> bool:
    """ "since when?" "the graph says 13:54"."""
    begin = prose.sentence(place.mention.start)[0]
    return bool(place.words["since_when"].search(prose.masked[max(0, begin - 40) : begin]))


def _corrects(prose: Prose, place: Place, starts: Sequence[Sighting], *, bare: bool = False) -> bool:
    """Is a start said to correct the one before it; `bare`: by nothing but that: "began 14:30, sorry, 14:05"?"""
    if not starts or place.mention.start - starts[-1].end > 120:
        return False
    between = prose.masked[starts[-1].end : place.mention.start]
    begin = max(prose.sentence(starts[-1].start)[0], starts[-1].start - 40)
    negated = place.words["not"].search(prose.masked[begin : starts[-1].start])  # "not at 14:10 but at 13:50"
    said = place.words["correction instead" if negated else "correction"]
    return bool(said.search(between)) and (not bare or bool(place.filler.fullmatch(said.sub(" ", between))))


def _otherwise(prose: Prose, place: Place, starts: Sequence[Sighting]) -> bool:
    """ "nope, the graphs say 13:55": a sentence of its own that corrects, and speaks of nothing else."""
    begin, end = prose.sentence(place.mention.start, place.mention.end)
    if not starts or place.of_a_thing() or not 0 <= begin - starts[-1].end <= 120:
        return False
    said, words = prose.masked[begin : min(end, begin + 300)], place.words
    return bool(words["correction"].search(said)) and not words["elsewhere handling planned past"].search(said)


def _lasting(prose: Prose, roles: Roles, words: Words, clocks: list[tuple[int, int]]) -> None:
    """ "Failing for 3 hours": when it began; "an outage of 3 hours": how long it was; "the last 3 hours": a window."""
    taken: list[tuple[int, int]] = []
    for match in islice(_for(words).finditer(prose.masked), MAXIMUM_SIGHTINGS):
        name = "span" if match["span"] else "one"
        said = _how_long(prose, match, words)
        if said is None or any(low < match.end(name) and match.start(name) < high for low, high in clocks):
            continue
        span = length(match["span"] or f"1 {match['one']}")
        taken.append(match.span())
        since = next((one for one in roles.unused if match.start() <= one.start < match.end(name) and one.clock), None)
        if said and since:  # "an outage at 13:05 for 40 minutes"
            roles.unused.remove(since)
            roles.starts.append(Sighting(since, 1, since.start, match.end()))
            roles.lasting.append(Lasting(span, match.start(name), match.end(name)))
        elif said:
            back = TimeMention(match.start(name), match.end(name), back=span)
            roles.starts.append(Sighting(back, 1, match.start(), match.end()))
        else:
            roles.lasting.append(Lasting(span, match.start(), match.end()))
    for match in islice(_took(words).finditer(prose.masked), MAXIMUM_SIGHTINGS):
        head = prose.masked[max(prose.sentence(match.start())[0], match.start() - 200) : match.start()]
        own = words["event failing hint served"].search(head + match.group()) or not head.strip() or "§" in head
        clause = re.split(r"[,;:.]", head)[-1]
        if own and not words["past"].search(head) and not words["elsewhere handling planned"].search(clause):
            roles.lasting.append(Lasting(length(match["span"] or match["of"]), match.start(), match.end()))
            taken.append(match.span())
    for match in islice(_last(words).finditer(prose.masked), MAXIMUM_SIGHTINGS):
        sentence = prose.masked[max(prose.sentence(match.start())[0], match.start() - 200) : match.start()]
        inside = any(begin <= match.start() < end for begin, end in taken)
        # "96.2% (last hour)", "complaints: 1,200 in the last hour": how long something was counted
        counted = words["elsewhere counted"].search(sentence) or sentence.endswith("+ in the ")
        if inside or sentence.rstrip().endswith("(") or counted:
            continue
        whole = timedelta(hours=24 if (match["one"] or "").lower() == "day" else 1)
        mention = TimeMention(match.start(), match.end(), back=length(match["span"]) if match["span"] else whole)
        rest = prose.masked[match.end() : min(prose.sentence(match.end())[1], match.end() + 120)]
        been = re.search(rf"\b{words.one_of('been')}(?!\w)(?P<what>.*)", rest, re.IGNORECASE | re.DOTALL)
        if been and words["failing"].search(been.group()) and not words["look"].search(sentence):
            roles.starts.append(Sighting(mention, 1, mention.start, mention.end))
            continue
        rank = 2 if words["look window"].search(sentence) else 0 if match["one"] else 1
        roles.ranges.append(Range(mention, None, rank, match.start(), match.end()))


def _for(words: Words) -> re.Pattern[str]:
    trouble, about, last = (
        words.one_of("failing", "event", "hint", "symptom"),
        words.one_of("about"),
        words.one_of("last"),
    )
    return words.made(
        "lasts for",
        rf"\b(?:been|is|are|now|{trouble})(?!\w)[^.\n]{{0,60}}?\b{words.one_of('for')}[ ](?:{about}[ ]|~)?"
        rf"(?:(?:the )?(?:{last}[ ])?(?:{about}[ ])?(?P<span>{SPAN})|the {last}[ ](?P<one>hour|day|week)\b)",
    )


def _took(words: Words) -> re.Pattern[str]:
    about = words.one_of("about")
    return words.made(
        "took",
        rf"\b{words.one_of('lasting')}\W{{0,4}}(?:{about}[ ]|~)?(?P<span>{SPAN})"
        rf"|(?<![\w.])(?P<of>{SPAN})[ -](?:long[ ])?{words.one_of('event')}(?!\w)",
    )


def _last(words: Words) -> re.Pattern[str]:
    last = words.one_of("last")
    return words.made("last", rf"\b{last}[ ](?P<span>{SPAN})|\b{last}[ ](?P<one>hour|day)\b")


def _how_long(prose: Prose, match: re.Match[str], words: Words) -> bool | None:
    """Does "… for 3 hours" say how long the incident has been on, until now? False: how long it was; None: neither."""
    begin, _ = prose.sentence(match.start())
    head = prose.masked[max(begin, match.start() - 200) : match.start()]
    said = match.group()[: match.start("span" if match["span"] else "one") - match.start()]
    rest = prose.masked[match.end() : min(prose.sentence(match.end())[1], match.end() + 60)]
    if (
        not words["failing hint event symptom"].search(said)
        or words["elsewhere handling"].search(said)
        or words["past"].search(head + said)
    ):
        return None
    if re.search(r"[<>]", said) or (words["rule"].search(said) and not words["was"].search(head) and "%" in said):
        return None  # "over 5 % for 10m": an alert's rule
    # "errors for a minute, gone now", "was down for 10 minutes": how long it took, once
    was = re.search(rf"\b{words.one_of('was')}\b[^.\n]{{0,20}}$", head, re.IGNORECASE)
    return bool(words["last"].search(match.group())) or not (words["over"].search(rest) or was)
