"""Flags that several commands have, and the request that they make: read in one place, so that they mean the same."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tsg_agent.store import Request

Telemetry = Annotated[
    str,
    typer.Option("--telemetry", "-t", help="Folder, glob or file of Parquet, CSV or JSON lines; or a .duckdb file."),
]
Mapping = Annotated[
    Path | None, typer.Option(help="TOML file that maps your tables and columns to the guide's (docs/telemetry.md).")
]
Region = Annotated[str | None, typer.Option(help="Affected region, as the telemetry spells it.")]
Service = Annotated[str | None, typer.Option("--service-name", "--service", help="Affected service.")]
Environment = Annotated[str | None, typer.Option(help="dev, staging or prod.")]
IncidentStart = Annotated[str | None, typer.Option(help="When it began, e.g. 2026-03-10T14:00Z; UTC without offset.")]
StartTime = Annotated[str | None, typer.Option(help="Start of the window; default 2 h before the start.")]
EndTime = Annotated[str | None, typer.Option(help="End of the window; default: now, or the resolution.")]
Threshold = Annotated[float | None, typer.Option(help="SLA threshold, percent; default 99.9.")]
Now = Annotated[str | None, typer.Option(help="What counts as now; for replays.")]

MOST_BYTES = 50_000_000
"""An incident's text longer than this is no text."""


def read_text(incident: str) -> str:
    """The incident's text; bytes that are not UTF-8 are replaced. Raises ParameterError where there is none."""
    from tsg_agent.errors import ParameterError  # noqa: PLC0415 - --help must be quick

    if incident == "-":
        return sys.stdin.buffer.read(MOST_BYTES).decode("utf-8", "replace")
    path = Path(incident)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ParameterError(f"{path} is too large for an incident's text.", fix="Give the report, not the logs.")
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise ParameterError(
            f"{path} cannot be read: {error.strerror or error}.", fix="Give a text file, or - for standard input."
        ) from error


def request_of(text: str, telemetry: str, mapping: Path | None, given: dict[str, Any], *, now: str | None) -> "Request":
    """What flags ask for. Raises ParameterError for a value that is none."""
    from pydantic import ValidationError  # noqa: PLC0415 - as above

    from tsg_agent.errors import ParameterError  # noqa: PLC0415 - as above
    from tsg_agent.extract import Given  # noqa: PLC0415 - as above
    from tsg_agent.store import Request  # noqa: PLC0415 - as above

    try:
        return Request(
            text=text,
            telemetry=str(Path(telemetry).resolve()) if Path(telemetry).exists() else telemetry,
            mapping=mapping.resolve() if mapping else None,
            given=Given.model_validate({name: value for name, value in given.items() if value is not None}),
            now=now,
        )
    except ValidationError as error:
        problem = error.errors()[0]
        flag = f"--{str(problem['loc'][-1]).replace('_', '-')}" if problem["loc"] else "a flag"
        cause = problem.get("ctx", {}).get("error")
        said, _, fix = (str(cause) if cause else problem["msg"]).partition(". ")
        raise ParameterError(f"{flag} is wrong: {said}.", fix=fix or "See the command's --help.") from error
