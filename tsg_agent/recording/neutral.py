"""What goes into a recording and comes out of it the same on any machine: no secret, no place, no time of day."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from tsg_agent import __version__
from tsg_agent.errors import RecordError
from tsg_agent.llm.redaction import without_secrets
from tsg_agent.recording.file import FIX, RecordedCall, Recording
from tsg_agent.recording.players import RecordingEngine, kept_table
from tsg_agent.settings import Settings
from tsg_agent.store import Request
from tsg_agent.wording import one_line

AGAIN = "The query or the prompt has changed since: record it again."
_NOT_THESE = (pa.ArrowException, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
_GROUPS = {"thresholds", "window_hours", "default_threshold", "maximum_groups"}
_MODEL = {
    "name", "retries", "maximum_calls", "maximum_tokens", "maximum_seconds", "maximum_cost", "input_price",
    "output_price", "text_characters", "analyse", "redact",
}  # fmt: skip
"""Of the model's settings: what it was asked, and when its budget ended."""


def prepared(request: Request) -> Request:
    """The request with a time that is now, and without secrets in its text."""
    text = without_secrets(request.text)
    return request.model_copy(update={"now": request.now or datetime.now(UTC), "text": text})


def portable(settings: Settings) -> Settings:
    """The settings as a replay will read them: a threshold's default may be written 10 where one read is 10.0."""
    read = Settings.model_validate(_told(settings.model_dump(mode="json")))
    model = settings.model.model_copy(update={name: getattr(read.model, name) for name in _MODEL})
    return settings.model_copy(update={**{name: getattr(read, name) for name in _GROUPS}, "model": model})


def kept(
    request: Request, settings: Settings, engine: RecordingEngine, calls: list[RecordedCall], **more: Any
) -> Recording:
    """The recording; `more` is what came of it. Where things lay on this machine is left out."""
    place = "/".join(PurePath(request.telemetry).parts[-2:])
    mapping = PurePath(request.mapping.name) if request.mapping else None
    return Recording(
        version=__version__,
        recorded=datetime.now(UTC),
        request=request.model_copy(update={"telemetry": place, "mapping": mapping}),
        settings=_told(settings.model_dump(mode="json")),
        tables={name: kept_table(table) for name, table in engine.tables.items()},
        queries=engine.queries,
        calls=calls,
        **more,
    )


def again(held: Recording) -> Settings:
    """The settings of a replay: those that decide what is reported are the recording's, without waiting.

    All else is of the machine that replays: a recording may come from anybody, so it chooses neither isolation nor
    limits of time and memory, nor a folder, an endpoint or a key. What it leaves out of its own is the default's, not
    the environment's. Raises RecordError.
    """
    usual, told = _told(Settings.model_construct().model_dump(mode="json")), _told(held.settings)
    try:
        settings = Settings.model_validate({**usual, **told, "model": {**usual["model"], **told["model"]}})
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(map(str, problem["loc"]))
        raise RecordError(
            f"The recording's setting {name} is wrong: {problem['msg']}. It was recorded by tsg-agent "
            f"{one_line(held.version, 20)}.",
            fix="Record it again, or replay it with that version.",
        ) from None
    return settings.model_copy(update={"model": settings.model.model_copy(update={"longest_wait": 0.0})})


def _told(settings: dict[str, Any]) -> dict[str, Any]:
    """Of a recording's settings those that it may bring, which are also all that one is given."""
    model = settings.get("model")
    of_model = {name: value for name, value in model.items() if name in _MODEL} if isinstance(model, dict) else {}
    return {**{name: value for name, value in settings.items() if name in _GROUPS}, "model": of_model}


@contextmanager
def complete(missed: list[str]) -> Iterator[None]:
    """Raises RecordError where something was asked for that is not in the recording, whatever came of that.

    So it does where a result that is there is not what its query gives (a column is missing, or of another kind).
    """
    try:
        yield
    except _NOT_THESE as error:
        raise RecordError(
            f"What the recording holds does not fit the queries ({type(error).__name__}).", fix=FIX
        ) from error
    finally:
        if missed:
            more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
            raise RecordError(f"The recording has no result for {missed[0]}{more}.", fix=AGAIN)
