"""The threads that all investigations of a process share, and one investigation's part in them."""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from tsg_agent.telemetry.engine import Cancellable, Engine

P = ParamSpec("P")
T = TypeVar("T")
BRANCHES, QUERIES = 16, 8
"""An investigation's ten branches, and what one of them has done beside itself: a branch never waits for a branch."""
THREADS = BRANCHES + QUERIES
PATIENCE = 0.5
"""Seconds that a cancelled investigation waits for its threads."""
AGAIN = 0.2
"""Seconds between two looks whether they have ended, when nobody waits any more."""


class _Kind(threading.local):
    """Which of the two kinds the current thread is; "" outside of them."""

    name = ""


_KIND = _Kind()


def _is(kind: str) -> None:
    _KIND.name = kind


_BRANCHES = ThreadPoolExecutor(BRANCHES, "tsg-branch", _is, ("branch",))
_QUERIES = ThreadPoolExecutor(QUERIES, "tsg-query", _is, ("query",))


class Hands(Executor):
    """One investigation's work in the shared threads: it can be told apart from others', waited for and cancelled.

    Context variables go along with what is submitted, so that a span, or a request's id, is known in the thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_work: set[int] = set()
        self._open: set[Future[Any]] = set()
        self._ended = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See Executor.submit. What a branch submits runs in other threads than branches: no pool waits for itself."""
        if self._ended:
            raise RuntimeError("The investigation has ended: no more work is taken.")
        context = contextvars.copy_context()
        if _KIND.name == "query":
            return _done_at_once(fn, *args, **kwargs)
        pool = _QUERIES if _KIND.name == "branch" else _BRANCHES
        future = pool.submit(context.run, partial(self._work, partial(fn, *args, **kwargs)))
        with self._lock:
            self._open.add(future)
        future.add_done_callback(self._closed)
        return future

    async def stop(self, engine: Engine) -> None:
        """Cancel what waits, and the queries at work. What else a thread does (a model's answer) is left to itself."""
        last = time.monotonic() + PATIENCE
        self._ended = True
        while (left := self._cancelled(engine)) and time.monotonic() < last:
            await asyncio.sleep(0.02)
        if left:
            threading.Thread(target=self._go_on_cancelling, args=(engine,), name="tsg-cancel", daemon=True).start()

    async def rest(self) -> None:
        """Wait until nothing of this investigation is at work: then its engine can be closed."""
        while self._open:
            left = [asyncio.wrap_future(future) for future in tuple(self._open)]
            await asyncio.gather(*left, return_exceptions=True)

    def _cancelled(self, engine: Engine) -> bool:
        """Whether something is still at work, after its queries were cancelled."""
        for future in tuple(self._open):
            future.cancel()
        with self._lock:  # a thread that is named here cannot go over to another investigation meanwhile
            if self._at_work and isinstance(engine, Cancellable):
                engine.cancel(self._at_work)
            return bool(self._at_work)

    def _go_on_cancelling(self, engine: Engine) -> None:
        """Nobody waits for them any more; but a query that begins only now would take all its time."""
        while self._cancelled(engine):
            time.sleep(AGAIN)

    def _work(self, work: Callable[[], T]) -> T:
        thread = threading.get_ident()
        with self._lock:
            self._at_work.add(thread)
        try:
            return work()
        finally:
            with self._lock:
                self._at_work.discard(thread)

    def _closed(self, future: Future[Any]) -> None:
        with self._lock:
            self._open.discard(future)


def _done_at_once(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    future: Future[T] = Future()
    try:
        future.set_result(fn(*args, **kwargs))
    except Exception as error:  # as an executor does: whoever asks for the result gets it
        future.set_exception(error)
    return future


async def alone(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run what may take as long as a person thinks, or a whole answer, in a thread of its own.

    In the event loop's own pool, which has a handful of threads, others would wait for it.
    """
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    told: asyncio.Future[T] = loop.create_future()

    def tell(result: Future[T]) -> None:
        if told.cancelled():
            return
        error = result.exception()
        if error is not None:
            told.set_exception(error)
        else:
            told.set_result(result.result())

    def work() -> None:
        result = _done_at_once(context.run, partial(fn, *args, **kwargs))
        with contextlib.suppress(RuntimeError):  # nobody waits any more: the loop is closed
            loop.call_soon_threadsafe(tell, result)

    threading.Thread(target=work, name="tsg-alone", daemon=True).start()
    return await told
