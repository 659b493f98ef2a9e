"""`python -m eval bounds`: a table of all bounds with target, measured figure, and version 0.1's figure."""

import json
import os
import sys
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from eval.bounds import exam, invariance, localization, onset, petshop
from eval.bounds.bound import Bound, Row, Setup
from eval.cache import default_cache
from eval.settings import nested

BOUNDS: tuple[Bound, ...] = (
    *exam.BOUNDS, *localization.BOUNDS, *petshop.BOUNDS, *onset.BOUNDS, *invariance.BOUNDS,
)  # fmt: skip
console = Console(width=None if sys.stdout.isatty() else 150)
errors = Console(stderr=True)


def default_shared() -> Path:
    """Parent of the folder TSG_RECORDED_INCIDENTS if set, else `shared/` beside the checkout."""
    given = os.environ.get("TSG_RECORDED_INCIDENTS")
    return Path(given).parent if given else Path(__file__).parents[3] / "shared"


def _tell(progress: Progress, task: TaskID, done: int, total: int) -> None:
    progress.update(task, completed=done, total=total)


def command(
    only: Annotated[list[str] | None, typer.Option(help="a bound's name; may be repeated")] = None,
    quick: Annotated[bool, typer.Option(help="a sample of each")] = False,
    shared: Annotated[Path | None, typer.Option(help="folder of incidents/ and localization/")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the made cases")] = 1,
    reseed: Annotated[list[int] | None, typer.Option(help="the exam's fresh seeds; three where none is named")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="a setting of ours, NAME=VALUE")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=2, help="processes")] = 2,
    cache: Annotated[Path | None, typer.Option(help="where made telemetry is kept")] = None,
    output: Annotated[Path | None, typer.Option(help="a file of the rows (JSON lines), written as they come")] = None,
) -> None:
    """Measure the bounds of verdicts. Exits with 1 if one is not met."""
    known = [bound.name for bound in BOUNDS]
    unknown = [name for name in only or [] if name not in known]
    if unknown:
        raise typer.BadParameter(f"no bound {', '.join(unknown)}; known: {', '.join(known)}")
    chosen = [bound for bound in BOUNDS if not only or bound.name in only]
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text("", encoding="utf-8")
    rows: list[Row] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with tempfile.TemporaryDirectory(prefix="bounds-") as scratch, Progress(*columns, console=errors) as progress:
        for bound in chosen:
            setup = Setup(
                shared=shared or default_shared(),
                cache=cache or default_cache(),
                scratch=Path(scratch),
                processes=jobs,
                quick=quick,
                seed=seed,
                settings=nested(set_ or []),
                progress=partial(_tell, progress, progress.add_task(bound.name, total=None)),
                **({"reseeds": tuple(reseed)} if reseed else {}),
            )
            found = bound.rows(setup)
            rows += found
            if output is not None:
                with output.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps({"bound": bound.name} | asdict(row)) + "\n" for row in found)
    _show(rows)
    if any(row.met is False for row in rows):
        raise typer.Exit(1)


def _show(rows: list[Row]) -> None:
    table = Table("bound", "target", "measured", "", "version 0.1", "from")
    for row in rows:
        mark = {True: "kept", False: "[red]not kept", None: ""}[row.met]
        table.add_row(row.what, row.target, row.measured, mark, *row.earlier)
    console.print(table)
