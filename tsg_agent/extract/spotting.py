"""Finds dates, times of day and times such as "2 hours ago" in a text. `readings` turns them into instants.

Patterns are strict. General date parsers (dateutil, dateparser) are not used: they read "96" or "may" as dates, and
settle 03/04/2024 and "IST" silently. All patterns are linear in the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from tsg_agent.extract.spoken import HOUR, MINUTE, NUMBER, SPAN, length, number
from tsg_agent.extract.words import ENGLISH, Words
from tsg_agent.extract.zones import Zone, zone_after

MIDNIGHT = "midnight may be the day's beginning or its end"
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
        return self.day is None or self.clock is not None


_EPOCH = re.compile(r"(?<![\w.:/+-])(?P<seconds>1[0-9]{9})(?:[0-9]{3}|\.[0-9]{1,9})?(?![\w:/-]|\.[0-9])")
_AGO = {"last_night": 1, "yesterday": 1, "day_before": 2, "today": 0, "tomorrow": -1}
"""Kind of a word for a day -> days ago. Longer phrases come first: "last night" is no "night"."""
_AT_A_LINE = (
    r"(?:(?<=\n)|(?<=\n[-*][ ]))(?P<hour5>[01][0-9]|2[0-3])(?P<minute7>[0-5][0-9])"
    r"(?=(?:Z|[ ]?(?:UTC|GMT|h|hrs|Uhr))?[ :,-]{1,3}[^\W\d])"
)
"""1340 at the head of a line: a time if several lines begin so, as in a timeline."""
_TO_HALF = (
    r"[ ]?(?:-|\u2013|to|and|until|till)[ ]?(?P<next>[1-9]|1[0-2])(?::[0-5][0-9])?[ ]?(?P<half_of_next>[ap])\.?m\b"
)
"""Behind the 2 of "between 2 and 3 pm"."""
_DATE = r"""(?<![\w.+-])(?<![^Zz0-9]/)(?:{weekdays}[ ,]{1,3}(?:the[ ]|de[nm][ ])?)?(?:
    (?P<year1>(?:19|20)[0-9]{2})(?P<month1>[0-9]{2})(?P<day1>[0-9]{2})(?=T[0-9]{4})
    |(?:(?P<year2>YEAR)年)?(?P<month2>[01]?[0-9])月(?P<day2>[0-3]?[0-9])日
    |(?P<year3>(?:19|20)[0-9]{2})(?P<mark3>[-/.])(?P<month3>[0-9]{1,2})(?P=mark3)(?P<day3>[0-9]{1,2})
        (?![0-9]|[-/.][0-9]|(?!T[0-9])[A-Za-z_])
    |(?P<first>[0-9]{1,2})(?P<mark>[-/.])(?P<second>[0-9]{1,2})(?P=mark)
        (?P<year>YEAR|(?:(?<=/)[0-9]{2}|[0-9]{2}(?=,?[ ][0-2]?[0-9]:[0-5][0-9]))(?![0-9:]))(?![\w]|[-/.][0-9])
    |DAY_MONTH
    |(?P<day5>[0-9]{1,2})(?:st|nd|rd|th|er|\.)?(?:[ ]{of})?[ /-]{1,2}(?P<month5>{months}(?!\w)\.?)
        (?:(?:,?[ /-]{1,2}|[ ]{year_of}[ ])(?P<year5>YEAR|(?<=/)[0-9]{2}(?=[ ][0-2]?[0-9]:)))?
    |(?P<month6>{months}(?!\w)\.?)[ ]{1,2}(?P<day6>[0-9]{1,2})(?:st|nd|rd|th)?(?![\w:%]|\.[0-9])
        (?:,?[ ]{1,2}(?P<year6>YEAR))?
    |(?:the[ ](?=[0-9]{1,2}(?:st|nd|rd|th))|(?:am|vom|dem)[ ](?=[0-9]{1,2}\.)|(?<=el[ ])|(?<=le[ ])|(?<=día[ ]))
        (?P<day7>[0-9]{1,2})(?:st|nd|rd|th|\.)?
        (?=[ ,]{1,2}(?:at|um|gegen|a[ ]las|sobre|hacia|à|vers|[0-2]?[0-9][:.h][0-9])|[.,;)](?!\w)|$)
    |(?P<word>{last_night yesterday day_before today tomorrow})(?!\w)
    )
    |(?<![\w.+-])(?:last[ ])?(?P<weekday>{weekdays})(?!\w)""".replace("YEAR", r"(?:19|20)[0-9]{2}(?![0-9:])")
_CLOCK = r"""(?:(?<![A-Za-z0-9_:+])(?<!\w\.)|(?<=[0-9]T)|(?<=/20[0-9][0-9]:))(?:
    (?P<hour1>[01]?[0-9]|2[0-3])(?:
        :(?P<minute1>[0-5][0-9])(?::(?P<second1>[0-5][0-9])(?:[.,](?P<fraction>[0-9]{1,9}))?)?(?!\d|:\w|\.[0-9])
        |\.(?P<minute2>[0-5][0-9])(?=[ ]?[ap]\.?m|[ ]{hour_word})
        |(?=[ ]?[ap]\.?m|[ ]?{hour_word}(?!\w)|[ ](?:UTC|GMT)\b|TO_HALF)
        |(?:[ ]o'clock)?(?=[ ](?:this[ ]|yesterday[ ])?{afternoon forenoon}(?!\w)))
        (?:[ ]?(?:{hour_word}|h(?:rs)?)(?!\w)(?:[ ](?P<minute3>[0-5][0-9])(?![\w:.%-]))?)?
    |(?P<hour2>[01][0-9]|2[0-3])(?P<minute4>[0-5][0-9])(?P<second2>[0-5][0-9])?
        (?:h(?:rs)?(?!\w)|(?=Z\b|[ ](?:UTC|GMT)\b|(?<=T[0-9]{4})|(?<=T[0-9]{6})))
    |(?P<hour3>[01]?[0-9]|2[0-3])[ ]?h(?:eures?(?=[ ][0-5][0-9](?![\w%]|[ ]?min)))?[ ]?(?P<minute5>[0-5][0-9])?(?!\w)
    |(?P<hour4>[01]?[0-9]|2[0-3])[ ]?[時时點点](?:[ ]?(?P<minute6>[0-5]?[0-9])[ ]?分)?
    |AT_A_LINE
    |{before_hour}(?P<hour6>[01]?[0-9]|2[0-3])(?![\w:.,%/-])
    |(?:(?P<away1>{spoken})[ ](?P<spoken_hour1>HOUR)|(?P<spoken_hour2>HOUR)[ ](?P<away2>{spoken_after}))(?!\w|[:.%-]\w)
    |(?P<hour7>HOURS)(?=[ ]?[ap]\.?m\b)
    |(?=\w+teen|twenty[- ](?:one|two|three))(?P<hour8>NUMBER)[ ](?:hundred(?:[ ]hours)?|(?P<minute8>MINUTE))
        (?!\w|[ ](?:%|percent|errors|requests|times))
    |(?P<word>{noon midnight})(?!\w)
    )(?P<half>[ ]?[ap]\.?m\b\.?(?![ ][0-9]{1,2}\.)|[ ]{afternoon forenoon}(?!\w))?"""
_PARTS = {"AT_A_LINE": _AT_A_LINE, "TO_HALF": _TO_HALF, "HOURS": HOUR, "NUMBER": NUMBER, "MINUTE": MINUTE}
_PARTS["HOUR"] = "{noon midnight numbers}|1[0-9]|2[0-3]|[1-9]"
_CLOCK = re.sub("[A-Z_]{4,}", lambda name: _PARTS[name[0]], _CLOCK)
_COUNTED = (
    rf"(?<![\w.-])(?:(?P<back1>{SPAN})[ ]ago\b"
    rf"|(?:{{ago_before}}|(?P<for>{{for_before}}))[ ](?:{{about}}[ ])?(?P<back2>{SPAN})|(?P<plus1>{SPAN})[ ]{{later}}\b"
    rf"|T[ ]?\+[ ]?(?P<plus2>{SPAN}|[0-9]{{1,3}}(?![\w:])|[0-9]{{1,2}}:[0-5][0-9])|\+[ ]?(?P<plus3>{SPAN}))"
)
_UTC = Zone("UTC")
_DAY_TO_TIME = r"[Tt:]|[ ]-[ ]|[ ,|@\])]{0,3}(?:(?:{join}|~|@)[ ~]?)?"
_TIME_TO_DAY = r"[ ]|,[ ]|[ ,]{0,2}{on}[ ]|[ ]\("


def spot(text: str, words: Words = ENGLISH) -> list[TimeMention]:
    """Mentions in the text's order; if there are more than `MAXIMUM_MENTIONS`, one more or a few."""
    day_month = words.listed("calendar", "day_month")[-1]  # a language may have its own form
    days = islice(words.like(_DATE.replace("DAY_MONTH", day_month)).finditer(text), _ENOUGH)
    pieces = [mention for match in days if (mention := _day(match, words))]
    pieces += islice(_clocks(text, words), _ENOUGH)
    pieces += map(_counted, islice(words.like(_COUNTED).finditer(text), _ENOUGH))
    for match in islice(_EPOCH.finditer(text), _ENOUGH):
        pieces.append(TimeMention(*match.span(), instant=datetime.fromtimestamp(int(match["seconds"]), UTC)))
    return _joined(text, sorted(pieces, key=lambda mention: mention.start), words)


def _day(match: re.Match[str], words: Words) -> TimeMention | None:
    """A date; None where no calendar has it (2024-13-45)."""
    said = _said(match)
    day: Day | None
    if word := said.get("word"):
        name = next(name for name in _AGO if words.like(f"{{{name}}}").fullmatch(word))
        day = Day(ago=_AGO[name], night=name == "last_night")
    elif "weekday" in said:
        day = Day(weekday=words.row("weekdays", said["weekday"]))
    elif "first" in said:  # 03/04/2024: both readings, unless one is impossible. With points it is always day first
        first, second = int(said["first"]), int(said["second"])
        day, other = _dated(said["year"], second, first), _dated(said["year"], first, second)
        if not (day and (said["mark"] == "." or words.day_first)):
            dates = tuple(dict.fromkeys(one.dates[0] for one in (day, other) if one))
            day = Day(dates=dates) if dates else None
    else:
        month = said.get("month", "0")  # "on the 9th" names none
        number_of = int(month) if month.isdigit() else 1 + words.row("months", month)
        day = _dated(said.get("year"), number_of, int(said["day"]))
    return TimeMention(match.start(), match.end(), day) if day else None


def _said(match: re.Match[str]) -> dict[str, str]:
    """What the groups of a match hold, by their names without the number that tells alternatives apart."""
    return {name.rstrip("0123456789"): text for name, text in match.groupdict().items() if text}


def _dated(year: str | None, month: int, day: int) -> Day | None:
    # 2024 is a leap year: 29 February stays possible until the year is known.
    found = date_of(int(year or 2024) + (2000 if year and len(year) == 2 else 0), month or 1, day)
    return (Day(dates=(found,)) if year else Day(month_day=(month, day))) if found else None


def date_of(year: int, month: int, day: int) -> date | None:
    """The day; None if the calendar does not have it."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _clocks(text: str, words: Words) -> Iterator[TimeMention]:
    """Times of day, each with the zone that follows it."""
    position = 0
    timeline = len(re.findall(_AT_A_LINE, text)) > 1
    while match := words.like(_CLOCK).search(text, position):
        position = match.end()
        clock, problem = _clock(match, words)
        if clock is None or (match["hour5"] and not timeline):
            continue
        # 07:00-08:00 is a range; after a date and a T, with seconds, or as "2024-01-20 07:00 -08:00", it is an offset.
        offset = re.compile("(?<=[0-9][Tt])|(?<=[0-9] )(?=[0-9:]+ -)").match(text, match.start())
        zone, position = zone_after(text, match.end(), minus=bool(offset or match["second1"] or not match["hour1"]))
        if words.like("[ ,]*{no_zone}").fullmatch(text, match.end(), position):  # "seit 14:30 ist", a verb
            zone, position = None, match.end()
        mention = TimeMention(match.start(), position, clock=clock, zone=zone, problem=problem)
        yield _halved(mention, match["half"] or "", words)


def _clock(match: re.Match[str], words: Words) -> tuple[time | None, str]:
    """A time of day, and what is unclear of it; no time where it is how long something took."""
    said = _said(match)
    if "spoken_hour" in said:
        return _spoken(match, said, words)
    if "word" in said:
        midnight = words.like("{midnight}").fullmatch(said["word"])
        return (time(0), MIDNIGHT) if midnight else (time(12), "")
    if match["hour3"] and not (len(match["hour3"]) == 2 and match["minute5"]):
        # 14h05 is a time; 1h30 is one only where "à" or the like says so, else how long something took
        before = match.string[max(0, match.start() - 24) : match.start()]
        told = words.like("{clock_before}(?:{about} )?$").search(before)
        if not (told or zone_after(match.string, match.end(), minus=False)[0]):
            return None, ""
    hour, micro = number(said["hour"]), int(said.get("fraction", "0").ljust(6, "0")[:6])
    to_half = None if match["half"] else re.compile(_TO_HALF, re.IGNORECASE).match(match.string, match.end())
    if to_half and hour <= 12:  # "2 to 3 pm"; 11 to 2 pm begins in the morning
        late = (to_half["half_of_next"].lower() == "p") == (hour % 12 <= int(to_half["next"]) % 12)
        hour = hour % 12 + 12 * late
    return time(hour, number(said.get("minute", "0")), int(said.get("second", "0")), micro), ""


def _spoken(match: re.Match[str], said: dict[str, str], words: Words) -> tuple[time | None, str]:
    """ "half past two": in either half of the day, unless "afternoon" follows; "quarter past noon" is in one."""
    before = match.string[max(0, match.start() - 24) : match.start()]
    long = re.fullmatch(SPAN, match[0], re.IGNORECASE) and words.like("{for_before}(?: {about})? *$").search(before)
    if long and not zone_after(match.string, match.end(), minus=False)[0]:
        return None, ""  # "depuis une heure et demie" is how long
    noon, midnight = (words.like(kind).fullmatch(said["spoken_hour"]) for kind in ("{noon}", "{midnight}"))
    hour = 12 if noon else 0 if midnight else number(said["spoken_hour"])
    table = words.table("calendar", "spoken" if match["away1"] else "spoken_after")
    away = next(minutes for form, minutes in table.items() if re.fullmatch(form, said["away"], re.IGNORECASE))
    sure = bool(noon or midnight or hour > 12)
    hours, minute = divmod((60 * hour + away) % (1440 if sure else 720), 60)
    return time(hours, minute), "" if sure else TWELVE


def _halved(mention: TimeMention, said: str, words: Words) -> TimeMention:
    """A time in the half of the day that words beside it tell: "2:05 pm", "half past two this afternoon"."""
    late = words.like(r"^[ ]?p\.?m|{afternoon}").search(said)
    early = words.like(r"^[ ]?(?P<am>a\.?m)|{forenoon}").search(said)
    if not (mention.clock and 1 <= mention.clock.hour <= 12 and (late or early)):
        return mention
    hour = mention.clock.hour
    if late or (early and early["am"]):  # but "12 de la mañana" is noon
        hour = hour % 12 + (12 if late else 0)
    return replace(mention, clock=mention.clock.replace(hour=hour), problem="")


def _counted(match: re.Match[str]) -> TimeMention:
    """ "T+15m", "2 hours ago"."""
    said, start = _said(match), match.start("back2" if match["for"] else 0)  # "seit" tells the role
    if plus := said.get("plus"):
        span = timedelta(minutes=int(plus)) if plus.isdigit() else length(plus.replace(":", "h"))
        return TimeMention(start, match.end(), plus=span)
    return TimeMention(start, match.end(), back=length(said["back"]))


def _joined(text: str, pieces: list[TimeMention], words: Words) -> list[TimeMention]:
    """Mentions with adjacent days and times joined: "20 Jan 2024, 06:30", "14:05 UTC yesterday"; a time that is written
    again in brackets with its zone counts as it is there: "ten past two (14:10 UTC)"."""
    found = [TimeMention(0, 0)]
    for piece in pieces:
        last, gap = found[-1], text[found[-1].end : piece.start]
        timed = last.clock and not last.day
        if piece.start < last.end:  # of "depuis 8 h 20" only the time, and not also how long
            continue
        if last.day and not last.clock and piece.clock and words.like(_DAY_TO_TIME).fullmatch(gap):
            joined = replace(piece, start=last.start, day=last.day)
            found[-1] = _halved(joined, text[last.start : last.end], words)
        elif timed and piece.day and words.like(_TIME_TO_DAY).fullmatch(gap):
            zone, end = (last.zone, piece.end) if last.zone else zone_after(text, piece.end, minus=False)
            joined = replace(last, end=end, day=piece.day, zone=zone)  # "7:30 this morning (CET)"
            found[-1] = _halved(joined, text[piece.start : piece.end], words)
        elif timed and gap.strip() == "(" and piece.zone and piece.zone in (_UTC, last.zone or piece.zone):
            found[-1] = replace(piece, start=last.start)
        else:
            found.append(piece)
    return found[1:]
