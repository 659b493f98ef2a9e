"""The raw rows of a generated incident, and those of its faults: the ground truth for labels.

Independent of the onset rules, contrasts and labels of any agent.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from tsg_agent.simulator.scenario import (
    FLAG_DIMENSIONS,
    PRODUCT_DIMENSIONS,
    WORKFLOW_DIMENSIONS,
    Fault,
    FaultEffect,
    FaultKind,
    Scenario,
)

LOG, FLAGS, PRODUCTS, RUNS = "api_gateway_logs", "feature_flags", "product_metadata", "workflow_tracking"
METRICS = "infrastructure_metrics"
SLOW_MS = 5000
DONE = ("COMPLETED", "IN_PROGRESS")
NAMED = (
    "service_version", "region", "datacenter", "availability_zone", "instance_type", "load_balancer_id",
    "partition_id", "shard_id", "tenant_category", "endpoint_path", "http_method", "api_version", "client_type",
    "service_component", "dependency_name",
)  # fmt: skip
"""Dimensions of requests that can name a cause."""


@dataclass(frozen=True)
class Rows:
    """A recording reduced to the incident's region, environment and window, without synthetic traffic."""

    folder: Path
    scenario: Scenario

    @cached_property
    def log(self) -> pd.DataFrame:
        """Real requests of the service."""
        frame = self._real(LOG)
        return frame[frame["service_name"] == self.scenario.service_name].drop_duplicates("request_id")

    @cached_property
    def flags(self) -> pd.DataFrame:
        """One row for each request and flag."""
        return pd.read_parquet(self.folder / f"{FLAGS}.parquet").drop_duplicates()

    @cached_property
    def products(self) -> pd.DataFrame:
        """One row for each request with a product."""
        return pd.read_parquet(self.folder / f"{PRODUCTS}.parquet").drop_duplicates("request_id")

    @cached_property
    def runs(self) -> pd.DataFrame:
        """Real steps of workflow runs."""
        return self._real(RUNS)

    def _real(self, table: str) -> pd.DataFrame:
        frame = pd.read_parquet(self.folder / f"{table}.parquet")
        frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
        real = frame["is_test_traffic"].fillna(False).astype(bool)
        first = self.scenario.incident_start - timedelta(hours=2)
        here = (frame["region"] == self.scenario.region) & (frame["environment"] == self.scenario.environment)
        kept = here & ~real & (frame["timestamp"] >= first) & (frame["timestamp"] <= self.scenario.last)
        return frame[kept].reset_index(drop=True)

    def matching(self, where: dict[str, str]) -> pd.Series:
        """Mask of the log's requests that match; all False for an unrecorded dimension."""
        mask = pd.Series(True, index=self.log.index)
        flag = {name: value for name, value in where.items() if name in FLAG_DIMENSIONS}
        product = {name: value for name, value in where.items() if name in PRODUCT_DIMENSIONS}
        for frame, part in ((self.flags, flag), (self.products, product)) if flag or product else ():
            if part:
                mask &= self.log["request_id"].isin(_only(frame, part)["request_id"])
        for name, value in where.items():
            if name not in (*flag, *product):
                mask &= (self.log[name] == value) if name in self.log else False
        return mask


def _only(frame: pd.DataFrame, where: dict[str, str]) -> pd.DataFrame:
    for name, value in where.items():
        frame = frame[frame[name] == value]
    return frame


def same_requests(rows: Rows, where: dict[str, str]) -> list[dict[str, str]]:
    """Other subjects with exactly the same requests, with one dimension replaced by another."""
    if set(where) & {*WORKFLOW_DIMENSIONS, *FLAG_DIMENSIONS}:
        return []  # runs are no requests; a flag's value is no synonym
    target = rows.matching(where)
    if not target.any():
        return []
    found = []
    for replaced in where:
        rest = {name: value for name, value in where.items() if name != replaced}
        within = rows.matching(rest) if rest else pd.Series(True, index=rows.log.index)
        for name in NAMED:
            if name in where or name not in rows.log:
                continue
            values = rows.log.loc[target, name].unique()
            if len(values) == 1 and isinstance(values[0], str):
                mask = within & (rows.log[name] == values[0])
                if mask.equals(target):
                    found.append({**rest, name: values[0]})
    return found


FAILED: dict[FaultEffect, Callable[[pd.DataFrame], pd.Series]] = {
    FaultEffect.ERRORS: lambda log: log["status_code"] >= 500,
    FaultEffect.LATENCY: lambda log: log["latency_ms"] > SLOW_MS,
    FaultEffect.CLIENT_ERRORS: lambda log: log["status_code"].between(400, 499),
    FaultEffect.RATE_LIMIT: lambda log: log["status_code"] == 429,
    FaultEffect.RETRIES: lambda log: log["is_retry"],
    FaultEffect.DEPENDENCY_FAILURES: lambda log: log["has_dependency_failure"] & log["status_code"].between(200, 299),
}
"""Effect of a fault -> its condition over the log."""


def before_and_after(
    rows: Rows, fault: Fault, subject: dict[str, str], others: list[dict[str, str]]
) -> tuple[int, int, int, int]:
    """Failed and all of the subject's requests (or runs) before the fault's onset, and after.

    Requests affected by another true cause are left out. A subject without requests before (a version or a flag's
    value that appeared with the incident) gets the service's.
    """
    onset = rows.scenario.onset_of(fault)
    if fault.effect is FaultEffect.WORKFLOW_FAILURE or (fault.kind is FaultKind.WORKFLOW):
        return _runs_before_and_after(rows, subject, onset, others)
    failed = FAILED[fault.effect](rows.log).fillna(False)
    mask, early = rows.matching(subject), rows.log["timestamp"] < onset
    for other in others:
        if not set(other) & set(WORKFLOW_DIMENSIONS):
            mask &= ~rows.matching(other)
    before = mask & early
    if not before.any():
        before = early
    after = mask & ~early
    return int((failed & before).sum()), int(before.sum()), int((failed & after).sum()), int(after.sum())


UNSEEN = (FaultEffect.RESOURCES, FaultEffect.LOST)
"""Effects that make no request of the log fail."""
ROLLED_OUT_AT_ONCE = 1.0
"""Minutes from the first instance to the last, up to which a version's failures begin suddenly."""


def sudden_start(scenario: Scenario) -> datetime | None:
    """When requests begin to fail; None if none do, or if the first fault begins gradually."""
    faults = [one for one in scenario.faults if one.kind is not FaultKind.EXISTING and one.effect not in UNSEEN]
    if not faults:
        return None
    first = min(scenario.onset_of(fault) for fault in faults)
    gradual = any(one.ramp_minutes > 0 for one in faults if scenario.onset_of(one) == first)
    versions = any("service_version" in one.where for one in faults if scenario.onset_of(one) == first)
    if versions and scenario.rollout:
        gradual |= scenario.rollout.ramp_minutes > ROLLED_OUT_AT_ONCE
    return None if gradual else first


def _runs_before_and_after(
    rows: Rows, subject: dict[str, str], onset: datetime, others: list[dict[str, str]]
) -> tuple[int, int, int, int]:
    steps = _only(rows.runs, {name: subject[name] for name in WORKFLOW_DIMENSIONS if name in subject})
    for other in others:
        touched = rows.log.loc[rows.matching(other), "correlation_id"]
        steps = steps[~steps["correlation_id"].isin(touched)]
    failed = (~steps["workflow_status"].isin(DONE)).groupby(steps["correlation_id"]).any()
    early = (steps["timestamp"] < onset).groupby(steps["correlation_id"]).any()
    return int((failed & early).sum()), int(early.sum()), int((failed & ~early).sum()), int((~early).sum())


def z_of_a_rise(failed0: int, all0: int, failed1: int, all1: int) -> float | None:
    """Root of the G-test's statistic (Wilks 1938) for a risen share; None if it has not risen."""
    if not all0 or not all1 or failed1 / all1 <= failed0 / all0:
        return None
    table = np.array([[failed0, all0 - failed0], [failed1, all1 - failed1]], dtype=float)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    some = table > 0
    g2 = 2 * float((table[some] * np.log(table[some] / expected[some])).sum())
    return math.sqrt(max(g2, 0.0))


def p_of_a_rise(failed0: int, all0: int, failed1: int, all1: int) -> float:
    """One-sided p of a risen share, by its normal z; 1 if it has not risen."""
    z = z_of_a_rise(failed0, all0, failed1, all1)
    return 1.0 if z is None else 0.5 * math.erfc(z / math.sqrt(2))
