"""Finds what is written as a date, a time of day or "2 hours ago", and where. What it means is decided elsewhere.

The forms are spotted by strict patterns, field by field. General date parsers (dateutil, dateparser) are not asked:
they read "96" or "may" as dates, and settle 03/04/2024 and "IST" silently. All patterns are linear in the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from tsg_agent.extract.zones import Zone, zone_after

MAXIMUM_MENTIONS = 1_000
"""How many times a text is read for; the rest is noted."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day as written: one of `dates`, or (month, day) without year, or days ago, or a weekday."""

    dates: tuple[date, ...] = ()
    month_day: tuple[int, int] | None = None
    ago: int | None = None
    night: bool = False
    weekday: int | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A span of the text that is a day, a time of day, both, a time ago, or an instant."""

    start: int
    end: int
    day: Day | None = None
    clock: time | None = None
    zone: Zone | None = None
    back: timedelta | None = None
    instant: datetime | None = None
    problem: str = ""

    @property
    def timed(self) -> bool:
        """Does it say more than a day?"""
        return bool(self.clock or self.back is not None or self.instant or self.problem)


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|(?-i:May|MAY)|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_YEAR = r"(?:19|20)[0-9]{2}(?![0-9:])"
_DATE = re.compile(
    rf"""(?<![\w.+-])(?<![^Zz0-9]/)(?:
      (?P<basic>(?:19|20)[0-9]{{6}})(?=T[0-9]{{4}})
    | (?P<y>(?:19|20)[0-9]{{2}})(?P<ys>[-/.])(?P<ym>[0-9]{{1,2}})(?P=ys)(?P<yd>[0-9]{{1,2}})
      (?![0-9]|[-/.][0-9]|(?!T[0-9])[A-Za-z_])
    | (?P<a>[0-9]{{1,2}})(?P<as>[-/.])(?P<b>[0-9]{{1,2}})(?P=as)(?P<ay>{_YEAR}|[0-9]{{2}}(?![0-9:]))
      (?![\w]|[-/.][0-9])
    | (?P<wd>[0-9]{{1,2}})(?:st|nd|rd|th)?(?:[ ]of)?[ -]{{1,2}}(?P<wm>{_MONTH})(?:,?[ -]{{1,2}}(?P<wy>{_YEAR}))?
    | (?P<mm>{_MONTH})[ ]{{1,2}}(?P<md>[0-9]{{1,2}})(?:st|nd|rd|th)?(?![\w:%]|\.[0-9])(?:,?[ ]{{1,2}}(?P<my>{_YEAR}))?
    | (?P<word>today|tonight|this[ ](?:morning|afternoon|evening)|(?:the[ ])?day[ ]before[ ]yesterday|yesterday
      |last[ ]night|tomorrow)\b
    | (?:last[ ])?(?P<week>(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)day\b
      |(?-i:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_CLOCK = re.compile(
    r"""(?:(?<![\w:.+])|(?<=[0-9]T))(?:
      (?P<h>[01]?[0-9]|2[0-3])(?::(?P<m>[0-5][0-9])(?::(?P<s>[0-5][0-9])(?:[.,](?P<f>[0-9]{1,9}))?)?(?!\d|:\w|\.[0-9])
        |\.(?P<pm>[0-5][0-9])(?=[ ]?[ap]\.?m)|(?=[ ]?[ap]\.?m))(?:[ ]?(?P<half>[ap])\.?m\b\.?)?
    | (?P<bh>[01][0-9]|2[0-3])(?P<bm>[0-5][0-9])(?P<bs>[0-5][0-9])?
      (?=Z\b|[ ](?:UTC|GMT)\b|(?<=T[0-9]{4})|(?<=T[0-9]{6}))
    | (?P<word>noon|midnight)\b
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_COUNTS = {
    **{
        word: n
        for n, word in enumerate(
            ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], 1
        )
    },
    "a": 1,
    "an": 1,
    "half an": 0.5,
    "half a": 0.5,
}
_WORDS = rf"(?:half an?|{'|'.join(sorted((word for word in _COUNTS if ' ' not in word), key=len, reverse=True))})"
_UNIT = r"(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?)(?![A-Za-z])"
_AMOUNT = rf"(?:[0-9]{{1,4}}(?:\.[0-9]{{1,2}})?[ -]?|{_WORDS}[ -]){_UNIT}"
_PLUS = r"[ ]and[ ]a[ ](?:half|quarter)"
SPAN = (
    rf"(?:{_AMOUNT}(?:{_PLUS}\b|(?:[ ]and)?[ ]?{_AMOUNT})?|(?:[0-9]{{1,3}}|{_WORDS}){_PLUS}[ ]{_UNIT}"
    rf"|hour{_PLUS}\b|(?:a|three)[ ]quarters?[ ]of[ ]an[ ]hour\b)"
)
"""The pattern of a length of time: "3 hours", "1h 20m", "half an hour"."""
_AGO = re.compile(
    rf"(?<![\w.-])(?:(?P<span>{SPAN})|(?P<vague>(?:a couple(?: of)?|a few|several|some)[ ]{_UNIT}))[ ]ago\b",
    re.IGNORECASE,
)
_PART = re.compile(
    rf"(?:(?P<number>[0-9]{{1,4}}(?:\.[0-9]{{1,2}})?)[ -]?|\b(?P<word>{_WORDS})[ -])(?P<unit>{_UNIT})", re.IGNORECASE
)
_MORE = re.compile(
    rf"(?P<before>\b{_UNIT})?[ ]and[ ]a[ ](?P<part>half|quarter)(?:[ ](?P<after>{_UNIT}))?", re.IGNORECASE
)
_QUARTERS = re.compile(r"(?:(?P<three>three)|\ba)[ ]quarters?[ ]of[ ]an[ ]hour", re.IGNORECASE)
_EPOCH = re.compile(r"(?<![\w.:/+-])(?P<seconds>1[0-9]{9})(?:[0-9]{3})?(?![\w:/-]|\.[0-9])")
_DAY_TO_TIME = re.compile(r"[Tt]|[ ,|@\])]{0,3}(?:(?:at|around|about|approximately|approx\.?|circa|~|@)[ ~]?)?", re.I)
_TIME_TO_DAY = re.compile(r"[ ]|,[ ]|[ ,]{0,2}(?:on|of)(?: the)?[ ]|[ ]\(", re.IGNORECASE)
_TRAILING_YEAR = re.compile(r"[ ]((?:19|20)[0-9]{2})(?![\w:]|[-/.][0-9])")


def length(text: str) -> timedelta:
    """The length of time that a `SPAN` says."""
    quarters = _QUARTERS.search(text)
    if quarters:
        return timedelta(minutes=45 if quarters["three"] else 15)
    total = timedelta()
    more = _MORE.search(text)
    if more:  # "an hour and a half", "two and a half hours": half of the unit that stands beside it
        unit = more["before"] or more["after"] or "hour"
        total = length(f"1 {unit}") * (0.5 if more["part"].lower() == "half" else 0.25)
        text = f"{text[: more.start()].strip() or 1} {unit}"
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
    for part in _PART.finditer(text):
        count = float(part["number"]) if part["number"] else _COUNTS[part["word"].lower()]
        total += timedelta(seconds=count * seconds[part["unit"][0].lower()])
    return total


def spot(text: str) -> tuple[list[Mention], bool]:
    """Mentions in the text's order, and whether there are more than are read."""
    days, more_days = _capped(_DATE.finditer(text))
    pieces = [mention for match in days if (mention := _day(match))]
    covered = [(match.start(), match.end()) for match in days]
    clocks, more_clocks = _clocks(text, covered)
    others, more_others = _capped(_AGO.finditer(text))
    epochs, more_epochs = _capped(_EPOCH.finditer(text))
    pieces += clocks + [_ago(match) for match in others] + [_epoch(match) for match in epochs]
    pieces.sort(key=lambda mention: mention.start)
    return _joined(text, pieces), more_days or more_clocks or more_others or more_epochs


def _capped(matches: Iterator[re.Match[str]]) -> tuple[list[re.Match[str]], bool]:
    found: list[re.Match[str]] = []
    for match in matches:
        if len(found) == MAXIMUM_MENTIONS:
            return found, True
        found.append(match)
    return found, False


def _day(match: re.Match[str]) -> Mention | None:
    """A date; None where no calendar has it (2024-13-45)."""
    groups = match.groupdict()
    if groups["word"]:
        word = groups["word"].lower()
        ago = {"tomorrow": -1, "yesterday": 1, "last night": 1}.get(word, 2 if "before" in word else 0)
        return Mention(match.start(), match.end(), Day(ago=ago, night=word == "last night"))
    if groups["week"]:
        return Mention(match.start(), match.end(), Day(weekday=WEEKDAYS.index(groups["week"][:3].lower())))
    if groups["basic"]:
        value = groups["basic"]
        day = _dated(_date(int(value[:4]), int(value[4:6]), int(value[6:])))
    elif groups["y"]:
        day = _dated(_date(int(groups["y"]), int(groups["ym"]), int(groups["yd"])))
    elif groups["a"]:
        day = _numeric(int(groups["a"]), int(groups["b"]), groups["ay"], groups["as"])
    else:
        month = MONTHS.index((groups["wm"] or groups["mm"])[:3].lower()) + 1
        number, year = int(groups["wd"] or groups["md"]), groups["wy"] or groups["my"]
        # 2024 is a leap year: 29 February stays possible until the year is known.
        checked = _date(int(year or 2024), month, number)
        day = _dated(checked) if year else Day(month_day=(month, number)) if checked else None
    return Mention(match.start(), match.end(), day) if day else None


def _numeric(a: int, b: int, year: str, separator: str) -> Day | None:
    """03/04/2024: both readings, unless one is impossible. With points it is day first, as wherever it is used."""
    if len(year) == 2 and separator != "/":
        return None  # 3.14.24 is a version, 10-12-24 a part number
    whole = int(year) + (2000 if len(year) == 2 else 0)
    readings = [_date(whole, b, a)] if separator == "." else [_date(whole, b, a), _date(whole, a, b)]
    return _dated(*readings)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _dated(*readings: date | None) -> Day | None:
    dates = tuple(dict.fromkeys(reading for reading in readings if reading))
    return Day(dates=dates) if dates else None


def _clocks(text: str, covered: list[tuple[int, int]]) -> tuple[list[Mention], bool]:
    """Times of day outside of the dates, each with the zone that follows it."""
    found: list[Mention] = []
    position = index = 0
    while match := _CLOCK.search(text, position):
        position = match.end()
        while index < len(covered) and covered[index][1] <= match.start():
            index += 1
        if index < len(covered) and covered[index][0] < match.end():
            continue
        clock, problem = _clock(match)
        if clock is None:
            continue
        if len(found) == MAXIMUM_MENTIONS:
            return found, True
        # 07:00-08:00 is a range; after a date and a T, with seconds, or as "2024-01-20 07:00 -08:00", it is an offset.
        iso = text[match.start() - 1 : match.start()] in ("T", "t")
        dated = index > 0 and match.start() - covered[index - 1][1] <= 2 and text[match.end() : match.end() + 2] == " -"
        zone, position = zone_after(text, match.end(), minus=iso or dated or bool(match["s"]) or not match["h"])
        found.append(Mention(match.start(), position, clock=clock, zone=zone, problem=problem))
    return found, False


def _clock(match: re.Match[str]) -> tuple[time | None, str]:
    if match["word"]:
        noon = match["word"].lower() == "noon"
        return (time(12), "") if noon else (time(0), "midnight")
    if match["bh"]:
        return time(int(match["bh"]), int(match["bm"]), int(match["bs"] or 0)), ""
    hour, half = int(match["h"]), (match["half"] or "").lower()
    if half and not 1 <= hour <= 12:
        return None, ""
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    micro = int((match["f"] or "0").ljust(6, "0")[:6])
    return time(hour, int(match["m"] or match["pm"] or 0), int(match["s"] or 0), micro), ""


def _ago(match: re.Match[str]) -> Mention:
    if match["span"]:
        return Mention(match.start(), match.end(), back=length(match["span"]))
    return Mention(match.start(), match.end(), problem="it gives no number")


def _epoch(match: re.Match[str]) -> Mention:
    return Mention(match.start(), match.end(), instant=datetime.fromtimestamp(int(match["seconds"]), UTC))


def _joined(text: str, pieces: list[Mention]) -> list[Mention]:
    """Days and times that stand together, as one mention each: "20 Jan 2024, 06:30", "14:05 UTC yesterday"."""
    found: list[Mention] = []
    index = 0
    while index < len(pieces):
        piece = pieces[index]
        index += 1
        if found and piece.start < found[-1].end:
            continue
        after = pieces[index] if index < len(pieces) else None
        gap = text[piece.end : after.start] if after and after.start - piece.end <= 20 else "…"
        if after and piece.day and not piece.clock and after.clock and _DAY_TO_TIME.fullmatch(gap):
            found.append(_with_trailing_year(text, replace(after, start=piece.start, day=piece.day)))
            index += 1
        elif after and piece.day and piece.day.weekday is not None and after.day and re.fullmatch(r"[ ,]{1,3}", gap):
            pieces[index] = replace(after, start=piece.start)  # "Sat, 20 Jan 2024": the date says it all
        elif after and piece.clock and after.day and _TIME_TO_DAY.fullmatch(gap) and not _leads(text, pieces, index):
            zone, end = (piece.zone, after.end) if piece.zone else zone_after(text, after.end, minus=False)
            found.append(replace(piece, end=end, day=after.day, zone=zone))  # "7:30 this morning (CET)"
            index += 1
        else:
            found.append(piece)
    return found


def _leads(text: str, pieces: list[Mention], index: int) -> bool:
    """Does the day at `index` belong to a time after it?"""
    if index + 1 >= len(pieces) or not pieces[index + 1].clock:
        return False
    gap = text[pieces[index].end : pieces[index + 1].start]
    return len(gap) <= 20 and bool(_DAY_TO_TIME.fullmatch(gap))


def _with_trailing_year(text: str, mention: Mention) -> Mention:
    """`Sat Jan 20 06:30:12 UTC 2024`, as the command `date` writes it."""
    year = _TRAILING_YEAR.match(text, mention.end)
    if not year or not mention.day or not mention.day.month_day:
        return mention
    value = _date(int(year[1]), *mention.day.month_day)
    return replace(mention, end=year.end(), day=Day(dates=(value,))) if value else mention
