"""run and resume: text in, progress on standard error, the report out."""

import os
import sys
import tempfile
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from tsg_agent import recording
from tsg_agent.cli.drawing import draw
from tsg_agent.cli.imports import loaded
from tsg_agent.cli.interrupts import Stopped, heard_at_once
from tsg_agent.cli.kept import list_kept
from tsg_agent.cli.live_table import ProgressTable
from tsg_agent.cli.requested import request_of
from tsg_agent.cli.streams import writing
from tsg_agent.errors import QuestionError
from tsg_agent.investigation import Ask, Watch, investigate, resume
from tsg_agent.models import Question, Report
from tsg_agent.report.forms import Form, render
from tsg_agent.report.html import write_html
from tsg_agent.report.terminal import print_report
from tsg_agent.service.earlier import earlier_like
from tsg_agent.settings import Settings, load_settings
from tsg_agent.store import Store
from tsg_agent.wording import one_line


@dataclass(frozen=True)
class Output:
    """Output options."""

    form: Form | None
    """None = by the kind of output, terminal or pipe."""
    html: Path | None
    whole: bool
    quiet: bool
    record: Path | None = None
    png: Path | None = None
    opened: bool = False
    """Show the HTML report in a browser."""

    def __post_init__(self) -> None:
        """Raises SettingsError before the investigation if a picture is wanted and cannot be drawn."""
        if self.png is not None:
            from tsg_agent.report.picture import rasteriser

            rasteriser()


def run_incident(
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
    """Investigate, show the report, and say how to resume if it is interrupted."""
    settings = load_settings()
    request = request_of(text, telemetry, mapping, given, now=now)
    identity: list[str] = []
    loaded()
    with ProgressTable(quiet=output.quiet) as table:
        watch = Watch(_ask(table) if may_ask and _interactive() else None, identity.append, logged=table.hear)
        try:
            if output.record is not None:
                report = recording.record(request, output.record, settings=settings, watch=watch)
            else:
                report = investigate(request, settings=settings, watch=watch, keep=keep)
        except KeyboardInterrupt:
            raise Stopped(_how_to_go_on(settings, identity if keep and output.record is None else [])) from None
    kept = keep and output.record is None
    show(report, output, _left(report, settings) if kept else ALL_OF_IT)
    return report


ALL_OF_IT = "All of it, with the evidence: the same again with --all."


def _left(report: Report, settings: Settings) -> str:
    """The last row: where to find the whole report, and an earlier investigation with the same cause."""
    before = earlier_like(report, Store(settings.state_dir))
    like = f"Seen before: {before.id}, {before.when:%Y-%m-%d}. " if before else ""
    return f"{like}All of it, with the evidence: tsg-agent show {report.id} --all"


def resume_incident(identity: str, output: Output, answers: dict[str, Any], limit: int) -> None:
    """Resume an investigation, or without an id list those to resume. `answers`: flags that answer its questions."""
    settings = load_settings()
    if identity == "list":
        list_kept(settings, limit=limit, as_json=output.form == "json")
        return
    loaded()
    left = {name: value for name, value in answers.items() if value is not None}
    with ProgressTable(quiet=output.quiet) as table:
        watch = Watch(_answering(left, _ask(table) if _interactive() else None), logged=table.hear)
        for event in Store(settings.state_dir).events.after(identity):
            table.hear(event)
        try:
            report = resume(identity, settings=settings, watch=watch)
        except KeyboardInterrupt:
            raise Stopped(_how_to_go_on(settings, [identity])) from None
    if left:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in left)
        typer.echo(f"Nothing was asked: {flags} changed nothing.", err=True)
    show(report, output, _left(report, settings))


def _answering(left: dict[str, Any], then: Ask | None) -> Ask | None:
    """Answers questions from the flags once; then asks for those that are open or were wrong."""
    if not left:
        return then

    def ask(questions: list[Question]) -> Any:
        if left:
            given = dict(left)
            left.clear()
            return given
        if then is None:
            raise QuestionError([(one.parameter, one.text, one.candidates) for one in questions])
        return then(questions)

    return ask


def _how_to_go_on(settings: Settings, identity: list[str]) -> str:
    if identity and identity[0] in Store(settings.state_dir).identities():
        return f"Interrupted. Go on with: tsg-agent resume {identity[0]}"
    return "Interrupted. Nothing of this investigation was kept; run it again."


def show(report: Report, output: Output, left: str = "") -> None:
    """Write the requested files, then print the report. `left`: the last row, see `_left`."""
    page = output.html or (_own_page(report) if output.opened else None)
    if page is not None:
        with writing(page, "--html"):
            write_html(report, page)
        typer.echo(f"Report: {page.resolve()}", err=True)
    if output.png is not None:
        draw(report, output.png)
    if output.record is not None:
        typer.echo(f"Recording: {output.record.resolve()}", err=True)
    if page is not None and output.opened and not webbrowser.open(page.resolve().as_uri()):
        typer.echo("No browser was found to open it in.", err=True)
    if output.form is not None:
        sys.stdout.write(render(report, output.form))
    else:
        print_report(report, brief=not output.whole, left=left)


def _own_page(report: Report) -> Path:
    """The path of a private HTML file: it holds telemetry of the incident."""
    file, name = tempfile.mkstemp(prefix=f"tsg-agent-{report.id}-", suffix=".html")
    os.close(file)
    return Path(name)


def _interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask(table: ProgressTable) -> Any:
    """Ask questions on the terminal, one by one; a candidate can be chosen by its number."""

    def ask(questions: list[Question]) -> dict[str, Any]:
        with table.paused(), heard_at_once():
            try:
                return {question.parameter: _answer(question) for question in questions}
            except typer.Abort:  # Ctrl-C, or Ctrl-D: no answer
                raise KeyboardInterrupt from None

    return ask


def _answer(question: Question) -> str:
    typer.echo(one_line(question.text), err=True)
    for number, candidate in enumerate(question.candidates, 1):
        typer.echo(f"  {number}. {one_line(candidate)}", err=True)
    answer = str(typer.prompt(question.parameter, err=True)).strip()
    if answer.isdigit() and 1 <= int(answer) <= len(question.candidates):
        return question.candidates[int(answer) - 1]
    return answer
