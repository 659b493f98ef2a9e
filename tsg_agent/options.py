"""Flags that several commands have: described in one place, so that they mean the same."""

from pathlib import Path
from typing import Annotated, Any

import typer

Telemetry = Annotated[
    str,
    typer.Option("--telemetry", "-t", help="Folder, glob or file of Parquet, CSV or JSON lines; or a .duckdb file."),
]


def _mapping(value: Path | None) -> Path | None:
    """A mapping file, or the file of the ready mapping of that name."""
    if value is None or value.exists() or value.name != str(value):
        return value
    from tsg_agent.telemetry.formats import names, path_of  # noqa: PLC0415 - --help must be quick

    return path_of(value.name) if value.name in names() else value


Mapping = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        "--format",
        help="TOML file that maps your tables and columns to the guide's (docs/telemetry.md), or the name of a ready "
        "one (tsg-agent mapping list).",
        callback=_mapping,
    ),
]
Region = Annotated[str | None, typer.Option(help="Affected region, as the telemetry spells it.")]
Service = Annotated[str | None, typer.Option("--service-name", "--service", help="Affected service.")]
Environment = Annotated[str | None, typer.Option(help="dev, staging or prod.")]
IncidentStart = Annotated[str | None, typer.Option(help="When it began, e.g. 2026-03-10T14:00Z; UTC without offset.")]
ExactStart = Annotated[
    bool, typer.Option("--exact-start", help="The start is exact: the telemetry does not decide it.")
]
StartTime = Annotated[str | None, typer.Option(help="Start of the window; default 2 h before the start.")]
EndTime = Annotated[str | None, typer.Option(help="End of the window; default: now, or the resolution.")]
Threshold = Annotated[float | None, typer.Option(help="SLA threshold, percent; default 99.9.")]
Now = Annotated[str | None, typer.Option(help="What counts as now; for replays.")]

GIVEN = ("region", "service_name", "environment", "incident_start", "start_time", "end_time", "threshold")


def given_of(flags: dict[str, Any]) -> dict[str, Any]:
    """A command's own arguments that are parameters of an incident."""
    return {name: flags[name] for name in GIVEN}
