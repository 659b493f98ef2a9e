"""`ask` and `chat` on the command line. What they need is imported when they run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tsg_agent.cli.recordings import Overwrite, not_there

if TYPE_CHECKING:
    from tsg_agent.ask.conversation import Conversation

Telemetry = Annotated[
    str,
    typer.Option("--telemetry", "-t", help="Folder, glob or file of Parquet, CSV or JSON lines; or a .duckdb file."),
]
Mapping = Annotated[Path | None, typer.Option(help="TOML file that maps your tables and columns to the guide's.")]
Incident = Annotated[Path | None, typer.Option(help="File with the incident's text that the questions are about.")]
Region = Annotated[str | None, typer.Option(help="Region, where the question names none.")]
Service = Annotated[str | None, typer.Option(help="Service, where the question names none.")]
Environment = Annotated[str | None, typer.Option(help="Environment, where the question names none.")]
Record = Annotated[
    Path | None, typer.Option(help="Keep everything in one new file, to `replay` without data or model.")
]


def ask(  # noqa: PLR0913, PLR0917 - each parameter can be given as a flag
    question: Annotated[str, typer.Argument(help="The question, in plain words.")],
    telemetry: Telemetry,
    mapping: Mapping = None,
    incident: Incident = None,
    region: Region = None,
    service_name: Service = None,
    environment: Environment = None,
    record: Record = None,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Answer one question about the telemetry, with its evidence."""
    not_there(record, overwrite=overwrite)
    given = {"region": region, "service_name": service_name, "environment": environment}
    from tsg_agent.ask.screen import Screen  # noqa: PLC0415 - --help must be quick
    from tsg_agent.ask.talk import answer_text  # noqa: PLC0415 - as above

    with _conversation(telemetry, mapping, incident, given, record) as conversation, Screen(quiet=as_json) as screen:
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
    overwrite: Overwrite = False,
) -> None:
    """Ask one question after another; Ctrl-C stops an answer, Ctrl-D ends.

    With a model, its draft is shown dim while it writes; the checked answer takes its place.
    """
    not_there(record, overwrite=overwrite)
    given = {"region": region, "service_name": service_name, "environment": environment}
    from tsg_agent.ask.talk import talk  # noqa: PLC0415 - as above

    with _conversation(telemetry, mapping, incident, given, record) as conversation:
        talk(conversation)


def register(app: typer.Typer) -> None:
    """Add both commands to an app."""
    app.command()(ask)
    app.command()(chat)


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
