"""The guide's most severe label of each step, computed from the raw rows with pandas, by the guide's text alone.

An independent implementation: it shares no code, SQL or thresholds with the checks, so that it detects their errors.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd

from eval.cases import Case
from eval.rows import DONE

Labeller = Callable[[pd.DataFrame, Path], str | None]
RULES_OF = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
"""Which rules the labels kept in the cache are from."""


def guide_labels(folder: Path, case: Case, cache: Path) -> dict[int, str]:
    """Step -> the most severe label, cached. Steps without the necessary data are left out."""
    given = case.expected.parameters
    if case.recipe is None or given.start_time is None or given.end_time is None:
        return {}
    kept = cache / "labels" / f"{folder.name}-{given.start_time:%H%M}-{RULES_OF}.json"
    if kept.exists():
        return {int(step): label for step, label in json.loads(kept.read_text(encoding="utf-8")).items()}
    rows = _real(folder / "api_gateway_logs.parquet", case, given.start_time, given.end_time)
    rows = rows[rows["service_name"] == given.service_name].drop_duplicates("request_id")
    runs = folder / "workflow_tracking.parquet"
    gaps = {gap.step for gap in case.expected.gaps}
    found = {4: _regions(rows)}
    rows = rows[rows["region"] == given.region]
    found |= {step: rule(rows, folder) for step, rule in RULES.items() if step not in gaps}
    if not rows.empty and 10 not in gaps:
        found[10] = _errors(rows, given.end_time)
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
    """A statistic per group and time bucket, of which the guide takes the average or the maximum."""
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


def _zones(rows: pd.DataFrame, folder: Path) -> str | None:
    """The label of resources: joins each request with its instance's latest sample, at most five minutes old."""
    path = folder / "infrastructure_metrics.parquet"
    rows = rows.assign(cpu=float("nan"), memory=float("nan")) if not path.exists() else _sampled(rows, path)
    keys = ["availability_zone", "instance_type"]
    table = _rates(rows, keys)
    table["broken"] = _share(rows, keys, rows["status_code"].isin([502, 503, 504]))
    quarters = rows.assign(quarter=rows["timestamp"].dt.floor("15min"))
    within = quarters.groupby([*keys, "load_balancer_id", "quarter"], dropna=False)[["latency_ms", "cpu", "memory"]]
    table = table.join(within.mean().groupby(level=keys, dropna=False).mean())
    table = table[table["n"] > 500]
    if table.empty:
        return None
    pressed = (table["cpu"] > 80) | (table["memory"] > 85)
    arms = [("CRITICAL", table["good"] < 90), ("DEGRADED", table["good"] < 95),
            ("INFRASTRUCTURE_ISSUES", table["broken"] > 5), ("PERFORMANCE_ISSUES", table["latency_ms"] > 2000),
            ("RESOURCE_PRESSURE", pressed)]  # fmt: skip
    return _gravest(_labelled(table, arms, "HEALTHY"), (*(label for label, _ in arms), "HEALTHY"))


def _sampled(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    samples = pd.read_parquet(path)
    samples["timestamp"] = pd.to_datetime(samples["timestamp"], utc=True)
    samples = samples.rename(columns={"cpu_utilization": "cpu", "memory_utilization": "memory"})
    samples = samples[["instance_id", "timestamp", "cpu", "memory"]].dropna(subset=["instance_id", "timestamp"])
    placed = rows["instance_id"].notna()
    joined = pd.merge_asof(
        rows[placed].sort_values("timestamp"), samples.sort_values(["timestamp", "cpu", "memory"]),
        on="timestamp", by="instance_id", tolerance=pd.Timedelta(minutes=5),
    )  # fmt: skip
    return pd.concat([joined, rows[~placed]], ignore_index=True)


def _share(rows: pd.DataFrame, keys: list[str], holds: pd.Series) -> pd.Series:
    return rows[keys].assign(holds=holds).groupby(keys, dropna=False)["holds"].mean() * 100


def _true(rows: pd.DataFrame, column: str) -> pd.Series:
    """Mask of True values; unknown ones are False."""
    if column not in rows:
        return pd.Series(False, index=rows.index)
    return rows[column].astype("boolean").fillna(False).astype(bool)


def _products(rows: pd.DataFrame, folder: Path) -> str | None:
    path = folder / "product_metadata.parquet"
    if not path.exists():
        return None
    keys = ["product_id", "product_category", "customer_tier", "subscription_type"]
    sold = rows.merge(pd.read_parquet(path)[["request_id", *keys]].drop_duplicates(), on="request_id")
    table = _rates(sold, keys)
    table["retries"] = _share(sold, keys, _true(sold, "is_retry"))
    sold["lacking"] = _true(sold, "has_dependency_failure") * 100.0
    table["lacking"] = _bucketed(sold, keys, "30min", "lacking", "mean")
    table["latency"] = _bucketed(sold, keys, "30min", "latency_ms", "mean")
    tier = pd.Series(table.index.get_level_values("customer_tier"), index=table.index)
    weight = tier.map({"PREMIUM": 10, "STANDARD": 3}).fillna(1)
    impact = sold.groupby(keys, dropna=False)["user_id"].nunique() * weight * (100 - table["good"])
    arms = [("SLA_BREACH_PREMIUM", (tier == "PREMIUM") & (table["good"] < 99.5)),
            ("SLA_BREACH_STANDARD", (tier == "STANDARD") & (table["good"] < 99)), ("CRITICAL", table["good"] < 95),
            ("HIGH_RETRY_RATE", table["retries"] > 20), ("DEPENDENCY_ISSUES", table["lacking"] > 10),
            ("PERFORMANCE_DEGRADED", table["latency"] > 3000)]  # fmt: skip
    labels = _labelled(table, arms, "HEALTHY")[table["n"] > 100]
    if labels.empty:
        return None
    shown = labels[labels != "HEALTHY"].loc[lambda kept: impact[kept.index].sort_values(ascending=False).index[:20]]
    return _gravest(shown, (*(label for label, _ in arms), "HEALTHY"))


def _errors(rows: pd.DataFrame, end: datetime) -> str:
    """The highest priority among the ten errors of the highest impact."""
    failed = rows[rows["status_code"] >= 500]
    if failed.empty:
        return "NO_ERRORS"
    keys = ["error_category", "exception_type", "service_component", "dependency_name"]
    failed = failed.assign(cascading=_true(failed, "is_cascading_failure"))
    grouped = failed.groupby(keys, dropna=False)
    table = (
        grouped["timestamp"].agg(first="min", last="max", n="size").join(grouped["user_id"].nunique().rename("users"))
    )
    table["cascading"] = grouped["cascading"].sum()
    hours = (table["last"] - table["first"]).dt.total_seconds() / 3600
    velocity = (table["n"] / hours.where(hours > 0)).fillna(0)
    impact = table["n"] * 0.3 + table["users"] * 0.4 + table["cascading"] * 0.2 + velocity * 0.1
    spike, cascade = velocity > 100, table["cascading"] > table["n"] * 0.1
    depends = pd.Series(table.index.get_level_values("dependency_name").notna(), index=table.index)
    recent = (pd.Timestamp(end) - table["first"]).dt.total_seconds() < 3600
    arms = [("CRITICAL", cascade & ~spike), ("URGENT", spike & recent), ("HIGH", table["users"] > 1000),
            ("MEDIUM", depends & ~spike & ~cascade)]  # fmt: skip
    shown = _labelled(table, arms, "LOW").loc[impact.sort_values(ascending=False, kind="stable").index[:10]]
    return _gravest(shown, (*(label for label, _ in arms), "LOW"))


RULES: dict[int, Labeller] = {2: _versions, 3: _flags, 5: _partitions, 6: _zones, 7: _endpoints, 8: _products}
"""Steps over the requests of one region."""
