"""Telemetry of the test guides, made from a seed: a queue after a consumers' release, replicas that fall behind."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

HERE = Path(__file__).parent
BACKLOG, LAG = HERE / "queue_backlog.md", HERE / "replication_lag.md"
START = datetime(2026, 5, 4, 8)
BEGAN = START + timedelta(hours=2)
END = BEGAN + timedelta(hours=1)
BACKLOG_TEXT = """# Orders pile up on broker-eu
Orders are not worked off on broker-eu since 2026-05-04T10:00Z. Still so at 2026-05-04T11:00Z.
"""
LAG_TEXT = """# Reads are stale
Replicas of orders-primary lag. It started at 2026-05-04T10:00Z; still so at 2026-05-04T11:00Z.
lag_limit: 30
"""


def backlog(folder: Path, *, seed: int = 1, failing: float = 0.5, others: float = 0.02, canary: float = 0.0) -> Path:
    """`orders` grows from BEGAN on, when release 7.2.0 of its consumers begins to fail; `audit` is always deep.

    `others`: how many deliveries of 7.1.3 fail since; `canary`: the part of 7.2.0 before, when it failed as rarely.
    """
    rng = np.random.default_rng(seed)
    minutes = int((END - START).total_seconds() // 60)
    samples: list[dict[str, Any]] = []
    for queue in ("orders", "mail", "audit"):
        for minute in range(minutes):
            since = max(0, minute - 120)
            depth = {"orders": 200 + 400 * since, "mail": 50, "audit": 20_000}[queue] + int(rng.integers(0, 20))
            samples.append(
                {
                    "sample_id": f"{queue}-{minute}",
                    "sampled_at": START + timedelta(minutes=minute),
                    "cluster": "broker-eu",
                    "queue_name": queue,
                    "depth": float(depth),
                    "oldest_age_s": 30.0,
                }
            )
    deliveries: list[dict[str, Any]] = []
    for number in range(6000):
        at = START + timedelta(seconds=int(rng.integers(0, minutes * 60)))
        release = "7.2.0" if rng.random() < (0.5 if at >= BEGAN else canary) else "7.1.3"
        failed = rng.random() < (0.02 if at < BEGAN else failing if release == "7.2.0" else others)
        deliveries.append(
            {
                "delivery_id": f"d{number}",
                "delivered_at": at,
                "cluster": "broker-eu",
                "queue_name": ("orders", "mail")[number % 2],
                "consumer_release": release,
                "worker_id": f"w{number % 8}",
                "outcome": "failed" if failed else "done",
                "handling_ms": float(rng.normal(200, 20)),
            }
        )
    return written(folder, {"queue_samples": samples, "deliveries": deliveries})


def lag(
    folder: Path,
    *,
    stopped: bool = False,
    errors_since: int = 3,
    tables: tuple[str, ...] = ("replica_status", "applied_statements"),
) -> Path:
    """`replica-2` falls behind from BEGAN on; its applier works through one huge statement, or has stopped."""
    minutes = int((END - START).total_seconds() // 60)
    status = [
        {
            "measured_at": START + timedelta(minutes=minute),
            "primary_name": "orders-primary",
            "replica": replica,
            "lag_seconds": float(max(0, minute - 120) * (20 if stopped else 4)) if replica == "replica-2" else 1.0,
        }
        for replica in ("replica-1", "replica-2")
        for minute in range(minutes)
    ]
    statements = [
        {
            "applied_at": BEGAN + timedelta(minutes=number),
            "primary_name": "orders-primary",
            "statement_digest": "UPDATE orders SET …" if number % 3 else "INSERT INTO events …",
            "rows_changed": 120_000 if number % 3 else 10,
        }
        for number in range(30)
    ]
    seen = [(START, "replica-1", "2003"), *((BEGAN, "replica-2", "1062") for _ in range(errors_since))]
    errors = [
        {"raised_at": at, "primary_name": "orders-primary", "replica": replica, "error_code": code}
        for at, replica, code in seen
    ]
    held = {"replica_status": status, "applied_statements": statements, "applier_errors": errors}
    return written(folder, {name: held[name] for name in tables})


def written(folder: Path, tables: dict[str, list[dict[str, Any]]], *, kind: str = "parquet") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        table = pa.Table.from_pylist(rows)
        if kind == "csv":
            pyarrow.csv.write_csv(table, folder / f"{name}.csv")
        else:
            pq.write_table(table, folder / f"{name}.parquet")
    return folder


def utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
