"""The command line of the exam."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from eval.ablation import command as ablation
from eval.bounds.command import command as bounds
from eval.cache import default_cache
from eval.cases import INCIDENTS, chosen, load_all
from eval.compare import compare as compared
from eval.effects import command as effects
from eval.entrants import EntrantError, Spec, entrant_of
from eval.localization.command import command as localize
from eval.questions import ask_all, books
from eval.questions.table import shown
from eval.report import LEFT_OUT, failings, html, markdown
from eval.results import Head, Result, ResultsError, add, begin, failures, head, read, reason
from eval.runner import Job, jobs
from eval.runner import run as sit_exam
from eval.settings import nested
from eval.summary import scores_of, sets_of
from eval.texts import TEXTS, load, score, summary

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Recorded incidents, and an exam over them.")
console = Console()
errors = Console(stderr=True)
RESULTS = Path("eval-results")
app.command("localize")(localize)
app.command("bounds")(bounds)
app.command("ablation")(ablation)
app.command("effects")(effects)


@app.command()
def run(
    cases: Annotated[list[str] | None, typer.Option(help="ids, groups or tags (`smoke`, `step 5`); none = all")] = None,
    entrant: Annotated[
        str, typer.Option(help="rules, agent, guide, react, command:…, python:module:function")
    ] = "rules",
    model: Annotated[str | None, typer.Option(help="the model of an entrant that uses one")] = None,
    base_url: Annotated[str | None, typer.Option(help="an OpenAI-compatible endpoint")] = None,
    title: Annotated[str, typer.Option("--name", help="what the results call the entrant")] = "",
    runs: Annotated[int, typer.Option(min=1, help="how often each incident is put")] = 1,
    reseed: Annotated[list[int] | None, typer.Option(help="fresh seeds beside the fixed ones; may be repeated")] = None,
    only_fresh: Annotated[bool, typer.Option(help="leave out the fixed seeds")] = False,
    incidents: Annotated[Path, typer.Option(help="a folder of incidents, made or recorded")] = INCIDENTS,
    set_: Annotated[list[str] | None, typer.Option("--set", help="a setting of ours, NAME=VALUE")] = None,
    output: Annotated[Path | None, typer.Option(help="the file of results (JSON lines)")] = None,
    resume: Annotated[bool, typer.Option(help="go on with a file of an interrupted run")] = False,
    overwrite: Annotated[bool, typer.Option(help="start the file of results anew")] = False,
    record: Annotated[bool, typer.Option(help="keep whole answers beside the results")] = False,
    cache: Annotated[Path | None, typer.Option(help="where made telemetry is kept")] = None,
    processes: Annotated[int, typer.Option(min=1)] = min(2, os.cpu_count() or 1),
    timeout: Annotated[float, typer.Option(help="seconds a command may take")] = 600,
) -> None:
    """Put incidents before an entrant and score its answers."""
    if model and entrant in ("rules", "guide"):
        raise typer.BadParameter(f"entrant {entrant} uses no model; `--entrant agent` is ours with one")
    spec = Spec(entrant, model, base_url, nested(set_ or []), timeout, title)
    try:
        wanted = chosen(load_all(incidents), cases or [])
    except KeyError as error:
        raise typer.BadParameter(f"no incident, group or tag {error}") from error
    except (FileNotFoundError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    numbers = ([] if only_fresh else [0]) + [number for number in reseed or [] if number]
    path = output or RESULTS / f"{entrant.partition(':')[0]}.jsonl"
    work = jobs(wanted, numbers, runs, cache or default_cache(), path.with_suffix("") if record else None)
    try:
        entrant_of(spec)  # a wrong name must not touch the file
        kept = _begun(path, head(spec.label, spec.settings, runs, numbers), resume, overwrite)
        _with_progress(spec, _missing(work, kept), processes, path)
    except EntrantError as error:
        errors.print(f"[red]{error}")
        raise typer.Exit(2) from error
    show(read(path).results)
    console.print(f"{path}")


def _begun(path: Path, first: Head, resume: bool, overwrite: bool) -> list[Result]:
    with _writing(path):
        try:
            return begin(path, first, resume=resume, overwrite=overwrite)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error


def _missing(work: list[Job], kept: list[Result]) -> list[Job]:
    """Jobs that an interrupted run has not done."""
    done = {(result.case, result.reseed, result.run) for result in kept}
    return [job for job in work if job.key not in done]


def _with_progress(spec: Spec, work: list[Job], processes: int, path: Path) -> None:
    """Run the jobs with a progress bar; each answer is saved when its incident ends."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task(spec.label, total=len(work))

        def done(result: Result) -> None:
            add(path, result)
            progress.update(task, advance=1, description=result.case)

        sit_exam(spec, work, processes, done)


@app.command()
def questions(
    held: Annotated[bool | None, typer.Option("--held/--open", help="only those held back, or only the others")] = None,
    cache: Annotated[Path | None, typer.Option(help="where made telemetry is kept")] = None,
) -> None:
    """Ask the questions of eval/questions by rules, and compare the answers' rows with the gold's."""
    root = cache or default_cache()
    scored = [one for book in books() for one in ask_all(book, root, lambda q: held is None or q.held is held)]
    shown(scored, console)


def show(results: list[Result]) -> None:
    """The scores as a table, and what was not solved."""
    sets: dict[int, list[Result]] = {}
    for result in results:
        sets.setdefault(result.reseed, []).append(result)
    table = Table("score", *("fixed" if not number else f"fresh {number}" for number in sorted(sets)))
    columns = [{score.name: score for score in scores_of(sets[number])} for number in sorted(sets)]
    for name in dict.fromkeys(name for column in columns for name in column):
        cells = []
        for column in columns:
            score = column.get(name)
            cells.append(f"{score.mean:.3f} [{score.interval[0]:.2f}, {score.interval[1]:.2f}]" if score else "")
        table.add_row(name, *cells)
    console.print(table)
    for result in results:
        if not result.passed:
            where = f"{result.case} (seeds {result.reseed}, run {result.run})"
            console.print(f"not solved: {where}: {failings(result)}", markup=False)
    if any(result.error for result in results):
        console.print(f"{failures(results)}. {LEFT_OUT}")


@app.command()
def compare(
    before: Path, after: Path, output: Annotated[Path | None, typer.Option(help="write Markdown there")] = None
) -> None:
    """Which incidents changed between two runs, and whether it is more than noise."""
    text = compared(_read(before), _read(after))
    console.print(text, markup=False, soft_wrap=True)
    if output:
        with _writing(output):
            output.write_text(text, encoding="utf-8")


@app.command()
def report(
    results: list[Path], output: Annotated[Path, typer.Option(help="folder for report.md and report.html")] = RESULTS
) -> None:
    """Markdown and one HTML page; several runs stand side by side."""
    read_ones = [_read(path) for path in results]
    with _writing(output):
        output.mkdir(parents=True, exist_ok=True)
        (output / "report.md").write_text(markdown(read_ones), encoding="utf-8")
        (output / "report.html").write_text(html(read_ones), encoding="utf-8")
    console.print(f"{output / 'report.md'}\n{output / 'report.html'}")


@app.command()
def texts(
    folder: Annotated[Path, typer.Option(help="a folder of texts with their parameters")] = TEXTS,
    held: Annotated[bool | None, typer.Option(help="only those kept back from tuning, or only the others")] = None,
    details: Annotated[bool, typer.Option(help="each text that is not all exact")] = True,
) -> None:
    """Read incident texts by rules: parameters exact, needless questions, wrong in silence."""
    try:
        entries = load(folder)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    chosen = [(setting, text) for setting, text in entries if held is None or text.held is held]
    outcomes = [score(text, setting) for setting, text in chosen]
    sealed = {text.id for _, text in chosen if text.sealed}
    for one in outcomes if details else []:
        if one.wrong and one.id not in sealed:
            asked = f"; asked for {', '.join(one.needless)}" if one.needless else ""
            silent = f"; in silence: {', '.join(one.silent)}" if one.silent else ""
            console.print(f"{one.id}: {'; '.join(one.wrong)}{asked}{silent}", markup=False, soft_wrap=True)
    table = Table("score", "value")
    for name, value in summary(outcomes):
        table.add_row(name, value)
    console.print(table)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {reason(error)}. Give another --output.") from error


def _read(path: Path) -> Any:
    try:
        return read(path)
    except ResultsError as error:
        raise typer.BadParameter(str(error)) from error


__all__ = ["app", "sets_of"]
