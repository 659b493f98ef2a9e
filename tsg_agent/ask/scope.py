"""A question's scope (service, region, environment, window): from its words, else the talk, flags, the incident."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tsg_agent.errors import ParameterError, QuestionError
from tsg_agent.extract import Extraction, Given, extract
from tsg_agent.extract.names import KnownNames
from tsg_agent.extract.question_span import AskedSpan, QuestionTimes, asked_text, asked_window
from tsg_agent.models import Known, Parameters
from tsg_agent.settings import Settings
from tsg_agent.wording import moment, name

_SLACK = timedelta(minutes=1)
"""Tolerance at the telemetry's edges: a window to the full minute is covered by that minute's last request."""
TIMES = ("start_time", "end_time", "incident_start")
PLACES = ("region", "service_name", "environment")
WHOLE = re.compile(r"\b(?:in )?(?:the )?(?:whole|entire|full) (?:window|time|incident|outage|telemetry|period)\b", re.I)
_AFTER_THAT = re.compile(
    r"\b(?P<same>since then)\b"
    r"|(?<!than )(?<!as )(?<!like )\b(?P<side>after|since|before|until)(?: that)?(?=\W*$)|\b(?:and )?then(?=\W*$)",
    re.IGNORECASE,
)
""""and after that?", "before?"; but not "worse than before", a comparison."""


@dataclass(frozen=True)
class QuestionContext:
    """What a question's scope is resolved against."""

    known: Known
    settings: Settings
    now: datetime
    given: Given = field(default_factory=Given)
    """Flags. They override the incident's text; a question's own words override them."""
    incident: str = ""


@dataclass(frozen=True)
class QuestionScope:
    """The resolved scope of a question."""

    parameters: Parameters
    base: Parameters
    """The scope without the question's own words."""
    asked: AskedSpan
    notes: list[str]
    """Assumptions, and how ambiguous words were read."""
    caveats: list[str]
    """Words about time that could not be read."""
    taken: list[tuple[int, int]]
    """Spans of `asked.text` that name services, environments and times."""
    places: dict[str, str]
    """Region, service and environment that the question names: parameter -> value."""
    timed: bool
    """Whether the question names a time."""
    short: list[str] = field(default_factory=list)
    """Which part of the window the telemetry does not cover, in sentences."""


def scope_of(question: str, setting: QuestionContext, before: Parameters | None = None) -> QuestionScope:
    """Resolve a question's scope. Its own words override `before`, the scope of the question before it.

    Raises QuestionError for a region, service or environment that stays open or is ambiguous; ParameterError for a
    window outside the telemetry.
    """
    text = asked_text(question)
    places, spans = places_in(text, setting.known)
    base, notes = _base(setting, places)
    held = before or base
    frame = _frame(base, setting)
    asked = asked_window(text, frame)
    again = _relative(asked, held, frame) if before is not None else None
    start, end = again or (asked.start, asked.end)
    taken = [*spans, *asked.taken]
    if whole := WHOLE.search(asked.text):
        taken.append(whole.span())
        start, end = (start, end) if start else (base.start_time, base.end_time)
    if before is not None and not start and (held.start_time, held.end_time) != (base.start_time, base.end_time):
        notes.append("The window is the last question's; “in the whole window” goes back to all of it.")
    if start and end:
        notes += asked.how
    windows = [(start, end), asked.against or (start, end)] if start and end else []
    short = list(dict.fromkeys(said for one in windows for said in _covered(*one, asked, setting.known)))
    window = {"start_time": start or held.start_time, "end_time": end or held.end_time}
    named = {name: getattr(held, name) for name in PLACES} | places
    parameters = base.model_copy(update={**window, **named})
    return QuestionScope(parameters, base, asked, notes, list(asked.unread), taken, places, bool(start), short)


def began_in(question: str, scope: QuestionScope, setting: QuestionContext) -> dict[str, Any]:
    """The incident's start and the window's, if a question says it: "why does it fail since 14:00?".

    Empty if the question does not say it, or a flag does.
    """
    given = setting.given.model_dump(exclude_none=True)
    if scope.asked.start is None or "incident_start" in given:
        return {}
    held = scope.parameters.model_dump(include={*PLACES, "end_time"})
    found = _extract(question, setting, held | given).parameters
    if found is None or found.incident_start is None:
        return {}
    began = scope.asked.start if found.incident_start.time() == scope.asked.start.time() else found.incident_start
    opened = began - timedelta(hours=setting.settings.window_hours)
    return {"incident_start": began, "start_time": opened} if "start_time" not in given else {"incident_start": began}


def places_in(text: str, known: Known) -> tuple[dict[str, str], list[tuple[int, int]]]:
    """The known regions, services and environments in a text: parameter -> value, and their spans.

    Of several regions the first is taken: the others become filters. Raises QuestionError where
    several services or environments are named, or a name may mean several.
    """
    found: dict[str, str] = {}
    spans: list[tuple[int, int]] = []
    lists = (known.regions, known.services, known.environments)
    for place, values in zip(PLACES, lists, strict=True):
        hits = KnownNames(values, environments=place == "environment").find(text)
        named = tuple(dict.fromkeys(value for hit in hits for value in hit.values))
        doubtful = any(len(hit.values) > 1 for hit in hits) or (len(named) > 1 and place != "region")
        if doubtful:
            noun = place.partition("_")[0]
            raise QuestionError([(place, f"Which {noun} is meant? The question may mean several.", named)])
        if named:
            found[place] = named[0]
            spans += [(hit.start, hit.end) for hit in hits if place != "region"]  # a region may be the subject too
    return found, spans


def _base(setting: QuestionContext, places: dict[str, str]) -> tuple[Parameters, list[str]]:
    """The parameters of incident and flags, and notes. If neither names a time, the window is the whole telemetry."""
    given = setting.given.model_dump(exclude_none=True)
    text = setting.incident
    found = _extract(text, setting, given)
    notes: list[str] = []
    asked = {one.parameter for one in found.questions}
    fill: dict[str, Any] = {name: value for name, value in places.items() if name in asked or not text}
    known = setting.known
    if (asked & set(TIMES) or (not text and "start_time" not in given)) and known.first and known.last:
        fill |= {"start_time": known.first, "end_time": known.last}
        span = f"{moment(known.first)} to {moment(known.last)}"
        notes.append(f"Neither flags nor an incident name a time: the whole telemetry counts, {span}.")
    if fill:
        found = _extract(text, setting, {**fill, **given})
    if found.parameters is None:
        raise QuestionError([(one.parameter, one.text, one.candidates) for one in found.questions])
    return found.parameters, notes


def _frame(base: Parameters, setting: QuestionContext) -> QuestionTimes:
    known = setting.known
    first, last = known.first or base.start_time, known.last or base.end_time
    return QuestionTimes(base.start_time, base.end_time, first, last, setting.now, base.incident_start)


def _relative(asked: AskedSpan, held: Parameters, frame: QuestionTimes) -> tuple[datetime, datetime] | None:
    """The window behind or before the last question's ("and after that?"); None if the question asks for neither."""
    match = _AFTER_THAT.search(asked.text)
    if asked.start is not None or not match:
        return None
    asked.taken.append(match.span())
    if match["same"]:
        return held.start_time, held.end_time
    if (match["side"] or "after").lower() in ("before", "until"):
        low, high = (frame.start if frame.start < held.start_time else frame.first), held.start_time
    else:
        low, high = held.end_time, (frame.end if frame.end > held.end_time else frame.last)
    if low >= high:
        raise ParameterError(
            f"The telemetry holds nothing {match['side'] or 'after'} the last question's window: it covers "
            f"{moment(frame.first)} to {moment(frame.last)}.",
            fix="Name a time within it.",
        )
    return low, high


def _covered(start: datetime, end: datetime, asked: AskedSpan, known: Known) -> list[str]:
    """What of a window the telemetry does not cover, in sentences. Raises ParameterError if it covers nothing."""
    if known.first is None or known.last is None:
        return []
    span = f"{moment(known.first)} to {moment(known.last)}"
    if start >= end or start > known.last or end < known.first:
        quoted = ", ".join(asked.quoted(*span) for span in asked.taken) or "The window"
        whole = f"{moment(start)} to {moment(end)}"
        read_as = whole if start < end else moment(start) if start > known.last else moment(end)
        raise ParameterError(
            f"The telemetry holds nothing of {quoted} ({read_as}): it covers {span}.",
            fix="Name a time within it, with its date; or say with --now what counts as now.",
        )
    short = start < known.first - _SLACK or end > known.last + _SLACK
    return [f"The telemetry covers only {span}."] if short else []


def _extract(text: str, setting: QuestionContext, given: dict[str, Any]) -> Extraction:
    return extract(
        text,
        setting.known,
        Given.model_validate(given),
        now=setting.now,
        window_hours=setting.settings.window_hours,
        default_threshold=setting.settings.default_threshold,
        ranges_are_windows=True,
    )


def scope_words(parameters: Parameters, regions: str = "") -> str:
    """A scope in words."""
    place = regions or name(parameters.region)
    where = f"{name(parameters.service_name)} in {place} ({name(parameters.environment)})"
    return f"{where}, {moment(parameters.start_time)} to {moment(parameters.end_time)}."
