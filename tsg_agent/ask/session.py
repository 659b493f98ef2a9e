"""What `ask` and `chat` do once their flags are read: open what the questions are about, and answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from tsg_agent.ask.conversation import Conversation
from tsg_agent.ask.screen import Screen
from tsg_agent.ask.talk import answer_text, talk
from tsg_agent.flags import read_text, request_of
from tsg_agent.recording import record_talk
from tsg_agent.service import open_telemetry
from tsg_agent.settings import load_settings


@dataclass(frozen=True)
class About:
    """What the questions are about, as the flags say it. `record`: the new file that keeps everything."""

    telemetry: str
    mapping: Path | None
    incident: str | None
    given: dict[str, Any]
    now: str | None
    record: Path | None


def answered(question: str, about: About, *, as_json: bool) -> tuple[str, bool]:
    """One answer, as text or as one JSON object; and whether all that was asked is answered. Raises TsgError."""
    with _conversation(about) as conversation, Screen(quiet=as_json) as screen:
        answer = conversation.ask(question, screen)
    return answer.model_dump_json(indent=2) if as_json else answer_text(answer), not answer.refused


def talked(about: About) -> None:
    """Questions from the terminal until there are no more. Raises TsgError."""
    with _conversation(about) as conversation:
        talk(conversation)


@contextmanager
def _conversation(about: About) -> Iterator[Conversation]:
    settings = load_settings()
    text = read_text(about.incident) if about.incident else ""
    request = request_of(text, about.telemetry, about.mapping, about.given, now=about.now)
    if about.record is None:
        with open_telemetry(request.telemetry, mapping=request.mapping, settings=settings) as engine:
            yield Conversation(engine, settings, incident=request.text, given=request.given, now=request.now)
        return
    with record_talk(request, about.record, settings=settings) as conversation:
        yield conversation
    if conversation.answers:
        typer.echo(f"Recording: {about.record.resolve()}", err=True)
