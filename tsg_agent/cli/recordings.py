"""--record, and replay --diff."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tsg_agent.errors import ParameterError

Overwrite = Annotated[bool, typer.Option("--overwrite", help="With --record: replace a file that is there.")]


def not_there(file: Path | None, *, overwrite: bool) -> None:
    """Raises ParameterError if a recording would be overwritten, or the path is no file."""
    if file is not None and file.exists() and not file.is_file():
        raise ParameterError(f"{file} is no file.", fix="Give --record the name of a file.")
    if file is not None and file.exists() and not overwrite:
        raise ParameterError(f"{file} is there already.", fix="Give --record another file, or add --overwrite.")


def show_differences(found: list[str], *, same: str, as_json: bool) -> None:
    """Print the differences between a replay and its recording."""
    if as_json:
        typer.echo(json.dumps({"same": not found, "differences": found}, ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(found) or same)
