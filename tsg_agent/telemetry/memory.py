"""Memory accounting of this process."""

import os
import re
import sys
import threading
import time
from pathlib import Path

from tsg_agent.errors import QueryError

_STATUS = Path("/proc/self/statm")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_SIZE = re.compile(r"\s*([\d.]+)\s*([KMGT]?I?)(?:B|BYTES?)?\s*", re.IGNORECASE)


def held() -> int:
    """Resident memory of this process in bytes; its peak on systems that do not report the current value."""
    try:
        return int(_STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource  # noqa: PLC0415 - not on every platform

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def size_of(text: str) -> int:
    """Parse the engine's size, such as "1.8 GiB" or "500MB", into bytes. Raises ValueError."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no size")
    return int(float(found[1]) * _UNITS[found[2].upper()])


SHARE = 0.45
"""Share of the memory limit for the engine itself: results, and what is worked out of them, need the rest."""
MOST = 1.25
"""The process may add so many times the memory limit to what it held before it opened the source."""
WORKED_OUT = 5
"""Processing a query's rows takes up to so many times their memory; larger results are refused."""


class Allowance:
    """An investigation's memory budget in bytes. `before`: held by the process before the source was opened."""

    def __init__(self, before: int, limit: int) -> None:
        self.limit, self.engine, self.most = limit, int(SHARE * limit), before + int(MOST * limit)
        self._before, self._lock, self._stopped = before, threading.Lock(), -1.0

    def is_scarce(self) -> bool:
        """True if less than the engine's share is left."""
        return held() - self._before > self.limit - self.engine

    def check_result(self, size: int) -> None:
        """Raises QueryError for a result of `size` bytes that leaves no memory to process it."""
        if size > self.limit / WORKED_OUT:
            raise QueryError(
                f"The query's rows take {size // 10**6:,} MB: to work on them takes more memory than it may use.",
                fix="Narrow the window, or raise TSG_MEMORY_LIMIT.",
            )

    def is_over(self, began: int) -> bool:
        """True if a query must be interrupted. `began`: bytes held when it started.

        At most one per second: ending one may free enough. Memory that other code of the process allocates is not the
        query's, so at least half of the limit must have been added since it started.
        """
        now = held()
        if now <= self.most or now - began <= self.limit / 2:
            return False
        with self._lock:
            first = time.monotonic() - self._stopped > 1
            self._stopped = time.monotonic() if first else self._stopped
            return first
