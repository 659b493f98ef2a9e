"""An end for a call on the wall clock: to its connection, an endpoint that sends a byte now and then is never late."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import TypeVar

from tsg_agent.errors import TransientModelError

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """What `call` gives or raises, if it does within so many seconds. Raises TransientModelError.

    It runs in a thread of its own, with the caller's context variables, which is left to itself where it is late, and
    holds up nobody's end.
    """
    context = copy_context()
    ended: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            ended.put((context.run(call), None))
        except BaseException as error:  # whatever it is, it is raised where the call was made
            ended.put((None, error))

    threading.Thread(target=run, name="tsg-model", daemon=True).start()
    try:
        found, error = ended.get(timeout=max(0.0, seconds))
    except Empty:
        raise late(seconds) from None
    if error is not None:
        raise error
    return found  # type: ignore[return-value]  # there was no error: it is what the call gave


def late(seconds: float) -> TransientModelError:
    """The error of a call that did not end in time."""
    return TransientModelError(f"The model did not answer within {round(seconds, 3):g} s.", kind="timeout")
