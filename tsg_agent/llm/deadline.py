"""A wall-clock timeout for calls: a read timeout does not stop an endpoint that sends a byte now and then."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, TypeVar

from tsg_agent.errors import TransientModelError

T = TypeVar("T")


class Unwaited(ThreadPoolExecutor):
    """An executor with one daemon thread per call, which delays the exit of neither the event loop nor the program.

    An event loop resolves host names in its default executor, and that cannot be cancelled.
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """See Executor.submit."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                found = fn(*args, **kwargs)
            except BaseException as error:  # any error is raised in the caller
                future.set_exception(error)
            else:
                future.set_result(found)

        threading.Thread(target=run, name="tsg-model", daemon=True).start()
        return future


def within(seconds: float, call: Callable[[], T]) -> T:
    """Run `call` with a timeout in seconds. Raises what it raises, or TransientModelError after the timeout.

    It runs in its own thread, with the caller's context variables; after the timeout the thread is abandoned.
    """
    future = Unwaited(1).submit(copy_context().run, call)
    wait([future], max(0.0, seconds))
    if not future.done():
        raise late(seconds)
    found: T = future.result()
    return found


def late(seconds: float) -> TransientModelError:
    """The error of a call that timed out."""
    return TransientModelError(f"The model did not answer within {round(seconds, 3):g} s.", kind="timeout")
