"""Investigations take turns: few at once are as quick as many, and stall nobody's event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

RUNNING = 4
"""Investigations of a process that run at once."""
Told = Callable[[int], None]


@dataclass(eq=False)
class _Waiting:
    loop: asyncio.AbstractEventLoop
    turn: "asyncio.Future[None]"
    told: Told

    def tell(self, place: int) -> bool:
        """Say its place; 0 is its turn. Whether its event loop still hears."""
        try:
            self.loop.call_soon_threadsafe(self._hear, place)
        except RuntimeError:  # the loop was closed under it
            return False
        return True

    def _hear(self, place: int) -> None:
        if place:
            if not self.turn.done():
                self.told(place)
        elif not self.turn.done():
            self.turn.set_result(None)


class Queue:
    """At most `places` at once, the others in the order they came: of all threads and event loops of a process."""

    def __init__(self, places: int = RUNNING) -> None:
        self._free, self._waiting = places, deque[_Waiting]()
        self._lock = threading.Lock()

    @asynccontextmanager
    async def turn(self, told: Told = lambda _place: None) -> AsyncIterator["QueueTurn"]:
        """Wait for one's turn, and hold it. `told` gets the place in the queue: 1 is the next, 0 its turn."""
        turn = QueueTurn(self, told)
        await self._take(told)
        try:
            yield turn
        finally:
            if turn.held:
                self._give_back()

    async def _take(self, told: Told) -> None:
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._free:
                self._free -= 1
                return
            one = _Waiting(loop, loop.create_future(), told)
            self._waiting.append(one)
            place = len(self._waiting)
        try:
            told(place)
            await one.turn
        except BaseException:
            with self._lock:
                waits = one in self._waiting
                if waits:
                    self._waiting.remove(one)
                    self._tell_places()
            if not waits:  # its turn had come
                self._give_back()
            raise
        told(0)

    def _give_back(self) -> None:
        with self._lock:
            while self._waiting:
                if self._waiting.popleft().tell(0):
                    break
            else:
                self._free += 1
            self._tell_places()

    def _tell_places(self) -> None:
        for place, one in enumerate(self._waiting, 1):
            one.tell(place)


class QueueTurn:
    """A turn that is held, and may be given back for a while."""

    def __init__(self, queue: Queue, told: Told) -> None:
        self._queue, self._told = queue, told
        self.held = True

    @asynccontextmanager
    async def given_back(self) -> AsyncIterator[None]:
        """While a person thinks about a question, others go on."""
        self.held = False
        self._queue._give_back()
        yield
        await self._queue._take(self._told)
        self.held = True


QUEUE = Queue()
"""The process's."""
