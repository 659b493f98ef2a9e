"""`ask` and `chat` on the command line. What they need is imported when they run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tsg_agent.cli.recordings import Overwrite, not_there
from tsg_agent.options import (
    EndTime,
    Environment,
    IncidentStart,
    Mapping,
    Now,
    Region,
    Service,
    StartTime,
    Telemetry,
    Threshold,
)

if TYPE_CHECKING:
    from tsg_agent.ask.conversation import Conversation

Incident = Annotated[
    str | None, typer.Option(help="File with the incident's text that the questions are about; - reads standard input.")
]
Record = Annotated[
    Path | None, typer.Option(help="Keep everything in one new file, to `replay` without data or model.")
]
FLAGS = ("region", "service_name", "environment", "incident_start", "start_time", "end_time", "threshold")


def ask(  # noqa: PLR0913, PLR0917 - each parameter can be given as a flag
    question: Annotated[str, typer.Argument(help="The question, in plain words.")],
    telemetry: Telemetry,
    mapping: Mapping = None,
    incident: Incident = None,
    region: Region = None,
    service_name: Service = None,
    environment: Environment = None,
    incident_start: IncidentStart = None,
    start_time: StartTime = None,
    end_time: EndTime = None,
    threshold: Threshold = None,
    now: Now = None,
    record: Record = None,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Answer one question about the telemetry, with its evidence.

    Flags and the incident's text say what it is about where the question does not: its own region, service and time
    ("after 14:00", "in the first 15 minutes") win. A time without a date is of the incident's day, else of the
    telemetry's last. The answer says which window it looked at, and what of the question it did not understand.

    Example: tsg-agent ask "top 3 endpoints by error rate after 14:00" -t telemetry/ --incident incident.md
    """
    given = _given(locals())
    not_there(record, overwrite=overwrite)
    from tsg_agent.ask.screen import Screen  # noqa: PLC0415 - --help must be quick
    from tsg_agent.ask.talk import answer_text  # noqa: PLC0415 - as above

    with (
        _conversation(telemetry, mapping, incident, given, now, record) as conversation,
        Screen(quiet=as_json) as screen,
    ):
        answer = conversation.ask(question, screen)
    typer.echo(answer.model_dump_json(indent=2) if as_json else answer_text(answer))


def chat(  # noqa: PLR0913, PLR0917 - as above
    telemetry: Telemetry,
    mapping: Mapping = None,
    incident: Incident = None,
    region: Region = None,
    service_name: Service = None,
    environment: Environment = None,
    incident_start: IncidentStart = None,
    start_time: StartTime = None,
    end_time: EndTime = None,
    threshold: Threshold = None,
    now: Now = None,
    record: Record = None,
    overwrite: Overwrite = False,
) -> None:
    """Ask one question after another; Ctrl-C stops an answer, Ctrl-D ends.

    Flags and the incident's text say what the questions are about where they do not say it themselves. A question may
    go on with the last one: "the same for 14:30 to 15:00", "and after that?", "and in us-west?".

    With a model, its draft is shown dim while it writes; the checked answer takes its place.
    """
    given = _given(locals())
    not_there(record, overwrite=overwrite)
    from tsg_agent.ask.talk import talk  # noqa: PLC0415 - as above

    with _conversation(telemetry, mapping, incident, given, now, record) as conversation:
        talk(conversation)


def register(app: typer.Typer) -> None:
    """Add both commands to an app."""
    app.command()(ask)
    app.command()(chat)


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    """A command's own arguments that are parameters of an incident."""
    return {name: flags[name] for name in FLAGS}


@contextmanager
def _conversation(  # noqa: PLR0913, PLR0917 - as above
    telemetry: str,
    mapping: Path | None,
    incident: str | None,
    given: dict[str, Any],
    now: str | None,
    record: Path | None,
) -> Iterator["Conversation"]:
    from tsg_agent.ask.conversation import Conversation  # noqa: PLC0415 - as above
    from tsg_agent.options import read_text, request_of  # noqa: PLC0415 - as above
    from tsg_agent.service import open_telemetry  # noqa: PLC0415 - as above
    from tsg_agent.settings import load_settings  # noqa: PLC0415 - as above

    settings = load_settings()
    request = request_of(read_text(incident) if incident else "", telemetry, mapping, given, now=now)
    if record is None:
        with open_telemetry(request.telemetry, mapping=request.mapping, settings=settings) as engine:
            yield Conversation(engine, settings, incident=request.text, given=request.given, now=request.now)
        return
    from tsg_agent.recording import record_talk  # noqa: PLC0415 - as above

    with record_talk(request, record, settings=settings) as conversation:
        yield conversation
    if conversation.answers:
        typer.echo(f"Recording: {record.resolve()}", err=True)
