"""The span of time that a question names: "after 14:00", "in the first 15 minutes", "between 2 and 3 pm".

A question is no report: in it "after 14:00" bounds what is looked at, where in a report it may tell when something
happened. Times themselves are spotted and read as in reports.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta

from tsg_agent.extract import asking
from tsg_agent.extract.lengths import length
from tsg_agent.extract.readings import DAY, UNIVERSAL, TimeContext, read
from tsg_agent.extract.sightings import Range
from tsg_agent.extract.spans import span_of
from tsg_agent.extract.spotting import Day, TimeMention, spot
from tsg_agent.extract.text import Prose
from tsg_agent.extract.zones import default_zone
from tsg_agent.wording import moment

MOMENT = timedelta(minutes=5)
"""How long a question looks at that names one time: "at 14:05"."""
_LIVE = timedelta(hours=1)
"""Telemetry that ends longer ago than this does not know what "the last 20 minutes" hold."""


@dataclass(frozen=True, slots=True)
class QuestionTimes:
    """What a question's times are read against: the window that is looked at where it names none, all in UTC."""

    start: datetime
    end: datetime
    first: datetime
    last: datetime
    now: datetime
    began: datetime | None = None
    incident: bool = False
    """Whether the window is an incident's, or was given: then its days are the question's days."""


@dataclass(slots=True)
class Piece:
    """One expression of time: its place in the text, and what it bounds."""

    begin: int
    stop: int
    low: datetime | None = None
    high: datetime | None = None


@dataclass(slots=True)
class AskedSpan:
    """What a question says of the time. Both bounds are set, or neither."""

    text: str
    start: datetime | None = None
    end: datetime | None = None
    against: tuple[datetime, datetime] | None = None
    """A second span that the first is compared with: "between 14:00 and 14:30 than between 13:00 and 13:30"."""
    taken: list[tuple[int, int]] = field(default_factory=list)
    """Spans of the text that were read as times, those among them that could not be settled."""
    how: list[str] = field(default_factory=list)
    """How words were read that leave room."""
    unread: list[str] = field(default_factory=list)
    """What seems to be a time and is not used, each with the reason."""

    def quoted(self, begin: int, stop: int) -> str:
        """A span of the text as it is shown."""
        return f"“{' '.join(self.text[begin:stop].split())}”"


def asked_text(text: str) -> str:
    """A question as its times are read: cleaned, and with short forms written out."""
    return Prose(asking.spelled(text)).text


def asked_window(text: str, frame: QuestionTimes) -> AskedSpan:
    """The window that a question names. Bounds that it leaves open are the frame's, else the telemetry's."""
    prose = Prose(asked_text(text))
    found = AskedSpan(prose.text)
    pieces = [*_incident_pieces(found, frame), *_counted_pieces(found, frame)]
    pieces += _time_pieces(prose, found, frame)
    pieces.sort(key=lambda piece: piece.begin)
    _combine(found, pieces, frame)
    for match in asking.unread(prose.text):
        if not _inside(match.start(), match.end(), found.taken):
            found.taken.append(match.span())
            found.unread.append(f"{found.quoted(*match.span())} was not understood as a time")
    return found


def _inside(begin: int, stop: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(low < stop and begin < high for low, high in spans)


def _incident_pieces(found: AskedSpan, frame: QuestionTimes) -> list[Piece]:
    """ "before the incident", "since it began", "10 minutes after the start"."""
    pieces = []
    for match in asking.INCIDENT.finditer(found.text):
        span = asking.SPAN_BEFORE.search(found.text[: match.end("side")])
        begin = span.start() if span else match.start()
        found.taken.append((begin, match.end()))
        if frame.began is None:
            found.unread.append(f"{found.quoted(begin, match.end())} is not used: when the incident began is not known")
            continue
        early = match["side"].lower() in asking.EARLIER
        piece = Piece(begin, match.end(), **{"high" if early else "low": frame.began})
        pieces.append(_spanning(piece, span, frame.began) if span else piece)
        if not span:
            found.how.append(f"{found.quoted(begin, match.end())}: it began {moment(frame.began)}.")
    return pieces


def _spanning(piece: Piece, span: re.Match[str], time: datetime) -> Piece:
    long, side = length(span["span"]), span["side"].lower()
    low = time - long if side in asking.EARLIER or side == "of" else time
    return replace(piece, low=low, high=time if side in asking.EARLIER else time + long)


def _counted_pieces(found: AskedSpan, frame: QuestionTimes) -> list[Piece]:
    """ "the first 15 minutes of the incident", "the last hour"."""
    pieces = []
    for match in asking.COUNTED.finditer(found.text):
        if _inside(*match.span(), found.taken):
            continue
        found.taken.append(match.span())
        long = length(match["span"] if match["span"][0].isdigit() or " " in match["span"] else f"1 {match['span']}")
        of, quoted = (match["of"] or "").lower(), found.quoted(*match.span())
        if match["which"].lower() == "first":
            if of and of != "window" and frame.began is None:
                found.unread.append(f"{quoted} is not used: when the incident began is not known")
                continue
            low = frame.start if frame.began is None or of == "window" else frame.began
            whence = "the window's start" if low != frame.began else "the incident's start"
            pieces.append(Piece(*match.span(), low, low + long))
            found.how.append(f"{quoted} is counted from {whence}, {moment(low)}.")
        else:
            live = not of and frame.now - frame.last <= _LIVE
            high = min(frame.now, frame.last) if live else frame.end
            pieces.append(Piece(*match.span(), high - long, high))
            found.how.append(f"{quoted} is counted back from {moment(high)}, where the window ends.")
    return pieces


def _time_pieces(prose: Prose, found: AskedSpan, frame: QuestionTimes) -> list[Piece]:
    mentions = [one for one in spot(prose.text)[0] if not _inside(one.start, one.end, found.taken)]
    setting = TimeContext(
        prose,
        tuple(one for one in mentions if one.day or one.clock),
        frame.now,
        frame.first,
        frame.last,
        default_zone(prose.text),
    )
    days = [one for one in mentions if one.day and not one.clock]
    clocks = [one for one in mentions if one.clock]
    if len(days) == 1 and clocks and not any(one.day for one in clocks):  # "between 14:00 and 14:30 on 10 March"
        found.taken.append((days[0].start, days[0].end))
        mentions = [replace(one, day=days[0].day) if one.clock else one for one in mentions if one is not days[0]]
    pieces, index = [], 0
    while index < len(mentions):
        second = mentions[index + 1] if index + 1 < len(mentions) else None
        piece = _range(mentions[index], second, found, setting, frame) if second else None
        index += 2 if piece else 1
        pieces.append(piece or _single(mentions[index - 1], mentions, found, setting, frame))
    return [piece for piece in pieces if piece.low or piece.high]


def _range(
    first: TimeMention, second: TimeMention, found: AskedSpan, setting: TimeContext, frame: QuestionTimes
) -> Piece | None:
    """Two times written as a range; None where they are not."""
    gap, before = found.text[first.end : second.start], found.text[: first.start]
    opens = asking.OPENS.search(before)
    if not asking.BETWEEN_TIMES.fullmatch(gap) or (re.search(r"and|&", gap) and not opens):
        return None
    begin = opens.start() if opens else first.start
    found.taken.append((begin, second.end))
    dated = _dated(first, setting, frame, found)
    low, high = span_of(Range(dated, second, begin, second.end), setting)
    piece, quoted = Piece(begin, second.end), found.quoted(begin, second.end)
    if low.instant is None or high.instant is None:
        found.unread.append(f"{quoted} is not used: {low.problem or high.problem}")
    elif high.instant <= low.instant:
        found.unread.append(f"{quoted} is not used: it ends before it begins")
    elif opens and opens["span"] and length(opens["span"]) != high.instant - low.instant:
        found.unread.append(f"{quoted} is not used: it is not as long as it says")
    else:
        piece = replace(piece, low=low.instant, high=high.instant)
    return piece


def _single(
    mention: TimeMention, mentions: Sequence[TimeMention], found: AskedSpan, setting: TimeContext, frame: QuestionTimes
) -> Piece:
    """One time, with the word before it that says which side of it is meant."""
    floor = max((one.end for one in mentions if one.end <= mention.start), default=0)
    before = found.text[floor : mention.start]
    span = asking.SPAN_BEFORE.search(before)
    role_word = asking.ROLE_WORD.search(before)
    lead = span or role_word
    begin = floor + lead.start() if lead else mention.start
    onwards = asking.ONWARDS.match(found.text, mention.end) or asking.LATER.match(found.text, mention.end)
    stop = onwards.end() if onwards else mention.end
    found.taken.append((begin, stop))
    piece, quoted = Piece(begin, stop), found.quoted(begin, stop)
    reading = read(_dated(mention, setting, frame, found), setting)
    whole = bool(mention.day and not mention.clock and len(reading.instants) == 1)
    low = reading.instants[0] if whole else reading.instant
    if low is None:
        found.unread.append(f"{quoted} is not used: {reading.problem}")
        return piece
    if span:
        return _spanning(piece, span, low)
    side = "after" if onwards else (role_word.lastgroup or "") if role_word else ""
    if (
        mention.back is not None
        or (mention.day and mention.day.ago is not None)
        or (mention.day and mention.day.weekday)
    ):
        found.how.append(f"{quoted} is {moment(low)}, counted from {moment(frame.now)}.")
    if whole:
        return _days(piece, low, side, (role_word[0] if role_word else "").strip().lower())
    if side == "after":
        return replace(piece, low=low)
    if side == "before":
        return replace(piece, high=low)
    near = MOMENT if side == "around" else timedelta()
    read_as = "the 5 minutes on each side of it" if near else "the 5 minutes that begin with it"
    found.how.append(f"{quoted} was read as {read_as}.")
    return replace(piece, low=low - near, high=low + MOMENT)


def _days(piece: Piece, midnight: datetime, side: str, role_word: str) -> Piece:
    """A day without a time: all of it, or what comes before or after."""
    end = midnight + DAY
    if side == "after":
        return replace(piece, low=end if role_word.startswith(("after", "later", "past")) else midnight)
    if side == "before":
        return replace(piece, high=midnight if role_word.startswith(("before", "prior", "earlier")) else end)
    return replace(piece, low=midnight, high=end)


def _dated(mention: TimeMention, setting: TimeContext, frame: QuestionTimes, found: AskedSpan) -> TimeMention:
    """A time of day with its day: the window's, else the incident's, else the last that the telemetry covers."""
    if not mention.clock or mention.day:
        return mention
    zone = mention.zone or setting.zone or UNIVERSAL
    clock: time = mention.clock

    def within(low: datetime, high: datetime) -> list[datetime]:
        low = max(low, high - 400 * DAY)
        days = [low + n * DAY for n in range(-1, (high - low).days + 3)]
        local = [datetime.combine(day.date(), clock) for day in days]
        return [day for day in dict.fromkeys(local) if any(low <= t <= high for t in zone.instants(day))]

    inside = within(frame.start, frame.end)
    if len(inside) > 1:
        found.how.append(
            f"{found.quoted(mention.start, mention.end)} is of {inside[-1].date()}, the window's last such day."
        )
    covered = inside or ([] if frame.incident else within(frame.first, frame.last))
    anchor = (frame.began or frame.start) if frame.incident else frame.last
    day = covered[-1].date() if covered else zone.today(anchor).date()
    problem = "" if mention.problem == "midnight" else mention.problem
    return replace(mention, day=Day(dates=(day,)), problem=problem)


def _combine(found: AskedSpan, pieces: list[Piece], frame: QuestionTimes) -> None:
    """One window of all that is said: "after 14:00" with "before 14:30" are one; a second one is not used."""
    if len(pieces) == 2 and asking.COMPARED.fullmatch(found.text[pieces[0].stop : pieces[1].begin]):
        low, high = pieces[1].low, pieces[1].high
        if low and high and pieces[0].low and pieces[0].high:
            found.against, pieces = (low, high), pieces[:1]
    used: list[Piece] = []
    for piece in pieces:
        sides = [(one.low is not None, one.high is not None) for one in used]
        if not used or (
            len(used) == 1
            and sorted([sides[0], (piece.low is not None, piece.high is not None)]) == [(False, True), (True, False)]
        ):
            used.append(piece)
        else:
            quoted = found.quoted(piece.begin, piece.stop)
            found.unread.append(f"{quoted} is not used: one span of time can be asked for at once")
    if not used:
        return
    low = next((piece.low for piece in used if piece.low), None)
    high = next((piece.high for piece in used if piece.high), None)
    if low is None and high is not None:
        low = frame.start if frame.start < high else frame.first
    if high is None and low is not None:
        high = frame.end if frame.end > low else frame.last
    found.start, found.end = low, high
