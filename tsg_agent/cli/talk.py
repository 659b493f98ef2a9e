"""Implements `ask` and `chat`: one answer, or a conversation with commands that begin with a slash."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from tsg_agent.ask.answers import Answer
from tsg_agent.ask.conversation import Conversation
from tsg_agent.ask.tools import tool_lines
from tsg_agent.cli.drafts import Screen
from tsg_agent.cli.requested import read_text, request_of
from tsg_agent.errors import ParameterError, TsgError
from tsg_agent.investigation import open_for
from tsg_agent.models import ModelUsage
from tsg_agent.recording import record_talk
from tsg_agent.report.markdown import to_markdown
from tsg_agent.settings import load_settings
from tsg_agent.wording import lines, one_line, some

ROW_CHARACTERS = 300


@dataclass(frozen=True)
class About:
    """The context of the questions, from the flags. `record`: the new recording's file."""

    telemetry: str
    mapping: Path | None
    incident: str | None
    given: dict[str, Any]
    now: str | None
    record: Path | None


def answered(question: str, about: About, *, as_json: bool) -> tuple[str, bool]:
    """One answer, as text or as a JSON object; and True if the whole question was answered. Raises TsgError."""
    with _conversation(about) as conversation, Screen(quiet=as_json) as screen:
        answer = conversation.ask(question, screen)
    return answer.model_dump_json(indent=2) if as_json else answer_text(answer), not answer.refused


def talked(about: About) -> None:
    """Answer questions from the terminal until its end. Raises TsgError."""
    with _conversation(about) as conversation:
        talk(conversation)


def talk(conversation: Conversation) -> None:
    """Answer questions from standard input until its end."""
    asked = sys.stdin.isatty()
    if asked:
        typer.echo(_help(conversation, ""), err=True)
    while True:
        try:
            line = _line(asked=asked)
        except EOFError:
            return
        except KeyboardInterrupt:
            typer.echo("\n(Ctrl-D ends)", err=True)
            continue
        if line in ("/quit", "/exit"):
            return
        if not line:
            continue
        try:
            typer.echo(_command(conversation, line) if line.startswith("/") else _answered(conversation, line))
        except KeyboardInterrupt:
            typer.echo("\n(stopped)", err=True)
        except TsgError as error:
            typer.echo(str(error), err=True)


def answer_text(answer: Answer) -> str:
    """An answer as text: the statement, its evidence rows, and what could not be answered."""
    parts = [lines(answer.text)]
    if answer.evidence:
        parts.append("Evidence:\n" + "\n".join(f"  {_row(key, row)}" for key, row in answer.evidence.items()))
    parts += [f"Note: {lines(note)}" for note in answer.notes]
    parts.append(f"({answer.mode}{_cost(answer.usage) if answer.usage.calls else ''})")
    return "\n\n".join(parts)


def show_talk(answers: list[Answer], *, as_json: bool, html: Path | None) -> None:
    """Print a replayed conversation: one answer as `ask` prints it, several each under its question."""
    if html is not None:
        raise ParameterError("Questions have no HTML report.", fix="Leave out --html.")
    if as_json:
        objects = [answer.model_dump_json(indent=2) for answer in answers]
        typer.echo(objects[0] if len(objects) == 1 else f"[{', '.join(objects)}]")
    elif len(answers) == 1:
        typer.echo(answer_text(answers[0]))
    else:
        typer.echo("\n\n".join(f"> {answer.question}\n\n{answer_text(answer)}" for answer in answers))


@contextmanager
def _conversation(about: About) -> Iterator[Conversation]:
    settings = load_settings()
    text = read_text(about.incident) if about.incident else ""
    request = request_of(text, about.telemetry, about.mapping, about.given, now=about.now)
    if about.record is None:
        with open_for(request, settings) as engine:
            yield Conversation(engine, settings, incident=request.text, given=request.given, now=request.now)
        return
    with record_talk(request, about.record, settings=settings) as conversation:
        yield conversation
    if conversation.answers:
        typer.echo(f"Recording: {about.record.resolve()}", err=True)


def _line(*, asked: bool) -> str:
    """Read the next line. If standard output is redirected, the prompt stays on the terminal."""
    if asked and not sys.stdout.isatty():
        typer.echo("> ", err=True, nl=False)
        return input().strip()
    return input("> " if asked else "").strip()


def _answered(conversation: Conversation, question: str) -> str:
    with Screen() as screen:
        return answer_text(conversation.ask(question, screen))


def _command(conversation: Conversation, line: str) -> str:
    word, _, rest = line.partition(" ")
    command = COMMANDS.get(word.lower())
    if command is None:
        return f"There is no command {one_line(word, 40)}. {_help(conversation, '')}"
    return command(conversation, rest.strip())


def _help(_conversation: Conversation, _rest: str) -> str:
    return (
        "/tools lists the tools, /evidence E3 or E3.2 shows a check or a row, /report the last investigation, "
        "/cost what the model took so far, /help this, /quit ends. Anything else is a question."
    )


def _tools(conversation: Conversation, _rest: str) -> str:
    who = (
        "The model has these tools."
        if conversation.by_model
        else "Without a model, rules choose among the first eleven."
    )
    return "\n".join([who, *tool_lines()])


def _evidence(conversation: Conversation, rest: str) -> str:
    identity = rest.strip("[]").lower()
    rows = conversation.ledger.words()
    if not identity:
        known = list(dict.fromkeys(key.partition(".")[0] for key in rows))
        return f"Known: {', '.join(known)}." if known else "There is no evidence yet: ask something."
    if found := _under(identity, rows):
        return "\n".join(f"[{key}] {lines(words)}" for key, words in found.items())
    return f"There is no row {one_line(identity.upper(), 40)!r} in what was found so far."


def _report(conversation: Conversation, _rest: str) -> str:
    report = conversation.report
    return to_markdown(report, brief=True) if report else "There is no investigation yet: ask why something fails."


def _total(conversation: Conversation, _rest: str) -> str:
    return f"{some(len(conversation.answers), 'answer')}{_cost(conversation.usage)}"


COMMANDS: dict[str, Callable[[Conversation, str], str]] = {
    "/tools": _tools,
    "/evidence": _evidence,
    "/report": _report,
    "/cost": _total,
    "/help": _help,
}


def _under(identity: str, rows: Mapping[str, str]) -> dict[str, str]:
    """The row with this id, and its sub-rows."""
    return {key: words for key, words in rows.items() if f"{key.lower()}.".startswith(f"{identity}.")}


def _row(key: str, words: str) -> str:
    """A row below an answer, shortened; `/evidence` shows all of it."""
    words = lines(words)
    if len(words) > ROW_CHARACTERS:
        words = f"{words[:ROW_CHARACTERS].rsplit(' ', 1)[0].rstrip(',')} …"
    return f"[{key}] {words}"


def _cost(usage: ModelUsage) -> str:
    money = f", cost {usage.cost:.4f}" if usage.cost is not None else ""
    return (
        f", {some(usage.calls, 'model call')}, {usage.input_tokens} tokens read, {usage.output_tokens} written, "
        f"{usage.milliseconds / 1000:.1f} s{money}"
    )
