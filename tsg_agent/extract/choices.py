"""Chooses one instant among the sightings of a parameter, or asks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tsg_agent.extract.inputs import Given
from tsg_agent.extract.readings import OTHER_DAY, SEVERAL_DAYS, TimeContext, TimeReading, read
from tsg_agent.extract.sightings import Roles, Sighting
from tsg_agent.extract.spotting import TWELVE, TimeMention
from tsg_agent.models import Doubt, Question

CANDIDATES = 8


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

    def quoted(self, start: int, end: int) -> str:
        """A span of the text as it is shown."""
        return self.setting.prose.snippet(start, end)


@dataclass(frozen=True, slots=True)
class Choice:
    """One instant with its origin, or a question, or neither if the text says nothing."""

    instant: datetime | None = None
    origin: str = ""
    question: Question | None = None
    opens: datetime | None = None
    """The beginning of a day that is known without a time."""

    @property
    def is_silent(self) -> bool:
        """Whether the text says nothing of it."""
        return not (self.instant or self.question or self.opens)


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
    for sighting in sightings:
        reading = reading_of(sighting, material.setting, bound)
        reading = _latest(reading, sighting, material)
        if parameter == "incident_start":
            reading = _as_start(reading, material.setting)
        if sighting.rank < top:
            continue
        if reading.instant:
            quoted = material.quoted(sighting.start, sighting.end)
            settled.setdefault(reading.instant, f"text: {quoted}" + (f" ({reading.how})" if reading.how else ""))
        else:
            open_ones.append((sighting, reading))
    doubtful = [pair for pair in open_ones if not (set(pair[1].instants) & set(settled)) and pair[0].mention.clock]
    if doubtful:
        return _asked(parameter, settled, doubtful, material)
    if settled:
        return _of_several(parameter, settled, material)
    days = [instant for _, reading in open_ones for instant in reading.instants]
    quoted = material.quoted(open_ones[0][0].start, open_ones[0][0].end)
    material.notes.append(f"{quoted} does not settle {parameter}: {open_ones[0][1].problem}.")
    return Choice(opens=min(days), origin=f"text: {quoted}") if days else Choice()


def _of_several(parameter: str, settled: dict[datetime, str], material: Material) -> Choice:
    instants = sorted(settled)
    if instants[-1] - instants[0] > material.before:
        return Choice(question=ask(parameter, "the text names several times for it", instants, Doubt.SEVERAL))
    chosen = instants[-1] if parameter == "end_time" else instants[0]
    if len(instants) > 1:
        which = "the last" if parameter == "end_time" else "the first"
        shown = ", ".join(iso(one) for one in instants)
        material.notes.append(f"The text names several times for {parameter}: {shown}; {which} is used.")
    return Choice(chosen, settled[chosen])


def _asked(
    parameter: str, settled: dict[datetime, str], doubtful: list[tuple[Sighting, TimeReading]], material: Material
) -> Choice:
    candidates = [*settled, *(instant for _, reading in doubtful for instant in reading.instants)]
    if settled:
        return Choice(question=ask(parameter, "the text names several times for it", candidates, Doubt.SEVERAL))
    sighting, reading = doubtful[0]
    why = f"{material.quoted(sighting.start, sighting.end)} does not settle it: {reading.problem}"
    doubt = Doubt.UNCLEAR if len({reading.instants for _, reading in doubtful}) == 1 else Doubt.SEVERAL
    return Choice(question=ask(parameter, why, candidates, doubt))


def reading_of(sighting: Sighting, setting: TimeContext, after: datetime | None = None) -> TimeReading:
    """The reading of a sighting. A time of day without a day is the first one after `after`."""
    return sighting.reading or read(sighting.mention, setting, bound=after, after=after is not None)


def _latest(reading: TimeReading, sighting: Sighting, material: Material) -> TimeReading:
    """A reading of several instants, narrowed: to the only one with telemetry; to the latest before now, if it is the
    half of the day or the day that is open. The others are noted."""
    setting = material.setting
    past = [one for one in reading.instants if one <= setting.now]
    inside = [one for one in past if setting.covers(one)]
    only = len(inside) == 1 and len(reading.instants) > 1
    if only or reading.problem not in (TWELVE, SEVERAL_DAYS, OTHER_DAY):
        past = inside if only else []
    if not past or not reading.problem or not sighting.mention.clock:
        return reading
    if others := " or ".join(iso(one) for one in reading.instants if one != max(past)):
        why = "the only one that has telemetry" if only else "the latest before now"
        quoted = material.quoted(sighting.start, sighting.end)
        material.notes.append(f"{quoted} is taken for {iso(max(past))}, {why}; it may be {others}.")
    return replace(reading, instants=(max(past),), problem="")


def _as_start(reading: TimeReading, setting: TimeContext) -> TimeReading:
    """A reading with what speaks against it as a start: it is in the future, or its guessed day has no telemetry."""
    first, last, now = setting.first, setting.last, setting.now
    if not reading.instants:
        return reading
    if reading.problem and min(reading.instants) > now:
        return replace(reading, problem=f"{reading.problem}, and all of them are later than now ({_minute(now)})")
    if not reading.guessed_day or not first or not last or any(map(setting.covers, reading.instants)):
        return reading
    when = f"the latest such time before now ({_minute(now)}) is {_minute(reading.instants[0])}"
    problem = f"no day is given, {when}, and the telemetry covers only {_minute(first)} to {_minute(last)}"
    return replace(reading, problem=f"{reading.problem}; {problem}" if reading.problem else problem)


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
