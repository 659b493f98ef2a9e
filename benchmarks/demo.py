"""`tsg-agent demo` end to end: the whole process, from start to conclusion."""

import statistics
import tempfile
import time

from benchmarks.processes import python

RUNS = 5


def measure() -> None:
    """Print median and range of the wall time, seconds."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(RUNS):
            began = time.perf_counter()
            python("-m", "tsg_agent", "demo", "--folder", folder)
            seconds.append(time.perf_counter() - began)
    print(f"demo: {statistics.median(seconds):.2f} s (from {min(seconds):.2f} to {max(seconds):.2f}, {RUNS} runs)")
