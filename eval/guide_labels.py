"""The guide's gravest label of a step, worked out from the raw rows with pandas and the guide's text alone.

A second opinion on purpose: it shares no code, no SQL and no thresholds with the checks, so that a threshold that is
off by one there shows here. Steps 6 and 10, whose labels hang on joins in time and on order, are left to the checks'
own tests.
"""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd

from eval.cases import Case
from eval.rows import DONE

Labeller = Callable[[pd.DataFrame, Path], str | None]


def guide_labels(folder: Path, case: Case, cache: Path) -> dict[int, str]:
    """Step -> the gravest label, kept in the cache. Steps that cannot be read are left out."""
    given = case.expected.parameters
    if case.recipe is None or given.start_time is None or given.end_time is None:
        return {}
    kept = cache / "labels" / f"{folder.name}-{given.start_time:%H%M}.json"
    if kept.exists():
        return {int(step): label for step, label in json.loads(kept.read_text(encoding="utf-8")).items()}
    rows = _real(folder / "api_gateway_logs.parquet", case, given.start_time, given.end_time)
    rows = rows[rows["service_name"] == given.service_name].drop_duplicates("request_id")
    runs = folder / "workflow_tracking.parquet"
    gaps = {gap.step for gap in case.expected.gaps}
    found = {4: _regions(rows)}
    rows = rows[rows["region"] == given.region]
    found |= {step: rule(rows, folder) for step, rule in RULES.items() if step not in gaps}
    if runs.exists():
        steps = _real(runs, case, given.start_time, given.end_time)
        found[9] = _workflows(steps[steps["region"] == given.region])
    labels = {step: label for step, label in sorted(found.items()) if label is not None}
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(labels), encoding="utf-8")
    return labels


def _real(path: Path, case: Case, start: datetime, end: datetime) -> pd.DataFrame:
    frame = pd.read_parquet(path)
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
    test = frame["is_test_traffic"].astype("boolean").fillna(False).astype(bool)
    within = (frame["timestamp"] >= start) & (frame["timestamp"] <= end)
    return frame[within & ~test & (frame["environment"] == case.expected.parameters.environment)]


def _rates(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Per group: n, and percent of 5xx, 4xx and 2xx."""
    status = rows["status_code"]
    marks = rows[keys].assign(
        bad=status >= 500,
        refused=status.between(400, 499),
        good=status.between(200, 299),
        slow=rows["latency_ms"] > 5000,
    )
    grouped = marks.groupby(keys, dropna=False)
    rates = grouped[["bad", "refused", "good", "slow"]].mean() * 100
    return rates.assign(n=grouped.size())


def _bucketed(rows: pd.DataFrame, keys: list[str], every: str, column: str, how: str | float) -> pd.Series:
    """A figure of each group's buckets of time, before the guide averages or takes the highest of them."""
    grouped = rows.assign(bucket=rows["timestamp"].dt.floor(every)).groupby([*keys, "bucket"], dropna=False)[column]
    figure = grouped.quantile(how) if isinstance(how, float) else grouped.agg(how)
    return figure.groupby(level=list(range(len(keys))), dropna=False).agg("max" if isinstance(how, float) else "mean")


def _gravest(labels: pd.Series, order: tuple[str, ...]) -> str:
    return next((label for label in order if (labels == label).any()), order[-1])


def _labelled(table: pd.DataFrame, arms: list[tuple[str, pd.Series]], healthy: str) -> pd.Series:
    labels = pd.Series(healthy, index=table.index)
    for label, holds in reversed(arms):
        labels[holds.fillna(False).astype(bool)] = label
    return labels


def _versions(rows: pd.DataFrame, _: Path) -> str | None:
    if "service_version" not in rows:
        return None
    table = _rates(rows, ["service_version"])
    table = table[table["n"] > 1000]
    if len(table) < 2:
        return None
    order = sorted(table.index, key=lambda version: tuple(int(part) for part in version.split(".")))
    newest, before = table.loc[order[-1]], table.loc[order[-2]]
    if newest["bad"] - before["bad"] > 10:
        return "REGRESSION_DETECTED"
    return "PERFORMANCE_DEGRADATION" if newest["slow"] > 10 else "NO_REGRESSION"


def _flags(rows: pd.DataFrame, folder: Path) -> str | None:
    path = folder / "feature_flags.parquet"
    if not path.exists():
        return None
    flags = pd.read_parquet(path).drop_duplicates()
    joined = rows.merge(flags, on="request_id")
    keys = ["flag_name", "flag_value"]
    table = _rates(joined, keys)
    p95 = joined.groupby(keys)["latency_ms"].quantile(0.95)
    table = table.assign(p95=p95)[table["n"] > 100]
    high = ((table["bad"] > 15) & (table["n"] > 500)) | ((table["bad"] > 8) & (table["n"] > 1000))
    labels = _labelled(table, [("HIGH_ERROR_RATE", high), ("HIGH_LATENCY", (table["p95"] > 5000) & (table["n"] > 500))],
                       "NORMAL")  # fmt: skip
    return _gravest(labels, ("HIGH_ERROR_RATE", "HIGH_LATENCY", "NORMAL"))


def _regions(rows: pd.DataFrame) -> str | None:
    table = _rates(rows, ["region", "datacenter", "availability_zone"])
    table = table[table["n"] > 1000]
    if table.empty:
        return None
    labels = _labelled(table, [("CRITICAL", table["good"] < 95), ("WARNING", table["good"] < 99)], "HEALTHY")
    return _gravest(labels, ("CRITICAL", "WARNING", "HEALTHY"))


def _partitions(rows: pd.DataFrame, _: Path) -> str | None:
    keys = ["partition_id", "shard_id", "tenant_category"]
    table = _rates(rows, keys)
    table["latency"] = _bucketed(rows, keys, "30min", "latency_ms", "mean")
    table["spread"] = _bucketed(rows, keys, "30min", "latency_ms", "std")
    table = table[table["n"] > 100]
    score = table["good"] * 0.4 + (100 - (table["bad"] * 2).clip(upper=100)) * 0.3
    score += table["latency"].map(lambda ms: 100 if ms < 1000 else 50 if ms < 3000 else 0) * 0.3
    arms = [("HIGH_ERRORS", table["bad"] > 10), ("HIGH_LATENCY", table["latency"] > 3000),
            ("UNSTABLE", table["spread"] > 1000), ("LOW_SUCCESS", table["good"] < 95)]  # fmt: skip
    labels = _labelled(table, arms, "HEALTHY")
    shown = labels[labels != "HEALTHY"].loc[lambda kept: score[kept.index].sort_values().index[:20]]
    return _gravest(shown, ("HIGH_ERRORS", "HIGH_LATENCY", "UNSTABLE", "LOW_SUCCESS", "HEALTHY"))


def _endpoints(rows: pd.DataFrame, _: Path) -> str | None:
    keys = ["endpoint_path", "http_method", "api_version", "client_type"]
    table = _rates(rows, keys)
    table["p99"] = _bucketed(rows, keys, "10min", "latency_ms", 0.99)
    table["hits"] = rows.groupby(keys, dropna=False)["cache_hit"].sum() * 100.0 / table["n"]
    table = table[table["n"] > 100]
    arms = [("HIGH_SERVER_ERRORS", table["bad"] > 10), ("LOW_SUCCESS_RATE", table["good"] < 90),
            ("HIGH_LATENCY", table["p99"] > 5000), ("HIGH_CLIENT_ERRORS", table["refused"] > 30),
            ("LOW_CACHE_EFFICIENCY", (table["hits"] < 20) & (table["n"] > 1000))]  # fmt: skip
    labels = _labelled(table, arms, "NORMAL")
    impact = table["n"] / 1000.0 * (100 - table["good"])
    shown = labels[labels != "NORMAL"].loc[lambda kept: impact[kept.index].sort_values(ascending=False).index[:25]]
    return _gravest(shown, (*(label for label, _ in arms), "NORMAL"))


def _workflows(steps: pd.DataFrame) -> str:
    keys = ["scenario_name", "business_criticality", "correlation_id"]
    status = steps["workflow_status"]
    runs = steps[keys].assign(failed=~status.isin(DONE), done=status == "COMPLETED")
    ended = runs.groupby(keys)[["failed", "done"]].any()
    critical = ended[ended.index.get_level_values(1) == "CRITICAL"]
    completed = (critical["done"] & ~critical["failed"]).groupby(level=0).mean() * 100
    return "CRITICAL_SCENARIO_FAILING" if (completed < 99).any() else "NO_CRITICAL_FAILURE"


RULES: dict[int, Labeller] = {2: _versions, 3: _flags, 5: _partitions, 7: _endpoints}
"""Steps over the requests of one region."""
