"""Speeds up imports, half of a short run's time: disables garbage collection, since they create no garbage.

Afterwards the loaded objects are excluded from collections, which saves an investigation 0.1 to 0.3 s. Freed memory is
kept, which saves it another 0.1 s: see keep_freed.
"""

import contextlib
import ctypes
import gc
import os
import sys

from tsg_agent.cli import interrupts

YOUNG = 50_000
"""New objects between two collections: Python's default of 700 collects too often for the little garbage there is."""
MMAP_THRESHOLD, MMAP_MOST = -3, 32 * 2**20
"""glibc's name for the bytes from which memory comes from the system each time, and the most that it takes."""
TRIM_THRESHOLD, TRIM_MOST = -1, 64 * 2**20
"""Its name for the bytes of freed memory that it keeps, and what it comes to keep by itself, once much was freed."""


def keep_freed() -> None:
    """Have glibc hand out again what was freed; elsewhere nothing is done.

    It starts with 128 KB of each and raises them by what is freed. Until then an array of some 100 KB may come from the
    system each time, page by page: 300 MB of them in the smallest investigation, in every other run.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            libc = ctypes.CDLL(None)
            libc.mallopt(MMAP_THRESHOLD, MMAP_MOST)
            libc.mallopt(TRIM_THRESHOLD, TRIM_MOST)


def loading() -> None:
    """Call before a command's first import."""
    interrupts.loading()
    keep_freed()
    gc.disable()


def loaded() -> None:
    """Call after the last import: restores garbage collection and interrupts, and freezes the loaded objects.

    Arrow keeps freed memory for a second, as jemalloc does: mimalloc, which it takes by itself, gives it back within
    10 ms, which costs an investigation 5 % of its time and its memory.
    """
    if (arrow := sys.modules.get("pyarrow")) and "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
        with contextlib.suppress(NotImplementedError):  # Arrow built without jemalloc: its own choice stays
            arrow.set_memory_pool(arrow.jemalloc_memory_pool())
    gc.freeze()
    gc.set_threshold(YOUNG)
    gc.enable()
    interrupts.loaded()
