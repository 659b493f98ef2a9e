"""The commands. What they need is imported when they run: `--help` must be quick."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tsg_agent import __version__
from tsg_agent.ask.commands import register
from tsg_agent.cli import interrupts
from tsg_agent.cli.loading import loaded
from tsg_agent.cli.recordings import Overwrite, not_there
from tsg_agent.errors import TsgError
from tsg_agent.options import (
    EndTime,
    Environment,
    IncidentStart,
    Mapping,
    Now,
    Region,
    Service,
    StartTime,
    Telemetry,
    Threshold,
)

EXIT_CODES = """
Exit codes: 0 concluded (whatever the conclusion) · 1 internal error · 2 wrong usage, setting or parameter ·
3 the incident's text leaves questions open · 4 the telemetry cannot be read · 5 no such investigation ·
6 no sandbox here · 7 the model does not answer · 8 a question was not answered · 130 interrupted.
"""
LOADS_LONG = ("run", "resume", "demo")
"""Commands that say themselves when all that they need is loaded."""


class Commands(TyperGroup):
    """The commands. One that is interrupted says so; typer alone ends without a word."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command."""
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
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Follows a troubleshooting guide for low availability over your telemetry, and concludes with evidence.",
    epilog=EXIT_CODES,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Html = Annotated[Path | None, typer.Option(help="Write the report as one self-contained HTML file.")]
Whole = Annotated[
    bool,
    typer.Option(
        "--all", help="On a terminal, print the drafts and the evidence too; a pipe or a file always gets them."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Answer --version."""
    if show:
        typer.echo(f"tsg-agent {__version__}")
        raise typer.Exit


@app.command()
def run(  # noqa: PLR0913, PLR0917 - each parameter of an incident can be given as a flag
    incident: Annotated[str, typer.Argument(help="File with the incident's text; - reads standard input.")],
    telemetry: Telemetry,
    mapping: Mapping = None,
    as_json: AsJson = False,
    html: Html = None,
    whole: Whole = False,
    region: Region = None,
    service_name: Service = None,
    environment: Environment = None,
    incident_start: IncidentStart = None,
    start_time: StartTime = None,
    end_time: EndTime = None,
    threshold: Threshold = None,
    now: Now = None,
    record: Annotated[
        Path | None, typer.Option(help="Keep everything in one new file, to `replay` without data source or model.")
    ] = None,
    overwrite: Overwrite = False,
    keep: Annotated[bool, typer.Option(help="Checkpoint each step, so that `resume` can go on.")] = True,
    quiet: Quiet = False,
) -> None:
    """Investigate an incident and conclude: causes, actions, messages, each number with its evidence.

    Example: tsg-agent run incident.md --telemetry telemetry/ --html report.html
    """
    from tsg_agent.cli.investigate import Output, run_incident
    from tsg_agent.flags import read_text

    given = {
        "region": region,
        "service_name": service_name,
        "environment": environment,
        "incident_start": incident_start,
        "start_time": start_time,
        "end_time": end_time,
        "threshold": threshold,
    }
    output = Output(as_json=as_json, html=html, whole=whole, quiet=quiet, record=record)
    not_there(record, overwrite=overwrite)
    text = read_text(incident)
    run_incident(text, telemetry, mapping, given, now=now, keep=keep, output=output, may_ask=incident != "-")


@app.command()
def demo(  # noqa: PLR0913, PLR0917 - the same outputs as run
    name: Annotated[str, typer.Argument(help="Which incident; `demo list` names them all.")] = "checkout",
    folder: Annotated[Path, typer.Option(help="Where to put its telemetry, text and report.")] = Path("demo"),
    as_json: AsJson = False,
    html: Html = None,
    whole: Whole = False,
    quiet: Quiet = False,
) -> None:
    """Make a demonstration incident's telemetry, investigate it, and write the report."""
    from tsg_agent.cli.demonstrate import demonstrate
    from tsg_agent.cli.investigate import Output

    demonstrate(name, folder, Output(as_json=as_json, html=html, whole=whole, quiet=quiet))


@app.command()
def resume(  # noqa: PLR0913, PLR0917 - the same outputs as run
    identity: Annotated[str, typer.Argument(metavar="ID", help="The id that `run` printed; `list` lists them.")],
    limit: Annotated[int, typer.Option(min=1, help="How many `list` shows, newest first.")] = 20,
    as_json: AsJson = False,
    html: Html = None,
    whole: Whole = False,
    quiet: Quiet = False,
) -> None:
    """Go on with an interrupted investigation; checks that had ended are not run again."""
    from tsg_agent.cli.investigate import Output, resume_incident

    resume_incident(identity, Output(as_json=as_json, html=html, whole=whole, quiet=quiet), limit)


@app.command()
def replay(
    file: Annotated[
        Path, typer.Argument(help="A recording, made with `run --record`, `ask --record` or `chat --record`.")
    ],
    diff: Annotated[bool, typer.Option("--diff", help="Show only what differs from what was recorded.")] = False,
    as_json: AsJson = False,
    html: Html = None,
    whole: Whole = False,
) -> None:
    """Run a recorded investigation, or ask recorded questions, again: with no data source and no model."""
    from tsg_agent import recording
    from tsg_agent.ask.talk import show_talk
    from tsg_agent.cli.investigate import Output, show
    from tsg_agent.cli.recordings import show_differences

    questions = recording.is_talk(file)
    if diff:
        same = "The same answers." if questions else "The same report."
        show_differences(recording.differences(file), same=same, as_json=as_json)
    elif questions:
        show_talk(recording.replay_talk(file), as_json=as_json, html=html)
    else:
        show(recording.replay(file), Output(as_json=as_json, html=html, whole=whole, quiet=True))


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
    from tsg_agent.cli.settings import show_settings

    show_settings()


register(app)


def main() -> None:
    """Run the command line. Expected errors end in their message, their next step and their exit code."""
    try:
        app()
    except TsgError as error:
        from tsg_agent.cli.failure import show_error

        show_error(error, as_json="--json" in sys.argv)
        sys.exit(error.exit_code)
    except SystemExit as ended:
        interrupts.leave(ended.code)
        raise
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nobody is left to tell.
        sys.stderr.close()
        sys.exit(0)
