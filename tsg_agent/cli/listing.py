"""tools: the nine checks, for people and programs."""

import json

import typer

from tsg_agent.tools import PLUGINS


def list_tools(*, as_json: bool) -> None:
    """Each check's tool name, step, question, labels, needs and result columns."""
    if as_json:
        typer.echo(
            json.dumps(
                [
                    {
                        "name": plugin.name,
                        "step": plugin.step,
                        "title": plugin.title,
                        "question": plugin.question,
                        "description": " ".join((type(plugin).__doc__ or "").split()),
                        "labels": list(plugin.labels),
                        "requires": {need.table: list(need.required) for need in plugin.needs},
                        "reads_if_there": {need.table: list(need.optional) for need in plugin.needs},
                        "columns": plugin.row.described(),
                        "arguments": plugin.args.model_json_schema(),
                    }
                    for plugin in PLUGINS
                ],
                indent=2,
            )
        )
        return
    for plugin in PLUGINS:
        typer.echo(f"{plugin.name}  Step {plugin.step}: {plugin.title}")
        typer.echo(f"  {plugin.question}")
        typer.echo(f"  labels: {', '.join(plugin.labels)}")
        for need in plugin.needs:
            typer.echo(f"  reads {need.table}: {', '.join(need.required) or 'nothing that is required'}")
