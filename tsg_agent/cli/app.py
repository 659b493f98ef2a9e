"""The commands. Each imports its modules when it runs, so that `--help` is fast."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tsg_agent import __version__
from tsg_agent.cli import interrupts, later, startup, streams
from tsg_agent.cli.groups import guides, mappings
from tsg_agent.cli.imports import loaded
from tsg_agent.cli.options import (
    EndTime,
    Environment,
    ExactStart,
    Format,
    IncidentStart,
    Last,
    Mapping,
    Now,
    Region,
    Service,
    StartTime,
    Telemetry,
    Threshold,
    given_of,
    refuse_with_guide,
    refuse_without_guide,
)
from tsg_agent.cli.questions import register
from tsg_agent.cli.recordings import Overwrite, not_there
from tsg_agent.cli.serving import serves
from tsg_agent.errors import OutputError, ParameterError, TsgError

EXIT_CODES = """
Exit codes: 0 concluded (whatever the conclusion) · 1 internal error, or no room for the output ·
2 wrong usage, setting or parameter · 3 the incident's text leaves questions open · 4 the telemetry cannot be read ·
5 no such investigation · 6 no sandbox here · 7 the model does not answer · 8 the guide has problems ·
9 a question was not answered · 130 interrupted.
"""
LIGHT = ("tools", "graph", "settings", "token")
"""Commands that open no telemetry."""
LOADS_LONG = ("run", "resume", "demo", "serve")
"""Commands that call `loaded` themselves, after their own imports."""


class Commands(TyperGroup):
    """The group of commands. An interrupted command prints a note; typer alone exits silently."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command."""
        if args[0] not in LIGHT:
            startup.check_memory()
        if args[0] not in LOADS_LONG:
            loaded()
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            typer.echo(str(interrupt) or "Interrupted.", err=True)
            raise typer.Exit(interrupts.CODE) from interrupt


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Follows a troubleshooting guide for low availability over your telemetry, and concludes with evidence.",
    epilog=EXIT_CODES,
)


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Limit = Annotated[int, typer.Option(min=1, help="How many the list shows, newest first.")]
Html = Annotated[Path | None, typer.Option(help="Write the report as one self-contained HTML file.")]
Png = Annotated[Path | None, typer.Option(help="Write the charts as a PNG file (extra `png`).")]
Open = Annotated[bool, typer.Option("--open", help="Open the HTML report in a browser.")]
Whole = Annotated[
    bool,
    typer.Option(
        "--all", help="On a terminal, print all of it, the conclusion last; a pipe or a file always gets all of it."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]


GuideParameter = Annotated[
    list[str] | None, typer.Option(help="NAME=VALUE of a parameter of --guide; may be given several times.")
]


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Answer --version."""
    if show:
        typer.echo(f"tsg-agent {__version__}")
        raise typer.Exit


@app.command()
def run(
    incident: Annotated[str, typer.Argument(help="File with the incident's text; - reads standard input.")],
    telemetry: Telemetry,
    mapping: Mapping = None,
    as_json: AsJson = False,
    form: Format = None,
    html: Html = None,
    png: Png = None,
    opened: Open = False,
    whole: Whole = False,
    region: Region = None,
    service_name: Service = None,
    environment: Environment = None,
    incident_start: IncidentStart = None,
    exact_start: ExactStart = False,
    start_time: StartTime = None,
    end_time: EndTime = None,
    threshold: Threshold = None,
    last: Last = None,
    now: Now = None,
    record: Annotated[
        Path | None, typer.Option(help="Keep everything in one new file, to `replay` without data source or model.")
    ] = None,
    overwrite: Overwrite = False,
    keep: Annotated[bool, typer.Option(help="Checkpoint each step, so that `resume` can go on.")] = True,
    quiet: Quiet = False,
    guide: Annotated[
        Path | None, typer.Option(help="Follow this guide (Markdown, docs/guides.md) instead of the built-in one.")
    ] = None,
    parameter: GuideParameter = None,
) -> None:
    """Investigate an incident and conclude: causes, actions, messages, each number with its evidence.

    Example: tsg-agent run incident.md --telemetry telemetry/ --html report.html
    """
    given = given_of(locals()) | {"exact_start": exact_start or None}
    from tsg_agent.cli.requested import form_of, is_typed, not_lost, read_text, window_of
    from tsg_agent.cli.run_command import Output, run_incident

    given |= window_of(last, now)

    if guide is not None:
        from tsg_agent.cli.guides import GuideOutput, given_by_name, run_with_guide

        refuse_with_guide({"--png": png, "--format": form, "--open": opened, "--all": whole})
        not_there(record, overwrite=overwrite)
        shown, values = GuideOutput(as_json, html, quiet, record), given_by_name(given, parameter)
        text = read_text(incident)
        run_with_guide(guide, text, telemetry, mapping=mapping, given=values, now=now, keep=keep, output=shown)
        return
    refuse_without_guide(parameter)
    output = Output(
        form=form_of(form, as_json=as_json), html=html, png=png, whole=whole, quiet=quiet, record=record, opened=opened
    )
    not_there(record, overwrite=overwrite)
    text = read_text(incident)
    with not_lost(text, typed=is_typed(incident)):
        run_incident(text, telemetry, mapping, given, now=now, keep=keep, output=output, may_ask=True)


@app.command()
def demo(
    name: Annotated[str, typer.Argument(help="Which incident; `demo list` names them all.")] = "checkout",
    folder: Annotated[Path, typer.Option(help="Where to put its telemetry, text and report.")] = Path("demo"),
    as_json: AsJson = False,
    form: Format = None,
    html: Html = None,
    png: Png = None,
    opened: Open = False,
    whole: Whole = False,
    quiet: Quiet = False,
) -> None:
    """Make a demonstration incident's telemetry, investigate it, and write the report."""
    from tsg_agent.cli.demonstrate import demonstrate
    from tsg_agent.cli.requested import form_of
    from tsg_agent.cli.run_command import Output

    demonstrate(
        name,
        folder,
        Output(form=form_of(form, as_json=as_json), html=html, png=png, whole=whole, quiet=quiet, opened=opened),
    )


@app.command()
def resume(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The id that `run` printed; `list` lists them.")],
    limit: Limit = 20,
    region: Region = None,
    service_name: Service = None,
    environment: Environment = None,
    incident_start: IncidentStart = None,
    start_time: StartTime = None,
    end_time: EndTime = None,
    threshold: Threshold = None,
    as_json: AsJson = False,
    form: Format = None,
    html: Html = None,
    png: Png = None,
    opened: Open = False,
    whole: Whole = False,
    quiet: Quiet = False,
    parameter: GuideParameter = None,
) -> None:
    """Go on with an interrupted investigation; checks that had ended are not run again.

    Flags answer what it asks. Of one that has concluded the report is printed.
    """
    answers = given_of(locals())
    from tsg_agent.cli.kept import follows_another_guide
    from tsg_agent.cli.requested import form_of
    from tsg_agent.cli.run_command import Output, resume_incident

    if follows_another_guide(identity):
        from tsg_agent.cli.guides import GuideOutput, given_by_name, resume_with_guide

        refuse_with_guide({"--png": png, "--format": form, "--open": opened, "--all": whole})
        resume_with_guide(identity, given_by_name(answers, parameter), GuideOutput(as_json, html, quiet))
        return
    refuse_without_guide(parameter)
    resume_incident(
        identity,
        Output(form=form_of(form, as_json=as_json), html=html, png=png, whole=whole, quiet=quiet, opened=opened),
        answers,
        limit,
    )


@app.command("list")
def kept(limit: Limit = 20, as_json: AsJson = False) -> None:
    """List the investigations that are kept, newest first: id, when, how it stands, and what it is about."""
    from tsg_agent.cli.kept import list_kept
    from tsg_agent.settings import load_settings

    list_kept(load_settings(), limit=limit, as_json=as_json)


@app.command("show")
def show_one(
    identity: Annotated[str, typer.Argument(metavar="ID", help="An investigation's id; `list` lists them.")],
    form: Format = None,
    png: Png = None,
    whole: Whole = False,
    events: Annotated[bool, typer.Option("--events", help="What happened instead, one JSON object a line.")] = False,
) -> None:
    """Print the report of an investigation that has concluded; its telemetry may be gone."""
    from tsg_agent.cli.kept import show_kept

    show_kept(identity, form, png=png, whole=whole, events=events)


@app.command()
def feedback(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The investigation's id.")],
    cause: Annotated[
        list[str] | None,
        typer.Option(help="What it really was: column=value, once or more, as in a report; or a component's name."),
    ] = None,
    right: Annotated[bool, typer.Option("--right", help="The first cause of the report was it.")] = False,
    wrong: Annotated[bool, typer.Option("--wrong", help="The conclusion was wrong; what it was is not known.")] = False,
    no_incident: Annotated[bool, typer.Option("--no-incident", help="Nothing was wrong.")] = False,
    note: Annotated[str, typer.Option(help="Anything else; kept with it.")] = "",
    export: Annotated[
        Path | None, typer.Option(help="Write it into this folder too, as a case for `python -m eval run`.")
    ] = None,
) -> None:
    """Say what an investigation's incident really was; it is kept with it.

    Example: tsg-agent feedback 0123456789ab --cause shard_id=shard-07 --export my-incidents
    """
    from tsg_agent.cli.kept import keep_feedback

    verdict = True if right else False if wrong else None
    keep_feedback(identity, cause or [], verdict, no_incident=no_incident, note=note, export_to=export)


@app.command()
def replay(
    file: Annotated[
        Path, typer.Argument(help="A recording, made with `run --record`, `ask --record` or `chat --record`.")
    ],
    diff: Annotated[bool, typer.Option("--diff", help="Show only what differs from what was recorded.")] = False,
    as_json: AsJson = False,
    form: Format = None,
    html: Html = None,
    opened: Open = False,
    whole: Whole = False,
) -> None:
    """Run a recorded investigation, or ask recorded questions, again: with no data source and no model."""
    from tsg_agent import recording
    from tsg_agent.cli.recordings import show_differences
    from tsg_agent.cli.requested import form_of
    from tsg_agent.cli.run_command import ALL_OF_IT, Output, show
    from tsg_agent.cli.talk import show_talk

    kind = recording.kind_of(file)
    if diff:
        same = "The same answers." if kind == "talk" else "The same report."
        show_differences(recording.differences(file), same=same, as_json=as_json)
    elif kind == "guide":
        from tsg_agent.cli.guides import show_report

        refuse_with_guide({"--format": form, "--open": opened, "--all": whole})
        show_report(recording.replay_guide(file), as_json=as_json, html=html)
    elif kind == "talk":
        show_talk(recording.replay_talk(file), as_json=as_json, html=html)
    else:
        report = recording.replay(file)
        output = Output(form=form_of(form, as_json=as_json), html=html, whole=whole, quiet=True, opened=opened)
        show(report, output, ALL_OF_IT)


@app.command()
def doctor(
    telemetry: Annotated[
        str | None, typer.Option("--telemetry", "-t", help="Look at this telemetry too: what can be investigated.")
    ] = None,
    mapping: Mapping = None,
    as_json: AsJson = False,
) -> None:
    """Say what works here: versions, the sandbox layer by layer, and what a telemetry source can answer."""
    from tsg_agent.cli.doctor import examine

    examine(telemetry, mapping, as_json=as_json)


@app.command()
def tools(as_json: AsJson = False) -> None:
    """List the nine checks: what each asks, its labels, and the columns it reads."""
    from tsg_agent.cli.listing import list_tools

    list_tools(as_json=as_json)


@app.command()
def graph() -> None:
    """Print the investigation's graph, as Mermaid."""
    from tsg_agent.graph import compile_graph

    typer.echo(compile_graph().get_graph().draw_mermaid())


@app.command()
def settings() -> None:
    """List every setting: its environment variable, its value, its meaning."""
    from tsg_agent.cli.settings_command import show_settings

    show_settings()


serves(app)
app.add_typer(mappings, name="mapping")
app.add_typer(guides, name="guide")
register(app)
later.register(app)


def main() -> None:
    """Run the command line. Expected errors end in their message, their next step and their exit code."""
    streams.open_streams()
    try:
        startup.check_arguments(sys.argv[1:])
        _run_command()
    except TsgError as error:
        _show_error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Broken pipe (`| head`): nobody reads the output any more.
        sys.stderr.close()
        sys.exit(0)


def _show_error(error: TsgError) -> None:
    from tsg_agent.cli.failure import show_error

    try:
        show_error(error, as_json="--json" in sys.argv and not isinstance(error, OutputError))
    except OutputError:  # no space for the JSON object; perhaps there is for a line
        with suppress(OutputError):
            show_error(error, as_json=False)


def _run_command() -> None:
    try:
        app()
    except SystemExit as ended:
        interrupts.leave(ended.code)
        sys.stdout.flush()  # else a program that reads the truncated output would not notice
        if ended.code == ParameterError.exit_code and sys.argv[1:]:
            from tsg_agent.cli.failure import show_next

            show_next(app, sys.argv[1])
        raise
