"""What one run may use, and how much of its answer is kept."""

import math
from dataclasses import asdict, dataclass
from typing import Any

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Limits of a run, in the units of their names. Excess output is truncated and marked, or ends the run."""

    seconds: float = 20.0
    """Default wall-clock timeout of the code."""
    memory_mb: int = 2048
    """Address space in addition to that of the frames and libraries."""
    code_bytes: int = 100_000
    output_characters: int = 20_000
    """Kept characters of printed text; the rest is dropped."""
    output_mb: int = 16
    """Printed bytes after which the run is ended."""
    reply_bytes: int = 2 * MEGABYTE
    rows: int = 200
    columns: int = 60
    cells: int = 20_000
    tables: int = 5
    items: int = 500
    """Entries of a list or dict."""
    text: int = 4_000
    """Characters of one string."""

    def for_child(self, seconds: float) -> dict[str, Any]:
        """The limits as the child gets them; CPU time backs up the wall clock."""
        sizes = {**asdict(self), "memory_bytes": self.memory_mb * MEGABYTE, "cpu_seconds": math.ceil(seconds) + 1}
        return {name: value for name, value in sizes.items() if name not in {"seconds", "code_bytes"}}
