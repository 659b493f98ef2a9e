"""guide lint, guide show, and run --guide: other guides than the built-in one."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from pydantic import TypeAdapter, ValidationError

from tsg_agent.cli.imports import loaded
from tsg_agent.cli.interrupts import Stopped
from tsg_agent.cli.streams import writing
from tsg_agent.errors import ParameterError, QuestionError, RecordError
from tsg_agent.events import Event
from tsg_agent.extract import Moment
from tsg_agent.guides import parse_guide, read_guide
from tsg_agent.guides.as_markdown import as_markdown
from tsg_agent.guides.built_in import as_written
from tsg_agent.guides.guide_run import GuideReport, GuideVerdict
from tsg_agent.guides.investigate import investigate_with_guide
from tsg_agent.guides.kept_runs import begin, go_on
from tsg_agent.guides.lint import GuideProblem, lint
from tsg_agent.guides.reader import guide_text
from tsg_agent.guides.run_page import number, to_html
from tsg_agent.guides.show import in_words, mermaid
from tsg_agent.recording import record_guide
from tsg_agent.settings import Settings, load_settings
from tsg_agent.store import FollowedGuide, Request
from tsg_agent.tools import GUIDE

HAS_PROBLEMS = 8
"""Exit code of `guide lint` for errors or warnings."""


def show_problems(file: Path, *, as_json: bool, verbose: bool) -> None:
    """Print the linter's findings for a guide; exits with HAS_PROBLEMS for warnings and errors.

    `verbose`: also deviations that the guide declares as intended, with their reasons.
    """
    guide = read_guide(file)
    every = lint(guide)
    found = [one for one in every if not one.accepted]
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "guide": guide.title,
                    "problems": [one.model_dump(mode="json") for one in (every if verbose else found)],
                },
                indent=2,
            )
        )
    else:
        for one in every if verbose else found:
            typer.echo(_problem(file, one))
        counts = {kind: sum(one.severity == kind for one in found) for kind in ("error", "warning", "note")}
        said = ", ".join(f"{number} {kind}{'' if number == 1 else 's'}" for kind, number in counts.items() if number)
        kinds = len({one.rule for one in found})
        typer.echo(f"{guide.title}: {said} of {kinds} kinds." if found else f"{guide.title}: nothing to report.")
    if any(one.severity != "note" for one in found):
        raise typer.Exit(HAS_PROBLEMS)


def show_guide(file: Path | None, *, as_json: bool, form: str | None) -> None:
    """Print steps, edges, plugins, parameters and a diagram; default: the built-in guide. Raises ParameterError."""
    if form not in {None, "markdown"}:
        raise ParameterError(f"A guide is not shown as {form!r}.", fix="Use --format markdown, or --json.")
    guide = read_guide(file) if file else as_written(GUIDE, "Low availability", load_settings())
    if form:
        typer.echo(as_markdown(guide), nl=False)
        return
    if as_json:
        typer.echo(
            json.dumps({**guide.model_dump(mode="json"), "mermaid": mermaid(guide)}, indent=2, ensure_ascii=False)
        )
        return
    for line in in_words(guide):
        typer.echo(_line(line))
    typer.echo(f"\n{mermaid(guide)}")


@dataclass(frozen=True)
class GuideOutput:
    """Output options for a run of another guide."""

    as_json: bool
    html: Path | None
    quiet: bool
    record: Path | None = None


def run_with_guide(
    file: Path,
    text: str,
    telemetry: str,
    *,
    mapping: Path | None,
    given: dict[str, str],
    now: str | None,
    keep: bool,
    output: GuideOutput,
) -> None:
    """Follow a guide over an incident, print what it found, and write the page where one is wanted."""
    settings = load_settings()
    written, moment = guide_text(file), _now(now)
    guide = parse_guide(written, name=file.stem)
    request = Request(text=text, telemetry=telemetry, mapping=mapping, now=moment)
    loaded()
    identity = ""
    if keep and output.record is None:
        try:
            identity = begin(request, FollowedGuide(guide=written, name=file.stem, given=given), settings)
        except RecordError as error:  # investigate even if the state folder is not writable
            typer.echo(_line(f"This investigation cannot be resumed. {error}"), err=True)
    if identity:
        report = _gone_on(identity, settings, {}, output)
    else:
        with _interruptible("Nothing of this investigation was kept; run it again."):
            heard: dict[str, Any] = {"given": given, "settings": settings, "logged": _line_of(output)}
            if output.record is not None:
                report = record_guide(written, request, output.record, name=file.stem, **heard)
            else:
                report = investigate_with_guide(guide, text, telemetry, mapping=mapping, now=moment, **heard)
    show_report(report, as_json=output.as_json, html=output.html)
    if output.record is not None:
        typer.echo(f"Recording: {output.record.resolve()}", err=True)


def resume_with_guide(identity: str, given: dict[str, str], output: GuideOutput) -> None:
    """Go on with a run of another guide, or show its report. `given` answers what it asks."""
    loaded()
    show_report(_gone_on(identity, load_settings(), given, output), as_json=output.as_json, html=output.html)


def _gone_on(identity: str, settings: Settings, given: dict[str, str], output: GuideOutput) -> GuideReport:
    with _interruptible(f"Go on with: tsg-agent resume {identity}"):
        try:
            report = go_on(identity, settings, given=given, logged=_line_of(output))
        except QuestionError as error:
            typer.echo(f"Answer with: tsg-agent resume {identity} {' '.join(error.flags.values())}", err=True)
            raise
    if not output.quiet:
        typer.echo(f"Shown again by: tsg-agent show {identity}", err=True)
    return report


@contextmanager
def _interruptible(how_to_go_on: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(f"Interrupted. {how_to_go_on}") from None


def _line_of(output: GuideOutput) -> Callable[[Event], None]:
    """An event listener that prints a line on standard error for each finished check."""

    def hear(event: Event) -> None:
        if event.kind == "check ended" and not output.quiet:
            said = event.data["label"] or event.data["status"]
            typer.echo(_line(f"Step {event.data['step']} {event.data['title']}: {said}"), err=True)

    return hear


def given_by_name(given: dict[str, Any], parameters: list[str] | None) -> dict[str, str]:
    """The given flags, and NAME=VALUE of each --parameter. Raises ParameterError."""
    return {name: str(value) for name, value in given.items() if value is not None} | dict(map(_pair, parameters or []))


def show_report(report: GuideReport, *, as_json: bool, html: Path | None) -> None:
    """Print a guide's report, and write the page where one is wanted."""
    if html is not None:
        with writing(html, "--html"):
            html.write_text(to_html(report), "utf-8")
        typer.echo(f"Report: {html.resolve()}", err=True)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
        return
    for line in _told(report):
        typer.echo(_line(line))


def _told(report: GuideReport) -> list[str]:
    """The report, line by line."""
    lines = [report.guide, "", report.headline, "", "Parameters"]
    lines += [
        f"  {name} = {value}  ({report.origins.get(name) or 'worked out'})" for name, value in report.parameters.items()
    ]
    for title, verdicts in (
        ("Causes: abnormal since the incident began, and not before", report.causes),
        ("Where it fails since, and did not before", report.symptoms),
        ("Abnormal, not beyond chance or with nothing to compare with", report.suspects),
        ("Abnormal before the incident too, or no longer", report.standing),
    ):
        if verdicts:
            lines += ["", title, *(line for one in verdicts for line in _verdict(one))]
    lines += ["", "Steps"]
    findings = {one.id: one for one in report.findings}
    for step in report.steps:
        lines.append(f"  Step {step.step}: {step.title}")
        for one in (findings[name] for name in step.findings):
            labels = ", ".join(f"{label} {rows}" for label, rows in one.labels.items()) or one.label
            said = ", ".join(filter(None, (str(one.status), labels)))
            lines.append(f"    {one.id} plugin_{one.plugin}: {said}; {one.row_count} rows")
            lines += [f"      {one.reason}"] if one.reason else []
        lines += [f"    the guide: {say}" for say in step.say]
        lines += [f"    {step.note}"] if step.note else []
    judged = [str(one.step) for one in report.steps if one.judged]
    unjudged = [str(one.step) for one in report.steps if not one.judged and one.findings]
    lines += ["", f"Verdicts: steps {', '.join(judged) or 'none'}."]
    lines += [f"Labelled findings only: steps {', '.join(unjudged) or 'none'}."]
    lines += [f"Not reached: steps {', '.join(map(str, report.not_reached))}."] if report.not_reached else []
    if report.gaps:
        lines += ["", "Not looked at", *(f"  {gap}" for gap in report.gaps)]
    if report.doubts:
        lines += ["", "Followed although the text leaves it open"]
        lines += [f"  Step {one.source} -> Step {one.target}, line {one.line}: {one.doubt}" for one in report.doubts]
    lines += ["", *(f"Note: {note}" for note in report.notes)] if report.notes else []
    return lines


def _verdict(one: GuideVerdict) -> list[str]:
    subject = ", ".join(f"{name} {value}" for name, value in one.subject.items())
    numbers = f"; {one.measure} {number(one.before)} before, {number(one.since)} since" if one.measure else ""
    lines = [f"  {one.label}: {subject} ({one.outcome}, {one.kind}{numbers}) [{one.evidence}]"]
    return [*lines, f"    {one.remedy}"] if one.remedy and one.came_with_it else lines


def _problem(file: Path, one: GuideProblem) -> str:
    about = f" Step {one.step}" if one.step is not None else ""
    about += f" plugin_{one.plugin}" if one.plugin is not None else ""
    repaired = " (repaired by run --guide)" if one.repaired else ""
    fix = f" Fix: {one.fix}" if one.fix else ""
    fix = f" Accepted: {one.accepted}" if one.accepted else fix
    return _line(f"{file.name}:{one.line}: {one.severity} {one.rule}{about}: {one.what}. {one.why}{fix}{repaired}")


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name.strip():
        raise ParameterError(
            f"--parameter {text[:60]!r} is no NAME=VALUE.", fix="Write it as --parameter queue=orders."
        )
    return name.strip(), value.strip()


def _now(now: str | None) -> datetime:
    try:
        return TypeAdapter(Moment).validate_python(now) if now else datetime.now(UTC)
    except ValidationError as error:
        raise ParameterError(
            f"--now is wrong: {now[:60] if now else ''!r}.", fix="Write it as 2026-03-10T14:00Z."
        ) from error


def _line(text: str) -> str:
    """Strip control characters: guides and telemetry are untrusted."""
    return "".join(one if one.isprintable() else " " for one in text)
