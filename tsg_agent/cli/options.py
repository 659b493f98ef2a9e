"""Flags shared by several commands, defined once."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tsg_agent.errors import ParameterError, SettingsError


def _telemetry() -> str:
    """The default from the settings. Raises ParameterError if they name none."""
    from tsg_agent.settings import load_settings

    place = load_settings().telemetry
    if not place:
        raise ParameterError(
            "Where is the telemetry?", fix='--telemetry PLACE, or telemetry = "PLACE" in tsg.toml of this folder.'
        )
    return place


Telemetry = Annotated[
    str,
    typer.Option(
        "--telemetry",
        "-t",
        default_factory=_telemetry,
        show_default="telemetry of tsg.toml",
        help="Folder, glob or file of Parquet, CSV or JSON lines; or a .duckdb file.",
    ),
]


def _mapping(value: Path | None) -> Path | None:
    """The path of a mapping file or of a ready mapping by name; without a flag, the setting's."""
    if value is None:
        from tsg_agent.settings import load_settings

        value = Path(held) if (held := load_settings().mapping) else None
    if value is None or value.exists() or value.name != str(value):
        return value
    from tsg_agent.telemetry.formats import names, path_of

    return path_of(value.name) if value.name in names() else value


Mapping = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        help="TOML file that maps your tables and columns to the guide's (docs/telemetry.md), or the name of a ready "
        "one (tsg-agent mapping list).",
        callback=_mapping,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", help="Print it as json, markdown, html, slack (a message's blocks) or brief (one screen of text)."
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
Last = Annotated[str | None, typer.Option(help="Look at the last 2h, 90m or 1d, up to now, whatever the text says.")]
Now = Annotated[str | None, typer.Option(help="What counts as now; for replays.")]


def refuse_questions(guide: Path | None) -> None:
    """Refuse --guide: questions are answered by typed checks, which a Markdown guide lacks. Raises SettingsError."""
    if guide is not None:
        raise SettingsError(
            "Questions are answered by the built-in guide's checks, and not by another guide.",
            fix=f"`tsg-agent run INCIDENT --guide {guide}` follows it; docs/guides.md: an agent's tools.",
        )


NoGuide = Annotated[Path | None, typer.Option("--guide", hidden=True, callback=refuse_questions)]
"""The flag --guide of `ask` and `chat`, which is refused with a reason."""
GIVEN = ("region", "service_name", "environment", "incident_start", "start_time", "end_time", "threshold")


def given_of(flags: dict[str, Any]) -> dict[str, Any]:
    """Those of a command's arguments that are parameters of an incident."""
    return {name: flags[name] for name in GIVEN}


def refuse_with_guide(given: dict[str, object]) -> None:
    """Refuse flags that do not apply to a run of another guide. Raises SettingsError."""
    flags = [flag for flag, value in given.items() if value]
    if flags:
        raise SettingsError(f"{', '.join(flags)} cannot be used with --guide.", fix="Use --html, or --json.")


def refuse_without_guide(parameters: list[str] | None) -> None:
    """Refuse --parameter: the built-in guide's parameters have their own flags. Raises SettingsError."""
    if parameters:
        raise SettingsError("--parameter belongs to --guide.", fix="Use --region, --service, --environment and so on.")
