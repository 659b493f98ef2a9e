"""`replay` on the command line."""

from pathlib import Path
from typing import Annotated

import typer


def replay(
    file: Annotated[Path, typer.Argument(help="A recording, made with --record.")],
    diff: Annotated[bool, typer.Option("--diff", help="Show only what differs from the recorded report.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Run a recorded investigation again, with no data source and no model."""
    from tsg_agent import recording  # noqa: PLC0415 - --help must be quick
    from tsg_agent.report.markdown import to_markdown  # noqa: PLC0415 - as above

    if diff:
        found = recording.differences(file)
        typer.echo("\n".join(found) or "The same report.")
        return
    report = recording.replay(file)
    typer.echo(report.model_dump_json(indent=2) if as_json else to_markdown(report, brief=True))


def register(app: typer.Typer) -> None:
    """Add the command to an app."""
    app.command()(replay)
