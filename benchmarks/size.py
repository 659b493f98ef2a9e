"""Scaling: time and peak memory of an investigation over large telemetry, relative to the plain case.

Every case is the same incident, with one property of its telemetry made large. Each runs in its own process, and is
printed with its ratio to the plain case on the same machine. There are no targets.
"""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.investigation import PEAK
from benchmarks.processes import python
from tsg_agent.simulator.generate import generate, write
from tsg_agent.simulator.scenario import Fault, FaultKind, Rollout, Scenario

REQUESTS = 270_000
LONG, WORDY_ROWS = 10_000, 5_000
RUNS = 5_000_000
DAYS = 7
AT_ONCE = 50
SCENARIO = Scenario(
    name="size",
    seed=1,
    requests=REQUESTS,
    rollout=Rollout(version="3.15.0"),
    faults=(Fault(kind=FaultKind.PARTITION, where={"shard_id": "shard-07"}, probability=0.3),),
)
ERRORS = ("error_code", "exception_type", "exception_message", "stack_trace_hash")
PROGRAM = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tsg_agent.cli.imports import loaded, loading
loading()
from tsg_agent import Given, Request, investigate
loaded()
folder, times, at_once = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
request = Request(text="", telemetry=folder, given=Given(**times), now=times["end_time"])
began = time.perf_counter()
with ThreadPoolExecutor(at_once) as pool:
    reports = list(pool.map(lambda _: investigate(request), range(at_once)))
seconds = time.perf_counter() - began
# PEAK
report = reports[0]
left = [f"Step {finding.step}: {finding.status.value}" for finding in report.findings if finding.status != "ok"]
left += [finding.tool for finding in report.findings if finding.truncated]
same = len({json.dumps([cause.subject for cause in one.causes]) for one in reports}) == 1
first = report.causes[0].subject if report.causes else report.headline
print(json.dumps({"seconds": seconds, "peak_mb": peak, "first": first, "left": left, "same": same}))
"""


@dataclass(frozen=True)
class Case:
    """One enlarged property: how the plain telemetry is changed, over how many days, and how many run at once."""

    name: str
    change: Callable[[Path], None] = lambda _folder: None
    days: float = 0.0
    at_once: int = 1


def measure() -> None:
    """Print seconds and peak memory of each case, and their ratios to the plain one."""
    print(f"{'case':24} {'seconds':>8} {'times':>6} {'peak MB':>8} {'times':>6}  first cause; what was left out")
    with tempfile.TemporaryDirectory() as root:
        base = Path(root) / "plain"
        write(generate(SCENARIO), base)
        plain: dict[str, Any] = {}
        for case in CASES:
            folder = Path(root) / "case"
            shutil.copytree(base, folder)
            case.change(folder)
            found = _investigated(folder, case)
            plain = plain or found
            print(f"{case.name:24} {_beside(found, plain)}  {_told(found, plain)}", flush=True)
            shutil.rmtree(folder)


def _beside(found: dict[str, Any], plain: dict[str, Any]) -> str:
    times = [found[key] / plain[key] for key in ("seconds", "peak_mb")]
    return f"{found['seconds']:>8.1f} {times[0]:>6.1f} {found['peak_mb']:>8.0f} {times[1]:>6.1f}"


def _told(found: dict[str, Any], plain: dict[str, Any]) -> str:
    left = [what for what in found["left"] if found is plain or what not in plain["left"]]
    return f"{found['first']}{'' if found['same'] else ', and others'}; {', '.join(left) or 'nothing more'}"


def _investigated(folder: Path, case: Case) -> dict[str, Any]:
    begin = SCENARIO.first - timedelta(days=case.days)
    moments = {"start_time": begin, "end_time": SCENARIO.last, "incident_start": SCENARIO.incident_start}
    given = {"region": SCENARIO.region, "service_name": SCENARIO.service_name, "environment": "prod"}
    times = json.dumps(given | {name: f"{moment:%Y-%m-%dT%H:%M:%SZ}" for name, moment in moments.items()})
    printed = python("-c", PROGRAM.replace("# PEAK", PEAK), str(folder), times, str(case.at_once))
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def _changed(table: str, select: str) -> Callable[[Path], None]:
    """Replace a table by a SELECT over itself, `{source}`."""

    def change(folder: Path) -> None:
        path = folder / f"{table}.parquet"
        source = path.rename(path.with_suffix(".plain"))
        with duckdb.connect() as connection:
            connection.execute("SET enable_progress_bar = false")
            connection.execute(f"COPY ({select.format(source=_read(source))}) TO '{path}'")
        source.unlink()

    return change


def _read(path: Path) -> str:
    return f"read_parquet('{path}')"


def _wordy() -> str:
    """A SELECT with unique texts in all error columns of some rows."""
    texts = ", ".join(
        f"CASE WHEN n % step = 0 THEN repeat('x', {LONG}) || n ELSE {name} END AS {name}" for name in ERRORS
    )
    rows = "SELECT *, row_number() OVER () AS n, greatest(1, count(*) OVER () // {rows}) AS step FROM {{source}}"
    return f"SELECT * EXCLUDE (n, step) REPLACE ({texts}) FROM ({rows.format(rows=WORDY_ROWS)})"


def _week(table: str) -> Callable[[Path], None]:
    """Repeat the table's day for each previous day, with new ids."""
    ids = {"api_gateway_logs": "request_id", "workflow_tracking": "correlation_id"}
    renamed = f"'day' || d || {ids[table]} AS {ids[table]}"
    again = f"SELECT * EXCLUDE (d) REPLACE ({renamed}, timestamp - INTERVAL 1 DAY * d AS timestamp)"
    return _changed(
        table, f"FROM {{source}} UNION ALL BY NAME {again} FROM {{source}}, range(1, {DAYS + 1}) AS days(d)"
    )


def _both(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


PATHS = "SELECT * REPLACE ('/api/item/' || row_number() OVER () AS endpoint_path) FROM {source}"
COPIED = "correlation_id || '-' || d AS correlation_id, workflow_id || '-' || d AS workflow_id"
MANY = f"range((SELECT {RUNS} // count(*) + 1 FROM {{source}})) AS copies(d) LIMIT {RUNS}"
MANY_RUNS = f"SELECT * EXCLUDE (d) REPLACE ({COPIED}) FROM {{source}}, {MANY}"
CASES = (
    Case("plain"),
    Case(f"{REQUESTS:,} paths", _changed("api_gateway_logs", PATHS)),
    Case("long texts", _changed("api_gateway_logs", _wordy())),
    Case(f"{RUNS:,} workflow rows", _changed("workflow_tracking", MANY_RUNS)),
    Case("a week's window", _both(_week("api_gateway_logs"), _week("workflow_tracking")), days=DAYS),
    Case(f"{AT_ONCE} at once", at_once=AT_ONCE),
)
