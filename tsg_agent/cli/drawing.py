"""--png of run and show: the charts as a file."""

from pathlib import Path

import typer

from tsg_agent.cli.streams import writing
from tsg_agent.errors import OutputError
from tsg_agent.models import Report


def draw(report: Report, path: Path) -> None:
    """Write the charts as a picture, or print why there is none. Raises ParameterError, SettingsError."""
    from tsg_agent.report.picture import write_png

    try:
        with writing(path, "--png"):
            write_png(report, path)
    except OutputError as error:  # a failed picture must not fail the run
        typer.echo(f"No picture: {error}", err=True)
    else:
        typer.echo(f"Picture: {path.resolve()}", err=True)
