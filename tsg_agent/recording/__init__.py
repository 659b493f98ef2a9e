"""Records an investigation into one file, and runs it again from there: no data source, no model.

A replay answers exact matches only; anything else is a miss, and an error.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tsg_agent import __version__
from tsg_agent.errors import RecordError
from tsg_agent.llm import Model, open_model
from tsg_agent.llm.redaction import without_secrets
from tsg_agent.models import Question, Report
from tsg_agent.recording.file import Recording, read, write
from tsg_agent.recording.players import RecordingEngine, RecordingModel, ReplayEngine, ReplayModel, kept_table
from tsg_agent.service import Request, Watch, investigate, open_telemetry
from tsg_agent.settings import Settings

__all__ = ["comparable", "differences", "record", "replay"]

AGAIN = "The query or the prompt has changed since: record it again."
_TIMES = frozenset({"milliseconds", "version"})
"""What differs between two runs of the same investigation: how long it took, and with which release."""


def record(
    request: Request,
    file: Path,
    *,
    settings: Settings | None = None,
    watch: Watch | None = None,
    model: Model | None = None,
) -> Report:
    """Investigate, and keep it all in `file`. Raises what investigate() raises, then nothing is kept."""
    settings, watch = settings or Settings(), watch or Watch()
    request = request.model_copy(
        update={"now": request.now or datetime.now(UTC), "text": without_secrets(request.text)}
    )
    kept_settings = settings.model_dump(mode="json", exclude={"state_dir": True, "model": {"api_key"}})
    key = settings.model.api_key
    # As a replay will read them: a threshold's default may be written 10 where one that was read is 10.0.
    settings = Settings.model_validate(kept_settings)
    settings = settings.model_copy(update={"model": settings.model.model_copy(update={"api_key": key})})
    answers: list[dict[str, Any]] = []
    model = model or open_model(settings.model)
    recorded_model = RecordingModel(model) if model else None
    with open_telemetry(request.telemetry, mapping=request.mapping, settings=settings) as opened:
        engine = RecordingEngine(opened)
        kept = Watch(watch.progress, _kept(watch.ask, answers), watch.begun)
        report = investigate(request, settings=settings, engine=engine, model=recorded_model, watch=kept)
        tables = {name: kept_table(table) for name, table in engine.tables.items()}
    held = Recording(
        version=__version__,
        recorded=datetime.now(UTC),
        request=request,
        settings=kept_settings,
        tables=tables,
        queries=engine.queries,
        calls=recorded_model.calls if recorded_model else [],
        answers=answers,
        report=report,
    )
    write(file, held, engine.results)
    return report


def replay(file: Path) -> Report:
    """Run a recorded investigation again, from its file alone. Raises RecordError for a miss or an unusable file."""
    held, results = read(file)
    engine = ReplayEngine(held, results)
    model = ReplayModel(held) if held.settings["model"]["name"] else None
    settings = Settings.model_validate(held.settings)
    settings = settings.model_copy(update={"model": settings.model.model_copy(update={"longest_wait": 0.0})})
    answers = iter(held.answers)

    def ask(questions: list[Question]) -> dict[str, Any]:
        try:
            return next(answers)
        except StopIteration:
            asked = ", ".join(question.parameter for question in questions)
            raise RecordError(f"The recording has no answer to: {asked}.", fix=AGAIN) from None

    try:
        report = investigate(held.request, settings=settings, engine=engine, model=model, watch=Watch(ask=ask))
    finally:
        missed = [*engine.missed, *(model.missed if model else [])]
        if missed:
            more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
            raise RecordError(f"The recording has no result for {missed[0]}{more}.", fix=AGAIN)
    return report.model_copy(update={"id": held.report.id})


def differences(file: Path) -> list[str]:
    """What a replay gives that the recorded report does not, or otherwise: path, then, now. Times are left out."""
    held, _ = read(file)
    return list(_differing(comparable(held.report), comparable(replay(file)), "report"))


def comparable(report: Report) -> Any:
    """A report without its times."""
    return _timeless(report.model_dump(mode="json"))


def _kept(
    ask: Callable[[list[Question]], dict[str, Any]] | None, answers: list[dict[str, Any]]
) -> Callable[[list[Question]], dict[str, Any]] | None:
    if ask is None:
        return None

    def asked(questions: list[Question]) -> dict[str, Any]:
        said = ask(questions)
        answers.append(json.loads(json.dumps(said, default=str)))
        return said

    return asked


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in _TIMES}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _differing(then: Any, now: Any, path: str) -> Iterator[str]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted(then.keys() | now.keys()):
            yield from _differing(then.get(key), now.get(key), f"{path}.{key}")
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for i, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from _differing(one, other, f"{path}[{i}]")
    elif then != now:
        yield f"{path}: {_short(then)} -> {_short(now)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:159]}…"
