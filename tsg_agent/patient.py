"""Reads what somebody gives (a text, a mapping, a guide) without waiting for it, or reading it, without end."""

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from select import select
from stat import S_ISFIFO, S_ISSOCK

PATIENCE = 60.0
"""Seconds in which a pipe must have something to read, or be closed."""
STDIN = Path("-")
BLOCK = 2**16


def read_given(path: Path, most: int) -> bytes:
    """What a file, a pipe or standard input (`STDIN`) holds, to its end; of what holds more, `most` bytes and one.

    Raises OSError where it cannot be read: TimeoutError where it is a pipe into which nobody wrote for PATIENCE. A
    terminal is waited for: somebody types.
    """
    # A pipe is opened without waiting: else to open it waits for a writer, without end.
    held = os.dup(sys.stdin.fileno()) if path == STDIN else os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        blocks, left = [], most + 1
        for block in _blocks(held):
            blocks.append(block[:left])
            left -= len(blocks[-1])
            if not left:
                break
        return b"".join(blocks)
    finally:
        os.close(held)


def _blocks(held: int) -> Iterator[bytes]:
    mode = os.fstat(held).st_mode
    while not (S_ISFIFO(mode) or S_ISSOCK(mode)) or select([held], [], [], PATIENCE)[0]:
        block = os.read(held, BLOCK)
        if not block:
            return
        yield block
    raise TimeoutError(errno.ETIMEDOUT, f"it is a pipe, and nobody wrote into it for {PATIENCE:g} s")
