"""Generates the telemetry of a scenario: the guide's five tables, deterministically."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow.parquet as pq

from tsg_agent.errors import ParameterError
from tsg_agent.simulator import faults, flags, log, outcomes, products, quirks, traces, traffic, workflow_runs
from tsg_agent.simulator.clock import SECOND, micros
from tsg_agent.simulator.frame import Frame, concat
from tsg_agent.simulator.infrastructure import Fleet, fleet_of, metrics_of, metrics_table
from tsg_agent.simulator.outcomes import RequestOutcomes
from tsg_agent.simulator.randomness import Ints, RandomStream
from tsg_agent.simulator.scenario import Scenario

Tables: TypeAlias = dict[str, Any]
"""Table name -> pyarrow.Table."""

TABLES = ("api_gateway_logs", "feature_flags", "infrastructure_metrics", "product_metadata", "workflow_tracking")
ROW_GROUP = 250_000
"""Rows of a file that are read or skipped together."""
RETRIED_IN_RUN = 0.85  # of failed requests
RETRIED = 0.45


def generate(scenario: Scenario) -> Tables:
    """The five tables with the columns of the guide's schema, without those that the scenario leaves out; and a
    table of calls if the scenario has one.

    A fault changes the requests that it hits, their retries, and the later steps of the workflow runs that it ends;
    every other row is the same as without it. Raises ParameterError if a fault names something that the simulated
    service does not have, or a quirk leaves out an unknown table or column.
    """
    unknown = {*scenario.quirks.missing_tables, *scenario.quirks.missing_columns} - set(TABLES)
    if unknown:
        raise ParameterError(f"no such table: {', '.join(sorted(unknown))};", fix=f"known: {', '.join(TABLES)}")
    fleet = fleet_of(scenario)
    metrics = metrics_of(scenario, fleet)
    attempts, outcome, steps = _played(scenario, fleet)
    ids = log.request_ids(scenario, attempts)
    gateway = log.table(scenario, attempts, outcome, ids, metrics)
    if scenario.quirks.spans:
        gateway = traces.of(scenario, attempts, outcome, gateway)
    columns = {
        "api_gateway_logs": {name: gateway[name] for name in log.column_order() if name in gateway},
        "feature_flags": flags.table(scenario, attempts, ids),
        "infrastructure_metrics": metrics_table(scenario, fleet, metrics),
        "product_metadata": products.table(attempts, ids),
        "workflow_tracking": workflow_runs.table(scenario, steps),
    }
    if scenario.quirks.calls:
        columns["calls"] = traces.calls(scenario)
    return {
        name: quirks.recorded(scenario, name, table)
        for name, table in columns.items()
        if name not in scenario.quirks.missing_tables
    }


def write(tables: Tables, folder: Path) -> list[Path]:
    """Write each table to `folder/<table>.parquet`; deterministic for one release of pyarrow. The paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)
        paths.append(path)
    return paths


def write_in_parts(scenario: Scenario, folder: Path, most: int) -> int:
    """Write a large scenario to the same files, `most` requests at a time. Returns the number of rows of its log.

    Each part covers the whole time range with its own seed, as if several load balancers of the service had recorded
    it. Raises ParameterError as `generate` does, and if the scenario has no number of requests.
    """
    if scenario.requests is None:
        raise ParameterError("a scenario in parts needs `requests`;", fix="say how many there are.")
    rows = 0
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        writers: dict[str, pq.ParquetWriter] = {}
        for part, first in enumerate(range(0, scenario.requests, most)):
            requests = min(most, scenario.requests - first)
            tables = generate(scenario.model_copy(update={"seed": scenario.seed + part, "requests": requests}))
            rows += tables["api_gateway_logs"].num_rows
            for name, table in tables.items():
                if name not in writers:
                    writer = pq.ParquetWriter(folder / f"{name}.parquet", table.schema, compression="zstd")
                    writers[name] = files.enter_context(writer)
                if not part or name != "infrastructure_metrics":  # all parts share the instances
                    writers[name].write_table(table, row_group_size=ROW_GROUP)
    return rows


def _played(scenario: Scenario, fleet: Fleet) -> tuple[Frame, RequestOutcomes, workflow_runs.Steps]:
    """All attempts by time, their outcomes, and the finished workflow steps."""
    first = traffic.requests_of(scenario, fleet)
    answered = outcomes.answer(scenario, first, "first")
    index, again, answered_again = _retries(scenario, fleet, first, answered)
    rescued = np.zeros(len(first), dtype=np.bool_)
    rescued[index] = ~answered_again.fatal
    failed = workflow_runs.failed_steps(scenario, first, answered, rescued)
    made = workflow_runs.reached(first, failed, faults.lost(scenario, first))

    finished = first.array("time") + (answered.latency * 1000).astype(np.int64)
    finished[index] = again.array("time") + (answered_again.latency * 1000).astype(np.int64)
    wait = workflow_runs.waits(first, finished)
    first = first.replaced({"time": first.array("time") + wait})
    again = again.replaced({"time": again.array("time") + wait[index]})
    finished += wait

    attempts = concat([_numbered(first, 0), _numbered(again, 1)])
    made_in_time = np.concatenate([made, made[index]]) & (attempts.array("time") < micros(scenario.last))
    rows = np.flatnonzero(made_in_time)
    order = [attempts.array(name)[rows] for name in ("attempt", "key", "time")]
    rows = rows[np.lexsort(order)]

    retries = np.zeros(len(first), dtype=np.int64)
    retries[index] = 1
    steps = workflow_runs.Steps(first, answered, failed, finished, retries)
    # A step that is running when the recording ends has no row yet.
    seen = np.flatnonzero(made & (finished < micros(scenario.last)))
    return attempts.take(rows), answered.below(answered_again).take(rows), steps.take(seen)


def _retries(
    scenario: Scenario, fleet: Fleet, first: Frame, answered: RequestOutcomes
) -> tuple[Ints, Frame, RequestOutcomes]:
    """Indices of the retried first attempts, the retries (mostly on another instance), and their outcomes."""
    keys = first.array("key")
    stream = RandomStream(scenario.seed, "retries")
    willing = stream.chance(keys, np.where(first.array("run") >= 0, RETRIED_IN_RUN, RETRIED))
    wait = (answered.latency * 1000 + stream.sub("wait").lognormal(keys, 0.6, 0.5) * SECOND).astype(np.int64)
    time = first.array("time") + wait
    failed = (answered.status >= 500) | (answered.status == 429)
    index = np.flatnonzero(((failed & willing) | answered.pressed) & (time < micros(scenario.last)))
    again = first.take(index).replaced({"time": time[index]})
    again = again.replaced(
        fleet.serve(scenario, again.text("region").codes, again.array("time"), again.array("key"), "retry")
    )
    return index, again, outcomes.answer(scenario, again, "retry")


def _numbered(frame: Frame, number: int) -> Frame:
    return frame.replaced({"attempt": np.full(len(frame), number, dtype=np.int64)})
