"""Opens telemetry by path or URL, or by name: clients of the service name sources, its operator configures them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from tsg_agent.errors import ParameterError
from tsg_agent.extract.window import moments_in
from tsg_agent.settings import Settings
from tsg_agent.store import Request
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.servers import open_server, scheme_of

if TYPE_CHECKING:
    from tsg_agent.telemetry.remote import Remote


@dataclass(frozen=True)
class Source:
    """Path or URL of telemetry, and its mapping file."""

    telemetry: str
    mapping: Path | None = None


class Sources:
    """Named sources, opened on first use and kept open until close(). Thread-safe."""

    def __init__(self, named: Mapping[str, Source | str | Path], settings: Settings) -> None:
        self.named = {
            name: source if isinstance(source, Source) else Source(str(source)) for name, source in named.items()
        }
        self._settings = settings
        self._engines: dict[str, Engine] = {}
        self._locks = {name: threading.Lock() for name in self.named}

    @property
    def names(self) -> list[str]:
        """The configured names, sorted."""
        return sorted(self.named)

    def called(self, name: str) -> Source:
        """A source by name; "" selects the only one. Raises ParameterError, which lists the names."""
        if not name and len(self.named) == 1:
            return next(iter(self.named.values()))
        if name not in self.named:
            near = get_close_matches(name, self.named, 3, 0.5)
            meant = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
            problem = f"There is no source {name!r}." if name else "Which source is meant?"
            raise ParameterError(problem, fix=f"{meant}There are: {', '.join(map(repr, self.names)) or 'none'}.")
        return self.named[name]

    def engine(self, name: str) -> Engine:
        """A source's shared engine. Raises ParameterError, TelemetryError."""
        source = self.called(name)
        key = next(known for known, held in self.named.items() if held is source)
        with self._locks[key]:
            if key not in self._engines:
                self._engines[key] = open_telemetry(source.telemetry, mapping=source.mapping, settings=self._settings)
            return self._engines[key]

    def name_of(self, request: Request) -> str | None:
        """The name of the request's source; None if it is not configured here."""
        asked = Source(request.telemetry, request.mapping)
        return next((name for name, source in self.named.items() if source == asked), None)

    def at(self, request: Request) -> Engine | None:
        """The engine of the request's source; None if it is not configured here. Raises TelemetryError."""
        name = self.name_of(request)
        return None if name is None else self.engine(name)

    def close(self) -> None:
        """Close all open engines."""
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()


def open_telemetry(
    telemetry: str,
    *,
    mapping: Path | None = None,
    settings: Settings | None = None,
    about: Collection[datetime] = (),
) -> "DuckDB | Remote":
    """Open an engine: a server's by the URL's scheme, else DuckDB over a folder, glob, file or .duckdb database.

    `about`: times of interest, which decide between DD/MM and MM/DD dates if no row does. A context manager; close it
    after use. Raises TelemetryError.
    """
    settings = settings or Settings()
    if scheme_of(telemetry) not in ("", "duckdb"):
        return open_server(telemetry, mapping)
    return DuckDB(
        telemetry.removeprefix("duckdb://"),
        mapping=mapping,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        unreadable_percent=settings.unreadable_percent,
        template_paths=settings.template_paths,
        about=about,
    )


def open_for(request: Request, settings: Settings) -> "DuckDB | Remote":
    """Open the engine of a request's telemetry. Raises TelemetryError."""
    given = (request.given.start_time, request.given.end_time, request.given.incident_start)
    about = [one for one in given if one] or moments_in(request.text, request.now or datetime.now(UTC))
    return open_telemetry(request.telemetry, mapping=request.mapping, settings=settings, about=about)


@asynccontextmanager
async def opened(engine: Engine | None, request: Request, settings: Settings) -> AsyncIterator[Engine]:
    """`engine` if given (not closed), else the request's, opened and closed outside the event loop."""
    if engine is not None:
        yield engine
        return
    gone = threading.Event()

    def opening() -> "DuckDB | Remote":
        made = open_for(request, settings)
        if gone.is_set():
            made.close()
        return made

    try:
        own = await asyncio.to_thread(opening)
    except asyncio.CancelledError:
        gone.set()
        raise
    try:
        yield own
    finally:
        await asyncio.to_thread(own.close)
