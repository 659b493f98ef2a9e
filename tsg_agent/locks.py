"""Advisory locks on files, released when their process ends."""

import os
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # missing on Windows: there two processes can run one investigation
    fcntl = None  # type: ignore[assignment]  # a module where there is one


def locked(path: Path, wait: float) -> int | None:
    """Lock a file, created if necessary. The descriptor, to be closed; None if it stays locked for `wait` seconds.

    Waiting bridges `is_locked` of another process, which takes the lock for a moment. Raises OSError.
    """
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    last = time.monotonic() + wait
    while not _lock(file):
        if time.monotonic() > last:
            os.close(file)
            return None
        time.sleep(0.01)
    return file


def is_locked(path: Path) -> bool:
    """True if a process has locked the file."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _lock(file)
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    """Lock an open file; False if another process has the lock."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
