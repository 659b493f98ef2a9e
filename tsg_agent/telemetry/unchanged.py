"""Detects changes of files that are read in place: one conclusion must not mix two versions of a source."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

Mark = tuple[int, int, int]
"""A file's size in bytes, modification time in nanoseconds, and inode."""


class Unchanged:
    """The files' state when they were opened."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._marks = {path: _mark(path) for path in paths}
        self._changed: list[str] = []

    def problem(self) -> str:
        """Which files changed, in words; "" if none. A change that was seen once is remembered."""
        if not self._changed:
            self._changed = [Path(path).name for path, mark in self._marks.items() if _mark(path) != mark]
        if not self._changed:
            return ""
        return f"{_some(self._changed)} was changed or replaced while it was read"


def marks(paths: Iterable[Path]) -> dict[str, Mark]:
    """Path -> the file's current state, without missing files. Undecodable bytes in paths are escaped."""
    found = {os.fsencode(path).decode("utf-8", "backslashreplace"): _mark(str(path)) for path in paths}
    return {path: mark for path, mark in found.items() if mark is not None}


def difference(before: Mapping[str, Mark], now: Mapping[str, Mark]) -> str:
    """Which files changed, in words; "" if none."""
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
        found = os.stat(path)  # noqa: PTH116 - some hundred times an investigation: a Path takes longer than its stat
    except OSError:  # the file is gone
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
