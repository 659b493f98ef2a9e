"""Ctrl-C: at once, with a note and exit code 130, at whatever moment it comes. Imports next to nothing."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

CODE = 130


class Stopped(KeyboardInterrupt):
    """An interrupt with a note of how to go on."""


def loading() -> None:
    """While modules are loaded, an interrupt ends the process: in the middle of an import it would become any error."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored, as behind nohup
        signal.signal(signal.SIGINT, _end)


def loaded() -> None:
    """From here on an interrupt is Python's own."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def heard_at_once() -> Iterator[None]:
    """While a question waits on the terminal, an interrupt ends it; the event loop would wait for the answer."""
    held = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or held in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, held)


def leave(code: object) -> None:
    """End an interrupted process now: what its threads still wait for, such as a model's answer, is of no use."""
    if code == CODE:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(CODE)


def _end(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"Interrupted: no investigation was begun.\n")
    os._exit(CODE)
