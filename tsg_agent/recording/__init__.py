"""Records an investigation or a conversation in one file, and replays it without data source and model.

A replay answers exact matches only; anything else is a miss, which is an error.
"""

import inspect
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from tsg_agent.ask.answers import Answer
from tsg_agent.errors import RecordError
from tsg_agent.extract import Given
from tsg_agent.guides.guide_run import GuideReport
from tsg_agent.investigation import Ask, Watch, investigate, open_for
from tsg_agent.llm import LanguageModel, open_model
from tsg_agent.models import Question, Report
from tsg_agent.recording.file import read, write
from tsg_agent.recording.guide_runs import record_guide, replay_guide
from tsg_agent.recording.neutral import AGAIN, again, complete, kept, portable, prepared
from tsg_agent.recording.players import RecordingEngine, RecordingModel, ReplayEngine, ReplayModel
from tsg_agent.recording.talks import record_talk, replay_talk
from tsg_agent.settings import Settings
from tsg_agent.store import Request

__all__ = [
    "comparable",
    "differences",
    "kind_of",
    "record",
    "record_guide",
    "record_talk",
    "replay",
    "replay_guide",
    "replay_talk",
]

_TIMES = frozenset({"milliseconds", "version"})
"""Fields that differ between two runs of the same investigation: durations, and the release."""


def record(
    request: Request,
    file: Path | str,
    *,
    settings: Settings | None = None,
    watch: Watch | None = None,
    model: LanguageModel | None = None,
    by_hand: bool = False,
) -> Report:
    """Investigate, and record all in `file`. `by_hand`: a person writes the model's answers.

    Raises what investigate() raises; then no file is written.
    """
    watch = watch or Watch()
    request, settings = prepared(request), portable(settings or Settings())
    answers: dict[str, Any] = {}
    model = model or open_model(settings.model)
    recorded_model = RecordingModel(model) if model else None
    with open_for(request, settings) as opened:
        engine = RecordingEngine(opened)
        watched = replace(watch, ask=_kept(watch.ask, answers))
        report = investigate(request, settings=settings, engine=engine, model=recorded_model, watch=watched)
    calls = recorded_model.calls if recorded_model else []
    held = kept(
        request, settings, engine, calls, answers=[answers] if answers else [], report=report, written_by_hand=by_hand
    )
    write(Path(file), held, engine.results)
    return report


def kind_of(file: Path) -> Literal["investigation", "talk", "guide"]:
    """The kind of a recording: an investigation, a conversation, or another guide's run. Raises RecordError."""
    held, _ = read(file)
    return "talk" if held.talk else "guide" if held.run else "investigation"


def replay(file: Path | str) -> Report:
    """Replay a recorded investigation from its file alone. Raises RecordError for a miss or an unusable file."""
    held, results = read(Path(file))
    then = held.concluded
    missed: list[str] = []
    engine = ReplayEngine(held, results, missed)
    settings = again(held)
    model = ReplayModel(held, missed, name=settings.model.name) if settings.model.name else None
    answers = iter(held.answers)

    def ask(questions: list[Question]) -> dict[str, Any]:
        try:
            return next(answers).model_dump(exclude_none=True)
        except StopIteration:
            asked = ", ".join(question.parameter for question in questions)
            raise RecordError(f"The recording has no answer to: {asked}.", fix=AGAIN) from None

    with complete(missed):
        report = investigate(held.request, settings=settings, engine=engine, model=model, watch=Watch(ask=ask))
    return report.model_copy(update={"id": then.id})


def differences(file: Path) -> list[str]:
    """Differences between a replay and its recording: path, then, now. Without times."""
    held, _ = read(file)
    if held.run is not None:
        return list(_differing(comparable(held.run.report), comparable(replay_guide(file)), "report"))
    if not held.talk:
        return list(_differing(comparable(held.concluded), comparable(replay(file)), "report"))
    now = [comparable(answer) for answer in replay_talk(file)]
    return list(_differing([comparable(answer) for answer in held.talk], now, "talk"))


def comparable(said: Report | Answer | GuideReport) -> Any:
    """A report or an answer as plain JSON without times."""
    return _timeless(said.model_dump(mode="json"))


def _kept(ask: Ask | None, answers: dict[str, Any]) -> Ask | None:
    """Collects accepted answers: a wrong one is asked again, and replaced by the next."""
    if ask is None:
        return None

    async def asked(questions: list[Question]) -> Any:
        said = ask(questions)
        said = await said if inspect.isawaitable(said) else said
        named = said if isinstance(said, dict) else {questions[0].parameter: said}
        held = {name: value for name, value in named.items() if name in Given.model_fields}
        answers.update(json.loads(json.dumps(held, default=str)))
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
