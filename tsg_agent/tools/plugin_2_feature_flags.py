"""Step 3: does a value of a feature flag fail or slow down the requests that carry it?"""

import math
import statistics
from typing import Any, ClassVar

from tsg_agent.models import Measure
from tsg_agent.settings import AllThresholds, FlagThresholds
from tsg_agent.steps.rule import Arm, Rule
from tsg_agent.steps.step import percent_of, requests
from tsg_agent.telemetry.catalog import Needs
from tsg_agent.tools.plugin import Assessment, Plugin
from tsg_agent.tools.rows import (
    REQUEST_COLUMNS,
    Row,
    WindowArgs,
    column,
    descending,
    milliseconds,
    percent,
    text_key,
)

SQUARABLE = 1e150
"""Milliseconds that no clock measured: their squares overflow, and they would take the score from all others."""


class FlagRow(Row):
    """A flag's value with enough traffic."""

    flag_name: str | None = column("the flag")
    flag_value: str | None = column("its value")
    request_count: int = column("requests that carry the value")
    error_rate: float | None = percent("of them answered 5xx")
    success_rate: float | None = percent("of them answered 2xx")
    avg_latency: float | None = milliseconds("mean latency")
    p95_latency: float | None = milliseconds("95th percentile of latency")
    flag_status: str = column("the guide's label")
    severity_rank: int = column("1 has the highest error rate")
    latency_zscore: float | None = column("mean latency against all flag values'", "standard deviations")


RULE = Rule(
    "flag",
    (
        Arm(
            "HIGH_ERROR_RATE",
            lambda row, limits: (
                (row.error_rate > limits.error_rate) & (row.request_count > limits.error_requests)
                | (row.error_rate > limits.action_error_rate) & (row.request_count > limits.action_requests)
            ),
            "over {flag.action_error_rate:g} % errors on over {flag.action_requests} requests (or over "
            "{flag.error_rate:g} % on over {flag.error_requests})",
        ),
        Arm(
            "HIGH_LATENCY",
            lambda row, limits: (row.p95_latency > limits.p95_ms) & (row.request_count > limits.p95_requests),
            "p95 over {flag.p95_ms:g} ms",
        ),
        Arm(
            "LATENCY_ANOMALY",
            lambda row, limits: row.latency_zscore > limits.latency_zscore,
            "mean latency over {flag.latency_zscore:g} deviations above the other values'",
        ),
    ),
    "NORMAL",
)
"""HIGH_ERROR_RATE by the SQL's rule or the prose's."""


class FeatureFlags(Plugin[FlagRow]):
    """Compares error rates and latencies of the requests that carry each value of each feature flag.

    Use it when a flag, an experiment or a configuration switch may be the cause. {labels}.
    Only abnormal values are shown.
    """

    number = 2
    step = 3
    title = "Feature flag impact"
    question = "Do requests that carry some value of a feature flag fail more, or answer slower?"
    needs = (
        Needs("api_gateway_logs", (*REQUEST_COLUMNS, "status_code"), ("latency_ms", "is_test_traffic")),
        Needs("feature_flags", ("request_id", "flag_name", "flag_value")),
    )
    row = FlagRow
    requests_column = "request_count"
    label_column = "flag_status"
    rule = RULE
    rates: ClassVar = {
        "request_count": requests,
        "error_rate": percent_of(Measure.SERVER_ERRORS),
        "p95_latency": lambda sums: sums.percentile(95),
    }

    def assess(self, groups: list[dict[str, Any]], thresholds: AllThresholds, args: WindowArgs) -> Assessment[FlagRow]:
        """Score latencies across all flag values, label each, show the abnormal by error rate."""
        limits = thresholds.flag
        enough = [group for group in groups if group["request_count"] > limits.minimum_requests]
        known = [group["avg_latency"] for group in enough if group["avg_latency"] is not None]
        latencies = [value for value in known if abs(value) < SQUARABLE]
        mean = statistics.fmean(latencies) if latencies else 0.0
        deviation = statistics.stdev(latencies) if len(latencies) > 1 else 0.0
        ordered = sorted(
            enough,
            key=lambda group: (
                descending(group["error_rate"]),
                -group["request_count"],
                text_key(group["flag_name"]),
                text_key(group["flag_value"]),
            ),
        )
        rows = []
        for rank, group in enumerate(ordered, 1):
            latency = group["avg_latency"]
            zscore = (latency - mean) / deviation if deviation and latency is not None else None
            row = FlagRow(**group, flag_status="", severity_rank=rank, latency_zscore=zscore)
            status, also = RULE.label(row, limits)
            if status != self.healthy:
                rows.append(row.model_copy(update={"flag_status": status, "also": also}))
        return Assessment(
            rows[: limits.limit],
            enough=len(enough),
            truncated=len(rows) > limits.limit,
            notes=_notes(len(enough), limits),
        )


def _notes(values: int, limits: FlagThresholds) -> list[str]:
    """No value can lie further from the mean of n values than (n - 1) / sqrt(n) standard deviations."""
    if not values or (values - 1) / math.sqrt(values) > limits.latency_zscore:
        return []
    return [f"LATENCY_ANOMALY cannot occur among {values} flag values: the guide's score needs more of them."]
