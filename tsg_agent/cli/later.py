"""`watch` and `postmortem`: commands for after the first conclusion. Each imports its modules when it runs."""

import time
from pathlib import Path
from typing import Annotated

import typer

from tsg_agent.cli.options import Environment, Mapping, Region, Service, Telemetry, Threshold, given_of


def watch(
    incident: Annotated[str, typer.Argument(help="File with the incident's text.")],
    telemetry: Telemetry,
    mapping: Mapping = None,
    every: Annotated[float, typer.Option(min=0.1, help="Minutes from one look to the next.")] = 5,
    times: Annotated[int | None, typer.Option(min=1, help="Looks; without it, until the incident is over.")] = None,
    region: Region = None,
    service_name: Service = None,
    environment: Environment = None,
    threshold: Threshold = None,
) -> None:
    """Investigate again and again, up to now, and say what changed, until it is over.

    Example: tsg-agent watch incident.md --telemetry telemetry/ --every 5
    """
    given = given_of({**locals(), "incident_start": None, "start_time": None, "end_time": None})
    from tsg_agent.cli.watching import look

    before, number = None, 0
    while True:
        before = look(incident, telemetry, mapping, given, before)
        number += 1
        if before.over or number == times:
            return
        time.sleep(60 * every)


def postmortem(
    identity: Annotated[str, typer.Argument(metavar="ID", help="An investigation's id; `list` lists them.")],
    out: Annotated[Path | None, typer.Option(help="The file to write; without it the draft is printed.")] = None,
) -> None:
    """Draft a post-mortem from an investigation: timeline, impact, cause, what to do, what detection missed.

    Example: tsg-agent postmortem 0123456789ab --out postmortem.md
    """
    from tsg_agent.cli.kept import draft_postmortem

    draft_postmortem(identity, out)


def register(app: typer.Typer) -> None:
    """Add both commands to an app."""
    app.command()(watch)
    app.command()(postmortem)
