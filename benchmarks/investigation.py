"""The nine checks, and the whole investigation, against the guide's nine queries and an earlier version.

`python -m benchmarks investigation`. TSG_BENCHMARK_SIZES: numbers of requests ("5000,100000"). TSG_BENCHMARK_EARLIER:
source folder of an earlier version, run in this environment. The guide's queries come from the oracle in ../shared, and
are left out without it. The sides alternate, each in its own process, so that machine load affects all alike. Ratios
are of medians, with minimum and maximum over pairs. Ours includes imports as the CLI does; CPU time includes children.

Like is compared with like where the nine checks are measured: their rows are the guide's, which is checked (equal.py).
The investigation does more: evidence, the search for causes, verdicts and the report.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.equal import unequal
from benchmarks.processes import python
from tsg_agent.simulator.generate import write_in_parts
from tsg_agent.simulator.scenario import Fault, FaultKind, Rollout, Scenario

ORACLE = Path(__file__).parents[2] / "shared" / "oracle" / "guide_sql.py"
EARLIER = os.environ.get("TSG_BENCHMARK_EARLIER", "")
RUNS = {5_000: 9, 100_000: 9, 1_000_000: 7, 10_000_000: 3}
"""Number of requests -> repetitions: short runs vary more."""
SIZES = [int(size) for size in os.environ.get("TSG_BENCHMARK_SIZES", "").split(",") if size] or list(RUNS)
PART = 1_000_000
"""Requests generated at once: the generator takes some 1.7 GB per million."""
SCENARIO = Scenario(
    name="benchmark",
    seed=1,
    rollout=Rollout(version="3.15.0"),
    faults=(Fault(kind=FaultKind.PARTITION, where={"shard_id": "shard-07"}, probability=0.3),),
)
PEAK = """
import resource
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
if Path("/proc/self/status").exists():  # the process's own: what getrusage tells is at least what its parent had
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = int(dict(line.split(":", 1) for line in lines)["VmHWM"].split()[0]) / 1024
"""
CPU = """
import resource
def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
"""
START = """
import json, sys, time
from pathlib import Path
# CPU
try:
    from tsg_agent.cli.imports import loaded, loading
except ModuleNotFoundError:  # as 0.1 calls it
    from tsg_agent.cli.loading import loaded, loading
loading()
from tsg_agent import Given, Request, investigate, open_telemetry
# IMPORTS
loaded()
folder, start, begin, end, region, service = sys.argv[1:]
names = dict(region=region, service_name=service, environment="prod")
"""
OURS = f"""{START}
given = Given(**names, start_time=begin, end_time=end, incident_start=start)
with open_telemetry(folder) as engine:
    began, used = time.perf_counter(), cpu()
    report = investigate(Request(text="", telemetry=folder, given=given, now=end), engine=engine)
    seconds, used = time.perf_counter() - began, cpu() - used
# PEAK
first = report.causes[0].subject if report.causes else None
print(json.dumps({{"seconds": seconds, "cpu": used, "peak_mb": peak, "first": first}}))
"""
CHECKS = f"""{START.replace("# IMPORTS", "from benchmarks.equal import checks")}
with open_telemetry(folder) as engine:
    began, used = time.perf_counter(), cpu()
    checks(engine, dict(names, start_time=begin, end_time=end))
    seconds, used = time.perf_counter() - began, cpu() - used
# PEAK
print(json.dumps({{"seconds": seconds, "cpu": used, "peak_mb": peak, "first": None}}))
"""
THEIRS = """
import importlib.util, json, pathlib, sys, time
from pathlib import Path
# CPU
oracle, folder, begin, end, region, service = sys.argv[1:]
spec = importlib.util.spec_from_file_location("guide_sql", oracle)
guide = importlib.util.module_from_spec(spec); spec.loader.exec_module(guide)
names = dict(start_time=begin, end_time=end, region=region, environment="prod", service_name=service)
con = guide.connect(pathlib.Path(folder))
con.execute("SET enable_progress_bar = false")  # it would be printed, as the result is
began, used = time.perf_counter(), cpu()
for number in range(1, 10):
    con.execute(guide.query(number, names)).fetchall()
seconds, used = time.perf_counter() - began, cpu() - used
# PEAK
print(json.dumps({"seconds": seconds, "cpu": used, "peak_mb": peak, "first": None}))
"""


@dataclass(frozen=True)
class Side:
    """A measured program: its name, and how it runs over a folder of telemetry."""

    name: str
    run: Callable[[Path], dict[str, float]]


def measure() -> None:
    """Print milliseconds, processor time, memory and how many times as fast as its baselines each of our sides is."""
    ours = [
        Side("checks", lambda folder: _run(CHECKS, "", folder, *_ours_arguments())),
        Side("investigation", lambda folder: _run(OURS, "", folder, *_ours_arguments())),
    ]
    baselines: list[Side] = []
    compared: dict[str, list[str]] = {one.name: [] for one in ours}
    if ORACLE.exists():
        baselines.append(Side("guide", lambda folder: _run(THEIRS, "", ORACLE, folder, *_their_arguments())))
        compared = {one.name: ["guide"] for one in ours}
    else:
        print(f"investigation: without the guide's queries, which are not there ({ORACLE})")
    if EARLIER:
        baselines.append(Side("earlier", lambda folder: _run(OURS, EARLIER, folder, *_ours_arguments())))
        compared["investigation"].append("earlier")
    head = f"{'log rows':>12} {'side':<14} {'ms':>8} {'cpu ms':>8} {'MB':>6}"
    print(f"{head}  times as fast as it by the clock, in cpu; of its MB")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            rows = _make(size, folder)
            if ORACLE.exists() and (different := unequal(folder, _scope())):
                sys.exit("The checks' rows are not the guide's:\n" + "\n".join(different))
            runs = [{one.name: one.run(folder) for one in (*ours, *baselines)} for _ in range(RUNS.get(size, 3))]
        for one in (*ours, *baselines):
            _print(rows, one.name, runs, compared.get(one.name, []))


def _print(rows: int, side: str, runs: list[dict[str, dict[str, float]]], baselines: list[str]) -> None:
    """One line: a side's medians; then one for each baseline that it is compared with."""
    seconds, cpu, peak = (statistics.median(run[side][key] for run in runs) for key in ("seconds", "cpu", "peak_mb"))
    print(f"{rows:>12,} {side:<14} {seconds * 1000:>8.0f} {cpu * 1000:>8.0f} {peak:>6.0f}", flush=True)
    for base in baselines:
        clock, used = (_ratio(runs, base, side, key) for key in ("seconds", "cpu"))
        print(f"{'':>12} - to {base:<35}  {clock}, {used}; {_ratio(runs, side, base, 'peak_mb')}", flush=True)


def _ratio(runs: list[dict[str, dict[str, float]]], one: str, other: str, key: str) -> str:
    """One side's median by the other's, with the minimum and maximum over pairs."""
    whole = statistics.median(run[one][key] for run in runs) / statistics.median(run[other][key] for run in runs)
    each = [run[one][key] / run[other][key] for run in runs]
    return f"{whole:.2f} ({min(each):.2f}-{max(each):.2f})"


def _make(size: int, folder: Path) -> int:
    began = time.perf_counter()
    rows = write_in_parts(SCENARIO.model_copy(update={"requests": size}), folder, PART)
    print(f"{'':>12} made {rows:,} rows in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return rows


def _window() -> tuple[str, str, str]:
    start, end = SCENARIO.incident_start, SCENARIO.last
    return f"{start:%Y-%m-%dT%H:%M:%SZ}", f"{SCENARIO.first:%Y-%m-%dT%H:%M:%SZ}", f"{end:%Y-%m-%dT%H:%M:%SZ}"


def _scope() -> dict[str, object]:
    names = {"region": SCENARIO.region, "service_name": SCENARIO.service_name, "environment": "prod"}
    return {**names, "start_time": SCENARIO.first, "end_time": SCENARIO.last}


def _ours_arguments() -> tuple[str, ...]:
    return (*_window(), SCENARIO.region, SCENARIO.service_name)


def _their_arguments() -> tuple[str, ...]:
    _, begin, end = _window()
    plain = [moment.replace("T", " ").rstrip("Z") for moment in (begin, end)]
    return (*plain, SCENARIO.region, SCENARIO.service_name)


def _run(program: str, source: str, *arguments: object) -> dict[str, float]:
    """Run a program; its last line, parsed as JSON. `source`: folder to import from, "" for this checkout."""
    whole = program.replace("# PEAK", PEAK).replace("# CPU", CPU)
    printed = python("-c", whole, *map(str, arguments), path=source or None)
    result: dict[str, float] = json.loads(printed.splitlines()[-1])
    return result
