"""Events as they are written down, for many readers: the log itself is looked at, whichever process wrote it.

One thread asks SQLite whether anything was committed, a hundred times a second, while anybody reads. Readers share an
investigation's events: one that never reads holds a place in the list and nothing else.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tsg_agent.errors import RecordError
from tsg_agent.events import STATES, Event, events_after
from tsg_agent.web.metrics import Metrics

LOOK_S = 0.01
OVER = ("concluded", "failed", "interrupted", "cancelled")
"""Kinds after which nothing comes unless somebody does something."""


@dataclass
class _Watched:
    """An investigation with readers."""

    events: list[Event] = field(default_factory=list)
    readers: int = 0
    looked: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def over(self) -> bool:
        """Whether it has ended, by what was read last."""
        last = next((one.kind for one in reversed(self.events) if one.kind in STATES), "")
        return self.looked and last in OVER


class Feed:
    """The readers of one log. Use it in `async with`."""

    def __init__(self, file: Path, metrics: Metrics) -> None:
        self._file, self._metrics = file, metrics
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.Lock()
        self._wanted, self._ended = threading.Event(), False
        self.readers = 0

    async def __aenter__(self) -> "Feed":
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._look, name="tsg-feed", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(self, *_ended: object) -> None:
        self._ended = True
        self._wanted.set()
        for watched in self._watched.values():
            watched.news.set()
        await asyncio.to_thread(self._thread.join)

    async def after(self, identity: str, sequence: int = 0) -> AsyncIterator[Event]:
        """The events behind a number, as they come, until the investigation has ended."""
        watched = self._join(identity)
        try:
            while not self._ended:
                news = watched.news
                for event in [one for one in watched.events if one.sequence > sequence]:
                    sequence = event.sequence
                    yield event
                if news is watched.news and watched.over:
                    return
                await news.wait()
        finally:
            self._leave(identity, watched)

    def _join(self, identity: str) -> _Watched:
        with self._lock:
            watched = self._watched.setdefault(identity, _Watched())
            watched.readers += 1
            self.readers += 1
            self._wanted.set()
        self._metrics.readers.set(self.readers)
        return watched

    def _leave(self, identity: str, watched: _Watched) -> None:
        with self._lock:
            watched.readers -= 1
            self.readers -= 1
            if not watched.readers and self._watched.get(identity) is watched:
                del self._watched[identity]
        self._metrics.readers.set(self.readers)

    def _got(self, watched: _Watched, events: list[Event]) -> None:
        """In the event loop: what was found."""
        watched.looked = True
        watched.events += [one for one in events if not watched.events or one.sequence > watched.events[-1].sequence]
        watched.news.set()
        watched.news = asyncio.Event()

    def _look(self) -> None:
        """The thread."""
        while not self._ended:
            self._wanted.wait()
            with contextlib.suppress(sqlite3.Error, RecordError):  # a file that is mended meanwhile is opened again
                self._look_on()
            if not self._ended:
                threading.Event().wait(LOOK_S)

    def _look_on(self) -> None:
        if not self._file.exists():
            return
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=1)) as connection:
            version = -1
            while not self._ended:
                with self._lock:
                    watched = dict(self._watched)
                    if not watched:
                        self._wanted.clear()
                        return
                (now,) = connection.execute("PRAGMA data_version").fetchone()
                for identity, one in watched.items():
                    if now != version or not one.looked:
                        self._tell(connection, identity, one)
                version = now
                threading.Event().wait(LOOK_S)

    def _tell(self, connection: sqlite3.Connection, identity: str, one: _Watched) -> None:
        found = events_after(connection, identity, one.events[-1].sequence if one.events else 0)
        if found or not one.looked:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._got, one, found)
