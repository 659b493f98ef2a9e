"""`ask` and `chat` on the command line. What they need is imported when they run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tsg_agent.ask.answers import Answer
    from tsg_agent.ask.conversation import Conversation
    from tsg_agent.ask.screen import Screen

HELP = (
    "/tools lists the tools, /evidence E3.2 shows a row, /report the last investigation, /cost the model's, /quit ends."
)

Telemetry = Annotated[
    str,
    typer.Option("--telemetry", "-t", help="Folder, glob or file of Parquet, CSV or JSON lines; or a .duckdb file."),
]
Mapping = Annotated[Path | None, typer.Option(help="TOML file that maps your tables and columns to the guide's.")]
Incident = Annotated[Path | None, typer.Option(help="File with the incident's text that the questions are about.")]
Region = Annotated[str | None, typer.Option(help="Region, where the question names none.")]
Service = Annotated[str | None, typer.Option(help="Service, where the question names none.")]
Environment = Annotated[str | None, typer.Option(help="Environment, where the question names none.")]
Record = Annotated[Path | None, typer.Option(help="Keep everything in one file, to `replay` without data or model.")]


def ask(  # noqa: PLR0913, PLR0917 - each parameter can be given as a flag
    question: Annotated[str, typer.Argument(help="The question, in plain words.")],
    telemetry: Telemetry,
    mapping: Mapping = None,
    incident: Incident = None,
    region: Region = None,
    service_name: Service = None,
    environment: Environment = None,
    record: Record = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Answer one question about the telemetry, with its evidence."""
    given = {"region": region, "service_name": service_name, "environment": environment}
    with _conversation(telemetry, mapping, incident, given, record) as conversation, _screen(quiet=as_json) as screen:
        answer = conversation.ask(question, screen)
    typer.echo(answer.model_dump_json(indent=2) if as_json else answer_text(answer))


def chat(  # noqa: PLR0913, PLR0917 - as above
    telemetry: Telemetry,
    mapping: Mapping = None,
    incident: Incident = None,
    region: Region = None,
    service_name: Service = None,
    environment: Environment = None,
    record: Record = None,
) -> None:
    """Ask one question after another; Ctrl-C stops an answer, Ctrl-D ends.

    With a model, its draft is shown dim while it writes; the checked answer takes its place.
    """
    given = {"region": region, "service_name": service_name, "environment": environment}
    with _conversation(telemetry, mapping, incident, given, record) as conversation:
        talk(conversation)


def register(app: typer.Typer) -> None:
    """Add both commands to an app."""
    app.command()(ask)
    app.command()(chat)


def talk(conversation: "Conversation") -> None:
    """Read questions from standard input until it ends."""
    from tsg_agent.errors import TsgError  # noqa: PLC0415 - --help must be quick

    asked = sys.stdin.isatty()
    if asked:
        typer.echo(HELP, err=True)
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


def _line(*, asked: bool) -> str:
    """The next line. Where the answers go to a file, the prompt stays on the terminal."""
    if asked and not sys.stdout.isatty():
        typer.echo("> ", err=True, nl=False)
        return input().strip()
    return input("> " if asked else "").strip()


def answer_text(answer: "Answer") -> str:
    """An answer as text: what is said, the rows it rests on, and what could not be done."""
    from tsg_agent.wording import lines  # noqa: PLC0415 - as above

    parts = [lines(answer.text)]
    if answer.evidence:
        parts.append("Evidence:\n" + "\n".join(f"  [{key}] {lines(row)[:300]}" for key, row in answer.evidence.items()))
    parts += [f"Note: {lines(note)}" for note in answer.notes]
    parts.append(f"({answer.mode}{_cost(answer.usage) if answer.usage.calls else ''})")
    return "\n\n".join(parts)


def show_talk(answers: "list[Answer]", *, as_json: bool, html: Path | None) -> None:
    """A talk that was replayed: one answer as `ask` prints it, several each under its question."""
    if html is not None:
        from tsg_agent.errors import ParameterError  # noqa: PLC0415 - as above

        raise ParameterError("Questions have no HTML report.", fix="Leave out --html.")
    if as_json:
        objects = [answer.model_dump_json(indent=2) for answer in answers]
        typer.echo(objects[0] if len(objects) == 1 else f"[{', '.join(objects)}]")
    elif len(answers) == 1:
        typer.echo(answer_text(answers[0]))
    else:
        typer.echo("\n\n".join(f"> {answer.question}\n\n{answer_text(answer)}" for answer in answers))


def _answered(conversation: "Conversation", question: str) -> str:
    with _screen() as screen:
        return answer_text(conversation.ask(question, screen))


def _screen(*, quiet: bool = False) -> "Screen":
    from tsg_agent.ask.screen import Screen  # noqa: PLC0415 - as above

    return Screen(quiet=quiet)


def _command(conversation: "Conversation", line: str) -> str:
    word, _, rest = line.partition(" ")
    if word == "/tools":
        from tsg_agent.tools import PLUGINS  # noqa: PLC0415 - as above

        return "\n".join(f"{plugin.name}: {plugin.question}" for plugin in PLUGINS)
    if word == "/evidence":
        return _evidence(conversation, rest.strip().strip("[]"))
    if word == "/report":
        from tsg_agent.report.markdown import to_markdown  # noqa: PLC0415 - as above

        report = conversation.report
        return to_markdown(report, brief=True) if report else "There is no investigation yet: ask why something fails."
    if word == "/cost":
        return f"{len(conversation.answers)} answers{_cost(conversation.usage)}"
    return HELP


def _evidence(conversation: "Conversation", identity: str) -> str:
    from tsg_agent.llm.rows import evidence_of  # noqa: PLC0415 - as above

    for answer in reversed(conversation.answers):
        rows: dict[str, str] = dict(answer.evidence)
        if answer.report is not None:
            rows |= {key: row.words for key, row in evidence_of(answer.report).rows.items()}
        found = {key: words for key, words in rows.items() if key == identity or key.startswith(f"{identity}.")}
        if found:
            return "\n".join(f"[{key}] {words}" for key, words in found.items())
    return f"There is no row {identity!r} in the answers so far."


def _cost(usage: Any) -> str:
    money = f", cost {usage.cost:.4f}" if usage.cost is not None else ""
    return (
        f", {usage.calls} model calls, {usage.input_tokens} tokens read, {usage.output_tokens} written, "
        f"{usage.milliseconds / 1000:.1f} s{money}"
    )


@contextmanager
def _conversation(
    telemetry: str, mapping: Path | None, incident: Path | None, given: dict[str, str | None], record: Path | None
) -> Iterator["Conversation"]:
    from tsg_agent.ask.conversation import Conversation  # noqa: PLC0415 - as above
    from tsg_agent.extract import Given  # noqa: PLC0415 - as above
    from tsg_agent.service import Request, open_telemetry  # noqa: PLC0415 - as above
    from tsg_agent.settings import load_settings  # noqa: PLC0415 - as above

    settings, text, flags = load_settings(), _text(incident), Given.model_validate(given)
    if record is None:
        with open_telemetry(telemetry, mapping=mapping, settings=settings) as engine:
            yield Conversation(engine, settings, incident=text, given=flags)
        return
    from tsg_agent.recording import record_talk  # noqa: PLC0415 - as above

    request = Request(text=text, telemetry=telemetry, mapping=mapping, given=flags)
    with record_talk(request, record, settings=settings) as conversation:
        yield conversation
    if conversation.answers:
        typer.echo(f"Recording: {record.resolve()}", err=True)


def _text(incident: Path | None) -> str:
    from tsg_agent.errors import ParameterError  # noqa: PLC0415 - as above

    try:
        return incident.read_text("utf-8") if incident else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{incident} cannot be read.", fix="Give a text file.") from error
