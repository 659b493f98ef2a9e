"""One instant out of all that is said of a parameter; or the question to ask."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tsg_agent.extract.inputs import Given
from tsg_agent.extract.readings import Reading, Setting, read
from tsg_agent.extract.roles import Roles, Sighting
from tsg_agent.extract.spotting import Mention
from tsg_agent.models import Doubt, Question

CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Material:
    """All that the times are settled from, and the notes that are taken on the way."""

    mentions: Sequence[Mention]
    roles: Roles
    setting: Setting
    given: Given
    before: timedelta
    ranges_are_windows: bool = False
    """In a question, "between 14:00 and 15:00" is what to look at, whatever it is about."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Choice:
    """One settled instant with its origin, or a question; or neither, where the text is silent."""

    instant: datetime | None = None
    origin: str = ""
    question: Question | None = None


def choose(parameter: str, sightings: list[Sighting], material: Material, bound: datetime | None = None) -> Choice:
    """The instant on which the plainest sightings agree; a question where they do not, or cannot be read."""
    if not sightings:
        return Choice()
    setting = material.setting
    top = max(sighting.rank for sighting in sightings)
    read_ones = [(s, reading_of(s, setting, bound)) for s in sightings]
    if parameter == "incident_start":
        read_ones = [(s, _as_start(reading, setting)) for s, reading in read_ones]
    settled: dict[datetime, str] = {}
    open_ones: list[tuple[Sighting, Reading]] = []
    for sighting, reading in read_ones:
        quoted = setting.prose.snippet(sighting.start, sighting.end)
        if sighting.rank < top:
            if reading.instant and reading.instant not in settled:
                material.notes.append(f"Not used for {parameter}, as the text is plainer elsewhere: {quoted}.")
        elif reading.instant:
            settled.setdefault(reading.instant, f"text: {quoted}" + (f" ({reading.how})" if reading.how else ""))
        else:
            open_ones.append((sighting, reading))
    instants = dict.fromkeys(settled)
    doubtful = [pair for pair in open_ones if not (set(pair[1].instants) & set(settled))]
    if len(instants) == 1 and not (doubtful and _names_a_time(doubtful)):
        return Choice(*next(iter(settled.items())))
    candidates = [*settled, *(instant for _, reading in doubtful for instant in reading.instants)]
    if settled:
        return Choice(question=ask(parameter, "the text names several times for it", candidates, Doubt.SEVERAL))
    sighting, reading = open_ones[0]
    quoted = setting.prose.snippet(sighting.start, sighting.end)
    timed = [i for s, r in open_ones if s.mention.clock for i in r.instants]
    doubt = Doubt.UNCLEAR if len({reading.instants for _, reading in open_ones}) == 1 else Doubt.SEVERAL
    return Choice(question=ask(parameter, f"{quoted} does not settle it: {reading.problem}", timed, doubt))


def reading_of(sighting: Sighting, setting: Setting, after: datetime | None = None) -> Reading:
    """What a sighting's time means; a time of day without a day is the first one after `after`."""
    return sighting.reading or read(sighting.mention, setting, bound=after, after=after is not None)


def _as_start(reading: Reading, setting: Setting) -> Reading:
    """A reading with what speaks against it as the incident's start: it is later than now, or on a guessed day."""
    first, last, now = setting.first, setting.last, setting.now
    if not reading.instants:
        return reading
    if reading.problem and min(reading.instants) > now:
        return replace(reading, problem=f"{reading.problem}, and all of them are later than now ({_minute(now)})")
    if not reading.guessed_day or not first or not last or any(first <= one <= last for one in reading.instants):
        return reading
    when = f"the latest such time before now ({_minute(now)}) is {_minute(reading.instants[0])}"
    problem = f"no day is given, {when}, and the telemetry covers only {_minute(first)} to {_minute(last)}"
    return replace(reading, problem=f"{reading.problem}; {problem}" if reading.problem else problem)


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _names_a_time(pairs: list[tuple[Sighting, Reading]]) -> bool:
    """A bare day ("since Friday") does not contradict a time."""
    return any(sighting.mention.clock for sighting, _ in pairs)


def ask(parameter: str, why: str, candidates: Iterable[datetime], doubt: Doubt = Doubt.UNCLEAR) -> Question:
    """A question for one of the times, with what the text would allow."""
    asked = {
        "incident_start": "When did the incident begin?",
        "start_time": "When does the window start?",
        "end_time": "When did the incident end, or does the window end?",
    }[parameter]
    shown = tuple(iso(instant) for instant in sorted(set(candidates))[:CANDIDATES])
    text = f"{asked} {why[:1].upper()}{why[1:]}."
    return Question(parameter=parameter, text=text, candidates=shown, doubt=doubt)


def iso(instant: datetime) -> str:
    """An instant as people are shown it: UTC, with a Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
