"""Generated data that engines may read differently: NULLs, ties, empty groups, copies, weights, edges of time."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.tools.made import END, START, Rows, requests, tied, workflow


def _some(rng: random.Random, *values: Any) -> list[Any]:
    return [rng.choice(values) for _ in range(900)]


def mixed() -> dict[str, Rows]:
    """NULLs in every column that may have them, ties, texts that sort differently by locale."""
    rng = random.Random(7)
    texts = ("a", "B", "Z", "ä", "_", "", None, "a b", "ß", "'; DROP TABLE x; --")
    own: dict[str, Any] = {
        name: _some(rng, *texts)
        for name in (
            "service_version", "datacenter", "availability_zone", "partition_id", "shard_id", "tenant_category",
            "endpoint_path", "http_method", "api_version", "client_type", "instance_type", "load_balancer_id",
            "error_category", "exception_type", "exception_message", "service_component", "dependency_name", "user_id",
            "stack_trace_hash", "error_code",
        )
    }  # fmt: skip
    own |= {name: _some(rng, True, False, None) for name in ("is_retry", "cache_hit", "has_dependency_failure")}
    own |= {name: _some(rng, 1.5, 20.0, 6000.0, None) for name in ("latency_ms", "backend_latency_ms")}
    own |= {"instance_id": _some(rng, "i", "j", None), "is_test_traffic": _some(rng, False, None, False, True)}
    rows = requests(900, {500: 200, 503: 80, 429: 40, 302: 30, 404: 50}, **own)
    for row in rng.sample(rows, 60):
        row["status_code"] = None
    samples = [
        {"instance_id": name, "timestamp": START + timedelta(seconds=137 * n),
         "cpu_utilization": rng.choice([None, 91.5]), "memory_utilization": 40.0 + n % 3}
        for n in range(40) for name in ("i", "j")
    ]  # fmt: skip
    return {
        "api_gateway_logs": rows,
        "feature_flags": [row for flag in ("f", "g") for row in tied(rows[::2], flag_name=flag, flag_value="on")],
        "infrastructure_metrics": samples,
        "product_metadata": tied(rows[::3], product_id="p", customer_tier=None),
        "workflow_tracking": workflow(200, {"FAILED": 40}),
    }


def repeated() -> dict[str, Rows]:
    """Rows delivered twice, alike and with another latency; several rows of one id; flags and products twice."""
    held = mixed()
    rows = held["api_gateway_logs"]
    twice = [{**row, "latency_ms": (row["latency_ms"] or 0) + 3, "shard_id": "other"} for row in rows[:200]]
    later = [{**row, "timestamp": row["timestamp"] + timedelta(seconds=1)} for row in rows[200:300]]
    return {**held, "api_gateway_logs": [*rows, *rows[:50], *twice, *later],
            "feature_flags": held["feature_flags"] * 2, "product_metadata": held["product_metadata"] * 2}  # fmt: skip


def weighted() -> dict[str, Rows]:
    held = repeated()
    weights = [1, 7, 0, None, 2.5, -1]
    rows = [{**row, "weight": weights[place % 6]} for place, row in enumerate(held["api_gateway_logs"])]
    return {**held, "api_gateway_logs": rows}


def edges() -> dict[str, Rows]:
    """Requests on the very edges of the window, of hours and of days, and a microsecond off them."""
    step = timedelta(microseconds=1)
    times = [START, END, START - step, END + step, START + timedelta(hours=1), START + timedelta(hours=1) - step]
    rows = requests(6 * 60, {500: 90}, service_version=["1", "2"] * 180, instance_id="i")
    for place, row in enumerate(rows):
        row["timestamp"] = times[place % 6]
    samples = [{"instance_id": "i", "timestamp": time, "cpu_utilization": 95.0} for time in times]
    return {"api_gateway_logs": rows, "infrastructure_metrics": samples}


def bare() -> dict[str, Rows]:
    """No request in the window; only the columns that every check needs."""
    rows = requests(20)
    needed = ("request_id", "timestamp", "region", "environment", "service_name", "status_code")
    return {"api_gateway_logs": [{name: row[name] for name in needed} | {"region": "elsewhere"} for row in rows]}


MADE: dict[str, Callable[[], dict[str, Rows]]] = {
    "mixed": mixed, "repeated": repeated, "weighted": weighted, "edges": edges, "bare": bare,
}  # fmt: skip
