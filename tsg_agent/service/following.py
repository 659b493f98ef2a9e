"""An investigation's events as they are written down, read once for all who follow it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from tsg_agent.events import Event, EventLog

POLL = 0.5
"""Seconds between two looks at the log of what another process runs."""


class Following:
    """The events of one investigation, for the tasks of one event loop."""

    def __init__(self, log: EventLog, identity: str, over: Callable[[], Awaitable[bool]]) -> None:
        """`over` says whether nothing will happen unless somebody goes on."""
        self._log, self._identity, self._over = log, identity, over
        self._held: list[Event] = []
        self._news, self._reading = asyncio.Event(), asyncio.Lock()
        self._news.set()  # what was written down before
        self._loop = asyncio.get_running_loop()

    def told(self) -> None:
        """Something happened. From any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody follows
            self._loop.call_soon_threadsafe(self._news.set)

    async def after(self, sequence: int) -> AsyncIterator[Event]:
        """The events behind a number, as they come, until nothing more will. Raises RecordError."""
        while True:
            over = await self._over()  # before the look at the log: what came last is still told
            await self._read(sequence, wait=not over)
            new = self._held[sequence:]  # numbers count from 1 without a gap
            if over and not new:
                return
            for event in new:
                yield event
            sequence += len(new)

    async def _read(self, sequence: int, *, wait: bool) -> None:
        """Wait for news, and read them: one of those who wait does it for all."""
        async with self._reading:
            if len(self._held) > sequence:
                return
            if wait:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), POLL)
            self._news.clear()
            self._held += await asyncio.to_thread(self._log.after, self._identity, len(self._held))
