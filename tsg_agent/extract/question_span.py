"""The span of time that a question names: "after 14:00", "in the first 15 minutes", "between 2 and 3 pm".

Times and ranges are spotted and read as in reports. Their roles are not: "after 14:00" bounds what a question looks
at, and tells when something happened in a report. The words are English; the caller has translated other languages.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tsg_agent.extract.choices import span_of
from tsg_agent.extract.readings import UNIVERSAL, TimeContext, days_within
from tsg_agent.extract.roles import in_ranges
from tsg_agent.extract.spoken import SPAN, in_figures, length
from tsg_agent.extract.spotting import MIDNIGHT, Day, TimeMention, spot
from tsg_agent.extract.surroundings import Surroundings
from tsg_agent.extract.text import Prose
from tsg_agent.extract.words import ENGLISH, words_of
from tsg_agent.extract.zones import default_zone
from tsg_agent.wording import moment

_WORDS = words_of(("en", "asked"))
_LEAD = _WORDS.like(
    rf"(?:\b(?P<span>{SPAN})[ ]+)?"
    r"\b(?:(?P<after>{asked_after})|(?P<since>{asked_since})|(?P<before>{asked_before})"
    r"|(?P<until>{asked_until})|(?P<around>{asked_around})|(?P<at>{asked_at}))\b"
    r"(?:[\s~]+(?:about|around|roughly|approximately|the))?[\s~]*$|~[ ]*$"
)
"""What stands before a time: which side of it is asked for, and how much of that."""
_ONWARDS = _WORDS.like(r"[ ]*(?:\+|{asked_onwards})(?![\w])|[ ,]*(?:onwards?|on)\b")
_COMPARED = _WORDS.like(r"[\s,]*{compared_with}\s+(?:(?:those|that|the ones) )?(?:in |during |for )?")
_BEGUN = (
    r"(?:(?:the|this|our)[ ]+)?(?:{beginning}\b(?:[ ]of[ ](?:(?:the|this|our)[ ]+)?{an_incident}\b)?"
    r"|{an_incident}\b(?:'s)?(?:[ ]{beginning begins}\b)?|(?:it|this|things|everything)[ ](?:all[ ])?{begins}\b)"
)
_INCIDENT = _WORDS.like(rf"\b{{of_incident}}[ ]+(?P<start>{_BEGUN})")
_COUNTED = _WORDS.like(
    rf"\b(?P<which>first|last|final|past|previous)[ ]+(?P<span>{SPAN}|(?:minute|hour|day|half[ -]hour)\b)"
    rf"(?P<of>[ ](?:of|in)[ ]+{_BEGUN})?"
)
_ATTACHED = _WORDS.like(
    r"\b(?P<role_word>after|since|from|before|until|till|between|and|to)[ ](?!20[23])"
    r"(?P<hour>[01][0-9]|2[0-3])(?P<minute>[0-5][0-9])(?![\w:%/-]|\.[0-9]|[ ]{counted_by})"
)
"""since 0940; 2026 is a year."""
MOMENT = timedelta(minutes=5)
"""Window of a question that names one time: "at 14:05"."""


@dataclass(frozen=True, slots=True)
class QuestionTimes:
    """What a question's times are read against, in UTC. `start` and `end`: the window of a question without times."""

    start: datetime
    end: datetime
    first: datetime
    last: datetime
    now: datetime
    began: datetime | None = None


@dataclass(slots=True)
class Piece:
    """One expression of time: its place in the text, and its bounds."""

    begin: int
    stop: int
    low: datetime | None = None
    high: datetime | None = None


@dataclass(slots=True)
class AskedSpan:
    """The window that a question names. Both bounds are set, or neither."""

    text: str
    start: datetime | None = None
    end: datetime | None = None
    against: tuple[datetime, datetime] | None = None
    """A second span that the first is compared with: "between 14:00 and 14:30 than between 13:00 and 13:30"."""
    taken: list[tuple[int, int]] = field(default_factory=list)
    """Spans of the text that speak of time, also those that could not be read."""
    how: list[str] = field(default_factory=list)
    """How ambiguous words were read, in sentences."""
    unread: list[str] = field(default_factory=list)
    """What seems to be a time and is not used, with reasons."""

    def take(self, begin: int, stop: int) -> str:
        """Mark a span of the text as one of time, and quote it."""
        self.taken.append((begin, stop))
        return self.quoted(begin, stop)

    def quoted(self, begin: int, stop: int) -> str:
        """A span of the text as it is shown."""
        return f"“{' '.join(self.text[begin:stop].split())}”"


def asked_text(text: str) -> str:
    """A question, cleaned, with spoken targets in figures and "since 0940" as "since 09:40"."""
    return Prose(in_figures(_ATTACHED.sub(r"\g<role_word> \g<hour>:\g<minute>", text))).text


def asked_window(text: str, frame: QuestionTimes) -> AskedSpan:
    """The window that a question names. An open bound is the frame's, or the telemetry's beyond the frame."""
    prose = Prose(asked_text(text))
    found = AskedSpan(prose.text)
    pieces = [*_time_pieces(prose, found, frame), *_counted_pieces(found, frame)]
    _combine(found, sorted((one for one in pieces if one.low or one.high), key=lambda piece: piece.begin), frame)
    return found


def _counted_pieces(found: AskedSpan, frame: QuestionTimes) -> Iterator[Piece]:
    """ "the first 15 minutes of the incident", "the last hour"."""
    for match in _COUNTED.finditer(found.text):
        if any(low < match.end() and match.start() < high for low, high in found.taken):
            continue
        quoted, long = found.take(*match.span()), length(match["span"]) or length(f"1 {match['span']}")
        first = match["which"].lower() == "first"
        edge = frame.began if first else frame.end if match["of"] else min(frame.now, frame.last)
        if edge:
            low, high = (edge, edge + long) if first else (edge - long, edge)
            found.how.append(f"{quoted} was read as {moment(low)} to {moment(high)}.")
            yield Piece(*match.span(), low, high)
        else:
            found.unread.append(f"{quoted} is not used: when the incident began is not known")


def _time_pieces(prose: Prose, found: AskedSpan, frame: QuestionTimes) -> Iterator[Piece]:
    """The times and ranges of times, read as those of reports are."""
    begun = [TimeMention(*one.span("start"), plus=timedelta()) for one in _INCIDENT.finditer(prose.text)]
    mentions = sorted([*spot(prose.text), *begun], key=lambda one: one.start)
    zone = default_zone(prose.text)
    setting = TimeContext(prose, tuple(mentions), frame.now, frame.first, frame.last, zone, began=frame.began)
    days = [one for one in mentions if one.day and not one.clock]
    if len(days) == 1 and not any(one.day and one.clock for one in mentions) and any(one.clock for one in mentions):
        found.take(days[0].start, days[0].end)  # "on 10 March, between 14:00 and 14:30"
        mentions = [replace(one, day=days[0].day) if one.clock else one for one in mentions if one is not days[0]]
    for around, second in in_ranges(prose, mentions, ENGLISH):
        first = _dated(around.mention, setting, frame, found)
        yield _piece(first, second.mention if second else None, around, found, setting)


def _piece(
    first: TimeMention, second: TimeMention | None, around: Surroundings, found: AskedSpan, setting: TimeContext
) -> Piece:
    """One time, a whole day, or a range, with what stands before it; without bounds where it is no span of time."""
    lead, stop = _LEAD.search(around.before), (second or first).end
    long = length(lead["span"]) if lead and lead["span"] else timedelta()
    side = lead.lastgroup or "around" if lead else "at"
    if second:
        lead = lead if long else around.opening()
    elif onwards := _ONWARDS.match(found.text, stop):
        side, stop = "since", onwards.end()
    piece = Piece(around.begin(lead), stop)
    quoted = found.take(piece.begin, stop)
    one, other = span_of(first, second, setting)
    low, end = one.edge().instant, (other if second else one).edge(last=True).instant
    if low is None or end is None:
        found.unread.append(f"{quoted} is not used: {one.edge().problem or other.problem}")
    elif second and (end <= low or long not in (timedelta(), end - low)):  # "the 30 minutes from 14:00 to 14:30"
        found.unread.append(f"{quoted} is not used: it ends before it begins, or is not as long as it says")
    elif second:
        piece.low, piece.high = low, end
    else:
        near = side in ("around", "at") and low == end
        side = "since" if near and first.plus is not None else side  # "during the incident"
        piece.low, piece.high = _bounds(side, low, end, long)
        if near or one.how.startswith("counted"):
            said = " to ".join(moment(bound) for bound in (piece.low, piece.high) if bound)
            found.how.append(f"{quoted} was read as {said}{f', {one.how}' if one.how else ''}.")
    return piece


def _bounds(side: str, low: datetime, end: datetime, long: timedelta) -> tuple[datetime | None, datetime | None]:
    """The window on one side of a time, or of the day from `low` to `end`; `long`: the length that is said, if any."""
    if long:  # "within 10 minutes of"
        early, late = side not in ("since", "after"), side not in ("until", "before")
        return low - long if early else low, low + long if late else low
    return {
        "before": (None, low),
        "until": (None, end),  # "until today" has that day in it
        "since": (low, None),
        "after": (end, None),
        "around": (low - MOMENT, end + MOMENT),
        "at": (low, end if end > low else low + MOMENT),
    }[side]


def _dated(mention: TimeMention, setting: TimeContext, frame: QuestionTimes, found: AskedSpan) -> TimeMention:
    """A time of day with its day: the window's last one, else the incident's."""
    if not mention.clock or mention.day:
        return mention
    zone = mention.zone or setting.zone or UNIVERSAL
    days = days_within(mention.clock, zone, frame.start, frame.end)
    if len(days) > 1:
        found.how.append(f"{found.quoted(mention.start, mention.end)} is of {days[-1]}, the window's last such day.")
    day = days[-1] if days else zone.today(frame.began or frame.start).date()
    problem = "" if mention.problem == MIDNIGHT else mention.problem
    return replace(mention, day=Day(dates=(day,)), problem=problem)


def _combine(found: AskedSpan, pieces: list[Piece], frame: QuestionTimes) -> None:
    """Combine all expressions: "after 14:00" and "before 14:30" are one window; a second window is not used."""
    if len(pieces) == 2 and _COMPARED.fullmatch(found.text[pieces[0].stop : pieces[1].begin]):
        low, high = pieces[1].low, pieces[1].high
        if low and high and pieces[0].low and pieces[0].high:
            found.against, pieces = (low, high), pieces[:1]
    low = high = None
    for piece in pieces:
        begin, end = low or piece.low, high or piece.high
        if (piece.low and low) or (piece.high and high) or (begin and end and end <= begin):
            quoted = found.quoted(piece.begin, piece.stop)
            found.unread.append(f"{quoted} is not used: one span of time can be asked for at once")
        else:
            low, high = begin, end
    if low or high:
        found.start = low or (frame.start if high and frame.start < high else frame.first)
        found.end = high or (frame.end if low and frame.end > low else frame.last)
