"""`tsg-agent demo` as a person meets it: the whole process, from start to conclusion."""

import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 5


def measure() -> None:
    """Print the median and the range."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(RUNS):
            began = time.perf_counter()
            subprocess.run(  # noqa: S603 - our own program
                [sys.executable, "-m", "tsg_agent", "demo", "--folder", folder], check=True, capture_output=True
            )
            seconds.append(time.perf_counter() - began)
    print(f"demo: {statistics.median(seconds):.2f} s (from {min(seconds):.2f} to {max(seconds):.2f}, {RUNS} runs)")
