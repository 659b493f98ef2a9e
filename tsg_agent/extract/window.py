"""Settles the window and the incident's start from flags, the text's times, the telemetry's range and the clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tsg_agent.errors import ParameterError
from tsg_agent.extract.accounting import lengths_left, times_left, unread
from tsg_agent.extract.choices import Choice, Material, ask, choose, iso, origin_of, reading_of, settle_ranges
from tsg_agent.extract.inputs import Given
from tsg_agent.extract.readings import DAY, UNIVERSAL, TimeContext, read
from tsg_agent.extract.roles import PLAIN_END, RAN_TO, Roles, Sighting, assign
from tsg_agent.extract.spotting import MAXIMUM_MENTIONS, spot
from tsg_agent.extract.text import Prose
from tsg_agent.extract.words import words_in
from tsg_agent.extract.zones import WIDEST, default_zone
from tsg_agent.models import Doubt, Known

_BEFORE_END = 2
"""Length of a window without a start, in units of the time that it opens before one: incident and baseline."""


def find_window(
    prose: Prose, known: Known, given: Given, *, now: datetime, place: str, before: timedelta, ranges_are_windows: bool
) -> Material:
    """The three times in UTC, or questions; what else stays open. Raises `ParameterError` where they cannot hold.

    The window opens `before` the incident's start. `place`, the region, tells which zone an ambiguous name means.
    """
    seen = survey(prose, known, now, place)
    material = replace(seen, given=given, before=before, ranges_are_windows=ranges_are_windows)
    settle_ranges(material)
    start = _incident_start(material)
    material.setting = replace(seen.setting, began=start.instant)
    begins = choose("start_time", material.roles.window_starts, material)
    opened = _opening(start, begins, material)
    ended = _closing(start.instant, opened.instant, begins.instant, material)
    began = start if start.instant else _unknown(start, opened, material)
    if opened.is_silent and ended.instant:
        opened = _last_hours(ended.instant, material)
    material.times = {"incident_start": began, "start_time": opened, "end_time": ended}
    _tell_unused(material)
    _check(material)
    return material


def survey(prose: Prose, known: Known, now: datetime, place: str = "") -> Material:
    """Find the times of a text. Places named in `place` or in the text settle ambiguous zone names."""
    words, said = words_in(prose.text), f"{place} {prose.text}"
    # Where there is no text, no patterns need be made.
    spotted = spot(prose.text, words) if prose.text.strip() else []
    mentions = [replace(one, zone=one.zone.settled(said)) if one.zone else one for one in spotted[:MAXIMUM_MENTIONS]]
    roles = assign(prose, mentions, words) if prose.text.strip() else Roles()
    named = {one.zone for one in mentions if one.zone and one.zone.name[:1].isalpha()}
    stated = default_zone(prose.text)
    base = TimeContext(
        prose=prose,
        mentions=tuple(one for one in mentions if not prose.is_quoted(one.start)),
        now=now,
        first=known.first.astimezone(UTC) if known.first else None,
        last=known.last.astimezone(UTC) if known.last else None,
        # a zone that is the text's only one holds for all times
        zone=stated.settled(said) if stated else next(iter(named)) if len(named) == 1 else None,
    )
    more = [f"The text names more than {MAXIMUM_MENTIONS} times; only the first ones were read."]
    return Material(mentions, roles, _dated(base, roles), notes=more if len(spotted) > len(mentions) else [])


def moments_in(text: str, now: datetime) -> tuple[datetime, ...]:
    """All instants that a text names with a day; `now` if there are none."""
    seen = survey(Prose(text), Known(), now)
    dated = [one for one in seen.mentions if one.day or one.instant]
    return tuple(instant for one in dated for instant in read(one, seen.setting).instants) or (now,)


def _dated(base: TimeContext, roles: Roles) -> TimeContext:
    """The context, with the time at which the text was written if it tells."""
    for sighting in [*sorted(roles.created, key=lambda sighting: -sighting.rank), *roles.nows]:
        mention, reading = sighting.mention, read(sighting.mention, base)
        dated = mention.day and (mention.day.dates or mention.day.month_day)
        if reading.instant and reading.instant <= base.now and (dated or (sighting in roles.nows and mention.clock)):
            day = (mention.zone or base.zone or UNIVERSAL).today(reading.instant).date() if dated else None
            return replace(base, written=reading.instant, written_day=day)
    return base


def _incident_start(material: Material) -> Choice:
    """The start by the flag or the text, or its end minus its duration. Notes what is not understood."""
    given, roles = material.given.incident_start, material.roles
    if given:
        return Choice(given.astimezone(UTC), "given")
    choice = choose("incident_start", roles.starts, material)
    if roles.lasting and not (choice.instant or choice.question):
        end = choose("end_time", roles.ends, replace(material, notes=[])).instant
        span, *at = roles.lasting[0]
        if end:
            choice = Choice(end - span, f"text: {material.quoted(*at)}, counted back from its end")
    material.notes += [f"Not understood as a time: {one}." for one in unread(material)]
    return choice


def _unknown(start: Choice, opened: Choice, material: Material) -> Choice:
    """A start that the text does not settle; a question only if it is to be exact."""
    unknown = f"unknown: the text does not {'settle' if start.question else 'say'} when it began"
    if material.given.exact_start and not opened.question:
        named = [instant for one in material.mentions for instant in read(one, material.setting).instants]
        why = "the start is to be exact, and the text does not settle it"
        return Choice(origin=unknown, question=start.question or ask("incident_start", why, named, Doubt.SILENT))
    if opened.instant and start.question:
        material.notes.append(f"incident_start stays unknown: {start.question.text}")
        material.unsettled.append(start.question)
    return Choice(origin=unknown)


def _opening(start: Choice, written: Choice, material: Material) -> Choice:
    """When the window opens: flag, written window, some time before the start, or before the report was made.

    Of several possible starts on one day, the earliest with telemetry counts; the true one is measured later. Neither
    instant nor question: the window is counted back from its end.
    """
    if material.given.start_time:
        return Choice(material.given.start_time.astimezone(UTC), "given")
    if written.instant:
        return written
    reported = Choice() if written.question or start.question else _reported(material)
    before = f" - {_hours(material.before)}"
    possible = map(datetime.fromisoformat, start.question.candidates if start.question else ())
    covered = [one for one in possible if material.setting.covers(one)]
    earliest = min(covered) if covered and max(covered) - min(covered) <= DAY else None
    options = (
        (start.instant, f"incident_start{before}"),
        (start.opens, f"{start.origin}{before}"),
        (earliest, f"the earliest time at which it may have begun{before}"),
        (reported.instant, f"when it was reported{before}; {reported.origin}"),
    )
    for moment, origin in options:
        if moment:  # an incident in the future has not happened
            return Choice(_minus(min(moment, material.setting.now), material.before), origin)
    return Choice(question=written.question or start.question)


def _reported(material: Material) -> Choice:
    """When it was reported: the highest rank, and of several the earliest."""
    found = [(one, read(one.mention, material.setting)) for one in material.roles.created]
    told = [(-one.rank, when.instant, origin_of(one, when, material)) for one, when in found if when.instant]
    return Choice(*min(told)[1:]) if told else Choice()


def _closing(began: datetime | None, opened: datetime | None, begins: datetime | None, material: Material) -> Choice:
    """When the window ends: flag, written window, resolution, else now or the telemetry's end."""
    setting, given = material.setting, material.given
    written = choose("end_time", material.roles.window_ends, material, begins or given.start_time)
    ended = Choice(given.end_time.astimezone(UTC), "given") if given.end_time else written
    if ended.is_silent:
        ended = _ended(began, began or opened, material)
    if ended.instant:
        return ended
    no_end = "of no time does the text say that it ended then" if material.mentions else "the text names no end"
    if setting.last and setting.now > setting.last:  # a window that is too long does no harm
        return Choice(setting.last, f"the telemetry's last row: {no_end}, and now is later", written.question)
    return Choice(setting.now, f"now: {no_end}", written.question)


def _last_hours(end: datetime, material: Material) -> Choice:
    """Where a window without a start opens: some hours before its end, or before a time on the day before it."""
    first, clocks = material.setting.first, [one for one in material.roles.unused if one.clock]
    told = [read(one, material.setting).instant for one in clocks]
    near = [one for one in told if one and end - DAY <= one < end]
    start = min(_minus(end, _BEFORE_END * material.before), *(_minus(one, material.before) for one in near), end)
    start = first if first and start < first < end else start
    return Choice(start, f"the last {_hours(end - start)}: the text does not say when it began")


def _ended(began: datetime | None, after: datetime | None, material: Material) -> Choice:
    """The end by the text: one that is told; else the start plus the duration; else the latest that is implied."""
    roles, setting = material.roles, material.setting
    ends = [one for one in [*roles.ends, *roles.nows] if _possible(one, after, material)]
    top = max((one.rank for one in ends), default=0)
    if roles.lasting and began and top < RAN_TO:
        span, *at = roles.lasting[0]
        if began + span <= setting.now:
            return Choice(began + span, f"text: {material.quoted(*at)}, counted from the start")
    chosen = choose("end_time", ends, material, after)
    goes_on = min(setting.now, setting.last or setting.now)
    if top < RAN_TO and chosen.instant and chosen.instant < goes_on:
        material.notes.append(f"The window ends with what is told ({chosen.origin}), and not at {iso(goes_on)}.")
    return chosen


def _possible(sighting: Sighting, after: datetime | None, material: Material) -> bool:
    """Whether an end can be this incident's: neither in the future, nor before the start.

    One that is told with a day of its own, and before the start, contradicts it: that is not passed over.
    """
    dated = sighting.rank >= PLAIN_END and sighting.mention.day
    instants = reading_of(sighting, material.setting, after).instants
    found = any(one <= material.setting.now and (dated or not after or one > after) for one in instants)
    return found and not material.setting.prose.is_elsewhere(sighting.start)


def _tell_unused(material: Material) -> None:
    """Note the times and lengths of the text that are not used."""
    choices = material.times.values()
    own = [one.instant for one in choices if one.instant and one.origin.startswith(("text", "when", "given"))]
    asked = [f"{one.question.text} {one.question.candidates}" for one in choices if one.question]
    told = " ".join([*material.notes, *asked])
    material.notes += times_left(material, own, told)
    began, end = material.times["incident_start"].instant, material.times["end_time"].instant
    if not (began and end in own):
        material.notes += lengths_left(material, began, _reported(material).instant or material.setting.reference)


def _check(material: Material) -> None:
    """Raises `ParameterError` for times that cannot hold; a start that is later than now is taken out."""
    setting, times = material.setting, material.times
    origins = {name: one.origin for name, one in times.items()}
    began, start, end = (one.instant for one in times.values())
    if began and began > setting.now:
        said = f"incident_start is later than now: it is {iso(began)} ({origins['incident_start']})"
        said, fix = f"{said}, and now is {iso(setting.now)}.", "Check the time, its day and its zone."
        exact = material.given.exact_start or origins["incident_start"] == "given"
        if exact or began - setting.now > timedelta(hours=WIDEST):
            raise ParameterError(said, fix=fix)
        # A clock or a zone is wrong: the start is measured instead.
        material.notes.append(f"{said} {fix} The window is the time before now.")
        began, times["incident_start"] = None, Choice(origin="unknown: the text's start is later than now")
    opens = [(one.instant, name) for name, one in times.items() if one.instant and name != "end_time"]
    later, what = max(opens, default=(None, ""))
    if later and end and end <= later:
        fix = "Give --start-time or --incident-start before --end-time, or telemetry that covers the incident."
        message = f"The window ends before it starts: end_time {iso(end)} ({origins['end_time']}) is not after"
        raise ParameterError(f"{message} {what} {iso(later)} ({origins[what]}).", fix=fix)
    first, last = setting.first, setting.last
    if start and end and first and last and (end < first or start > last):
        material.notes.append(f"The telemetry holds nothing of the window: it covers {iso(first)} to {iso(last)}.")
    elif began and (seen := max((t for t in (start, first) if t), default=began)) > began:
        material.notes.append(f"The window's telemetry begins at {iso(seen)}: nothing is from before the incident.")


def _minus(instant: datetime, before: timedelta) -> datetime:
    try:
        return instant - before
    except OverflowError as error:
        raise ParameterError(f"No window fits before {iso(instant)}.", fix="Give a later --incident-start.") from error


def _hours(span: timedelta) -> str:
    """A length of time as people are shown it: "1.5 h"."""
    return f"{span.total_seconds() / 3600:g} h"
