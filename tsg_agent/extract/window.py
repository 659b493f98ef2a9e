"""The window and the incident's start, from flags, from the times in the text, and from the clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from tsg_agent.errors import ParameterError
from tsg_agent.extract.inputs import Given, Known
from tsg_agent.extract.prose import Prose
from tsg_agent.extract.readings import DAY, UNIVERSAL, Reading, Setting, read
from tsg_agent.extract.roles import Range, Roles, Sighting, assign
from tsg_agent.extract.spotting import MAXIMUM_MENTIONS, Day, Mention, spot
from tsg_agent.extract.zones import default_zone
from tsg_agent.models import Question

CANDIDATES = 8
_OVERNIGHT = timedelta(hours=12)  # a range that runs longer past midnight is taken for a mistake
_PLAIN = 4  # rank of an end from which on it is said, not implied


@dataclass(slots=True)
class Window:
    """What is settled of the three times, and what stands in the way."""

    start_time: datetime | None = None
    end_time: datetime | None = None
    incident_start: datetime | None = None
    origins: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Choice:
    """One settled instant with its origin, or a question; or neither, where the text is silent."""

    instant: datetime | None = None
    origin: str = ""
    question: Question | None = None


def find_window(prose: Prose, known: Known, given: Given, *, now: datetime, window_hours: float) -> Window:
    """The three times in UTC, or questions. Raises `ParameterError` where they cannot hold."""
    mentions, more = spot(prose.text)
    roles = assign(prose, mentions)
    setting = _setting(prose, mentions, roles, known, now.astimezone(UTC))
    window = Window()
    if more:
        window.notes.append(f"The text names more than {MAXIMUM_MENTIONS} times; only the first ones were read.")
    start = _incident_start(roles, setting, given, window)
    written = _written_out(roles, setting, given, window, alone=not (start.instant or start.question))
    _open(window, start, written, roles, setting, given, timedelta(hours=window_hours), mentions)
    _close(window, written, roles, setting, given)
    _check(window, setting)
    return window


def _setting(prose: Prose, mentions: Sequence[Mention], roles: Roles, known: Known, now: datetime) -> Setting:
    base = Setting(
        prose=prose,
        days=tuple(mention for mention in mentions if mention.day or mention.clock),
        now=now,
        first=known.first.astimezone(UTC) if known.first else None,
        last=known.last.astimezone(UTC) if known.last else None,
        zone=default_zone(prose.text),
    )
    for sighting in sorted(roles.created, key=lambda sighting: -sighting.rank):
        if sighting.mention.day and (sighting.mention.day.dates or sighting.mention.day.month_day):
            reading = read(sighting.mention, base)
            if reading.instant:
                zone = sighting.mention.zone or base.zone or UNIVERSAL
                return replace(base, written=reading.instant, written_day=zone.today(reading.instant).date())
            if len(reading.instants) == 1:  # a day without a time of day
                return replace(base, written_day=reading.instants[0].date())
    return base


def _incident_start(roles: Roles, setting: Setting, given: Given, window: Window) -> _Choice:
    if given.incident_start:
        return _Choice(given.incident_start.astimezone(UTC), "given")
    choice = _choose("incident_start", roles.starts, setting, window)
    if choice.instant is None and choice.question is None and roles.vague:
        sighting = roles.vague[0]
        quoted = setting.prose.snippet(sighting.start, sighting.end)
        return _Choice(question=_question("incident_start", f"the text gives two times for it: {quoted}", ()))
    return choice


def _choose(
    parameter: str, sightings: list[Sighting], setting: Setting, window: Window, bound: datetime | None = None
) -> _Choice:
    """The instant on which the plainest sightings agree; a question where they do not, or cannot be read."""
    if not sightings:
        return _Choice()
    top = max(sighting.rank for sighting in sightings)
    read_ones = [(s, read(s.mention, setting, bound=bound, after=bound is not None)) for s in sightings]
    settled: dict[datetime, str] = {}
    open_ones: list[tuple[Sighting, Reading]] = []
    for sighting, reading in read_ones:
        quoted = setting.prose.snippet(sighting.start, sighting.end)
        if sighting.rank < top:
            if reading.instant and reading.instant not in settled:
                window.notes.append(f"Not used for {parameter}, as the text says it more plainly elsewhere: {quoted}.")
        elif reading.instant:
            settled.setdefault(reading.instant, f"text: {quoted}" + (f" ({reading.how})" if reading.how else ""))
        else:
            open_ones.append((sighting, reading))
    instants = dict.fromkeys(settled)
    doubtful = [pair for pair in open_ones if not (set(pair[1].instants) & set(settled))]
    if len(instants) == 1 and not (doubtful and _names_a_time(doubtful)):
        return _Choice(*next(iter(settled.items())))
    candidates = [*settled, *(instant for _, reading in doubtful for instant in reading.instants)]
    if settled:
        return _Choice(question=_question(parameter, "the text names several times for it", tuple(candidates)))
    sighting, reading = open_ones[0]
    quoted = setting.prose.snippet(sighting.start, sighting.end)
    timed = [i for s, r in open_ones if s.mention.clock for i in r.instants]
    return _Choice(question=_question(parameter, f"{quoted} does not settle it: {reading.problem}", tuple(timed)))


def _names_a_time(pairs: list[tuple[Sighting, Reading]]) -> bool:
    """A bare day ("since Friday") does not contradict a time."""
    return any(sighting.mention.clock for sighting, _ in pairs)


@dataclass(frozen=True, slots=True)
class _Written:
    """A window written out: its start, its end, and where they were read."""

    start: _Choice = _Choice()
    end: _Choice = _Choice()


def _written_out(roles: Roles, setting: Setting, given: Given, window: Window, *, alone: bool) -> _Written:
    """A window in the text. One that is only hinted at counts where the text does not say when it began (`alone`)."""
    start = _choose("start_time", roles.window_starts, setting, window)
    end = _choose("end_time", roles.window_ends, setting, window, start.instant or given.start_time)
    if roles.window_starts or roles.window_ends:
        return _Written(start, end)
    usable = [r for r in roles.ranges if (r.rank >= 1 and r.second) or alone]
    if not usable:
        return _Written()
    top = max((r.rank, r.second is not None) for r in usable)
    best = [r for r in usable if (r.rank, r.second is not None) == top]
    spans = {(first.instant, second.instant): (r, first, second) for r in best for first, second in [_span(r, setting)]}
    if len(spans) > 1:
        starts = tuple(instant for instant, _ in spans if instant)
        ends = tuple(instant for _, instant in spans if instant)
        several = "the text names several windows"
        return _Written(
            _Choice(question=_question("start_time", several, starts)),
            _Choice(question=_question("end_time", several, ends)),
        )
    r, first, second = next(iter(spans.values()))
    return _Written(
        _of_reading("start_time", r, first, setting),
        _of_reading("end_time", r, second, setting) if r.second else _Choice(),
    )


def _of_reading(parameter: str, r: Range, reading: Reading, setting: Setting) -> _Choice:
    quoted = setting.prose.snippet(r.start, r.end)
    if reading.instant:
        how = f" ({reading.how})" if reading.how else ""
        return _Choice(reading.instant, f"text, a window written out: {quoted}{how}")
    return _Choice(question=_question(parameter, f"{quoted} does not settle it: {reading.problem}", reading.instants))


def _span(r: Range, setting: Setting) -> tuple[Reading, Reading]:
    """Both ends of a range. A day or zone that is written once holds for both; it may run past midnight."""
    first, second = r.first, r.second
    if second is None:
        return read(first, setting), Reading(())
    own_day = bool(second.day)
    zone = second.zone or first.zone
    first = replace(first, day=first.day or second.day, zone=first.zone or zone)
    second = replace(second, zone=zone)
    begin = _read_end(first, setting)
    if not own_day and second.clock and begin.instant:
        day = (zone or setting.zone or UNIVERSAL).today(begin.instant).date()
        second = replace(second, day=Day(dates=(day,)))
    elif not own_day:
        second = replace(second, day=first.day)
    finish = _read_end(second, setting, last=True)
    if begin.instant and finish.instant and finish.instant <= begin.instant and not own_day:
        later = finish.instant + DAY
        if later - begin.instant <= _OVERNIGHT:
            finish = replace(finish, instants=(later,))
    return begin, replace(finish, how=begin.how or finish.how)


def _read_end(mention: Mention, setting: Setting, *, last: bool = False) -> Reading:
    """One end of a range; whole days count from their first midnight to their last."""
    reading = read(mention, setting)
    if mention.day and not mention.clock and len(reading.instants) == 1:
        day = reading.instants[0].date()
        return Reading((datetime.combine(day, time(), UTC) + (DAY if last else timedelta()),), "whole days, UTC")
    return reading


def _open(
    window: Window,
    start: _Choice,
    written: _Written,
    roles: Roles,
    setting: Setting,
    given: Given,
    before: timedelta,
    mentions: Sequence[Mention],
) -> None:
    """Settle `start_time` and `incident_start`: flag, window written out, the rule, a report's own time, a question."""
    window.incident_start = start.instant
    window.origins["incident_start"] = start.origin or "unknown: the text does not say when it began"
    if given.start_time:
        window.start_time, window.origins["start_time"] = given.start_time.astimezone(UTC), "given"
    elif written.start.instant and not (given.incident_start and written.start.question):
        window.start_time, window.origins["start_time"] = written.start.instant, written.start.origin
    elif start.instant:
        window.start_time = _minus(start.instant, before)
        window.origins["start_time"] = f"incident_start - {_hours(before)}"
    elif written.start.question:
        window.questions.append(written.start.question)
    if window.start_time:
        if start.question:
            window.notes.append(f"incident_start stays unknown: {start.question.text}")
        return
    if window.questions:
        return
    if start.question:
        window.questions.append(start.question)
        return
    reported = _reported(roles, setting)
    if reported.instant:
        window.start_time = _minus(reported.instant, before)
        window.origins["start_time"] = f"when it was reported - {_hours(before)}; {reported.origin}"
        return
    window.questions.append(reported.question or _nothing(setting, mentions))


def _reported(roles: Roles, setting: Setting) -> _Choice:
    question: Question | None = None
    for sighting in sorted(roles.created, key=lambda sighting: -sighting.rank):
        reading = read(sighting.mention, setting)
        quoted = setting.prose.snippet(sighting.start, sighting.end)
        if reading.instant:
            return _Choice(reading.instant, f"text: {quoted}" + (f" ({reading.how})" if reading.how else ""))
        if not question and sighting.mention.clock:
            why = f"{quoted} does not settle when it was reported: {reading.problem}"
            question = _question("incident_start", why, reading.instants)
    return _Choice(question=question)


def _nothing(setting: Setting, mentions: Sequence[Mention]) -> Question:
    """Ask, and show the times that the text names in other connections."""
    found: list[datetime] = []
    for mention in mentions[: 2 * CANDIDATES]:
        instant = read(mention, setting).instant
        if instant and instant not in found:
            found.append(instant)
    return _question("incident_start", "the text does not say when the incident began", tuple(found))


def _close(window: Window, written: _Written, roles: Roles, setting: Setting, given: Given) -> None:
    """Settle `end_time`: flag, window written out, resolution, else now, but not beyond the telemetry."""
    if given.end_time:
        window.end_time, window.origins["end_time"] = given.end_time.astimezone(UTC), "given"
        return
    choice = written.end
    if not (choice.instant or choice.question):
        after = window.incident_start or window.start_time
        choice = _choose("end_time", _latest(roles.ends, setting, after, window), setting, window, after)
    if choice.instant:
        window.end_time, window.origins["end_time"] = choice.instant, choice.origin
    elif choice.question:
        window.questions.append(choice.question)
    elif setting.last and setting.now > setting.last:
        window.end_time = setting.last
        window.origins["end_time"] = "the telemetry's last row: the text names no end, and now is later"
        window.notes.append(f"The window ends with the telemetry, at {_iso(setting.last)}: now is {_iso(setting.now)}.")
    else:
        window.end_time, window.origins["end_time"] = setting.now, "now: the text names no end"


def _latest(sightings: list[Sighting], setting: Setting, after: datetime | None, window: Window) -> list[Sighting]:
    """Ends to choose from. "Still failing at" several times: the latest; one before the start says nothing."""
    if not sightings or max(sighting.rank for sighting in sightings) >= _PLAIN:
        return sightings
    found: list[tuple[datetime, Sighting]] = []
    for sighting in sightings:
        instant = read(sighting.mention, setting, bound=after, after=after is not None).instant
        if instant and after and instant <= after:
            quoted = setting.prose.snippet(sighting.start, sighting.end)
            window.notes.append(f"Not used for end_time, as it is not after the start: {quoted}.")
        elif instant:
            found.append((instant, sighting))
        else:
            return sightings
    return [max(found, key=lambda pair: pair[0])[1]] if found else []


def _check(window: Window, setting: Setting) -> None:
    start, end, began = window.start_time, window.end_time, window.incident_start
    later = max((t for t in (start, began) if t), default=None)
    if later and end and end <= later:
        what = "incident_start" if later == began else "start_time"
        telemetry = end == setting.last and window.origins["end_time"].startswith("the telemetry")
        fix = "Give --start-time or --incident-start before --end-time."
        if telemetry:
            fix = "Give times that the telemetry covers, or telemetry that covers the incident."
        message = f"The window ends before it starts: end_time {_iso(end)} ({window.origins['end_time']}) is not after"
        raise ParameterError(f"{message} {what} {_iso(later)} ({window.origins[what]}).", fix=fix)
    if start and end and setting.first and setting.last and (end < setting.first or start > setting.last):
        window.notes.append(
            f"The telemetry holds nothing of the window: it covers {_iso(setting.first)} to {_iso(setting.last)}."
        )
    if start and began and began < start:
        window.notes.append("The incident began before the window: nothing in the window is from before its start.")


def _question(parameter: str, why: str, candidates: tuple[datetime, ...]) -> Question:
    asked = {
        "incident_start": "When did the incident begin?",
        "start_time": "When does the window start?",
        "end_time": "When did the incident end, or does the window end?",
    }[parameter]
    shown = tuple(_iso(instant) for instant in sorted(set(candidates))[:CANDIDATES])
    return Question(parameter=parameter, text=f"{asked} {why[:1].upper()}{why[1:]}.", candidates=shown)


def _minus(instant: datetime, before: timedelta) -> datetime:
    try:
        return instant - before
    except OverflowError as error:
        raise ParameterError(f"No window fits before {_iso(instant)}.", fix="Give a later --incident-start.") from error


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:g} h"


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
