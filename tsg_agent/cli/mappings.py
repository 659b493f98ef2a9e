"""mapping: lists ready mappings, and proposes one for a file or folder."""

from pathlib import Path

import typer

from tsg_agent.cli.streams import writing
from tsg_agent.errors import ParameterError, TelemetryError
from tsg_agent.telemetry.formats import formats, names
from tsg_agent.telemetry.recognise import propose
from tsg_agent.wording import one_line

CELL = 60


def list_formats() -> None:
    """Each ready mapping's name, and what it reads."""
    for name in names():
        typer.echo(f"{name:22}{formats()[name].title}")


def make(location: str, ready: str, constants: dict[str, str], out: Path | None) -> None:
    """Write the mapping for a file or folder, and show the first rows as it reads them."""
    if ready and ready not in formats():
        raise ParameterError(f"There is no ready mapping {ready!r}.", fix=f"There are {', '.join(names())}.")
    made = propose(location, named=ready, constants=constants)
    rows = [
        f"#   {', '.join(f'{name} {one_line(value, CELL)}' for name, value in row.items() if value is not None)}"
        for row in made.rows
    ]
    notes = [f"# {one_line(note)}" for note in made.notes]
    shown = "\n".join([f"# The first {len(rows)} rows as it reads them:", *rows, *notes])
    if out is None:
        typer.echo(f"{made.text}\n{shown}")
    else:
        with writing(out, "--out"):
            out.write_text(made.text, "utf-8")
        typer.echo(f"{out} is written.\n{shown}")
    if made.missing:
        raise TelemetryError(made.missing, fix="Mend that line, then let `tsg-agent doctor --mapping …` look at it.")
