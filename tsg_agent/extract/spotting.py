"""Finds dates, times of day and times such as "2 hours ago" in a text. `readings` turns them into instants.

Patterns are strict. General date parsers (dateutil, dateparser) are not used: they read "96" or "may" as dates, and
settle 03/04/2024 and "IST" silently. All patterns are linear in the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from tsg_agent.extract.spoken import SPAN, UNIT, length, number
from tsg_agent.extract.words import ALL, ENGLISH, Words
from tsg_agent.extract.zones import Zone, zone_after

TWELVE = "it may be in the morning or in the afternoon"
MAXIMUM_MENTIONS = 1_000
"""Mentions that are read of a text; that there are more is noted."""
_ENOUGH = MAXIMUM_MENTIONS + 1


@dataclass(frozen=True, slots=True)
class Day:
    """A day as written: one of `dates`, or (month, day) without year, or days ago, or a weekday."""

    dates: tuple[date, ...] = ()
    month_day: tuple[int, int] | None = None
    ago: int | None = None
    night: bool = False
    weekday: int | None = None


@dataclass(frozen=True, slots=True)
class TimeMention:
    """A span of the text that is a day, a time of day, both, a time ago, a time after the start, or an instant."""

    start: int
    end: int
    day: Day | None = None
    clock: time | None = None
    zone: Zone | None = None
    back: timedelta | None = None
    plus: timedelta | None = None
    instant: datetime | None = None
    problem: str = ""

    @property
    def timed(self) -> bool:
        """Whether it is more than a day."""
        return bool(self.clock or self.instant or self.problem) or self.back is not None or self.plus is not None


_EPOCH = re.compile(r"(?<![\w.:/+-])(?P<seconds>1[0-9]{9})(?:[0-9]{3}|\.[0-9]{1,9})?(?![\w:/-]|\.[0-9])")
_AFTER_START = re.compile(
    rf"(?<!\w)(?:T[ ]?\+[ ]?(?P<plus>{SPAN}|[0-9]{{1,3}}(?![\w:])|[0-9]{{1,2}}:[0-5][0-9])"
    rf"|\+[ ]?(?P<signed>{SPAN})|(?P<later>{SPAN})[ ]{ALL.one_of('later')}\b)",
    re.IGNORECASE,
)
_AGO = {"last_night": 1, "yesterday": 1, "day_before": 2, "today": 0, "tomorrow": -1}
"""Kind of a word for a day -> days ago. Longer phrases come first: "last night" is no "night"."""
_FIGURES = (("by", "bm", "bd"), ("y", "ym", "yd"), ("cy", "cm", "cd"), ("no year", "b1", "a1"))
"""Groups of a date in figures: year, month, day."""
_TIMED = re.compile(r",?[ ][0-2]?[0-9]:[0-5][0-9]")
_TRAILING_YEAR = re.compile(r"[ ]((?:19|20)[0-9]{2})(?![\w:]|[-/.][0-9])")
_AT_A_LINE = (
    r"(?:(?<=\n)|(?<=\n[-*][ ]))(?P<th>[01][0-9]|2[0-3])(?P<tm>[0-5][0-9])"
    r"(?=(?:Z|[ ]?(?:UTC|GMT|h|hrs|Uhr))?[ :,-]{1,3}[^\W\d])"
)
"""1340 at the head of a line: a time if several lines begin so, as in a timeline."""
_DAY_MONTH = r"(?P<a1>[0-9]{1,2})\.(?P<b1>[01]?[0-9])\.(?=,?[ ][0-2]?[0-9]:[0-5][0-9])"
"""10.03. before a time; a language may have its own form."""
_DATE = r"""(?<![\w.+-])(?<![^Zz0-9]/)(?:{weekdays}[ ,]{1,3}(?:the[ ]|de[nm][ ])?)?(?:
    (?P<by>(?:19|20)[0-9]{2})(?P<bm>[0-9]{2})(?P<bd>[0-9]{2})(?=T[0-9]{4})
    |(?:(?P<cy>YEAR)年)?(?P<cm>[01]?[0-9])月(?P<cd>[0-3]?[0-9])日
    |(?P<y>(?:19|20)[0-9]{2})(?P<ys>[-/.])(?P<ym>[0-9]{1,2})(?P=ys)(?P<yd>[0-9]{1,2})
        (?![0-9]|[-/.][0-9]|(?!T[0-9])[A-Za-z_])
    |(?P<a>[0-9]{1,2})(?P<as>[-/.])(?P<b>[0-9]{1,2})(?P=as)(?P<ay>YEAR|[0-9]{2}(?![0-9:]))
        (?![\w]|[-/.][0-9])
    |DAY_MONTH
    |(?P<wd>[0-9]{1,2})(?:st|nd|rd|th|er|\.)?(?:[ ]{of})?[ /-]{1,2}(?P<wm>{months}(?!\w)\.?)
        (?:(?:,?[ /-]{1,2}|[ ]{year_of}[ ])(?P<wy>YEAR|(?<=/)[0-9]{2}(?=[ ][0-2]?[0-9]:)))?
    |(?P<mm>{months}(?!\w)\.?)[ ]{1,2}(?P<md>[0-9]{1,2})(?:st|nd|rd|th)?(?![\w:%]|\.[0-9])
        (?:,?[ ]{1,2}(?P<my>YEAR))?
    |(?:(?:(?<=on[ ])|(?<=since[ ])|(?<=from[ ])|(?<=until[ ]))the[ ](?=[0-9]{1,2}(?:st|nd|rd|th))
        |(?:(?<=am[ ])|(?<=vom[ ])|(?<=seit[ ]dem[ ]))(?=[0-9]{1,2}\.)|(?<=el[ ])|(?<=le[ ])|(?<=día[ ]))
        (?P<dom>[0-9]{1,2})(?:st|nd|rd|th|\.)?
        (?=[ ,]{1,2}(?:at|um|gegen|a[ ]las|sobre|hacia|à|vers|[0-2]?[0-9][:.h][0-9])|[.,;)](?!\w)|$)
    |(?P<word>{last_night yesterday day_before today tomorrow})(?!\w)
    )
    |(?<![\w.+-])(?:last[ ])?(?P<week>{weekdays})(?!\w)""".replace("YEAR", r"(?:19|20)[0-9]{2}(?![0-9:])")
_CLOCK = r"""(?:(?<![A-Za-z0-9_:+])(?<!\w\.)|(?<=[0-9]T)|(?<=/20[0-9][0-9]:))(?:
    (?P<h>[01]?[0-9]|2[0-3])(?::(?P<m>[0-5][0-9])(?::(?P<s>[0-5][0-9])(?:[.,](?P<f>[0-9]{1,9}))?)?
        (?!\d|:\w|\.[0-9])
        |\.(?P<pm>[0-5][0-9])(?=[ ]?[ap]\.?m|[ ]{hour_word})|(?=[ ]?[ap]\.?m|[ ]?{hour_word}(?!\w)|[ ](?:UTC|GMT)\b))
        (?:[ ]?(?P<half>[ap])\.?m\b\.?|(?P<later>[ ]{afternoon}(?!\w))|[ ]{forenoon}(?!\w))?
        (?:[ ]?(?:{hour_word}|h(?:rs)?)(?!\w)(?:[ ](?P<um>[0-5][0-9])(?![\w:.%-]))?)?
    |(?P<bh>[01][0-9]|2[0-3])(?P<bm>[0-5][0-9])(?P<bs>[0-5][0-9])?
        (?:h(?:rs)?(?!\w)|(?=Z\b|[ ](?:UTC|GMT)\b|(?<=T[0-9]{4})|(?<=T[0-9]{6})))
    |(?P<hh>[01]?[0-9]|2[0-3])[ ]?h[ ]?(?P<hm>[0-5][0-9])?(?!\w)
    |(?P<ch>[01]?[0-9]|2[0-3])[ ]?[時时點点](?:[ ]?(?P<cm>[0-5]?[0-9])[ ]?分)?
    |AT_A_LINE
    |{before_hour}(?P<lh>[01]?[0-9]|2[0-3])(?![\w:.,%/-])
    |(?:(?P<spoken>{spoken})[ ](?P<sh>HOUR)|(?P<ah>HOUR)[ ](?P<past>{spoken_after}))
        (?!\w|[:.%-]\w)(?:(?P<late>[ ]{afternoon}(?!\w))|(?P<early>[ ]{forenoon}(?!\w)))?
    |(?P<word>{noon midnight})(?!\w)
    )""".replace("AT_A_LINE", _AT_A_LINE).replace("HOUR", "{noon midnight numbers}|1[0-9]|2[0-3]|[1-9]")
_BACK = (
    rf"(?<![\w.-])(?:(?:(?P<span>{SPAN})|(?P<vague>{{vague}}[ ]{UNIT}))[ ]ago\b"
    rf"|(?:{{ago_before}}|(?P<for>{{for_before}}))[ ](?:{{about}}[ ])?(?P<span2>{SPAN}))"
)
_DAY_TO_TIME = r"[Tt:]|[ ]-[ ]|[ ,|@\])]{0,3}(?:(?:{join}|~|@)[ ~]?)?"
_TIME_TO_DAY = r"[ ]|,[ ]|[ ,]{0,2}{on}[ ]|[ ]\("


def spot(text: str, words: Words = ENGLISH) -> list[TimeMention]:
    """Mentions in the text's order; if there are more than `MAXIMUM_MENTIONS`, one more or a few."""
    day_month, *_ = [*words.listed("calendar", "day_month"), _DAY_MONTH]
    days = list(islice(words.like(_DATE.replace("DAY_MONTH", day_month)).finditer(text), _ENOUGH))
    pieces = [mention for match in days if (mention := _day(match, words))]
    pieces += islice(_clocks(text, [match.span() for match in days], words), _ENOUGH)
    for pattern, made in ((words.like(_BACK), _ago), (_AFTER_START, _later)):
        pieces += map(made, islice(pattern.finditer(text), _ENOUGH))
    for match in islice(_EPOCH.finditer(text), _ENOUGH):
        pieces.append(TimeMention(*match.span(), instant=datetime.fromtimestamp(int(match["seconds"]), UTC)))
    pieces.sort(key=lambda mention: mention.start)
    apart: list[TimeMention] = []  # of "depuis 8 h 20" only the time, and not also how long
    for one in pieces:
        apart += [] if apart and one.start < apart[-1].end else [one]
    return _joined(text, apart, words)


def _day(match: re.Match[str], words: Words) -> TimeMention | None:
    """A date; None where no calendar has it (2024-13-45)."""
    groups = match.groupdict()
    day: Day | None
    if groups["word"]:
        name = next(name for name in _AGO if words.like(f"{{{name}}}").fullmatch(groups["word"]))
        day = Day(ago=_AGO[name], night=name == "last_night")
    elif groups["week"]:
        day = Day(weekday=_row(words, "weekdays", groups["week"]))
    elif groups["dom"]:
        day = Day(month_day=(0, int(groups["dom"]))) if 0 < int(groups["dom"]) <= 31 else None
    elif figures := next((names for names in _FIGURES if groups[names[1]]), None):
        day = _named(groups.get(figures[0]), int(groups[figures[1]]), int(groups[figures[2]]))
    elif groups["a"]:
        dotted = groups["as"] == "." and _TIMED.match(match.string, match.end())  # "10.03.26, 15:41", and no version
        year = f"20{groups['ay']}" if dotted and len(groups["ay"]) == 2 else groups["ay"]
        day = _numeric(int(groups["a"]), int(groups["b"]), year, groups["as"], day_first=words.day_first)
    else:
        month = 1 + _row(words, "months", groups["wm"] or groups["mm"])
        day = _named(groups["wy"] or groups["my"], month, int(groups["wd"] or groups["md"]))
    return TimeMention(match.start(), match.end(), day) if day else None


def _row(words: Words, name: str, written: str) -> int:
    rows = enumerate(words.rows(name))
    return next(n for n, row in rows if re.fullmatch(rf"(?:{row})\.?", written, re.IGNORECASE))


def _named(year: str | None, month: int, day: int) -> Day | None:
    if year:
        return _dated(date_of(int(year[-2:]) + 2000 if len(year) == 2 else int(year), month, day))
    # 2024 is a leap year: 29 February stays possible until the year is known.
    return Day(month_day=(month, day)) if date_of(2024, month, day) else None


def _numeric(a: int, b: int, year: str, separator: str, *, day_first: bool) -> Day | None:
    """03/04/2024: both readings, unless one is impossible. With points it is always day first."""
    if len(year) == 2 and separator != "/":
        return None  # 3.14.24 is a version, 10-12-24 a part number
    whole = int(year) + (2000 if len(year) == 2 else 0)
    first = date_of(whole, b, a)
    return _dated(first) if first and (separator == "." or day_first) else _dated(first, date_of(whole, a, b))


def date_of(year: int, month: int, day: int) -> date | None:
    """The day; None if the calendar does not have it."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _dated(*readings: date | None) -> Day | None:
    dates = tuple(dict.fromkeys(reading for reading in readings if reading))
    return Day(dates=dates) if dates else None


def _clocks(text: str, covered: list[tuple[int, int]], words: Words) -> Iterator[TimeMention]:
    """Times of day outside of the dates, each with the zone that follows it."""
    position = index = 0
    timeline = len(re.findall(_AT_A_LINE, text)) > 1
    while match := words.like(_CLOCK).search(text, position):
        position = match.end()
        while index < len(covered) and covered[index][1] <= match.start():
            index += 1
        if index < len(covered) and covered[index][0] < match.end():
            continue
        clock, problem = _clock(match, words)
        if clock is None or (match["th"] and not timeline):
            continue
        # 07:00-08:00 is a range; after a date and a T, with seconds, or as "2024-01-20 07:00 -08:00", it is an offset.
        iso = text[match.start() - 1 : match.start()] in ("T", "t")
        dated = index > 0 and match.start() - covered[index - 1][1] <= 2 and text[match.end() : match.end() + 2] == " -"
        zone, position = zone_after(text, match.end(), minus=iso or dated or bool(match["s"]) or not match["h"])
        if words.like("[ ,]*{no_zone}").fullmatch(text, match.end(), position):  # "seit 14:30 ist", a verb
            zone, position = None, match.end()
        yield TimeMention(match.start(), position, clock=clock, zone=zone, problem=problem)


def _clock(match: re.Match[str], words: Words) -> tuple[time | None, str]:
    if match["sh"] or match["ah"]:
        return _spoken(match, words)
    if match["word"]:
        midnight = words.like("{midnight}").fullmatch(match["word"])
        return (time(0), "midnight") if midnight else (time(12), "")
    for hours, minutes in (("lh", "bs"), ("ch", "cm"), ("bh", "bm"), ("th", "tm")):
        if match[hours]:
            return time(int(match[hours]), int(match[minutes] or 0), int(match["bs"] or 0)), ""
    if match["hh"]:  # 14h05 is a time; 1h30 is one only where "à" or the like says so, else how long something took
        before = match.string[max(0, match.start() - 24) : match.start()]
        zoned = zone_after(match.string, match.end(), minus=False)[0]
        since = words.like(r"{for_before}(?: {about})? *$").search(before)  # "depuis environ 14h"
        said = zoned or words.like("{clock_before}$").search(before)
        told = said or (len(match["hh"]) == 2 and (match["hm"] or since))
        return (time(int(match["hh"]), int(match["hm"] or 0)) if told else None), ""
    hour, half = int(match["h"]), (match["half"] or "").lower()
    if half and 1 <= hour <= 12:  # but "14:48 am 10.03." is German for "on"
        hour = hour % 12 + (12 if half == "p" else 0)
    elif match["later"] and 1 <= hour < 12:  # "las 2:05 de la tarde"
        hour += 12
    micro = int((match["f"] or "0").ljust(6, "0")[:6])
    return time(hour, int(match["m"] or match["pm"] or match["um"] or 0), int(match["s"] or 0), micro), ""


def _spoken(match: re.Match[str], words: Words) -> tuple[time | None, str]:
    """ "half past two": in either half of the day, unless "afternoon" follows; "quarter past noon" is in one."""
    said = match["sh"] or match["ah"]
    before = match.string[max(0, match.start() - 24) : match.start()]
    if (
        re.fullmatch(SPAN, match[0], re.IGNORECASE)
        and words.like(r"{for_before}(?: {about})? *$").search(before)
        and not zone_after(match.string, match.end(), minus=False)[0]
    ):
        return None, ""  # "depuis une heure et demie" is how long
    noon, midnight = (words.like(kind).fullmatch(said) for kind in ("{noon}", "{midnight}"))
    hour = 12 if noon else 0 if midnight else int(said) if said.isdigit() else number(said)
    table = words.table("calendar", "spoken" if match["sh"] else "spoken_after")
    written = match["spoken"] or match["past"]
    away = next(minutes for form, minutes in table.items() if re.fullmatch(form, written, re.IGNORECASE))
    sure = bool(noon or midnight or hour > 12)
    hours, minute = divmod((60 * hour + away) % (1440 if sure else 720), 60)
    late = 12 if match["late"] and not sure else 0
    return time(hours + late, minute), "" if sure or late or match["early"] else TWELVE


def _ago(match: re.Match[str]) -> TimeMention:
    start = match.start("span2" if match["for"] else 0)  # "seit" tells the role
    if span := match["span"] or match["span2"]:
        return TimeMention(start, match.end(), back=length(span))
    return TimeMention(start, match.end(), problem="it gives no number")


def _later(match: re.Match[str]) -> TimeMention:
    written = match["plus"] or match["signed"] or match["later"]
    plus = timedelta(minutes=int(written)) if written.isdigit() else length(written.replace(":", "h"))
    return TimeMention(match.start(), match.end(), plus=plus)


def _joined(text: str, pieces: list[TimeMention], words: Words) -> list[TimeMention]:
    """Mentions with adjacent days and times joined: "20 Jan 2024, 06:30", "14:05 UTC yesterday"."""
    found: list[TimeMention] = []
    index = 0

    def leads(n: int) -> bool:
        """Whether the mention at `n` is a day before its time."""
        one, two = pieces[n], pieces[n + 1] if n + 1 < len(pieces) else None
        parted = two and one.day and not one.clock and two.clock
        return bool(parted and two and words.like(_DAY_TO_TIME).fullmatch(text, one.end, two.start))

    while index < len(pieces):
        piece = pieces[index]
        index += 1
        if found and piece.start < found[-1].end:
            continue
        after = pieces[index] if index < len(pieces) else piece
        gap = text[piece.end : after.start]
        if leads(index - 1):
            joined = _with_trailing_year(text, replace(after, start=piece.start, day=piece.day))
            found.append(_halved(joined, text[piece.start : piece.end], words))
            index += 1
        elif after.clock and _again(piece, gap):
            pieces[index] = replace(after, start=piece.start, day=after.day or (None if piece.clock else piece.day))
        elif piece.clock and after.day and words.like(_TIME_TO_DAY).fullmatch(gap) and not leads(index):
            zone, end = (piece.zone, after.end) if piece.zone else zone_after(text, after.end, minus=False)
            joined = replace(piece, end=end, day=after.day, zone=zone)  # "7:30 this morning (CET)"
            found.append(_halved(joined, text[after.start : after.end], words))
            index += 1
        else:
            found.append(piece)
    return found


def _halved(mention: TimeMention, day: str, words: Words) -> TimeMention:
    """A time in the half of the day that the words for the day tell: "half past two this afternoon"."""
    late, early = (words.like(kind).search(day) for kind in ("{afternoon}", "{forenoon}"))
    if mention.clock and late and 1 <= mention.clock.hour < 12:
        return replace(mention, clock=mention.clock.replace(hour=mention.clock.hour + 12), problem="")
    return replace(mention, problem="") if mention.problem == TWELVE and early else mention


def _again(piece: TimeMention, gap: str) -> bool:
    """Whether an ambiguous time is written again in brackets: "ten past two (14:10 UTC)", this morning (05:00 UTC)."""
    relative = piece.day is not None and piece.day.ago is not None
    open_ones = relative or piece.problem == TWELVE or (piece.zone is not None and not piece.zone.is_settled)
    return open_ones and bool(re.fullmatch(r"[\"'”»]?[ ]?[(\[/=][ ]?", gap))


def _with_trailing_year(text: str, mention: TimeMention) -> TimeMention:
    """`Sat Jan 20 06:30:12 UTC 2024`, as the command `date` writes it."""
    year = _TRAILING_YEAR.match(text, mention.end)
    if not year or not mention.day or not mention.day.month_day:
        return mention
    value = date_of(int(year[1]), *mention.day.month_day)
    return replace(mention, end=year.end(), day=Day(dates=(value,))) if value else mention
