"""The whole investigation against the guide's nine queries as they run, on the same DuckDB and data.

Needs the oracle in ../shared; where it is absent it says so. Each side runs in a process of its own, in turn, so that
both meet the same machine; the ratio is of medians, beside it the least and greatest of a pair. Ours loads its modules
as the command line does.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.processes import python
from tsg_agent.simulator.generate import generate, write
from tsg_agent.simulator.scenario import Fault, Kind, Rollout, Scenario

ORACLE = Path(__file__).parents[2] / "shared" / "oracle" / "guide_sql.py"
RUNS = {1_000_000: 9, 10_000_000: 3}
"""Requests, and how often they are investigated: short runs vary more."""
SCENARIO = Scenario(
    name="benchmark",
    seed=1,
    rollout=Rollout(version="3.15.0"),
    faults=(Fault(kind=Kind.PARTITION, where={"shard_id": "shard-07"}, probability=0.3),),
)
PEAK = """
import resource
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
if Path("/proc/self/status").exists():  # the process's own: what getrusage tells is at least what its parent had
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = int(dict(line.split(":", 1) for line in lines)["VmHWM"].split()[0]) / 1024
"""
OURS = """
import json, sys, time
from pathlib import Path
from tsg_agent.cli.loading import loaded, loading
loading()
from tsg_agent import Given, Request, investigate, open_telemetry
loaded()
folder, start, begin, end, region, service = sys.argv[1:]
names = dict(region=region, service_name=service, environment="prod")
given = Given(**names, start_time=begin, end_time=end, incident_start=start)
with open_telemetry(folder) as engine:
    began = time.perf_counter()
    report = investigate(Request(text="", telemetry=folder, given=given, now=end), engine=engine)
    seconds = time.perf_counter() - began
# PEAK
print(json.dumps({"seconds": seconds, "peak_mb": peak, "first": report.causes[0].subject if report.causes else None}))
"""
THEIRS = """
import importlib.util, json, pathlib, sys, time
from pathlib import Path
oracle, folder, begin, end, region, service = sys.argv[1:]
spec = importlib.util.spec_from_file_location("guide_sql", oracle)
guide = importlib.util.module_from_spec(spec); spec.loader.exec_module(guide)
names = dict(start_time=begin, end_time=end, region=region, environment="prod", service_name=service)
con = guide.connect(pathlib.Path(folder))
began = time.perf_counter()
for number in range(1, 10):
    con.execute(guide.query(number, names)).fetchall()
seconds = time.perf_counter() - began
# PEAK
print(json.dumps({"seconds": seconds, "peak_mb": peak}))
"""


def measure() -> None:
    """Print seconds, memory and the ratio for each size."""
    if not ORACLE.exists():
        print(f"investigation: skipped, the oracle is not there ({ORACLE})")
        return
    print(f"{'log rows':>12} {'ours s':>8} {'oracle s':>9} {'times as fast':>20} {'ours MB':>8} {'oracle MB':>10}")
    for size, runs in RUNS.items():
        with tempfile.TemporaryDirectory() as folder:
            rows = _make(size, Path(folder))
            ours, theirs = [], []
            for _ in range(runs):
                ours.append(_run(OURS, folder, *_ours_arguments()))
                theirs.append(_run(THEIRS, str(ORACLE), folder, *_their_arguments()))
        mine, other = (statistics.median(run["seconds"] for run in side) for side in (ours, theirs))
        pairs = [their["seconds"] / our["seconds"] for our, their in zip(ours, theirs, strict=True)]
        ratio = f"{other / mine:.2f} ({min(pairs):.2f}-{max(pairs):.2f})"
        peaks = [max(run["peak_mb"] for run in side) for side in (ours, theirs)]
        print(f"{rows:>12,} {mine:>8.2f} {other:>9.2f} {ratio:>20} {peaks[0]:>8.0f} {peaks[1]:>10.0f}")
        print(f"{'':>12} first cause: {ours[0]['first']}")


def _make(size: int, folder: Path) -> int:
    began = time.perf_counter()
    tables = generate(SCENARIO.model_copy(update={"requests": size}))
    write(tables, folder)
    rows = tables["api_gateway_logs"].num_rows
    print(f"{'':>12} made {rows:,} rows in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return int(rows)


def _window() -> tuple[str, str, str]:
    start, end = SCENARIO.incident_start, SCENARIO.last
    return f"{start:%Y-%m-%dT%H:%M:%SZ}", f"{SCENARIO.first:%Y-%m-%dT%H:%M:%SZ}", f"{end:%Y-%m-%dT%H:%M:%SZ}"


def _ours_arguments() -> tuple[str, ...]:
    return (*_window(), SCENARIO.region, SCENARIO.service_name)


def _their_arguments() -> tuple[str, ...]:
    _, begin, end = _window()
    plain = [moment.replace("T", " ").rstrip("Z") for moment in (begin, end)]
    return (*plain, SCENARIO.region, SCENARIO.service_name)


def _run(program: str, *arguments: str) -> dict[str, float]:
    printed = python("-c", program.replace("# PEAK", PEAK), *arguments)
    result: dict[str, float] = json.loads(printed.splitlines()[-1])
    return result
