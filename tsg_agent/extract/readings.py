"""Turns a mention into an instant: its day and zone come from the mention, the text, the telemetry or the clock."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from tsg_agent.extract.spotting import MIDNIGHT, TWELVE, Day, TimeMention, date_of
from tsg_agent.extract.text import Prose
from tsg_agent.extract.words import ALL
from tsg_agent.extract.zones import LOCAL, Zone

DAY = timedelta(days=1)
UNIVERSAL = Zone("UTC")
_SEVERAL = 8
LATEST = "the latest such time before now"
NO_CLOCK = "it names a day and no time of day"
OTHER_DAY = "the day beside it is that of another time, and it may be of today"
SEVERAL_DAYS = "the text names several days, and not which one this is on"
BY_NOW = (TWELVE, SEVERAL_DAYS, OTHER_DAY)
"""Problems of which the latest instant before now is the solution."""
_LONGEST = 400 * DAY  # of a longer range the days are not looked through
_STATED = 200  # mentions that are read for a text's only day


@dataclass(frozen=True, slots=True)
class TimeReading:
    """The instants that a mention may mean; `problem` says why it is not exactly one."""

    instants: tuple[datetime, ...]
    how: str = ""
    problem: str = ""

    @property
    def instant(self) -> datetime | None:
        """The instant, if there is exactly one and no problem."""
        return self.instants[0] if len(self.instants) == 1 and not self.problem else None

    def edge(self, *, last: bool = False) -> "TimeReading":
        """Where a window opens or, `last`, closes: at one of a day's midnights, if it names a day without a time."""
        if self.problem != NO_CLOCK or len(self.instants) != 1:
            return self
        return TimeReading((self.instants[0] + (DAY if last else timedelta()),), "whole days, UTC")


@dataclass(frozen=True, slots=True)
class TimeContext:
    """What a text's times are read against; instants are UTC. `written`: when the text was written, if it tells."""

    prose: Prose
    mentions: tuple[TimeMention, ...]
    now: datetime
    first: datetime | None
    last: datetime | None
    zone: Zone | None = None
    written: datetime | None = None
    written_day: date | None = None
    began: datetime | None = None
    """The incident's start: "T+15m" counts from it."""

    def covers(self, instant: datetime) -> bool:
        """Whether the telemetry's range holds an instant."""
        return bool(self.first and self.last and self.first <= instant <= self.last)

    @property
    def reference(self) -> datetime:
        """What "today" and "2 hours ago" count from."""
        return self.written or self.now


def read(mention: TimeMention, setting: TimeContext, after: datetime | None = None) -> TimeReading:
    """The instants that a mention may mean, in UTC. A time of day without a day is the first one after `after`."""
    if mention.instant:
        return TimeReading((mention.instant,), "seconds since 1970")
    if mention.plus is not None or mention.back is not None:
        return _counted(mention, setting)
    zone = mention.zone or setting.zone or UNIVERSAL
    dates, how, problem = _dates(mention, setting, zone, after)
    if mention.clock is None:
        midnights = tuple(datetime.combine(day, time(), UTC) for day in dates)
        return TimeReading(midnights, how, problem or NO_CLOCK)
    moments = [datetime.combine(day, mention.clock) for day in dates]
    if mention.problem == TWELVE or (mention.problem == MIDNIGHT and mention.day and not problem):
        problem = mention.problem
        moments += [one + (DAY / 2 if problem == TWELVE else DAY) for one in moments]
    how = f"{how}, {zone.how}" if zone.how else how if mention.zone or setting.zone else f"{how}, read as UTC"
    instants = tuple(dict.fromkeys(instant for one in moments for instant in zone.instants(one)))
    if moments and not instants:
        what = "the place is not said" if zone.name == LOCAL else "it is no time there (unknown zone or clock change)"
        problem = problem or f"its zone {zone.name} cannot be turned to UTC: {what}"
    elif len(instants) > len(moments):
        problem = problem or f"{zone.name} may mean several offsets at this time"
    return TimeReading(instants, how.lstrip(", "), problem)


def _counted(mention: TimeMention, setting: TimeContext) -> TimeReading:
    """ "T+15m", counted from the start; "2 hours ago", counted back from when it was written."""
    if mention.plus is not None:
        if setting.began is None:
            return TimeReading((), problem="it counts from the start, which is not known")
        return TimeReading((setting.began + mention.plus,), "counted from the start")
    line = setting.prose.line(mention.start)[0]  # of a chat: "[08:02] ann: it began 20 minutes ago"
    heads = [one for one in setting.mentions if one.clock and line <= one.start < min(line + 3, mention.start)]
    anchor = next((read(one, setting).instant for one in heads), None) or setting.reference
    name = "now" if anchor == setting.now else f"{anchor:%Y-%m-%dT%H:%M:%SZ}, when it was written"
    return TimeReading((anchor - (mention.back or timedelta()),), f"counted from {name}")


def _dates(
    mention: TimeMention, setting: TimeContext, zone: Zone, after: datetime | None
) -> tuple[tuple[date, ...], str, str]:
    """The days that a mention may mean, how they were found, and the problem with them."""
    today = zone.today(setting.reference).date()
    if mention.day:
        dates = _days_of(mention.day, setting, today, mention.clock)
        how = "" if mention.day.dates or mention.day.month_day else f"counted from {today}"
        if len(mention.day.dates) > len(dates):
            how = "the only reading of its date that the telemetry covers"
        return dates, how, "" if len(dates) == 1 else "its date can be read in two ways"
    clock = mention.clock or time()
    if len(near := _sentence_days(mention, setting, today, clock)) == 1:
        return around(near[0], clock, zone, after), "the day from the same sentence", ""
    if setting.written_day:
        return around(setting.written_day, clock, zone, after, setting.written), "the day from the header", ""
    stated = _stated_days(setting, today)
    if len(stated) > 1:
        return stated, "", SEVERAL_DAYS
    if not stated:
        return _telemetry_days(clock, setting, zone, after)
    own, how, problem = around(stated[0], clock, zone, after), "the only day in the text", ""
    if not _covered(stated[0], setting):  # that day may belong to another incident
        own, how, problem = (*own, *_telemetry_days(clock, setting, zone, None)[0]), "", OTHER_DAY
    return own, how, problem


def _days_of(day: Day, setting: TimeContext, today: date, clock: time | None) -> tuple[date, ...]:
    """The calendar days that a written day may mean. A missing year is one with telemetry, else the latest past one."""
    if day.dates:
        inside = tuple(one for one in day.dates if _covered(one, setting))
        return inside if len(inside) == 1 else day.dates
    if day.ago is not None:
        nightly = day.night and clock is not None and clock.hour < 12
        return (today - timedelta(days=0 if nightly else day.ago),)
    if day.weekday is not None:
        return (today - timedelta(days=(today.weekday() - day.weekday) % 7),)
    month, number = day.month_day or (0, 0)
    if not month:  # "on the 9th": the latest one
        return next(((one,) for n in range(62) if (one := today - timedelta(days=n)).day == number), ())
    dates = [found for back in range(9) if (found := date_of(today.year - back, month, number))]
    covered = tuple(one for one in dates if _covered(one, setting))[:2]
    return covered or tuple(one for one in dates if one <= today)[:1]


def _covered(day: date, setting: TimeContext) -> bool:
    return bool(setting.first and setting.last and setting.first.date() <= day <= setting.last.date())


def _sentence_days(mention: TimeMention, setting: TimeContext, today: date, clock: time) -> tuple[date, ...]:
    """The days of a time's sentence, but for one that is compared with: "as last night (22:10)"."""
    begin, end = setting.prose.sentence(mention.start, mention.end)
    compared, found = ALL.like(r"\b{compared}\W{1,3}$"), dict[date, None]()
    for one in [one for one in setting.mentions if one.day and begin <= one.start < end][:_SEVERAL]:
        if one.day and not compared.search(setting.prose.text[max(0, one.start - 20) : one.start]):
            found |= dict.fromkeys(_days_of(one.day, setting, today, clock))
    return tuple(found)


def _stated_days(setting: TimeContext, today: date) -> tuple[date, ...]:
    stated = [(one.day, one.clock) for one in setting.mentions[:_STATED] if one.day]
    days = tuple(dict.fromkeys(found for day, clock in stated for found in _days_of(day, setting, today, clock)))
    word = any(not (day.dates or day.month_day) for day, _ in stated)
    # "The release went out yesterday. Errors began at 07:10": yesterday or today, the text does not say.
    return tuple(dict.fromkeys((*days, today))) if word and len(days) == 1 else days[:_SEVERAL]


def around(
    day: date, clock: time, zone: Zone, after: datetime | None, before: datetime | None = None
) -> tuple[date, ...]:
    """`day`, or its neighbour if midnight lies between the time and what it is after, else before."""
    instants = zone.instants(datetime.combine(day, clock))
    if len(instants) != 1:
        return (day,)
    if after:
        return (day + DAY,) if instants[0] <= after <= instants[0] + DAY <= after + DAY / 2 else (day,)
    return (day - DAY,) if before and instants[0] - before > DAY / 2 else (day,)


def _telemetry_days(
    clock: time, setting: TimeContext, zone: Zone, after: datetime | None
) -> tuple[tuple[date, ...], str, str]:
    """Without a day in the text: the only day on which the telemetry covers the time, else the latest before now."""
    if after:
        return around(zone.today(after).date(), clock, zone, after), "the first such time after the start", ""
    first, last, today = setting.first, setting.last, zone.today(setting.reference).date()
    if first and last:
        inside = days_within(clock, zone, first, last)
        if len(inside) == 1:
            return (inside[0],), "the only day on which the telemetry covers it", ""
        if inside and setting.now - last > DAY:
            return tuple(inside[-_SEVERAL:]), "", "no day is given, and the telemetry covers several"
    future = any(one > setting.now for one in zone.instants(datetime.combine(today, clock))[:1])
    return (today - DAY if future else today,), LATEST, ""


def days_within(clock: time, zone: Zone, low: datetime, high: datetime) -> list[date]:
    """The days on which a time of day lies between two instants; at most the last `_LONGEST`."""
    low = max(low, high - _LONGEST)
    days = dict.fromkeys((low + n * DAY).date() for n in range(-1, (high - low).days + 3))
    return [day for day in days if any(low <= t <= high for t in zone.instants(datetime.combine(day, clock)))]
