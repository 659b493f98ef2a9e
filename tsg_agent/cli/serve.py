"""mcp: named sources, and the server over them."""

from pathlib import Path

from tsg_agent.cli.loading import loaded
from tsg_agent.errors import ParameterError, SettingsError
from tsg_agent.service import Service, Source
from tsg_agent.settings import load_settings
from tsg_agent.store import Store


def serve_mcp(sources: list[str], mappings: list[str], tools: str, workers: int) -> None:
    """Serve until the client goes. Raises ParameterError, SettingsError where the extra is not installed."""
    if tools not in ("few", "all"):
        raise ParameterError(f"There is no set of tools {tools!r}.", fix="--tools is few or all.")
    try:
        from tsg_agent import mcp_server  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SettingsError(
            "The MCP server needs the extra `mcp`, version 2.", fix="pip install 'tsg-agent[mcp]'"
        ) from error
    settings = load_settings()
    places = _named(sources, "--source")
    files = {name: Path(file).resolve() for name, file in _named(mappings, "--mapping").items()}
    unknown = sorted(files.keys() - places.keys())
    if unknown:
        raise ParameterError(f"--mapping names {', '.join(unknown)}, which is no --source.", fix="Use a source's name.")
    Store(settings.state_dir).check()
    named = {
        name: Source(str(Path(place).resolve()) if Path(place).exists() else place, files.get(name))
        for name, place in places.items()
    }
    loaded()
    mcp_server.serve(Service(named, settings=settings, workers=workers), "all" if tools == "all" else "few")


def _named(pairs: list[str], flag: str) -> dict[str, str]:
    named = {}
    for pair in pairs:
        name, mark, value = pair.partition("=")
        if not (name.strip() and mark and value.strip()):
            raise ParameterError(f"{flag} {pair!r} names nothing.", fix=f"Write it {flag} NAME=PLACE.")
        named[name.strip()] = value.strip()
    return named
