"""Handles Ctrl-C at any moment: exits at once, with a note and exit code 130. Imports almost nothing."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

CODE = 130


class Stopped(KeyboardInterrupt):
    """An interrupt with a note on how to continue."""


def loading() -> None:
    """During imports an interrupt ends the process: an exception inside an import could turn into any other error."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else SIGINT is ignored, as under nohup
        signal.signal(signal.SIGINT, _end)


def loaded() -> None:
    """Restore Python's handling of interrupts."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def heard_at_once() -> Iterator[None]:
    """While a question waits on the terminal, raise interrupts at once; the event loop would wait for the answer."""
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
    """Exit now, without waiting for threads: their results, such as a model's answer, are not needed."""
    if code == CODE:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(CODE)


def _end(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"Interrupted: no investigation was begun.\n")
    os._exit(CODE)
