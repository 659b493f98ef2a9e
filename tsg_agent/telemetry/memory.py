"""How much memory this process holds, and whether that is too much."""

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
    """Bytes of memory that this process holds; where the system does not say so, the most that it ever held."""
    try:
        return int(_STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource  # noqa: PLC0415 - not on every platform

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def size_of(text: str) -> int:
    """Bytes of a size as the engine writes it: "1.8 GiB", "500MB". Raises ValueError."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no size")
    return int(float(found[1]) * _UNITS[found[2].upper()])


MOST = 1.25
"""The process may hold so many times the memory limit beyond what it held when it opened the source."""

WORKED_OUT = 5
"""What is made of a query's rows takes up to four times their memory: more than the limit's part of it is refused."""


class Allowance:
    """What the process may hold. `before`: what it held already; `limit`: what the engine may; both in bytes."""

    def __init__(self, before: int, limit: int) -> None:
        self.limit, self.most = limit, before + int(MOST * limit)
        self._lock, self._stopped = threading.Lock(), -1.0

    def check_result(self, size: int) -> None:
        """Raises QueryError for rows of so many bytes that there is no room to work on them."""
        if size > self.limit / WORKED_OUT:
            raise QueryError(
                f"The query's rows take {size // 10**6:,} MB: to work on them takes more memory than it may use.",
                fix="Narrow the window, or raise TSG_MEMORY_LIMIT.",
            )

    def is_over(self, began: int) -> bool:
        """Whether a query under which there came to be too much, from `began` on, is to end.

        One a second: with the first there may be enough again. What else the program does with its memory is not the
        query's: at least half of the limit has to have come since.
        """
        now = held()
        if now <= self.most or now - began <= self.limit / 2:
            return False
        with self._lock:
            first = time.monotonic() - self._stopped > 1
            self._stopped = time.monotonic() if first else self._stopped
            return first
