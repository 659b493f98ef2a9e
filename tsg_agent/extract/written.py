"""A window that is written out in the text: "between 07:00 and 08:00", "start_time: …", "the last 3 hours"."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from tsg_agent.extract.choices import Choice, Material, ask, choose
from tsg_agent.extract.readings import DAY, UNIVERSAL, Reading, Setting, read
from tsg_agent.extract.roles import Range
from tsg_agent.extract.spotting import Day, Mention
from tsg_agent.models import Doubt

_OVERNIGHT = timedelta(hours=12)  # a range that runs longer past midnight is taken for a mistake


@dataclass(frozen=True, slots=True)
class Written:
    """A window written out: its start, its end, and where they were read."""

    start: Choice = field(default_factory=Choice)
    end: Choice = field(default_factory=Choice)


def written_out(material: Material, *, alone: bool) -> Written:
    """A window in the text. One that is only hinted at counts where the text does not say when it began (`alone`)."""
    roles, setting = material.roles, material.setting
    start = choose("start_time", roles.window_starts, material)
    end = choose("end_time", roles.window_ends, material, start.instant or material.given.start_time)
    if roles.window_starts or roles.window_ends:
        return Written(start, end)
    usable = [r for r in roles.ranges if (r.rank >= 1 and r.second) or alone]
    if not usable:
        return Written()
    top = max((r.rank, r.second is not None) for r in usable)
    best = [r for r in usable if (r.rank, r.second is not None) == top]
    spans = {
        (first.instant, second.instant): (r, first, second) for r in best for first, second in [span_of(r, setting)]
    }
    if len(spans) > 1:
        starts = tuple(instant for instant, _ in spans if instant)
        ends = tuple(instant for _, instant in spans if instant)
        several = "the text names several windows"
        return Written(
            Choice(question=ask("start_time", several, starts, Doubt.SEVERAL)),
            Choice(question=ask("end_time", several, ends, Doubt.SEVERAL)),
        )
    r, first, second = next(iter(spans.values()))
    return Written(
        _of_reading("start_time", r, first, setting),
        _of_reading("end_time", r, second, setting) if r.second else Choice(),
    )


def _of_reading(parameter: str, r: Range, reading: Reading, setting: Setting) -> Choice:
    quoted = setting.prose.snippet(r.start, r.end)
    if reading.instant:
        how = f" ({reading.how})" if reading.how else ""
        return Choice(reading.instant, f"text, a window written out: {quoted}{how}")
    return Choice(question=ask(parameter, f"{quoted} does not settle it: {reading.problem}", reading.instants))


def span_of(r: Range, setting: Setting) -> tuple[Reading, Reading]:
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
