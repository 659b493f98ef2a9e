"""What goes into a recording and comes out of it the same on any machine: no secret, no place, no time of day."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from tsg_agent import __version__
from tsg_agent.errors import RecordError
from tsg_agent.llm.redaction import without_secrets
from tsg_agent.recording.file import RecordedCall, Recording
from tsg_agent.recording.players import RecordingEngine, kept_table
from tsg_agent.service import Request
from tsg_agent.settings import Settings

AGAIN = "The query or the prompt has changed since: record it again."
_PRIVATE: dict[str, Any] = {"state_dir": True, "model": {"api_key", "base_url"}}


def prepared(request: Request) -> Request:
    """The request with a time that is now, and without secrets in its text."""
    text = without_secrets(request.text)
    return request.model_copy(update={"now": request.now or datetime.now(UTC), "text": text})


def portable(settings: Settings) -> Settings:
    """The settings as a replay will read them: a threshold's default may be written 10 where one read is 10.0."""
    read = Settings.model_validate(settings.model_dump(mode="json", exclude=_PRIVATE))
    private = {"api_key": settings.model.api_key, "base_url": settings.model.base_url}
    return read.model_copy(update={"model": read.model.model_copy(update=private)})


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
        settings=settings.model_dump(mode="json", exclude=_PRIVATE),
        tables={name: kept_table(table) for name, table in engine.tables.items()},
        queries=engine.queries,
        calls=calls,
        **more,
    )


def again(held: Recording) -> Settings:
    """The settings of a replay: those of the recording, without waiting."""
    settings = Settings.model_validate(held.settings)
    return settings.model_copy(update={"model": settings.model.model_copy(update={"longest_wait": 0.0})})


@contextmanager
def complete(missed: list[str]) -> Iterator[None]:
    """Raises RecordError where something was asked for that is not in the recording, whatever came of that."""
    try:
        yield
    finally:
        if missed:
            more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
            raise RecordError(f"The recording has no result for {missed[0]}{more}.", fix=AGAIN)
