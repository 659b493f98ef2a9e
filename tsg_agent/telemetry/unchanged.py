"""Whether files that are read in place are still those that were opened: two sources make no one conclusion."""

from collections.abc import Iterable
from pathlib import Path

Mark = tuple[int, int, int]
"""A file's size in bytes, the time of its last change in nanoseconds, and its number."""


class Unchanged:
    """Files as they were when they were opened."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._marks = {path: _mark(path) for path in paths}
        self._changed: list[str] = []

    def problem(self) -> str:
        """Which of them are no longer the same, in words; nothing where all are. What was seen once stays so."""
        if not self._changed:
            self._changed = [Path(path).name for path, mark in self._marks.items() if _mark(path) != mark]
        if not self._changed:
            return ""
        others = f" and {len(self._changed) - 1} more" if len(self._changed) > 1 else ""
        return f"{self._changed[0]}{others} was changed or replaced while it was read"


def _mark(path: str) -> Mark | None:
    try:
        found = Path(path).stat()
    except OSError:  # it is gone
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
