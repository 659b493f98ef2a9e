"""How much memory this process holds."""

import os
import re
import sys
from pathlib import Path

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
