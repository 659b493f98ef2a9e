"""Reads user input (a text, a mapping, a guide) with a timeout and a size limit."""

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from select import select
from stat import S_ISFIFO, S_ISSOCK

PATIENCE = 60.0
"""Timeout in seconds for data on a pipe."""
STDIN = Path("-")
BLOCK = 2**16


def read_given(path: Path, most: int) -> bytes:
    """The content of a file, a pipe or standard input (`STDIN`); at most `most` + 1 bytes.

    Raises OSError if it cannot be read, TimeoutError for a pipe without data for PATIENCE seconds. There is no timeout
    for a terminal, where a person types.
    """
    # Opened non-blocking: else opening a pipe waits for a writer.
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
