"""`python -m eval localize`: scores localization on recorded and generated cases."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from eval.labels import LabelError
from eval.localization.case import load_all, write
from eval.localization.make import make
from eval.localization.run import Generated, Job, Recorded, Spec, localize
from eval.localization.score import Named, scores_of, shape_of
from eval.settings import nested

console, errors = Console(), Console(stderr=True)
SHOWN = 40
"""Maximum number of wrong cases to list."""


def command(
    folders: Annotated[list[Path] | None, typer.Argument(help="folders of cases, or cases")] = None,
    generated: Annotated[int, typer.Option(min=0, help="so many made cases with causes")] = 0,
    quiet: Annotated[int, typer.Option(min=0, help="so many made cases without")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="of the made cases")] = 1,
    set_: Annotated[list[str] | None, typer.Option("--set", help="a setting of ours, NAME=VALUE")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=2, help="processes")] = 2,
    output: Annotated[Path | None, typer.Option(help="a file of answers (JSON lines), written as they come")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the scores as JSON")] = False,
    keep: Annotated[Path | None, typer.Option(help="write the made cases below this folder, and run nothing")] = None,
) -> None:
    """Score localization: F1, recall@1, recall@3 and false alarms of exact descriptions; suspects count too."""
    made = [Generated(seed, number) for number in range(generated)]
    made += [Generated(seed, number, True) for number in range(quiet)]
    if keep is not None:
        _write(made, keep)
        return
    try:
        work: list[Job] = [Recorded(case.telemetry.parent) for folder in folders or [] for case in load_all(folder)]
    except (LabelError, FileNotFoundError) as error:
        raise typer.BadParameter(str(error)) from error
    work += made
    if not work:
        raise typer.BadParameter("nothing to do: give folders, --generated or --quiet")
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text("", encoding="utf-8")
    named = progressed(work, Spec(nested(set_ or [])), jobs, output)
    groups = grouped(named)
    if as_json:
        typer.echo(json.dumps({name: scores_of(ones).model_dump() for name, ones in groups.items()}, indent=1))
    else:
        _show(groups, named)


def _write(made: list[Generated], folder: Path) -> None:
    for job in made:
        write(make(job.seed, job.number, quiet=job.quiet), folder / job.name, job.number)
    console.print(f"{len(made)} cases below {folder}")


def progressed(work: list[Job], spec: Spec, jobs: int, output: Path | None = None, title: str = "") -> list[Named]:
    """Run all jobs with a progress bar; each result is appended to `output` (JSON lines)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task(title or "localize", total=len(work))

        def done(_: int, named: Named) -> None:
            if output is not None:
                with output.open("a", encoding="utf-8") as file:
                    file.write(named.model_dump_json() + "\n")
            progress.update(task, advance=1, description=title or named.case)

        return localize(work, spec, jobs, done)


def grouped(named: list[Named]) -> dict[str, list[Named]]:
    """Group results: "all", by the truth's shape, and by background noise (quiet cases apart)."""
    groups: dict[str, list[Named]] = {"all": named}
    for one in named:
        groups.setdefault(shape_of(one), []).append(one)
        if one.noise:
            groups.setdefault(f"{'noise' if one.true else 'quiet, noise'}: {one.noise}", []).append(one)
    return {name: groups[name] for name in ("all", *sorted(set(groups) - {"all"}))}


def _show(groups: dict[str, list[Named]], named: list[Named]) -> None:
    columns = ("cases", "F1", "first", "three", "alarms", "confirmed", "errors")
    table = Table("", *columns, caption="first, three: recall@1 and @3; alarms: share of quiet ones with a name")
    for column in table.columns[1:]:  # wrap the groups' names, not the figures
        column.no_wrap = True
    for name, ones in groups.items():
        scores = scores_of(ones)
        shares = (scores.f1, scores.first, scores.three, scores.alarms, scores.confirmed_alarms)
        cells = ["" if share is None else f"{share:.3f}" for share in shares]
        table.add_row(name, str(scores.cases), *cells, str(scores.failed or ""))
    console.print(table)
    wrong = [one for one in named if one.error or one.true != one.named]
    for one in [one for one in wrong if sorted(map(_said, one.true)) != sorted(map(_said, one.named))][:SHOWN]:
        found = "; ".join(map(_said, one.named)) or "nothing"
        expected = "; ".join(map(_said, one.true)) or "nothing"
        console.print(f"{one.case}: {one.error or found} (true: {expected})", markup=False, soft_wrap=True)


def _said(description: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(description.items()))
