"""`ask` and `chat` on the command line. Each imports its modules when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from tsg_agent.cli.options import (
    EndTime,
    Environment,
    IncidentStart,
    Mapping,
    NoGuide,
    Now,
    Region,
    Service,
    StartTime,
    Telemetry,
    Threshold,
    given_of,
)
from tsg_agent.cli.recordings import Overwrite, not_there

Incident = Annotated[
    str | None, typer.Option(help="File with the incident's text that the questions are about; - reads standard input.")
]
Record = Annotated[
    Path | None, typer.Option(help="Keep everything in one new file, to `replay` without data or model.")
]
UNANSWERED = 9
"""Exit code if a question, or one of several, was not answered."""


def ask(
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
    _guide: NoGuide = None,
) -> None:
    """Answer one question about the telemetry, with its evidence.

    Flags and the incident's text say what it is about where the question does not: its own region, service and time
    ("after 14:00", "in the first 15 minutes") win. A time without a date is of the incident's day, else of the
    telemetry's last. The answer says which window it looked at. A question with a word that was not understood is
    not answered: it says which, names near ones that can be, and exits 9.

    Example: tsg-agent ask "top 3 endpoints by error rate after 14:00" -t telemetry/ --incident incident.md
    """
    given = given_of(locals())
    not_there(record, overwrite=overwrite)
    from tsg_agent.cli.talk import About, answered

    text, complete = answered(question, About(telemetry, mapping, incident, given, now, record), as_json=as_json)
    typer.echo(text)
    if not complete:
        raise typer.Exit(UNANSWERED)


def chat(
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
    _guide: NoGuide = None,
) -> None:
    """Ask one question after another; Ctrl-C stops an answer, Ctrl-D ends.

    Flags and the incident's text say what the questions are about where they do not say it themselves. A question may
    go on with the last one: "the same for 14:30 to 15:00", "and after that?", "and in us-west?".

    With a model, its draft is shown dim while it writes; the checked answer takes its place.
    """
    given = given_of(locals())
    not_there(record, overwrite=overwrite)
    from tsg_agent.cli.talk import About, talked

    talked(About(telemetry, mapping, incident, given, now, record))


def register(app: typer.Typer) -> None:
    """Add both commands to an app."""
    app.command()(ask)
    app.command()(chat)
