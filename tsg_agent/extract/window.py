"""The window and the incident's start, from flags, from the times in the text, and from the clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tsg_agent.errors import ParameterError
from tsg_agent.extract.choices import CANDIDATES, Choice, Material, ask, choose, iso, reading_of
from tsg_agent.extract.inputs import Given, Known
from tsg_agent.extract.prose import Prose
from tsg_agent.extract.readings import UNIVERSAL, Setting, read
from tsg_agent.extract.roles import Roles, Sighting, assign
from tsg_agent.extract.spotting import MAXIMUM_MENTIONS, Mention, spot
from tsg_agent.extract.written import Written, settle_ranges, written_out
from tsg_agent.extract.zones import default_zone
from tsg_agent.models import Doubt, Question

_PLAIN = 4  # rank of an end from which on it is said, not implied


@dataclass(slots=True)
class Window:
    """What is settled of the three times, and what stands in the way."""

    start_time: datetime | None = None
    end_time: datetime | None = None
    incident_start: datetime | None = None
    origins: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    unsettled: list[Question] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Basis:
    """What the times are read by. The window opens `before` the incident's start; `now` is UTC."""

    now: datetime
    before: timedelta
    ranges_are_windows: bool


def find_window(prose: Prose, known: Known, given: Given, basis: Basis) -> Window:
    """The three times in UTC, or questions. Raises `ParameterError` where they cannot hold."""
    mentions, more = spot(prose.text)
    roles = assign(prose, mentions)
    setting = _setting(prose, mentions, roles, known, basis.now)
    material = Material(mentions, roles, setting, given, basis.before, basis.ranges_are_windows)
    if more:
        material.notes.append(f"The text names more than {MAXIMUM_MENTIONS} times; only the first ones were read.")
    start = _incident_start(material, settle_ranges(material))
    written = written_out(material, alone=not (start.instant or start.question))
    window = Window(notes=material.notes)
    _open(window, start, written, material)
    _close(window, written, material)
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


def _incident_start(material: Material, asked: Question | None) -> Choice:
    if material.given.incident_start:
        return Choice(material.given.incident_start.astimezone(UTC), "given")
    choice = choose("incident_start", material.roles.starts, material)
    return choice if choice.instant or choice.question else Choice(question=asked)


def _open(window: Window, start: Choice, written: Written, material: Material) -> None:
    """Settle `start_time` and `incident_start`: flag, window written out, the rule, a report's own time, a question."""
    window.incident_start = start.instant
    window.origins["incident_start"] = start.origin or "unknown: the text does not say when it began"
    opened = _opening(start, written, material)
    if opened.question:
        window.questions.append(opened.question)
    window.start_time, window.origins["start_time"] = opened.instant, opened.origin
    if opened.instant and start.question:
        window.notes.append(f"incident_start stays unknown: {start.question.text}")
        window.unsettled.append(start.question)
    if opened.instant and written.start.question:
        window.notes.append(f"No window of the text is used: {written.start.question.text}")


def _opening(start: Choice, written: Written, material: Material) -> Choice:
    if material.given.start_time:
        return Choice(material.given.start_time.astimezone(UTC), "given")
    if written.start.instant:
        return written.start
    if start.instant:
        return Choice(_minus(start.instant, material.before), f"incident_start - {_hours(material.before)}")
    if written.start.question or start.question:
        return Choice(question=written.start.question or start.question)
    reported = _reported(material)
    if reported.instant:
        origin = f"when it was reported - {_hours(material.before)}; {reported.origin}"
        return Choice(_minus(reported.instant, material.before), origin)
    return Choice(question=reported.question or _nothing(material))


def _reported(material: Material) -> Choice:
    question: Question | None = None
    for sighting in sorted(material.roles.created, key=lambda sighting: -sighting.rank):
        reading = read(sighting.mention, material.setting)
        quoted = material.setting.prose.snippet(sighting.start, sighting.end)
        if reading.instant:
            return Choice(reading.instant, f"text: {quoted}" + (f" ({reading.how})" if reading.how else ""))
        if not question and sighting.mention.clock:
            why = f"{quoted} does not settle when it was reported: {reading.problem}"
            question = ask("incident_start", why, reading.instants, Doubt.SILENT)  # of when it began
    return Choice(question=question)


def _nothing(material: Material) -> Question:
    """Ask, and show the times that the text names in other connections."""
    found: list[datetime] = []
    for mention in material.mentions[: 2 * CANDIDATES]:
        instant = read(mention, material.setting).instant
        if instant and instant not in found:
            found.append(instant)
    why = "the text does not say when the incident began"
    if found:
        why = "the text names times, but says of none that the incident began then"
    return ask("incident_start", why, found, Doubt.SILENT)


def _close(window: Window, written: Written, material: Material) -> None:
    """Settle `end_time`: flag, window written out, resolution, else now, but not beyond the telemetry."""
    setting = material.setting
    if material.given.end_time:
        window.end_time, window.origins["end_time"] = material.given.end_time.astimezone(UTC), "given"
        return
    choice = written.end
    if not (choice.instant or choice.question):
        after = window.incident_start or window.start_time
        choice = choose("end_time", _latest(material, after), material, after)
    if choice.instant:
        window.end_time, window.origins["end_time"] = choice.instant, choice.origin
    elif choice.question:
        window.questions.append(choice.question)
    elif setting.last and setting.now > setting.last:
        window.end_time = setting.last
        window.origins["end_time"] = "the telemetry's last row: the text names no end, and now is later"
        window.notes.append(f"The window ends with the telemetry, at {iso(setting.last)}: now is {iso(setting.now)}.")
    else:
        window.end_time, window.origins["end_time"] = setting.now, "now: the text names no end"


def _latest(material: Material, after: datetime | None) -> list[Sighting]:
    """Ends to choose from. "Still failing at" several times: the latest; one before the start says nothing."""
    sightings = material.roles.ends
    if not sightings or max(sighting.rank for sighting in sightings) >= _PLAIN:
        return sightings
    found: list[tuple[datetime, Sighting]] = []
    for sighting in sightings:
        instant = reading_of(sighting, material.setting, after).instant
        if instant and after and instant <= after:
            quoted = material.setting.prose.snippet(sighting.start, sighting.end)
            material.notes.append(f"Not used for end_time, as it is not after the start: {quoted}.")
        elif instant:
            found.append((instant, sighting))
        else:
            return sightings
    return [max(found, key=lambda pair: pair[0])[1]] if found else []


def _check(window: Window, setting: Setting) -> None:
    start, end, began = window.start_time, window.end_time, window.incident_start
    if began and began > setting.now:
        said = f"incident_start is later than now: it is {iso(began)} ({window.origins['incident_start']})"
        raise ParameterError(f"{said}, and now is {iso(setting.now)}.", fix="Check the time, its day and its zone.")
    later = max((t for t in (start, began) if t), default=None)
    if later and end and end <= later:
        what = "incident_start" if later == began else "start_time"
        telemetry = end == setting.last and window.origins["end_time"].startswith("the telemetry")
        fix = "Give --start-time or --incident-start before --end-time."
        if telemetry:
            fix = "Give times that the telemetry covers, or telemetry that covers the incident."
        message = f"The window ends before it starts: end_time {iso(end)} ({window.origins['end_time']}) is not after"
        raise ParameterError(f"{message} {what} {iso(later)} ({window.origins[what]}).", fix=fix)
    if start and end and setting.first and setting.last and (end < setting.first or start > setting.last):
        window.notes.append(
            f"The telemetry holds nothing of the window: it covers {iso(setting.first)} to {iso(setting.last)}."
        )
    elif began and setting.first and began < setting.first:
        window.notes.append(
            f"The telemetry begins at {iso(setting.first)}: nothing in it is from before the incident's start."
        )
    if start and began and began < start:
        window.notes.append("The incident began before the window: nothing in the window is from before its start.")


def _minus(instant: datetime, before: timedelta) -> datetime:
    try:
        return instant - before
    except OverflowError as error:
        raise ParameterError(f"No window fits before {iso(instant)}.", fix="Give a later --incident-start.") from error


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:g} h"
