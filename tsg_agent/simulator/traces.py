"""Trace telemetry: one row per hop of a request instead of one per request, and the service map.

The entry has the service's name. It calls the component that serves the endpoint, which calls the dependency. A request
fails at its `hop`; the hops above fail with it, and those below were not reached or succeed.
"""

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tsg_agent.simulator.clock import SECOND
from tsg_agent.simulator.frame import Frame, hex_ids
from tsg_agent.simulator.outcomes import RequestOutcomes
from tsg_agent.simulator.randomness import Bools, RandomStream
from tsg_agent.simulator.scenario import Scenario
from tsg_agent.simulator.traffic import endpoints_of

Columns: TypeAlias = dict[str, Any]
ENTRY, COMPONENT, DEPENDENCY = range(3)
SHARE = (1.0, 0.9, 0.75)
"""Each hop's share of a request's latency."""
WELL_MS = 20.0
"""Median latency of a hop below the one that fails or is slow, ms."""
ERRORS = ("error_code", "error_category", "exception_type", "exception_message", "stack_trace_hash")


def of(scenario: Scenario, frame: Frame, outcome: RequestOutcomes, log: Columns) -> Columns:
    """The log's columns, hop by hop and by time. Only the entry's rows have the request's own id."""
    table = pa.table({name: pa.array(values) for name, values in log.items()})
    parts = [_hop(scenario, frame, outcome, table, hop) for hop in (ENTRY, COMPONENT, DEPENDENCY)]
    rows = pa.concat_tables([part.take(pa.array(np.flatnonzero(made))) for part, made in parts])
    order = np.argsort(rows["timestamp"].to_numpy(), kind="stable")
    rows = rows.take(pa.array(order))
    return {name: rows[name].combine_chunks() for name in rows.column_names}


def _hop(
    scenario: Scenario, frame: Frame, outcome: RequestOutcomes, table: pa.Table, hop: int
) -> tuple[pa.Table, Bools]:
    """The rows of one hop for every request, and the mask of those that exist."""
    bad = outcome.profile >= 0
    fails = bad & (outcome.hop >= hop)
    called = ~table["dependency_name"].combine_chunks().is_null().to_numpy(zero_copy_only=False)
    cached = table["cache_hit"].to_numpy()
    made = (~bad | (outcome.hop > ENTRY)) if hop else np.ones(len(frame), dtype=np.bool_)
    if hop == DEPENDENCY:
        made = made & called & ~cached
        fails = fails & made
    deepest = np.where(called & ~cached, outcome.hop, np.minimum(outcome.hop, COMPONENT))
    columns: Columns = {
        **_ids(scenario, frame, table["request_id"], hop),
        "timestamp": table["timestamp"].to_numpy() + hop * SECOND // 500,
        "service_component": _component(table, hop),
        "dependency_name": table["dependency_name"] if hop == COMPONENT else pa.nulls(len(frame), pa.string()),
        "has_dependency_failure": fails & (deepest > hop),
        "is_cascading_failure": fails & (deepest > hop),
        "latency_ms": _latency(scenario, frame, outcome, hop),
    }
    if hop:
        columns["status_code"] = np.where(fails, outcome.status, 200).astype(np.int32)
        columns |= {name: pc.if_else(pa.array(fails), table[name], None) for name in ERRORS}
    for name, values in columns.items():
        column = values if isinstance(values, pa.ChunkedArray) else pa.array(values)
        at = table.column_names.index(name) if name in table.column_names else None
        table = table.append_column(name, column) if at is None else table.set_column(at, name, column)
    return table, np.asarray(made, dtype=np.bool_)


def _component(table: pa.Table, hop: int) -> Any:
    return table[("service_name", "service_component", "dependency_name")[hop]]


def _ids(scenario: Scenario, frame: Frame, request_id: Any, hop: int) -> Columns:
    keys = frame.array("key") + (frame.array("attempt").astype(np.uint64) << np.uint64(60))

    def span(number: int) -> Any:
        return hex_ids("", RandomStream(scenario.seed, f"span {number}").bits(keys))

    inner = pc.binary_join_element_wise(request_id, pa.scalar(f".{hop}"), "") if hop else request_id
    return {
        "request_id": inner,
        "trace_id": hex_ids("", RandomStream(scenario.seed, "trace id").bits(keys)),
        "span_id": span(hop),
        "parent_span_id": span(hop - 1) if hop else pa.nulls(len(frame), pa.string()),
    }


def _latency(scenario: Scenario, frame: Frame, outcome: RequestOutcomes, hop: int) -> Any:
    """A hop takes its share of the latency; one below the failed or slow hop takes its usual time."""
    behind = (outcome.hop >= 0) & (outcome.hop < hop)
    well = RandomStream(scenario.seed, f"latency/hop {hop}").lognormal(frame.array("key"), WELL_MS, 0.5)
    share = outcome.latency * SHARE[hop]
    return np.where(behind, np.minimum(well, share), share).round(1)


def calls(scenario: Scenario) -> Columns:
    """The calls table: the entry calls each component, which calls its dependencies."""
    pairs = [(scenario.service_name, item.component) for item in endpoints_of(scenario)]
    pairs += [(item.component, name) for item in endpoints_of(scenario) for name in item.dependencies]
    known = list(dict.fromkeys(pairs))
    return {"caller": pa.array([one for one, _ in known]), "callee": pa.array([other for _, other in known])}
