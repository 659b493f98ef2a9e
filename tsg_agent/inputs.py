"""Reads a file that somebody names: it may have no end, and a pipe no writer."""

import errno
import os
from pathlib import Path
from select import select
from typing import IO

PATIENCE = 60.0
"""Seconds in which somebody must begin to write into a pipe."""


def read_at_most(path: Path, most: int) -> bytes:
    """The file's bytes; one more than `most` where it has more. Raises OSError, TimeoutError for a pipe without writer.

    No more is read than is of use: what has no size (a device, a pipe) may have no end.
    """
    with _pipe(path) if path.is_fifo() else path.open("rb") as opened:
        return opened.read(most + 1)


def _pipe(path: Path) -> IO[bytes]:
    """A named pipe from which there is something to read."""
    held = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # else to open it waits for a writer, without end
    if not select([held], [], [], PATIENCE)[0]:
        os.close(held)
        raise TimeoutError(errno.ETIMEDOUT, f"it is a pipe, and nobody wrote into it for {PATIENCE:g} s")
    os.set_blocking(held, True)
    return os.fdopen(held, "rb")
