"""Ranges of time: written windows ("start_time: …", "the last 3 hours"), and ranges that the incident lasted."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from tsg_agent.extract.choices import Choice, Material, ask, choose, hours
from tsg_agent.extract.readings import DAY, UNIVERSAL, TimeContext, TimeReading, read
from tsg_agent.extract.sightings import RAN_TO, Range, Sighting
from tsg_agent.extract.spotting import Day, TimeMention
from tsg_agent.models import Doubt

_OVERNIGHT = timedelta(hours=12)  # a range that ends before it begins is overnight if it is no longer
_MOMENT = timedelta(minutes=30)
"""Up to this long, "it broke between A and B" gives an uncertain start; a longer range is how long it lasted."""


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
            _of_incident(r, first, second, material)
    known = given.incident_start or choose("incident_start", roles.starts, replace(material, notes=[])).instant
    for r in list(roles.either):
        first, second = span_of(r, setting)
        if known and known == first.instant:
            _of_incident(r, first, second, material)
        elif known or given.start_time or material.ranges_are_windows:
            roles.ranges.append(r)
        else:
            continue
        roles.either.remove(r)


def _of_incident(r: Range, first: TimeReading, second: TimeReading, material: Material) -> None:
    material.roles.starts.append(Sighting(r.first, int(r.begun), r.start, r.end, first))
    if r.second:
        material.roles.ends.append(Sighting(r.second, RAN_TO, r.start, r.end, second))


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
        end = _of_reading("end_time", r, second, setting) if r.second else Choice()
        return _of_reading("start_time", r, first, setting), end
    for r in roles.either if alone else ():  # the incident's duration or a window
        first, second = span_of(r, setting)
        if first.instant and (second.instant or not r.second):
            quoted = material.quoted(r.start, r.end)
            said = "may be when the incident was on, or only the window to look at"
            material.notes.append(f"{quoted} {said}: the window opens before it, and the start is not taken from it.")
            end = Choice(second.instant, f"text: {quoted}") if second.instant else Choice()
            return Choice(first.instant - material.before, f"{hours(material.before)} before {quoted}"), end
    return Choice(), Choice()


def _of_reading(parameter: str, r: Range, reading: TimeReading, setting: TimeContext) -> Choice:
    quoted = setting.prose.snippet(r.start, r.end)
    if reading.instant:
        how = f" ({reading.how})" if reading.how else ""
        return Choice(reading.instant, f"text, a window written out: {quoted}{how}")
    return Choice(question=ask(parameter, f"{quoted} does not settle it: {reading.problem}", reading.instants))


def span_of(r: Range, setting: TimeContext, *, whole_days: bool = True) -> tuple[TimeReading, TimeReading]:
    """Both ends of a range. A day or zone written once holds for both; a range may run past midnight."""
    first, second = r.first, r.second
    if second is None:
        return read(first, setting), TimeReading(())
    own_day = bool(second.day)
    zone = second.zone or first.zone
    first = replace(first, day=first.day or second.day, zone=first.zone or zone)
    second = replace(second, zone=zone)
    begin = _read_end(first, setting, whole_days=whole_days)
    if not own_day and second.clock and begin.instant:
        day = (zone or setting.zone or UNIVERSAL).today(begin.instant).date()
        second = replace(second, day=Day(dates=(day,)))
    elif not own_day:
        second = replace(second, day=first.day)
    finish = _read_end(second, setting, whole_days=whole_days, last=True)
    if begin.instant and finish.instant and finish.instant <= begin.instant and not own_day:
        later = finish.instant + DAY
        if later - begin.instant <= _OVERNIGHT:
            finish = replace(finish, instants=(later,))
    return begin, replace(finish, how=begin.how or finish.how)


def _read_end(mention: TimeMention, setting: TimeContext, *, whole_days: bool, last: bool = False) -> TimeReading:
    """One end of a range. `whole_days`: a day without a time counts from its first midnight to its `last`."""
    reading = read(mention, setting)
    if whole_days and mention.day and not mention.clock and len(reading.instants) == 1:
        day = reading.instants[0].date()
        return TimeReading((datetime.combine(day, time(), UTC) + (DAY if last else timedelta()),), "whole days, UTC")
    return reading
