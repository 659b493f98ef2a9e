"""Thread pools shared by all investigations of a process, and one executor per investigation over them."""

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
"""Pool sizes: checks (branches of the graph), and the queries that they submit; two pools, so that none deadlocks."""
THREADS = BRANCHES + QUERIES
CANCEL_TIMEOUT = 0.5
"""Seconds that stop() waits for running queries to end."""
CANCEL_INTERVAL = 0.2
"""Seconds between repeated cancellations after that."""


class _ThreadPool(threading.local):
    """The pool of the current thread: "branch", "query", or "" outside of both."""

    name = ""


_POOL = _ThreadPool()


def _enter(pool: str) -> None:
    _POOL.name = pool


_BRANCHES = ThreadPoolExecutor(BRANCHES, "tsg-branch", _enter, ("branch",))
_QUERIES = ThreadPoolExecutor(QUERIES, "tsg-query", _enter, ("query",))


class InvestigationExecutor(Executor):
    """Executor of one investigation over the shared pools; its tasks can be awaited and cancelled without others'.

    Tasks inherit the submitter's context variables (trace span, request id).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._open: set[Future[Any]] = set()
        self._ended = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run in the branch pool; a branch's tasks run in the query pool, a query's in its own thread: no deadlock."""
        if self._ended:
            raise RuntimeError("The investigation has ended: no more work is taken.")
        context = contextvars.copy_context()
        if _POOL.name == "query":
            return _done_at_once(fn, *args, **kwargs)
        pool = _QUERIES if _POOL.name == "branch" else _BRANCHES
        future = pool.submit(context.run, partial(self._work, partial(fn, *args, **kwargs)))
        with self._lock:
            self._open.add(future)
        future.add_done_callback(self._closed)
        return future

    async def stop(self, engine: Engine) -> None:
        """Cancel queued tasks and running queries. Other running work (a model call) is not interrupted."""
        last = time.monotonic() + CANCEL_TIMEOUT
        self._ended = True
        while (left := self._cancel(engine)) and time.monotonic() < last:
            await asyncio.sleep(0.02)
        if left:
            threading.Thread(target=self._keep_cancelling, args=(engine,), name="tsg-cancel", daemon=True).start()

    async def drain(self) -> None:
        """Wait until all tasks have ended, so that the engine can be closed."""
        while self._open:
            left = [asyncio.wrap_future(future) for future in tuple(self._open)]
            await asyncio.gather(*left, return_exceptions=True)

    def _cancel(self, engine: Engine) -> bool:
        """Cancel tasks and queries. True if some are still running."""
        for future in tuple(self._open):
            future.cancel()
        with self._lock:  # else a thread could begin another investigation's task before its query is cancelled
            if self._running and isinstance(engine, Cancellable):
                engine.cancel(self._running)
            return bool(self._running)

    def _keep_cancelling(self, engine: Engine) -> None:
        """Keep cancelling: a running task may start another query, which would run until its timeout."""
        while self._cancel(engine):
            time.sleep(CANCEL_INTERVAL)

    def _work(self, work: Callable[[], T]) -> T:
        thread = threading.get_ident()
        with self._lock:
            self._running.add(thread)
        try:
            return work()
        finally:
            with self._lock:
                self._running.discard(thread)

    def _closed(self, future: Future[Any]) -> None:
        with self._lock:
            self._open.discard(future)


def _done_at_once(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    future: Future[T] = Future()
    try:
        future.set_result(fn(*args, **kwargs))
    except Exception as error:  # raised by result(), as with any executor
        future.set_exception(error)
    return future


async def in_own_thread(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a long blocking call (a prompt to a person, a whole answer) in a new daemon thread.

    asyncio.to_thread() would occupy one of the event loop's few default threads meanwhile.
    """
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    answer: asyncio.Future[T] = loop.create_future()

    def deliver(result: Future[T]) -> None:
        if answer.cancelled():
            return
        error = result.exception()
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result.result())

    def work() -> None:
        result = _done_at_once(context.run, partial(fn, *args, **kwargs))
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody awaits the result
            loop.call_soon_threadsafe(deliver, result)

    threading.Thread(target=work, name="tsg-own", daemon=True).start()
    return await answer
