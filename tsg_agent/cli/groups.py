"""The command groups `mapping` and `guide`. Each command imports its modules when it runs."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
mappings = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="How your files become the guide's tables: ready mappings, and new ones.",
)


@mappings.command("list")
def mapping_list() -> None:
    """List the ready mappings, which --format takes by name."""
    from tsg_agent.cli.mappings import list_formats

    list_formats()


@mappings.command("init")
def mapping_init(
    location: Annotated[str, typer.Argument(metavar="FILE|FOLDER", help="What is to be read.")],
    ready: Annotated[str, typer.Option("--format", help="The ready mapping to take, instead of looking.")] = "",
    service_name: Annotated[str, typer.Option("--service-name", "--service", help="Whose rows they are.")] = "",
    region: Annotated[str, typer.Option(help="Where they were answered.")] = "",
    environment: Annotated[str, typer.Option(help="dev, staging or prod.")] = "",
    out: Annotated[Path | None, typer.Option(help="The file to write; without it the mapping is printed.")] = None,
) -> None:
    """Look at a file, write the mapping that reads it, and show the first five rows as read.

    Example: tsg-agent mapping init logs/access.log --service-name checkout --out mapping.toml
    """
    from tsg_agent.cli.mappings import make

    make(location, ready, {"service_name": service_name, "region": region, "environment": environment}, out)


guides = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Read other guides: lint, show.")
GuideFile = Annotated[Path, typer.Argument(help="The guide's Markdown file.")]


@guides.command("lint")
def guide_lint(
    file: GuideFile,
    as_json: AsJson = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also what the guide has on purpose, and why.")] = False,
) -> None:
    """Say what is wrong with a guide: queries that do not run, labels out of reach, thresholds that differ, branches.

    Ends with 8 where there are errors or warnings.
    """
    from tsg_agent.cli.guides import show_problems

    show_problems(file, as_json=as_json, verbose=verbose)


@guides.command("show")
def guide_show(
    file: Annotated[
        Path | None, typer.Argument(help="The guide's Markdown file; without it, the built-in guide.")
    ] = None,
    as_json: AsJson = False,
    form: Annotated[str | None, typer.Option("--format", help="markdown: as a guide's file.")] = None,
) -> None:
    """Show how a guide is read: its parameters, steps, queries, where each step leads, and a Mermaid diagram."""
    from tsg_agent.cli.guides import show_guide

    show_guide(file, as_json=as_json, form=form)
