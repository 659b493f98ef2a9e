"""The api_gateway_logs table: one row for each attempt of a request."""

from typing import Any

import numpy as np
import pyarrow as pa

from tsg_agent.simulator import latencies
from tsg_agent.simulator.clock import MINUTE, SECOND, load, micros
from tsg_agent.simulator.frame import Frame, Text, hex_ids
from tsg_agent.simulator.infrastructure import InstanceMetrics
from tsg_agent.simulator.outcomes import RequestOutcomes
from tsg_agent.simulator.randomness import Bools, Ints, Keys, RandomStream
from tsg_agent.simulator.scenario import Scenario
from tsg_agent.simulator.traffic import endpoints_of

ATTEMPT_SHIFT = np.uint64(60)
SESSION = 30 * MINUTE
TEXTS = (
    "region", "datacenter", "availability_zone", "environment", "service_name", "service_version", "endpoint_path",
    "http_method", "api_version", "client_type", "user_id", "partition_id", "shard_id", "tenant_category",
    "instance_id", "instance_type", "load_balancer_id", "service_component", "dependency_name",
)  # fmt: skip


def request_ids(scenario: Scenario, frame: Frame) -> pa.Array:
    """request_id: unique per attempt."""
    attempt = frame.array("attempt").astype(np.uint64) << ATTEMPT_SHIFT
    return hex_ids("req-", RandomStream(scenario.seed, "request id").bits(frame.array("key") + attempt))


def correlation_ids(scenario: Scenario, correlation: Keys, missing: Bools | None = None) -> pa.Array:
    """correlation_id: shared by a run's requests, and by a request and its retries."""
    return hex_ids("corr-", RandomStream(scenario.seed, "correlation id").bits(correlation), missing)


def table(
    scenario: Scenario, frame: Frame, outcome: RequestOutcomes, ids: pa.Array, metrics: InstanceMetrics
) -> dict[str, Any]:
    """The table's columns, rows in the frame's order. Latencies in ms, sizes in bytes."""
    keys, quirks = frame.array("key"), scenario.quirks
    stream = RandomStream(scenario.seed, "log")
    cached = _cached(scenario, frame, outcome)
    backend, connection = latencies.parts(scenario, frame, outcome.latency, cached)
    sent, received = stream.sub("sent").lognormal(keys, 900.0, 0.8), stream.sub("received").lognormal(keys, 6000.0, 1.0)
    received = np.where(outcome.profile >= 0, 300 + received * 0.02, received)
    minute = (frame.array("time") - micros(scenario.first)) // MINUTE
    connections = 30 + 70 * load(scenario)[minute] + 12 * stream.sub("connections").normal(keys)
    share = np.where(frame.array("run") >= 0, 0.25, 1.0) * quirks.null_correlation_share
    users = frame.text("user_id").codes
    session = users * 1_000_000 + frame.array("time") // SESSION
    table: dict[str, Any] = {
        "request_id": ids,
        "timestamp": _stamped(scenario, frame),
        **{name: frame.text(name).arrow() for name in TEXTS},
        "status_code": outcome.status.astype(np.int32),
        "latency_ms": outcome.latency.round(1),
        "backend_latency_ms": backend.round(1),
        "connection_time_ms": connection.round(1),
        "request_size_bytes": sent.astype(np.int64),
        "response_size_bytes": received.astype(np.int64),
        "session_id": hex_ids("sess-", RandomStream(scenario.seed, "session id").bits(session)),
        "correlation_id": correlation_ids(scenario, frame.array("correlation"), stream.sub("lost").chance(keys, share)),
        "is_test_traffic": frame.array("test"),
        "is_retry": frame.array("attempt") > 0,
        "cache_hit": cached,
        "has_dependency_failure": outcome.dependency_failure,
        **_errors(scenario, frame, outcome),
        "is_cascading_failure": outcome.cascading,
        "concurrent_connections": np.maximum(connections, 1).astype(np.int64),
        "data_processed_bytes": (sent + received).astype(np.int64),
    }
    if quirks.resources_in_log:
        instance = frame.text("instance_id").codes
        table["cpu_utilization"] = metrics.cpu[instance, minute]
        table["memory_utilization"] = metrics.memory[instance, minute]
    return table


def _cached(scenario: Scenario, frame: Frame, outcome: RequestOutcomes) -> Bools:
    share = np.array([endpoint.cached for endpoint in endpoints_of(scenario)])[frame.array("endpoint")]
    drawn = RandomStream(scenario.seed, "cache").chance(frame.array("key"), share)
    return np.asarray(drawn & (outcome.profile < 0), dtype=np.bool_)


def _stamped(scenario: Scenario, frame: Frame) -> Ints:
    """Recorded timestamps in microseconds: by the instance's own clock, or on arrival."""
    quirks, time, keys = scenario.quirks, frame.array("time"), frame.array("key")
    if quirks.late_share:
        stream = RandomStream(scenario.seed, "late")
        delay = -np.log1p(-stream.sub("delay").uniform(keys)) * quirks.late_minutes * MINUTE
        time = time + np.where(stream.chance(keys, quirks.late_share), delay, 0).astype(np.int64)
    if quirks.clock_skew_seconds:
        instances = np.arange(len(frame.text("instance_id").values))
        skew = RandomStream(scenario.seed, "skew").normal(instances) * quirks.clock_skew_seconds * SECOND
        time = time + skew.astype(np.int64)[frame.text("instance_id").codes]
    return np.asarray(time, dtype=np.int64)


def _errors(scenario: Scenario, frame: Frame, outcome: RequestOutcomes) -> dict[str, Any]:
    """The error columns; NULL for requests that did not fail."""
    profile = Text(outcome.profile, tuple(str(number) for number in range(len(outcome.profiles))))
    traces = RandomStream(scenario.seed, "trace")
    exceptions = profile.lookup([item.exception for item in outcome.profiles])
    place = exceptions.codes * 1000 + frame.array("endpoint") * 4 + traces.choice(frame.array("key"), [0.8, 0.15, 0.05])
    return {
        "error_code": profile.lookup([item.code for item in outcome.profiles]).arrow(),
        "error_category": profile.lookup([item.category for item in outcome.profiles]).arrow(),
        "exception_type": exceptions.arrow(),
        "exception_message": profile.lookup([item.message for item in outcome.profiles]).arrow(),
        "stack_trace_hash": hex_ids("", RandomStream(0, "stack").bits(place), exceptions.codes < 0),
    }


def column_order() -> tuple[str, ...]:
    """The table's columns as the guide's schema lists them."""
    return (
        "request_id", "timestamp", *TEXTS[:10], "status_code", "latency_ms", "backend_latency_ms",
        "connection_time_ms", "request_size_bytes", "response_size_bytes", "user_id", "session_id", "correlation_id",
        *TEXTS[11:17], "is_test_traffic", "is_retry", "cache_hit", "has_dependency_failure", "error_code",
        "error_category", "exception_type", "exception_message", "stack_trace_hash", *TEXTS[17:],
        "is_cascading_failure", "concurrent_connections", "data_processed_bytes", "cpu_utilization",
        "memory_utilization", "trace_id", "span_id", "parent_span_id",
    )  # fmt: skip
