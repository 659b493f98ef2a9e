"""The events of investigations as they are written down: read once, whoever follows them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from tsg_agent.events import MOST, Event, EventLog

POLL = 0.5
"""Seconds between two looks at the log of what another process runs."""
BEAT = 15.0
"""Seconds after which those who follow are told that nothing has happened."""


@dataclass(eq=False)
class _Followed:
    """One investigation that somebody follows."""

    events: list[Event] = field(default_factory=list)
    over: bool = False
    broken: Exception | None = None
    readers: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    told_at: float = field(default_factory=time.monotonic)

    def tell(self) -> None:
        """Wake all who wait."""
        self.news.set()
        self.news, self.told_at = asyncio.Event(), time.monotonic()


class Following:
    """Tells the tasks of one event loop of new events; a single task reads the log for all followed investigations."""

    def __init__(self, log: EventLog, over: Callable[[str], bool]) -> None:
        """`over` says, in a thread, whether nothing will happen in an investigation unless somebody goes on."""
        self._log, self._over = log, over
        self._followed: dict[str, _Followed] = {}
        self._stale: set[str] = set()
        self._wake = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    def told(self, identity: str) -> None:
        """Something happened. From any thread."""
        if identity in self._followed:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody follows
                self._loop.call_soon_threadsafe(self._hear, identity)

    async def after(self, identity: str, sequence: int) -> AsyncIterator[list[Event]]:
        """Batches of events after a sequence number, until no more will come; an empty batch now and then.

        Raises RecordError.
        """
        one = self._followed.setdefault(identity, _Followed())
        one.readers, one.over = one.readers + 1, False  # somebody may have gone on since it was seen to be
        self._hear(identity)
        try:
            while True:
                news, new = one.news, one.events[sequence:]  # numbers count from 1 without a gap
                if new:
                    yield new
                    sequence += len(new)
                    continue
                if one.broken:
                    raise one.broken
                if one.over:
                    return
                await news.wait()
                if not (one.events[sequence:] or one.broken or one.over):
                    yield []
        finally:
            one.readers -= 1
            if not one.readers:
                del self._followed[identity]

    def _hear(self, identity: str) -> None:
        self._stale.add(identity)
        self._wake.set()
        if self._looking is None or self._looking.done():
            self._looking = self._loop.create_task(self._look())

    async def _look(self) -> None:
        polled = time.monotonic()
        while self._followed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(polled + POLL - time.monotonic()):
                    await self._wake.wait()
            self._wake.clear()
            if time.monotonic() >= polled + POLL:
                self._stale.update(self._followed)
                polled = time.monotonic()
            held = {name: len(self._followed[name].events) for name in self._stale & self._followed.keys()}
            self._stale.clear()
            for name, (new, over, broken) in (await asyncio.to_thread(self._read, held)).items():
                one = self._followed.get(name)
                if one is None or len(one.events) != held[name]:  # nobody follows it now, or others do
                    continue
                if len(new) == MOST:
                    self._hear(name)
                one.events += new
                ends = over and not one.over and name not in self._stale
                one.over, one.broken = one.over or ends, broken
                if new or ends or broken or time.monotonic() >= one.told_at + BEAT:
                    one.tell()

    def _read(self, held: Mapping[str, int]) -> dict[str, tuple[list[Event], bool, Exception | None]]:
        """Of each: what is behind the number that is held, and whether it is over. For a thread."""
        try:
            over = {name: self._over(name) for name in held}  # before the look: what came last is still told
            return {name: (new, over[name], None) for name, new in self._log.news(held).items()}
        except Exception as error:  # whoever follows that one gets it
            if len(held) == 1:
                return {name: ([], False, error) for name in held}
            return {name: self._read({name: number})[name] for name, number in held.items()}
