"""Chooses one instant among the sightings of a parameter, or asks; and turns ranges of time into sightings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tsg_agent.extract.inputs import Given
from tsg_agent.extract.readings import BY_NOW, LATEST, UNIVERSAL, TimeContext, TimeReading, around, read
from tsg_agent.extract.roles import RAN_TO, Range, Roles, Sighting
from tsg_agent.extract.spotting import Day, TimeMention
from tsg_agent.models import Doubt, Question
from tsg_agent.wording import moment

CANDIDATES = 8
_ASKED = {
    "incident_start": "When did the incident begin?",
    "start_time": "When does the window start?",
    "end_time": "When did the incident end, or does the window end?",
}
_EITHER = "it may be when the incident was on, or only the window to look at"
_MAYBE = -1
"""Rank of a start that may be only where to look: it opens the window, and the start is not taken from it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One instant with its origin, or a question, or neither if the text says nothing."""

    instant: datetime | None = None
    origin: str = ""
    question: Question | None = None
    opens: datetime | None = None
    """What a window can open before, though no start is known: a day's beginning."""

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
        if reading.instant:
            settled.setdefault(reading.instant, origin_of(sighting, reading, material))
        else:
            open_ones.append((sighting, reading))
    timed = [(one, reading) for one, reading in open_ones if one.mention.clock and top != _MAYBE]
    instants = sorted({*settled, *(instant for _, reading in timed for instant in reading.instants)})
    if settled and (timed or instants[-1] - instants[0] > material.before):
        return Choice(question=ask(parameter, "the text names several times for it", instants, Doubt.SEVERAL))
    if settled:
        chosen, which = (instants[-1], "last") if parameter == "end_time" else (instants[0], "first")
        if len(instants) > 1:
            shown = ", ".join(map(iso, instants))
            material.notes.append(f"The text names several times for {parameter}: {shown}; the {which} is used.")
        return Choice(chosen, settled[chosen])
    sighting, reading = (timed or open_ones)[0]
    quoted = material.quoted(sighting.start, sighting.end)
    if timed:
        why = f"{quoted} does not settle it: {reading.problem}"
        return Choice(question=ask(parameter, why, instants))
    material.notes.append(f"{quoted} does not settle {parameter}: {reading.problem}.")
    days = [instant for _, reading in open_ones for instant in reading.instants]
    return Choice(opens=min(days), origin=f"text: {quoted}") if days else Choice()


def origin_of(sighting: Sighting, reading: TimeReading, material: Material) -> str:
    """Where an instant comes from: the quoted words, and how they were read."""
    how = f" ({reading.how})" if reading.how else ""
    return f"text: {material.quoted(sighting.start, sighting.end)}{how}"


def reading_of(sighting: Sighting, setting: TimeContext, after: datetime | None = None) -> TimeReading:
    """The reading of a sighting. A time of day without a day is the first one after `after`."""
    return sighting.reading or read(sighting.mention, setting, after)


def _latest(reading: TimeReading, sighting: Sighting, material: Material) -> TimeReading:
    """A reading of several instants, narrowed: to the only one with telemetry; to the latest before now, if it is the
    half of the day or the day that is open. The others are noted. A guessed day without telemetry becomes a problem."""
    setting = material.setting
    past = [one for one in reading.instants if one <= setting.now]
    inside = [one for one in past if setting.covers(one)]
    only = len(inside) == 1 and len(reading.instants) > 1
    past = inside if only else past if reading.problem in BY_NOW else []
    if past and sighting.mention.clock:
        others = " or ".join(iso(one) for one in reading.instants if one != max(past))
        why = "the only one that has telemetry" if only else "the latest before now"
        quoted = material.quoted(sighting.start, sighting.end)
        material.notes.append(f"{quoted} is taken for {iso(max(past))}, {why}; it may be {others}.")
        return replace(reading, instants=(max(past),), problem="")
    if reading.instant and LATEST in reading.how and setting.first and setting.last and not inside:
        covered = f"the telemetry covers only {moment(setting.first)} to {moment(setting.last)}"
        problem = f"no day is given, {LATEST} ({moment(setting.now)}) is {moment(reading.instant)}, and {covered}"
        return replace(reading, problem=problem)
    return reading


def settle_ranges(material: Material) -> None:
    """Turn each range into sightings of its two times: of the incident, of a window, or of what may be either."""
    roles, setting, given = material.roles, material.setting, material.given
    for r in [*roles.ran, *roles.either]:
        first, second = span_of(r.first, r.second, setting)
        if material.ranges_are_windows or (given.start_time and given.start_time == first.instant):
            roles.ranges.append(r)
        elif r in roles.ran:
            _sight(r, (first, second), (roles.starts, roles.ends))
        else:
            _sight(r, (replace(first.edge(), problem=_EITHER), second), (roles.starts, roles.ends), _MAYBE)
    known = given.incident_start or choose("incident_start", roles.starts, replace(material, notes=[])).instant
    for r in roles.ranges:
        first, second = span_of(r.first, r.second, setting)
        if not (known and second.instant and second.instant <= known):  # that one belongs to another incident
            _sight(r, (first.edge(), second.edge(last=True)), (roles.window_starts, roles.window_ends))


def _sight(r: Range, readings: Sequence[TimeReading], into: Sequence[list[Sighting]], rank: int = 0) -> None:
    """Add a range's two times, as they were read, to the starts and to the ends of `into`. `rank`: of the start."""
    into[0].append(Sighting(r.first, rank, r.start, r.end, readings[0]))
    if r.second:
        into[1].append(Sighting(r.second, RAN_TO, r.start, r.end, readings[1]))


def span_of(first: TimeMention, second: TimeMention | None, setting: TimeContext) -> tuple[TimeReading, TimeReading]:
    """Both ends of a range. A day or zone written once holds for both; a range may run past midnight."""
    if second is None:
        return read(first, setting), TimeReading(())
    zone, day = second.zone or first.zone, first.day or second.day
    begin = read(replace(first, day=day, zone=first.zone or zone), setting)
    if begin.instant and second.clock and not second.day:
        local = zone or setting.zone or UNIVERSAL
        day = Day(around(local.today(begin.instant).date(), second.clock, local, begin.instant))
    return begin, read(replace(second, day=second.day or day, zone=zone), setting)


def ask(parameter: str, why: str, candidates: Iterable[datetime], doubt: Doubt = Doubt.UNCLEAR) -> Question:
    """The question for one of the three times, with its candidates."""
    shown = tuple(iso(instant) for instant in sorted(set(candidates))[:CANDIDATES])
    text = f"{_ASKED[parameter]} {why[:1].upper()}{why[1:]}."
    return Question(parameter=parameter, text=text, candidates=shown, doubt=doubt)


def iso(instant: datetime) -> str:
    """An instant as people are shown it: UTC, with a Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
