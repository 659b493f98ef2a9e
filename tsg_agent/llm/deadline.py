"""An end for a call on the wall clock: to its connection, an endpoint that sends a byte now and then is never late."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, TypeVar

from tsg_agent.errors import TransientModelError

T = TypeVar("T")


class Unwaited(ThreadPoolExecutor):
    """Runs each call in a thread of its own that holds up nobody's end: neither an event loop's nor the program's.

    An event loop looks up names in its default executor, and a look-up cannot be cancelled.
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """See Executor.submit."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                found = fn(*args, **kwargs)
            except BaseException as error:  # whatever it is, it is raised where the call was made
                future.set_exception(error)
            else:
                future.set_result(found)

        threading.Thread(target=run, name="tsg-model", daemon=True).start()
        return future


def within(seconds: float, call: Callable[[], T]) -> T:
    """What `call` gives or raises, if it does within so many seconds. Raises TransientModelError.

    It runs in a thread of its own, with the caller's context variables, which is left to itself where it is late.
    """
    future = Unwaited(1).submit(copy_context().run, call)
    wait([future], max(0.0, seconds))
    if not future.done():
        raise late(seconds)
    found: T = future.result()
    return found


def late(seconds: float) -> TransientModelError:
    """The error of a call that did not end in time."""
    return TransientModelError(f"The model did not answer within {round(seconds, 3):g} s.", kind="timeout")
