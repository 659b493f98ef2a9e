"""mcp, serve and token: servers over named sources, and access tokens for them."""

import hashlib
import secrets
from pathlib import Path

import typer

from tsg_agent.cli.imports import loaded
from tsg_agent.errors import ParameterError, SettingsError
from tsg_agent.investigation import Source
from tsg_agent.service import Service
from tsg_agent.settings import load_settings
from tsg_agent.store import Store

SHUTDOWN_S = 5
"""Seconds for running requests at shutdown."""


def serve_mcp(sources: list[str], mappings: list[str], tools: str, workers: int) -> None:
    """Serve until the client disconnects. Raises ParameterError, and SettingsError if the extra is not installed."""
    if tools not in ("few", "all"):
        raise ParameterError(f"There is no set of tools {tools!r}.", fix="--tools is few or all.")
    try:
        from tsg_agent import mcp_server
    except ImportError as error:
        raise SettingsError(
            "The MCP server needs the extra `mcp`, version 2.", fix="pip install 'tsg-agent[mcp]'"
        ) from error
    settings = load_settings()
    named = _sources(_named(sources, "--source"), mappings)
    Store(settings.state_dir).check()
    loaded()
    mcp_server.serve(Service(named, settings=settings, workers=workers), "all" if tools == "all" else "few")


def serve_http(
    sources: list[str], mappings: list[str], host: str, port: int, config: Path | None, workers: int
) -> None:
    """Serve over HTTP until the process is ended. Raises ParameterError, SettingsError, RecordError."""
    try:
        import uvicorn

        from tsg_agent.web.config import check_address, load_serving
        from tsg_agent.web.server import WebServer
    except ImportError as error:
        raise SettingsError("The server needs the extra `serve`.", fix="pip install 'tsg-agent[serve]'") from error
    serving = load_serving(config)
    check_address(host, serving)
    settings = load_settings()
    named = _sources(dict(_place(one) for one in sources), mappings)
    if len(named) < len(sources):
        raise ParameterError("Two sources have one name.", fix="Name each: NAME=TELEMETRY.")
    unknown = sorted({hook.source for hook in serving.hooks.values() if hook.source} - named.keys())
    if unknown:
        raise SettingsError(f"{config}: hooks name {', '.join(unknown)}, which is not served.", fix="Name a source.")
    Store(settings.state_dir).check()
    service = Service(named, settings=settings, workers=workers, worker_setup="tsg_agent.web.worker_setup:begin")
    app = WebServer(service, serving).app
    loaded()
    typer.echo(f"Serving {', '.join(sorted(named))} on http://{host}:{port}", err=True)
    uvicorn.run(
        app, host=host, port=port, log_level="warning", server_header=False, timeout_graceful_shutdown=SHUTDOWN_S
    )


def make_token(name: str, team: str) -> None:
    """Print a new token, and its lines for the file of `serve --config`."""
    token = f"tsg_{secrets.token_urlsafe(32)}"
    lines = [f"[tokens.{name}]", f'team = "{team}"', f'sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"']
    typer.echo(f"The token, which is shown this once: {token}", err=True)
    typer.echo("\n".join(lines))


def _sources(places: dict[str, str], mappings: list[str]) -> dict[str, Source]:
    files = {name: Path(file).resolve() for name, file in _named(mappings, "--mapping").items()}
    unknown = sorted(files.keys() - places.keys())
    if unknown:
        raise ParameterError(f"--mapping names {', '.join(unknown)}, which is no source.", fix="Use a source's name.")
    return {
        name: Source(str(Path(place).resolve()) if Path(place).exists() else place, files.get(name))
        for name, place in places.items()
    }


def _place(source: str) -> tuple[str, str]:
    """Parse [NAME=]TELEMETRY; the default name is the last part of the path."""
    name, mark, place = source.partition("=")
    if mark and name.strip() and place.strip() and "/" not in name:
        return name.strip(), place.strip()
    return Path(source).resolve().stem or "telemetry", source


def _named(pairs: list[str], flag: str) -> dict[str, str]:
    named = {}
    for pair in pairs:
        name, mark, value = pair.partition("=")
        if not (name.strip() and mark and value.strip()):
            raise ParameterError(f"{flag} {pair!r} names nothing.", fix=f"Write it {flag} NAME=PLACE.")
        named[name.strip()] = value.strip()
    return named
