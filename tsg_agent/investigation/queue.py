"""Limits concurrent investigations: more than a few are no faster in total, and stall the event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Self

RUNNING = 4
"""Maximum number of concurrent investigations per process."""
OnPosition = Callable[[int], None]


class Queue:
    """FIFO semaphore of `places` permits that works across threads and event loops."""

    def __init__(self, places: int = RUNNING) -> None:
        self._free, self._waiting = places, deque[QueueTurn]()
        self._lock = threading.Lock()

    def turn(self, told: OnPosition = lambda _place: None) -> "QueueTurn":
        """Join the queue, from a running event loop; `async with` waits for the turn and gives it up at the end.

        `told` is called with the position while waiting: 1 is next, 0 is its turn.
        """
        return QueueTurn(self, told)

    @contextmanager
    def place(self) -> "Iterator[QueueTurn]":
        """Join the queue before the caller's first `await`, so that call order decides. Left again on an error."""
        turn = self.turn()
        try:
            yield turn
        except BaseException:
            turn.leave()
            raise

    def _join(self, one: "QueueTurn") -> bool:
        """Enqueue. True if it has its turn at once."""
        with self._lock:
            if not self._free:
                self._waiting.append(one)
                return False
            self._free -= 1
            return True

    def _leave(self, one: "QueueTurn") -> None:
        """Dequeue; if it had its turn, that passes to the next. Tell the others their new positions."""
        with self._lock:
            if one in self._waiting:
                self._waiting.remove(one)
            else:
                while self._waiting:
                    if self._waiting.popleft()._notify(0):
                        break
                else:
                    self._free += 1
            for place, other in enumerate(self._waiting, 1):
                other._notify(place)


class QueueTurn:
    """A position in the queue, then a turn. Entering it again after leave() joins at the end."""

    def __init__(self, queue: Queue, told: OnPosition) -> None:
        self._queue, self.told = queue, told
        self._waits = self._in = False
        self._join()

    @property
    def place(self) -> int:
        """Position in the queue: 1 is next; 0 if it has its turn, or has left."""
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
        """Give up the position or the turn; idempotent."""
        if self._in:
            self._in = False
            self._queue._leave(self)

    @asynccontextmanager
    async def given_back(self) -> AsyncIterator[None]:
        """Release the turn inside the block (a question waits for a person), and wait for a new one after it."""
        self.leave()
        yield
        await self.__aenter__()

    def _join(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._turn: asyncio.Future[None] = self._loop.create_future()
        self._in = True
        if self._queue._join(self):
            self._turn.set_result(None)

    def _notify(self, place: int) -> bool:
        """Send the position to its event loop, thread-safe; 0 is its turn. False if that loop is closed."""
        try:
            self._loop.call_soon_threadsafe(self._notified, place)
        except RuntimeError:  # its event loop is closed
            return False
        return True

    def _notified(self, place: int) -> None:
        if self._turn.done():
            return
        if not place:
            self._turn.set_result(None)
        elif self._waits:
            self.told(place)


QUEUE = Queue()
"""The queue of this process."""
