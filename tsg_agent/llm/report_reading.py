"""Step 1 with a model: its values are verified against quotations, and merged with the rules' extraction.

A value counts if the report contains its quotation, and the quotation names the value. It fills parameters that the
rules did not find; if the two disagree, or the text is ambiguous, a person is asked.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tsg_agent.errors import ModelError
from tsg_agent.extract import Extraction, Given
from tsg_agent.extract.choices import Material, iso
from tsg_agent.extract.readings import TimeContext, read
from tsg_agent.extract.spoken import SPAN, length
from tsg_agent.extract.spotting import TimeMention, spot
from tsg_agent.extract.text import Prose, clean
from tsg_agent.extract.window import survey
from tsg_agent.extract.words import ALL
from tsg_agent.llm.assistant import Assistant
from tsg_agent.llm.prompts import render
from tsg_agent.models import Doubt, Known, Model, Parameters, Question
from tsg_agent.wording import one_line

NODE = "read"
KNOWN_LISTED = 60
NOT_THERE = "its quotation is not in the text"
SAME = timedelta(minutes=1)
BASELINE = timedelta(hours=1)
"""Shortest baseline before a start with which it can be measured."""
MOST_PLACES = 20
_SPAN = re.compile(SPAN, re.IGNORECASE)
MARGIN = timedelta(days=1)
"""Tolerance for times outside of the telemetry's range."""
_PARAMETERS = {
    "region": "region",
    "service_name": "service_name",
    "environment": "environment",
    "incident_start": "incident_start",
    "window_start": "start_time",
    "window_end": "end_time",
    "resolved": "end_time",
    "threshold": "threshold",
}
_OTHERS = {
    "incident_start": (("ends", "when it ended"), ("nows", "what was now"), ("created", "when it was reported")),
    "resolved": (("starts", "when it began"), ("created", "when it was reported")),
}
"""Other roles of a time that a model may take for a start or an end -> their words."""


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore")

    value: str | float | None = None
    quote: str | None = None


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore")

    region: _Said | None = None
    service_name: _Said | None = None
    environment: _Said | None = None
    incident_start: _Said | None = None
    window_start: _Said | None = None
    window_end: _Said | None = None
    resolved: _Said | None = None
    threshold: _Said | None = None


class Reading(Model):
    """The verified values of a model: parameter -> value, and its quotation."""

    values: dict[str, Any] = Field(default_factory=dict)
    quotes: dict[str, str] = Field(default_factory=dict)
    full: list[str] = Field(default_factory=list, description="times whose words write out day, time and zone")
    notes: list[str] = Field(default_factory=list)


def read_report(text: str, known: Known, now: datetime, assistant: Assistant) -> Reading:
    """Ask the model, and keep verified values. If the model fails, the rules decide alone, with a note."""
    shown = known.model_copy(update={key: getattr(known, key)[:KNOWN_LISTED] for key in _LISTS.values()})
    limit = assistant.settings.text_characters
    messages = render("extract", text=text, known=shown, now=iso(now), limit=limit)
    try:
        reply = assistant.structured(NODE, messages, _Reply)
    except ModelError as error:
        return Reading(notes=[f"The model read nothing ({error.kind}): {error} The parameters are the rules' own."])
    return checked(reply.model_dump(), text, known, now)


_LISTS = {"region": "regions", "service_name": "services", "environment": "environments"}


def checked(said: dict[str, Any], text: str, known: Known, now: datetime) -> Reading:
    """The values of a model's reply that the report and the telemetry confirm."""
    values: dict[str, Any] = {}
    quotes: dict[str, str] = {}
    full: list[str] = []
    notes: list[str] = []
    flat, seen = _flat(text), survey(Prose(text), known, now)
    for field, parameter in _PARAMETERS.items():
        one = said.get(field) or {}
        value, quote = one.get("value"), str(one.get("quote") or "")
        if value in (None, "") or parameter in values:
            continue
        inside = len(quote) > 1 and _flat(quote) in flat
        problem, good = _problem(field, value, quote, known, now, seen) if inside else (NOT_THERE, None)
        if problem:
            shown = f"{one_line(value, 60)}, from “{one_line(quote, 80)}”"
            notes.append(f"Not used, what the model read as {field} ({shown}): {problem}.")
        else:
            values[parameter], quotes[parameter] = good, one_line(quote, 80)
            if isinstance(good, datetime) and _written_out(quote, known, now) == {good}:
                full.append(parameter)
    return Reading(values=values, quotes=quotes, full=full, notes=notes)


def _problem(  # noqa: PLR0917 - what `checked` has at hand
    field: str, value: Any, quote: str, known: Known, now: datetime, seen: Material
) -> tuple[str, Any]:
    """("", the normalized value), or (why it is rejected, None)."""
    if field in _LISTS:
        names = {name.casefold(): name for name in getattr(known, _LISTS[field])}
        name = names.get(str(value).strip().casefold())
        if name is None:
            return "the telemetry does not know it", None
        said = re.sub(r"[\W_]+", "", quote.casefold())
        return (
            ("", name) if re.sub(r"[\W_]+", "", name.casefold()) in said else ("its quotation does not name it", None)
        )
    if field == "threshold":
        return _threshold(value, quote)
    return _time(field, value, quote, known, now, seen)


def _threshold(value: Any, quote: str) -> tuple[str, Any]:
    try:
        number = float(value)
    except ValueError:
        return "it is no number", None
    if not 0 < number <= 100:
        return "it is no percentage", None
    return ("", number) if f"{number:g}" in quote.replace(",", ".") else ("its quotation does not name it", None)


def _time(  # noqa: PLR0917 - as above
    field: str, value: Any, quote: str, known: Known, now: datetime, seen: Material
) -> tuple[str, Any]:
    """("", the time) if the rules read it from the quotation in its context, else (why it is rejected, None)."""
    try:
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return "it is no time", None
    try:
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:  # datetime.min or .max in another zone
        return "it is no time", None
    if moment > now:
        return "it is in the future", None
    if known.first and known.last and not known.first - MARGIN <= moment <= known.last + MARGIN:
        return f"the telemetry covers {iso(known.first)} to {iso(known.last)}", None
    spans = _places(quote, seen.setting.prose.text)
    mentions = [one for one in seen.mentions if any(low <= one.start and one.end <= high for low, high in spans)]
    borne: dict[datetime, TimeMention | None]
    borne = {instant: one for one in mentions for instant in read(one, seen.setting).instants}
    borne |= {seen.setting.reference - length(match[0]): None for match in _SPAN.finditer(quote)}
    found = next((instant for instant in borne if abs(instant - moment) < SAME), None)
    if found is None:
        said = ", ".join(iso(instant) for instant in sorted(borne)[:3])
        return (f"its words say {said}" if said else "its words hold no time that is read"), None
    return _of_another(field, borne[found], seen), moment


def _of_another(field: str, mention: TimeMention | None, seen: Material) -> str:
    """The reason why a time is no start or end: the text gives it another role. "" if it may be one."""
    if mention is None or field not in _OTHERS:
        return ""
    for role, said in _OTHERS[field]:
        if any(one.mention == mention for one in getattr(seen.roles, role)):
            return f"the text says of it {said}"
    if mention not in seen.roles.unused:
        return ""
    begin, end = seen.setting.prose.sentence(mention.start, mention.end)
    before, after = seen.setting.prose.text[begin : mention.start], seen.setting.prose.text[mention.end : end]
    other, own = (_last(kinds, before) for kinds in ("elsewhere", "start since failing first break done until"))
    follows = ALL["elsewhere"].search(after[:40])
    return "the text says it of something else" if other > own or (follows and own < 0) else ""


def _last(kinds: str, text: str) -> int:
    return max((match.start() for match in ALL[kinds].finditer(text)), default=-1)


def _places(quote: str, text: str) -> list[tuple[int, int]]:
    """Spans of a quotation in a text, regardless of white space."""
    words = [re.escape(word) for word in clean(quote).split()]
    pattern = re.compile(r"\s+".join(words), re.IGNORECASE)
    return [match.span() for match in islice(pattern.finditer(text), MOST_PLACES)] if words else []


def _written_out(quote: str, known: Known, now: datetime) -> set[datetime]:
    """The times that a quotation spells out in full, so that they need no context."""
    setting = TimeContext(prose=Prose(quote), mentions=(), now=now, first=known.first, last=known.last)
    full = [one for one in spot(quote) if one.instant or (one.clock and one.zone and one.day and one.day.dates)]
    return {instant for one in full if (instant := read(one, setting).instant)}


def _flat(text: str) -> str:
    return " ".join(clean(text).casefold().split())


def combined(rules: Callable[[Given], Extraction], given: Given, reading: Reading) -> Extraction:
    """The rules' extraction, with missing values from the model's reading; a disagreement becomes a question.

    An ambiguous parameter stays a question, with the model's value as one more candidate. `rules` extracts with the
    given values, which win over both. Raises what `rules` raises.
    """
    held = Given.model_validate(reading.values)  # a checkpoint holds times as text
    mine = {key: value for key, value in held if value is not None and getattr(given, key) is None}
    found = rules(given)
    begun = _opens_at_the_start(mine, found)
    mine = {key: value for key, value in mine.items() if key != "start_time" or not begun}
    doubts = {question.parameter: question for question in [*found.unsettled, *found.questions]}
    filled = {key: value for key, value in mine.items() if _fills(key, value, found, doubts, reading)}
    unused = [key for key in mine if key in doubts and key not in filled]
    if filled:
        found = rules(Given.model_validate({**given.model_dump(), **filled}))
    notes = [*found.notes, *reading.notes]
    if found.parameters is None:
        asked = [_with_reading(q, mine[q.parameter], reading) if q.parameter in unused else q for q in found.questions]
        return found.model_copy(update={"questions": asked, "notes": notes})
    notes += [f"Not used, what the model read as {key}: the text allows several." for key in unused]
    if begun:
        notes.append(
            "Not used, what the model read as start_time: the incident began then, and what comes before counts."
        )
    disputed = {
        key: value
        for key, value in mine.items()
        if key not in filled and key not in unused and not _same(getattr(found.parameters, key), value)
    }
    both = "" if given.exact_start else _measured(disputed.get("incident_start"), found.parameters)
    if both:
        notes.append(f"{both} in “{reading.quotes['incident_start']}”: the telemetry decides.")
        del disputed["incident_start"]
    if disputed:
        asked = [_dispute(key, getattr(found.parameters, key), value, reading) for key, value in disputed.items()]
        return Extraction(questions=asked, notes=notes)
    origins = {**found.parameters.origins, **{key: f"model, text: “{reading.quotes[key]}”" for key in filled}}
    return Extraction(parameters=found.parameters.model_copy(update={"origins": origins}), notes=notes)


def _measured(start: datetime | None, ruled: Parameters) -> str:
    """The note on two different starts if the window holds a baseline for both: the measurement decides. Else ""."""
    if start is None or ruled.incident_start is None or start >= ruled.end_time:
        return ""
    if ruled.start_time + BASELINE > min(start, ruled.incident_start):
        return ""
    return f"Of incident_start the rules read {iso(ruled.incident_start)}, the model {iso(start)}"


def _opens_at_the_start(mine: dict[str, Any], found: Extraction) -> bool:
    """True if the model's window begins at the incident's start: it would have no baseline."""
    settled, opened = found.parameters, mine.get("start_time")
    if settled is None or settled.incident_start is None or opened is None:
        return False
    return _same(settled.incident_start, opened) and not settled.origins["start_time"].startswith(("text", "given"))


def _fills(key: str, value: Any, found: Extraction, doubts: dict[str, Question], reading: Reading) -> bool:
    """True if a value may replace a missing value or a default of the rules; never if the text is ambiguous."""
    question = doubts.get(key)
    if question is not None:
        if question.doubt is Doubt.UNCLEAR:  # the text may spell out one of its readings elsewhere
            return key in reading.full and (not question.candidates or iso(value) in question.candidates)
        return question.doubt is Doubt.SILENT
    if key == "incident_start" and "start_time" in doubts:
        return True  # the rules found no window: a doubtful one is not needed
    if found.parameters is None:
        return False
    said = found.parameters.origins.get(key, "").startswith(("text", "given"))
    return getattr(found.parameters, key) is None or not said


def _with_reading(question: Question, value: Any, reading: Reading) -> Question:
    """The rules' question, with the model's value added to the candidates."""
    shown = iso(value) if isinstance(value, datetime) else str(value)
    return question.model_copy(
        update={
            "text": f"{question.text} The model reads {shown} in “{reading.quotes[question.parameter]}”.",
            "candidates": tuple(dict.fromkeys([*question.candidates, shown])),
        }
    )


def _same(ruled: Any, read: Any) -> bool:
    if isinstance(ruled, datetime) and isinstance(read, datetime):
        return abs(ruled - read) < SAME
    return bool(ruled == read)


def _dispute(key: str, ruled: Any, read: Any, reading: Reading) -> Question:
    both = tuple(iso(v) if isinstance(v, datetime) else str(v) for v in (ruled, read))
    what = key.replace("_", " ")
    text = f"Which {what} is meant? The rules read {both[0]}, the model {both[1]} in “{reading.quotes[key]}”."
    return Question(parameter=key, text=text, candidates=both)
