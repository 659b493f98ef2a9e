"""Chooses one instant among the sightings of a parameter, or asks; and settles ranges of time: written windows
("start_time: …", "the last 3 hours"), and ranges that the incident lasted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from tsg_agent.extract.inputs import Given
from tsg_agent.extract.readings import DAY, OTHER_DAY, SEVERAL_DAYS, UNIVERSAL, TimeContext, TimeReading, read
from tsg_agent.extract.roles import RAN_TO, Range, Roles, Sighting
from tsg_agent.extract.spotting import TWELVE, Day, TimeMention
from tsg_agent.models import Doubt, Question

CANDIDATES = 8
_OVERNIGHT = timedelta(hours=12)  # a range that ends before it begins is overnight if it is no longer
_MOMENT = timedelta(minutes=30)
"""Up to this long, "it broke between A and B" gives an uncertain start; a longer range is how long it lasted."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One instant with its origin, or a question, or neither if the text says nothing."""

    instant: datetime | None = None
    origin: str = ""
    question: Question | None = None
    opens: datetime | None = None
    """The beginning of a day that is known without a time."""

    @property
    def value(self) -> datetime | None:
        """The instant, by the name that other parameters have for theirs."""
        return self.instant

    @property
    def is_silent(self) -> bool:
        """Whether the text says nothing of it."""
        return not (self.instant or self.question or self.opens)


@dataclass(slots=True)
class Material:
    """All times of a text, with what they are settled from; and the notes taken on the way."""

    mentions: Sequence[TimeMention]
    roles: Roles
    setting: TimeContext
    given: Given = field(default_factory=Given)
    before: timedelta = timedelta()
    ranges_are_windows: bool = False
    """Whether any range is a window: in a question, "between 14:00 and 15:00" is where to look."""
    notes: list[str] = field(default_factory=list)
    times: dict[str, Choice] = field(default_factory=dict)
    unsettled: list[Question] = field(default_factory=list)
    """What stays open, and nobody needs to answer."""

    def quoted(self, start: int, end: int) -> str:
        """A span of the text as it is shown."""
        return self.setting.prose.snippet(start, end)


def choose(parameter: str, sightings: list[Sighting], material: Material, bound: datetime | None = None) -> Choice:
    """The instant of the sightings of the highest rank: of several within one window, the first start or the last end.

    A question if they are further apart, or have no single reading.
    """
    # a reply tells of its own times, and what it quotes is the report before
    sightings = [one for one in sightings if not material.setting.prose.is_quoted(one.start)] or sightings
    # a correction drops the sightings before it
    sightings = sightings[max((n for n, one in enumerate(sightings) if one.corrects), default=0) :]
    if not sightings:
        return Choice()
    top = max(sighting.rank for sighting in sightings)
    settled: dict[datetime, str] = {}
    open_ones: list[tuple[Sighting, TimeReading]] = []
    for sighting in (one for one in sightings if one.rank == top):
        reading = _latest(reading_of(sighting, material.setting, bound), sighting, material)
        reading = _plausible(reading, material.setting)
        if reading.instant:
            settled.setdefault(reading.instant, origin_of(sighting, reading, material))
        else:
            open_ones.append((sighting, reading))
    doubtful = [(one, reading) for one, reading in open_ones if not set(reading.instants) & set(settled)]
    timed = [reading for one, reading in doubtful if one.mention.clock]
    instants = sorted({*settled, *(instant for reading in timed for instant in reading.instants)})
    if settled and (timed or instants[-1] - instants[0] > material.before):
        return Choice(question=ask(parameter, "the text names several times for it", instants, Doubt.SEVERAL))
    if settled:
        chosen, which = (instants[-1], "last") if parameter == "end_time" else (instants[0], "first")
        if len(instants) > 1:
            shown = ", ".join(map(iso, instants))
            material.notes.append(f"The text names several times for {parameter}: {shown}; the {which} is used.")
        return Choice(chosen, settled[chosen])
    sighting, reading = next((pair for pair in open_ones if pair[0].mention.clock), open_ones[0])
    quoted = material.quoted(sighting.start, sighting.end)
    if timed:
        doubt = Doubt.UNCLEAR if len({one.instants for one in timed}) == 1 else Doubt.SEVERAL
        why = f"{quoted} does not settle it: {reading.problem}"
        return Choice(question=ask(parameter, why, instants, doubt))
    material.notes.append(f"{quoted} does not settle {parameter}: {reading.problem}.")
    days = [instant for _, reading in open_ones for instant in reading.instants]
    return Choice(opens=min(days), origin=f"text: {quoted}") if days else Choice()


def origin_of(sighting: Sighting | Range, reading: TimeReading, material: Material, kind: str = "text") -> str:
    """Where an instant comes from: the quoted words, and how they were read."""
    how = f" ({reading.how})" if reading.how else ""
    return f"{kind}: {material.quoted(sighting.start, sighting.end)}{how}"


def reading_of(sighting: Sighting, setting: TimeContext, after: datetime | None = None) -> TimeReading:
    """The reading of a sighting. A time of day without a day is the first one after `after`."""
    return sighting.reading or read(sighting.mention, setting, after)


def _latest(reading: TimeReading, sighting: Sighting, material: Material) -> TimeReading:
    """A reading of several instants, narrowed: to the only one with telemetry; to the latest before now, if it is the
    half of the day or the day that is open. The others are noted."""
    setting = material.setting
    past = [one for one in reading.instants if one <= setting.now]
    inside = [one for one in past if setting.covers(one)]
    only = len(inside) == 1 and len(reading.instants) > 1
    if only or reading.problem not in (TWELVE, SEVERAL_DAYS, OTHER_DAY):
        past = inside if only else []
    if not past or not sighting.mention.clock:
        return reading
    others = " or ".join(iso(one) for one in reading.instants if one != max(past))
    why = "the only one that has telemetry" if only else "the latest before now"
    quoted = material.quoted(sighting.start, sighting.end)
    material.notes.append(f"{quoted} is taken for {iso(max(past))}, {why}; it may be {others}.")
    return replace(reading, instants=(max(past),), problem="")


def _plausible(reading: TimeReading, setting: TimeContext) -> TimeReading:
    """A reading with what speaks against it: it is in the future, or its guessed day has no telemetry."""
    first, last, now = setting.first, setting.last, setting.now
    if reading.problem and reading.instants and min(reading.instants) > now:
        return replace(reading, problem=f"{reading.problem}, and all of them are later than now ({_minute(now)})")
    guessed = reading.guessed_day and reading.instants
    if not (guessed and first and last) or any(map(setting.covers, reading.instants)):
        return reading
    when = f"the latest such time before now ({_minute(now)}) is {_minute(reading.instants[0])}"
    problem = f"no day is given, {when}, and the telemetry covers only {_minute(first)} to {_minute(last)}"
    return replace(reading, problem=f"{reading.problem}; {problem}" if reading.problem else problem)


def settle_ranges(material: Material) -> None:
    """Turn ranges of the incident into starts and ends, and those that may be either into one or the other."""
    roles, setting, given = material.roles, material.setting, material.given
    for r in roles.ran:
        first, second = span_of(r, setting, whole_days=False)
        opened = given.start_time is not None and given.start_time == first.instant
        apart = second.instant - first.instant if first.instant and second.instant else DAY
        if (material.ranges_are_windows or opened) and not r.begun:
            roles.ranges.append(r)
        elif r.vague and (r.begun or apart < _MOMENT):
            quoted = material.quoted(r.start, r.end)
            material.notes.append(f"The text gives two times for incident_start: {quoted}; the first is used.")
            roles.starts.append(Sighting(r.first, int(r.begun), r.start, r.end, first))
        else:
            _of_incident(r, first, second, roles)
    known = given.incident_start or choose("incident_start", roles.starts, replace(material, notes=[])).instant
    settled = known or given.start_time or material.ranges_are_windows
    for r in roles.either if settled else ():
        first, second = span_of(r, setting)
        if known and known == first.instant:
            _of_incident(r, first, second, roles)
        else:
            roles.ranges.append(r)
    roles.either = [] if settled else roles.either


def _of_incident(r: Range, first: TimeReading, second: TimeReading, roles: Roles) -> None:
    roles.starts.append(Sighting(r.first, int(r.begun), r.start, r.end, first))
    if r.second:
        roles.ends.append(Sighting(r.second, RAN_TO, r.start, r.end, second))


def written_out(material: Material, *, alone: bool) -> tuple[Choice, Choice]:
    """The window that the text writes out. `alone`: there is no start, so a range that may be either counts too."""
    roles, setting = material.roles, material.setting
    if roles.window_starts or roles.window_ends:
        start = choose("start_time", roles.window_starts, material)
        return start, choose("end_time", roles.window_ends, material, start.instant or material.given.start_time)
    found = {tuple(one.instant for one in span_of(r, setting)): r for r in roles.ranges}
    if setting.began:  # a range before the start belongs to another incident
        found = {span: r for span, r in found.items() if not span[1] or span[1] > setting.began}
    if len(found) > 1:
        several = "the text names several windows"
        starts, ends = (tuple(filter(None, side)) for side in zip(*found, strict=True))
        asked = ask("start_time", several, starts, Doubt.SEVERAL)
        return Choice(question=asked), Choice(question=ask("end_time", several, ends, Doubt.SEVERAL))
    for r in found.values():
        first, second = span_of(r, setting)
        end = _of_reading("end_time", r, second, material) if r.second else Choice()
        return _of_reading("start_time", r, first, material), end
    for r in roles.either if alone else ():  # the incident's duration or a window
        first, second = span_of(r, setting)
        if first.instant and (second.instant or not r.second):
            quoted = material.quoted(r.start, r.end)
            said = "may be when the incident was on, or only the window to look at"
            material.notes.append(f"{quoted} {said}: the window opens before it, and the start is not taken from it.")
            end = Choice(second.instant, f"text: {quoted}") if second.instant else Choice()
            return Choice(first.instant - material.before, f"{hours(material.before)} before {quoted}"), end
    return Choice(), Choice()


def _of_reading(parameter: str, r: Range, reading: TimeReading, material: Material) -> Choice:
    if reading.instant:
        return Choice(reading.instant, origin_of(r, reading, material, "text, a window written out"))
    why = f"{material.quoted(r.start, r.end)} does not settle it: {reading.problem}"
    return Choice(question=ask(parameter, why, reading.instants))


def span_of(r: Range, setting: TimeContext, *, whole_days: bool = True) -> tuple[TimeReading, TimeReading]:
    """Both ends of a range. A day or zone written once holds for both; a range may run past midnight."""
    if r.second is None:
        return read(r.first, setting), TimeReading(())
    zone = r.second.zone or r.first.zone
    first = replace(r.first, day=r.first.day or r.second.day, zone=r.first.zone or zone)
    second = replace(r.second, day=r.second.day or first.day, zone=zone)
    begin = _read_end(first, setting, whole_days=whole_days)
    if begin.instant and second.clock and not r.second.day:
        day = (zone or setting.zone or UNIVERSAL).today(begin.instant).date()
        second = replace(second, day=Day(dates=(day,)))
    finish = _read_end(second, setting, whole_days=whole_days, last=True)
    later = finish.instant + DAY if finish.instant else None
    if begin.instant and later and later - begin.instant <= _OVERNIGHT and not r.second.day:
        finish = replace(finish, instants=(later,))
    return begin, replace(finish, how=begin.how or finish.how)


def _read_end(mention: TimeMention, setting: TimeContext, *, whole_days: bool, last: bool = False) -> TimeReading:
    """One end of a range. `whole_days`: a day without a time counts from its first midnight to its `last`."""
    reading = read(mention, setting)
    if whole_days and mention.day and not mention.clock and len(reading.instants) == 1:
        day = reading.instants[0].date()
        return TimeReading((datetime.combine(day, time(), UTC) + (DAY if last else timedelta()),), "whole days, UTC")
    return reading


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def ask(parameter: str, why: str, candidates: Iterable[datetime], doubt: Doubt = Doubt.UNCLEAR) -> Question:
    """The question for one of the three times, with its candidates."""
    asked = {
        "incident_start": "When did the incident begin?",
        "start_time": "When does the window start?",
        "end_time": "When did the incident end, or does the window end?",
    }[parameter]
    shown = tuple(iso(instant) for instant in sorted(set(candidates))[:CANDIDATES])
    text = f"{asked} {why[:1].upper()}{why[1:]}."
    return Question(parameter=parameter, text=text, candidates=shown, doubt=doubt)


def hours(span: timedelta) -> str:
    """A length of time as people are shown it: "1.5 h"."""
    return f"{span.total_seconds() / 3600:g} h"


def iso(instant: datetime) -> str:
    """An instant as people are shown it: UTC, with a Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
