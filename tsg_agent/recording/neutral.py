"""Makes recordings machine-independent: without secrets, locations, and the time of day."""

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
"""The model's settings that are recorded: they affect its requests, and its budget."""


def prepared(request: Request) -> Request:
    """The request with a fixed current time, and without secrets in its text."""
    text = without_secrets(request.text)
    return request.model_copy(update={"now": request.now or datetime.now(UTC), "text": text})


def portable(settings: Settings) -> Settings:
    """The settings as a replay will read them, normalized: a default may be 10, but is read as 10.0."""
    read = Settings.model_validate(_told(settings.model_dump(mode="json")))
    model = settings.model.model_copy(update={name: getattr(read.model, name) for name in _MODEL})
    return settings.model_copy(update={**{name: getattr(read, name) for name in _GROUPS}, "model": model})


def kept(
    request: Request, settings: Settings, engine: RecordingEngine, calls: list[RecordedCall], **more: Any
) -> Recording:
    """The recording; `more`: the results. Without the machine's paths."""
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
    """The settings of a replay: the recording's for all that affects the report, and no retry delays.

    All others are the replaying machine's: a recording is untrusted, and must not choose isolation, limits of time and
    memory, folders, endpoints or keys. Settings missing in the recording get their defaults, not the environment's
    values. Raises RecordError.
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
    """The settings that a recording contains, and that a replay takes from it."""
    model = settings.get("model")
    of_model = {name: value for name, value in model.items() if name in _MODEL} if isinstance(model, dict) else {}
    return {**{name: value for name, value in settings.items() if name in _GROUPS}, "model": of_model}


@contextmanager
def complete(missed: list[str]) -> Iterator[None]:
    """Raises RecordError after a replay with a miss, even if the error was handled.

    Also if a recorded result does not fit its query (a column is missing, or has another type).
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
