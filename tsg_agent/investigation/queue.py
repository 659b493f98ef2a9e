"""Investigations take turns: few at once are as quick as many, and stall nobody's event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Self

RUNNING = 4
"""Investigations of a process that run at once."""
Told = Callable[[int], None]


class Queue:
    """At most `places` at once, the others in the order they came: of all threads and event loops of a process."""

    def __init__(self, places: int = RUNNING) -> None:
        self._free, self._waiting = places, deque[QueueTurn]()
        self._lock = threading.Lock()

    def turn(self, told: Told = lambda _place: None) -> "QueueTurn":
        """A place in the queue from now on, for the running event loop; `async with` waits for its turn, and holds it.

        `told` gets the place, once it is waited for: 1 is the next, 0 its turn.
        """
        return QueueTurn(self, told)

    @contextmanager
    def place(self) -> "Iterator[QueueTurn]":
        """A place taken before anything is waited for: who calls first is first. An error inside gives it up."""
        turn = self.turn()
        try:
            yield turn
        except BaseException:
            turn.leave()
            raise

    def _join(self, one: "QueueTurn") -> bool:
        """Whether its turn has come at once."""
        with self._lock:
            if not self._free:
                self._waiting.append(one)
                return False
            self._free -= 1
            return True

    def _leave(self, one: "QueueTurn") -> None:
        """Take it out of the queue; where its turn had come, the next one's comes."""
        with self._lock:
            if one in self._waiting:
                self._waiting.remove(one)
            else:
                while self._waiting:
                    if self._waiting.popleft()._hears(0):
                        break
                else:
                    self._free += 1
            for place, other in enumerate(self._waiting, 1):
                other._hears(place)


class QueueTurn:
    """A place in a queue, then a turn. It can be left and entered again: then it stands at the end."""

    def __init__(self, queue: Queue, told: Told) -> None:
        self._queue, self.told = queue, told
        self._waits = self._in = False
        self._join()

    @property
    def place(self) -> int:
        """Its place in the queue: 1 is the next; 0: it has its turn, or has left."""
        with self._queue._lock:
            return self._queue._waiting.index(self) + 1 if self in self._queue._waiting else 0

    async def __aenter__(self) -> Self:
        if not self._in:
            self._join()
        self._waits = not self._turn.done()
        try:
            if place := self.place:
                self.told(place)
            await self._turn
        except BaseException:
            self.leave()
            raise
        if self._waits:
            self.told(0)
        return self

    async def __aexit__(self, *_ended: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Give the place, or the turn, to others; of no effect the second time."""
        if self._in:
            self._in = False
            self._queue._leave(self)

    @asynccontextmanager
    async def given_back(self) -> AsyncIterator[None]:
        """While a person thinks about a question, others go on."""
        self.leave()
        yield
        await self.__aenter__()

    def _join(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._turn: asyncio.Future[None] = self._loop.create_future()
        self._in = True
        if self._queue._join(self):
            self._turn.set_result(None)

    def _hears(self, place: int) -> bool:
        """Say its place, from any thread; 0 is its turn. Whether its event loop still hears."""
        try:
            self._loop.call_soon_threadsafe(self._hear, place)
        except RuntimeError:  # the loop was closed under it
            return False
        return True

    def _hear(self, place: int) -> None:
        if self._turn.done():
            return
        if not place:
            self._turn.set_result(None)
        elif self._waits:
            self.told(place)


QUEUE = Queue()
"""The process's."""
