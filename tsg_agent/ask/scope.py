"""Which service, region and time a question is about: its own words, then those of the talk so far."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tsg_agent.errors import QuestionError
from tsg_agent.extract import Extraction, Given, Known, extract
from tsg_agent.extract.choices import iso
from tsg_agent.models import Parameters
from tsg_agent.settings import Settings

TIMES = ("start_time", "end_time", "incident_start")
PLACES = ("region", "service_name", "environment")


@dataclass(frozen=True)
class Setting:
    """What questions are read against."""

    known: Known
    settings: Settings
    now: datetime
    given: Given = field(default_factory=Given)
    """Flags: they win over everything."""


def scope_of(question: str, setting: Setting, before: Parameters | None = None) -> tuple[Parameters, list[str]]:
    """The parameters, and what was assumed. The question's own words win over `before`.

    Raises QuestionError for a region, service or environment that nothing settles.
    """
    found = _extract(question, setting, setting.given)
    asked = {one.parameter for one in found.questions}
    said = found.parameters.origins if found.parameters else {}
    fill: dict[str, Any] = {}
    notes: list[str] = []
    if before is not None:
        fill = {name: getattr(before, name) for name in PLACES if name in asked or _assumed(said.get(name, "text"))}
    if asked & set(TIMES) or (found.parameters is not None and _assumed(said.get("start_time", ""))):
        times, note = _times(setting, before)
        fill |= times
        notes += [note] if note else []
    given = {name: value for name, value in setting.given if value is not None}
    if fill:
        found = _extract(question, setting, Given.model_validate({**fill, **given}))
    if found.parameters is None and before is not None:
        found = _extract("", setting, Given.model_validate({**_of(before), **_named(question, setting), **given}))
    if found.parameters is None:
        raise QuestionError([(one.parameter, one.text, one.candidates) for one in found.questions])
    return found.parameters, notes


def _assumed(origin: str) -> bool:
    """Whether a value is a default rather than said."""
    return not origin.startswith(("text", "given", "incident_start", "when it was reported"))


def _times(setting: Setting, before: Parameters | None) -> tuple[dict[str, Any], str]:
    if before is not None:
        return {name: getattr(before, name) for name in TIMES if getattr(before, name) is not None}, ""
    known = setting.known
    if known.first is None or known.last is None:
        return {}, ""
    note = f"No time was named: the whole telemetry was looked at, {iso(known.first)} to {iso(known.last)}."
    return {"start_time": known.first, "end_time": known.last}, note


def _of(before: Parameters) -> dict[str, Any]:
    return {name: getattr(before, name) for name in (*PLACES, *TIMES, "threshold")}


def _named(question: str, setting: Setting) -> dict[str, str]:
    """Places that a short follow-up names, such as "and in eu-central?"."""
    lists = (setting.known.regions, setting.known.services, setting.known.environments)
    words = question.lower()
    return {
        name: next(v for v in values if v.lower() in words)
        for name, values in zip(PLACES, lists, strict=True)
        if any(v.lower() in words for v in values)
    }


def _extract(question: str, setting: Setting, given: Given) -> Extraction:
    return extract(
        question,
        setting.known,
        given,
        now=setting.now,
        window_hours=setting.settings.window_hours,
        default_threshold=setting.settings.default_threshold,
        ranges_are_windows=True,
    )
