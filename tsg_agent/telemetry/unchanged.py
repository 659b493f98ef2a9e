"""Whether files that are read in place are still those that were opened: two sources make no one conclusion."""

import os
from collections.abc import Iterable, Mapping
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
        return f"{_some(self._changed)} was changed or replaced while it was read"


def marks(paths: Iterable[Path]) -> dict[str, Mark]:
    """Files as they are, by path, of which what is no text is escaped; without those that are gone meanwhile."""
    found = {os.fsencode(path).decode("utf-8", "backslashreplace"): _mark(str(path)) for path in paths}
    return {path: mark for path, mark in found.items() if mark is not None}


def difference(before: Mapping[str, Mark], now: Mapping[str, Mark]) -> str:
    """Which files are no longer what they were, in words; nothing where all are."""
    kinds = {
        "was changed or replaced": [path for path in before.keys() & now.keys() if before[path] != now[path]],
        "is gone": before.keys() - now.keys(),
        "is new": now.keys() - before.keys(),
    }
    return ", ".join(f"{_some(paths)} {said}" for said, paths in kinds.items() if paths)


def _some(paths: Iterable[str]) -> str:
    first, *others = sorted(Path(path).name for path in paths)
    return f"{first} (and {len(others)} more)" if others else first


def _mark(path: str) -> Mark | None:
    try:
        found = Path(path).stat()
    except OSError:  # it is gone
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
