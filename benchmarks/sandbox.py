"""Times and leaks of the sandbox: `python -m benchmarks.sandbox [--runs 10000]`. Needs only the package."""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from tsg_agent.sandbox import Session

ROWS = 1_000_000
TARGETS = {
    "boot": 2500.0,
    "empty run": 25.0,
    "group-by text": 60.0,
    "group-by number": 60.0,
}
CODES = {
    "empty run": "",
    "group-by text": "rows.groupby('workflow').ms.mean()",
    "group-by number": "rows.groupby('shard').ms.mean()",
    "filter, then group-by": "rows[rows.status >= 500].groupby('workflow').size()",
    "quantiles per group": "rows.groupby('workflow').ms.quantile([0.5, 0.95])",
    "two text keys": "rows.groupby(['workflow', 'region']).agg(n=('ms', 'size'), mean=('ms', 'mean'))",
}


def frame() -> pd.DataFrame:
    """1,000,000 requests with 11 columns, from a fixed seed."""
    rng = np.random.default_rng(7)

    def words(stem: str, count: int) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
        return np.array([f"{stem}-{n}" for n in range(count)], dtype=object)[rng.integers(0, count, ROWS)]

    return pd.DataFrame(
        {
            "at": pd.date_range("2025-01-01", periods=ROWS, freq="10ms", tz="UTC"),
            "workflow": words("workflow", 50),
            "region": words("region", 8),
            "endpoint": words("endpoint", 200),
            "product": words("product", 20),
            "shard": rng.integers(0, 64, ROWS),
            "status": rng.choice([200, 404, 500, 503], ROWS, p=[0.9, 0.04, 0.03, 0.03]),
            "ms": rng.gamma(2, 120, ROWS),
            "retries": rng.integers(0, 4, ROWS),
            "bytes": rng.integers(100, 90_000, ROWS),
            "cached": rng.random(ROWS) < 0.3,
        }
    )


def milliseconds(action: Callable[[], object], times: int) -> list[float]:
    """Wall clock of each call, sorted."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


def report(name: str, taken: list[float]) -> None:
    """Print median and maximum, ms, and whether the target is met."""
    median, target = statistics.median(taken), TARGETS.get(name)
    verdict = "" if target is None else f"  target {target:g}: {'holds' if median < target else 'MISSED'}"
    print(f"{name:24} median {median:8.1f} ms   worst {taken[-1]:8.1f} ms   n={len(taken)}{verdict}")


def boot() -> None:
    """Print the time until a sandbox is ready."""
    with Session() as session:
        session.wait()


def overlapped() -> float:
    """Remaining wait for the boot, ms, if two seconds of other work (the queries) precede the first use."""
    with Session() as session:
        time.sleep(2)
        start = time.perf_counter()
        session.wait()
        return (time.perf_counter() - start) * 1000


def endurance(session: Session, runs: int) -> None:
    """Print memory and open files before and after many runs."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, descriptors()
    zygote = resident_mb(session.pid)
    taken = milliseconds(lambda: session.run("rows.ms.head().sum()"), runs)
    report(f"{runs} runs in one session", taken)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, descriptors()
    print(f"  parent grew by {(after[0] - before[0]) / 1024:.1f} MB, descriptors {before[1]} -> {after[1]}")
    print(f"  zygote {zygote:.1f} -> {resident_mb(session.pid):.1f} MB resident")


def descriptors() -> int:
    """Open files of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=21)
    options = parser.parse_args()
    report("boot", milliseconds(boot, 5))
    print(f"boot, overlapped with 2 s of queries: adds {overlapped():.1f} ms")
    rows = frame()
    with Session() as session:
        session.wait()
        report("load 1,000,000 x 11", milliseconds(lambda: session.load("rows", rows), 5))
        print(f"isolation {session.run('').isolation}")
        for name, code in CODES.items():
            report(name, milliseconds(partial(session.run, code), options.times))
        endurance(session, options.runs)
    start = time.perf_counter()
    sessions = [Session() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: one.run("1"), sessions))
    for one in sessions:
        one.close()
    print(f"8 sessions at once, opened, run and closed: {(time.perf_counter() - start) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
