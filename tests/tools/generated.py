"""Generated telemetry in which a step's every reachable label occurs: the simulator's, edited for that step.

Three regions carry different troubles, so that labels that shut each other out occur in one of them.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tsg_agent.simulator.generate import generate
from tsg_agent.simulator.scenario import Scenario

Frames: TypeAlias = dict[str, pd.DataFrame]
REGIONS = ("us-east", "us-west", "eu-central")
START = datetime(2026, 3, 10, 12, tzinfo=UTC)
END = START + timedelta(hours=2, minutes=30)
SCOPE: dict[str, Any] = {
    "start_time": START,
    "end_time": END,
    "environment": "prod",
    "service_name": "shop.gateway",
}


@cache
def _base() -> dict[str, Any]:
    return generate(
        Scenario(seed=42, requests=75_000, regions=dict.fromkeys(REGIONS, 1 / 3), flaky=None, background_errors=0.001)
    )


def frames(number: int) -> Frames:
    """The five tables for one step."""
    held = {name: table.to_pandas() for name, table in _base().items()}
    logs = held["api_gateway_logs"]
    # The guide counts a user once per time bucket, we once: one user per request is the same for both.
    logs["user_id"] = [f"user-{index}" for index in range(len(logs))]
    if number in EDITS:
        EDITS[number](held, np.random.default_rng(100 + number))
    return held


def write(held: Frames, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in held.items():
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / f"{name}.parquet")
    return folder


def _named(prefix: str, codes: Any) -> list[str]:
    return [f"{prefix}{code:02}" for code in codes]


def _fail(logs: pd.DataFrame, where: Any, share: float, rng: Any, status: int = 500) -> None:
    logs.loc[where & (rng.random(len(logs)) < share), "status_code"] = status


def _versions(held: Frames, rng: Any) -> None:
    logs = held["api_gateway_logs"]
    version = rng.integers(0, 7, len(logs))
    logs["service_version"] = [f"3.{code // 4}.{code % 4 * 7}" for code in version]
    newest = version == 6
    _fail(logs, newest & (logs["region"] == "us-east"), 0.2, rng)
    logs.loc[newest & (logs["region"] == "us-west") & (rng.random(len(logs)) < 0.2), "latency_ms"] = 7000.0


def _flags(held: Frames, rng: Any) -> None:
    logs = held["api_gateway_logs"]
    weights = np.array([1.0] * 30 + [0.25] * 2)
    value = rng.choice(32, len(logs), p=weights / weights.sum())
    _fail(logs, value < 8, 0.25, rng)
    logs.loc[(value == 12) & (rng.random(len(logs)) < 0.08), "latency_ms"] = 9000.0
    logs.loc[value == 30, "latency_ms"] = 30_000.0
    held["feature_flags"] = pd.DataFrame(
        {"request_id": logs["request_id"], "flag_name": "rollout", "flag_value": _named("v", value)}
    )


def _places(held: Frames, rng: Any) -> None:
    logs = held["api_gateway_logs"]
    zone = rng.integers(0, 4, len(logs))
    logs["availability_zone"] = logs["region"] + pd.Series(_named("-", zone))
    logs["datacenter"] = logs["region"] + pd.Series(_named("-dc", zone % 2))
    begin = pd.Timestamp(START.replace(tzinfo=None))
    logs["status_code"] = 200
    _fail(logs, (zone == 0) & (logs["timestamp"] >= begin + pd.Timedelta(hours=2)), 0.95, rng)
    _fail(logs, (zone == 1) & (logs["timestamp"] < begin + pd.Timedelta(hours=1)), 0.9, rng)
    _fail(logs, zone == 2, 0.03, rng)
    _fail(logs, zone == 2, 0.01, rng, status=429)


def _partitions(held: Frames, rng: Any) -> None:
    logs = held["api_gateway_logs"]
    shard = rng.integers(0, 24, len(logs))
    logs["shard_id"] = _named("shard-", shard)
    logs["partition_id"] = _named("partition-", shard % 6)
    _fail(logs, shard < 4, 0.25, rng)
    logs.loc[np.isin(shard, (5, 6)), "latency_ms"] = 4000.0 + rng.random(len(logs))[np.isin(shard, (5, 6))]
    unstable = np.isin(shard, (8, 9))
    logs.loc[unstable, "latency_ms"] = rng.choice([10.0, 3500.0], unstable.sum())
    _fail(logs, np.isin(shard, (11, 12)), 0.09, rng, status=404)


def _zones(held: Frames, rng: Any) -> None:
    logs = held["api_gateway_logs"]
    zone, kind = rng.integers(0, 4, len(logs)), rng.integers(0, 3, len(logs))
    logs["availability_zone"] = logs["region"] + pd.Series(_named("-", zone))
    logs["instance_type"] = _named("m", kind)
    logs["instance_id"] = logs["availability_zone"] + pd.Series(_named("-i", kind))
    _fail(logs, (zone == 0) & (kind == 0), 0.15, rng, status=503)
    _fail(logs, (zone == 0) & (kind == 1), 0.07, rng, status=504)
    logs.loc[(zone == 1) & (kind == 0), "latency_ms"] = 2500.0
    instances = sorted(logs["instance_id"].unique())
    times = pd.date_range(START.replace(tzinfo=None) - timedelta(minutes=10), END.replace(tzinfo=None), freq="7min")
    samples = pd.DataFrame([(name, time) for name in instances for time in times], columns=["instance_id", "timestamp"])
    samples["cpu_utilization"] = 40 + 20 * rng.random(len(samples))
    samples["memory_utilization"] = 50 + 20 * rng.random(len(samples))
    samples.loc[samples["instance_id"].str.endswith("02-i02"), "cpu_utilization"] = 97.5
    samples.loc[samples["instance_id"].str.endswith("03-i02"), "memory_utilization"] = 96.5
    held["infrastructure_metrics"] = samples


def _endpoints(held: Frames, rng: Any) -> None:
    logs = held["api_gateway_logs"]
    weights = np.array([4.0] * 3 + [1.0] * 20)
    path = rng.choice(23, len(logs), p=weights / weights.sum())
    logs["endpoint_path"] = _named("/e", path)
    logs["http_method"], logs["api_version"] = "GET", "v2"
    logs["client_type"] = rng.choice(["web", "ios"], len(logs))
    logs["cache_hit"] = np.where(path == 0, rng.random(len(logs)) < 0.1, True)
    _fail(logs, np.isin(path, (4, 5, 6)), 0.2, rng)
    _fail(logs, np.isin(path, (8, 9)), 0.35, rng, status=404)
    logs.loc[np.isin(path, (11, 12)) & (rng.random(len(logs)) < 0.1), "latency_ms"] = 8000.0


def _products(held: Frames, rng: Any) -> None:
    logs = held["api_gateway_logs"]
    product = rng.integers(0, 30, len(logs))
    tier = np.array(["PREMIUM", "STANDARD", "FREE"])[product % 3]
    logs["is_retry"], logs["has_dependency_failure"], logs["status_code"] = False, False, 200
    _fail(logs, product < 15, 0.12, rng)
    logs.loc[(product == 17) & (rng.random(len(logs)) < 0.4), "is_retry"] = True
    logs.loc[(product == 20) & (rng.random(len(logs)) < 0.3), "has_dependency_failure"] = True
    logs.loc[product == 23, "latency_ms"] = 3500.0
    held["product_metadata"] = pd.DataFrame(
        {
            "request_id": logs["request_id"],
            "product_id": _named("p", product),
            "product_category": _named("c", product % 5),
            "customer_tier": tier,
            "subscription_type": "monthly",
        }
    )


def _errors(held: Frames, rng: Any) -> None:
    logs = held["api_gateway_logs"]
    chance = rng.random(len(logs))
    kind = np.full(len(logs), -1)
    end = pd.Timestamp(END.replace(tzinfo=None))
    last_hour = logs["timestamp"] >= end - pd.Timedelta(minutes=50)
    kind[chance < 0.07] = 0  # over 1,000 users in a region
    kind[(chance >= 0.1) & (chance < 0.13) & last_hour] = 1  # a spike of the last hour
    for number in range(2, 12):  # under 100 an hour
        low = 0.2 + 0.01 * number
        kind[(chance >= low) & (chance < low + 0.0035)] = number
    failed = kind >= 0
    logs.loc[logs["status_code"] >= 500, "status_code"] = 200
    logs.loc[failed, "status_code"] = 500
    logs["error_category"] = np.where(failed, _named("category-", kind % 3), None)
    logs["exception_type"] = np.where(failed, _named("Exception", kind), None)
    logs["exception_message"] = np.where(failed, _named("message ", kind), None)
    logs["stack_trace_hash"] = np.where(failed, _named("hash-", rng.integers(0, 5, len(logs))), None)
    logs["error_code"] = np.where(failed, "E1", None)
    logs["service_component"] = _named("component-", np.abs(kind) % 4)
    logs["dependency_name"] = np.where(np.isin(kind, (2, 3, 4)), "database", None)
    logs["is_cascading_failure"] = np.isin(kind, (5, 6)) & (rng.random(len(logs)) < 0.4)
    logs["is_retry"] = np.isin(kind, (7, 8)) & (rng.random(len(logs)) < 0.8)


EDITS: dict[int, Callable[[Frames, Any], None]] = {
    1: _versions, 2: _flags, 3: _places, 4: _partitions, 5: _zones, 6: _endpoints, 7: _products, 9: _errors,
}  # fmt: skip
