"""run and resume: text in, progress on standard error, the report out."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from tsg_agent import recording
from tsg_agent.cli.interrupts import Stopped, loaded
from tsg_agent.cli.kept import list_kept
from tsg_agent.cli.progress import Table
from tsg_agent.errors import ParameterError
from tsg_agent.extract import Given
from tsg_agent.models import Question, Report
from tsg_agent.report.html import write_html
from tsg_agent.report.terminal import print_report
from tsg_agent.service import Request, Watch, investigate, resume
from tsg_agent.settings import Settings, load_settings
from tsg_agent.store import Store

MOST_BYTES = 50_000_000
"""An incident's text longer than this is no text."""


@dataclass(frozen=True)
class Output:
    """What the person wants to see."""

    as_json: bool
    html: Path | None
    whole: bool
    quiet: bool
    record: Path | None = None


def read_text(incident: str) -> str:
    """The incident's text; bytes that are not UTF-8 are replaced. Raises ParameterError where there is none."""
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


def run_incident(  # noqa: PLR0913 - the command's own flags
    text: str,
    telemetry: str,
    mapping: Path | None,
    given: dict[str, Any],
    *,
    now: str | None,
    keep: bool,
    output: Output,
    may_ask: bool,
) -> Report:
    """Investigate, show, and say how to go on if it is interrupted."""
    settings = load_settings()
    try:
        request = Request(
            text=text,
            telemetry=str(Path(telemetry).resolve()) if Path(telemetry).exists() else telemetry,
            mapping=mapping.resolve() if mapping else None,
            given=Given.model_validate({name: value for name, value in given.items() if value is not None}),
            now=now,
        )
    except ValidationError as error:
        problem = error.errors()[0]
        flag = f"--{str(problem['loc'][-1]).replace('_', '-')}" if problem["loc"] else "a flag"
        raise ParameterError(
            f"{flag} is wrong: {problem['msg']}.", fix="Times need an offset: 2026-03-10T14:00Z or …T16:00+02:00."
        ) from error
    identity: list[str] = []
    loaded()
    with Table(quiet=output.quiet) as table:
        watch = Watch(table.update, _ask(table) if may_ask and _interactive() else None, identity.append)
        try:
            if output.record is not None:
                report = recording.record(request, output.record, settings=settings, watch=watch)
            else:
                report = investigate(request, settings=settings, watch=watch, keep=keep)
        except KeyboardInterrupt:
            raise Stopped(_how_to_go_on(settings, identity if keep and output.record is None else [])) from None
    show(report, output)
    return report


def resume_incident(identity: str, output: Output, limit: int) -> None:
    """Go on with an investigation, or list those that there are."""
    settings = load_settings()
    if identity == "list":
        list_kept(settings, limit=limit, as_json=output.as_json)
        return
    loaded()
    with Table(quiet=output.quiet) as table:
        watch = Watch(table.update, _ask(table) if _interactive() else None)
        try:
            report = resume(identity, settings=settings, watch=watch)
        except KeyboardInterrupt:
            raise Stopped(_how_to_go_on(settings, [identity])) from None
    show(report, output)


def _how_to_go_on(settings: Settings, identity: list[str]) -> str:
    if identity and identity[0] in Store(settings.state_dir).identities():
        return f"Interrupted. Go on with: tsg-agent resume {identity[0]}"
    return "Interrupted. Nothing of this investigation was kept; run it again."


def show(report: Report, output: Output) -> None:
    """Print the report, and write the HTML file where one is wanted."""
    if output.html is not None:
        try:
            write_html(report, output.html)
        except OSError as error:
            raise ParameterError(
                f"{output.html} cannot be written: {error.strerror or error}.", fix="Give --html another path."
            ) from error
    if output.as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        print_report(report, brief=not output.whole)
    if output.record is not None:
        typer.echo(f"Recording: {output.record.resolve()}", err=True)
    if output.html is not None:
        typer.echo(f"Report: {output.html.resolve()}", err=True)


def _interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask(table: Table) -> Any:
    """Questions on the terminal, one after the other; a candidate can be named by its number."""

    def ask(questions: list[Question]) -> dict[str, Any]:
        with ExitStack() as paused:
            paused.enter_context(table.paused())
            return {question.parameter: _answer(question) for question in questions}

    return ask


def _answer(question: Question) -> str:
    typer.echo(question.text, err=True)
    for number, candidate in enumerate(question.candidates, 1):
        typer.echo(f"  {number}. {candidate}", err=True)
    answer = str(typer.prompt(question.parameter, err=True)).strip()
    if answer.isdigit() and 1 <= int(answer) <= len(question.candidates):
        return question.candidates[int(answer) - 1]
    return answer
