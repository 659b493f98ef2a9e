"""Records and replays conversations."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path

from tsg_agent.ask.answers import Answer
from tsg_agent.ask.conversation import Conversation
from tsg_agent.errors import ParameterError, QuestionError
from tsg_agent.investigation import open_for
from tsg_agent.llm.protocol import Turns
from tsg_agent.recording.file import read, write
from tsg_agent.recording.neutral import again, complete, kept, portable, prepared
from tsg_agent.recording.players import RecordingEngine, RecordingTurns, ReplayEngine, ReplayTurns
from tsg_agent.settings import Settings
from tsg_agent.store import Request


@contextmanager
def record_talk(
    request: Request,
    file: Path,
    *,
    settings: Settings | None = None,
    turns: Turns | None = None,
    by_hand: bool = False,
) -> Iterator[Conversation]:
    """A conversation about `request.telemetry` and the incident `request.text`, if any; written to `file` at its end.

    Records the answered questions, and all of their queries and requests to the model. `turns`: replaces the
    endpoint. `by_hand`: a person writes the model's answers.

    Raises TelemetryError, RecordError.
    """
    request, settings = prepared(request), portable(settings or Settings())
    with open_for(request, settings) as opened:
        engine, recorded = RecordingEngine(opened), RecordingTurns(turns)
        talk = Conversation(
            engine, settings, incident=request.text, given=request.given, now=request.now, turns=recorded
        )
        try:
            yield talk
        finally:
            if talk.answers:
                said = {"asked": talk.asked, "talk": talk.answers, "written_by_hand": by_hand}
                held = kept(request, settings, engine, recorded.calls, **said)
                write(file, held, engine.results)


def replay_talk(file: Path) -> list[Answer]:
    """Replay a recorded conversation from its file alone; the answers.

    Raises RecordError for a miss or an unusable file.
    """
    held, results = read(file)
    missed: list[str] = []
    engine, turns = ReplayEngine(held, results, missed), ReplayTurns(held, missed)
    request = held.request
    with complete(missed):
        talk = Conversation(
            engine, again(held), incident=request.text, given=request.given, now=request.now, turns=turns
        )
        for question in held.asked:
            with suppress(QuestionError, ParameterError):  # replay with the current code: changes show in the answers
                talk.ask(question)
    return [_same_id(now, then) for now, then in zip_longest(talk.answers, held.talk) if now is not None]


def _same_id(now: Answer, then: Answer | None) -> Answer:
    if now.report is None or then is None or then.report is None:
        return now
    return now.model_copy(update={"report": now.report.model_copy(update={"id": then.report.id})})
