"""The server commands: mcp, serve, token. Each imports its modules when it runs."""

from pathlib import Path
from typing import Annotated

import typer

Workers = Annotated[
    int, typer.Option(min=0, help="Processes that run the investigations, one at a time each; 0: the server does.")
]


def mcp(
    source: Annotated[
        list[str], typer.Option(help="NAME=PLACE, once or more: telemetry that a client may name, and where it lies.")
    ],
    mapping: Annotated[
        list[str] | None, typer.Option(help="NAME=FILE: the TOML file that maps a source's tables and columns.")
    ] = None,
    tools: Annotated[str, typer.Option(help="few: run, ask, list, read; all: the nine checks and code too.")] = "few",
    workers: Workers = 1,
) -> None:
    """Serve the agent to MCP clients, on standard input and output. Needs `pip install 'tsg-agent[mcp]'`.

    Example: tsg-agent mcp --source shop=telemetry/
    """
    from tsg_agent.cli.serve_command import serve_mcp

    serve_mcp(source, mapping or [], tools, workers)


def serve(
    sources: Annotated[
        list[str], typer.Argument(metavar="[NAME=]TELEMETRY ...", help="What clients may name, and where it lies.")
    ],
    mapping: Annotated[
        list[str] | None, typer.Option(help="NAME=FILE: the TOML file that maps a source's tables and columns.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on; any but this machine's own needs tokens.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8321,
    config: Annotated[
        Path | None, typer.Option(help="TOML file: tokens, webhooks in and out, limits (docs/serve.md).")
    ] = None,
    workers: Workers = 2,
) -> None:
    """Serve a web page, REST, webhooks, MCP and a chat endpoint. Needs `pip install 'tsg-agent[serve]'`.

    Example: tsg-agent serve shop=telemetry/
    """
    from tsg_agent.cli.serve_command import serve_http

    serve_http(sources, mapping or [], host, port, config, workers)


def token(
    name: Annotated[str, typer.Argument(help="Who will hold it; the audit log has this name.")],
    team: Annotated[str, typer.Option(help="Whose investigations it reads and begins.")],
) -> None:
    """Make a token for `serve`: it is shown once; its hash goes into the file of --config."""
    from tsg_agent.cli.serve_command import make_token

    make_token(name, team)


def serves(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (mcp, serve, token):
        app.command()(command)
