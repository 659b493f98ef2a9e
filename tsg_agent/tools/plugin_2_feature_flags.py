"""Step 3: does a value of a feature flag fail or slow down the requests that carry it?"""

import math
import statistics
from typing import Any, ClassVar

from tsg_agent.models import Action, Cause, Measure, StepKind
from tsg_agent.settings import AllThresholds, FlagThresholds
from tsg_agent.steps.remedy import TAKEN_BACK, Order, Remedy, Situation, action, only_for, under
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
from tsg_agent.wording import count, listed, name
from tsg_agent.wording import percent as share

FLAG = ("flag_name", "flag_value")
DEFAULTS = ("off", "control", "false", "disabled", "0", "no", "none", "default")
"""Flag values that commonly mean "as it was before the flag"."""
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


def set_back(cause: Cause, situation: Situation, columns: tuple[str, ...]) -> Action | None:
    """To another value; which, where the evidence settles it."""
    if "flag_name" not in cause.subject:
        return None
    guilty = str(cause.detail.get("leave_value", cause.subject.get("flag_value", "")))
    others = [str(v) for v in cause.detail.get("other_values", ())]
    text, set_to = _flag_back(name(cause.subject["flag_name"]), guilty, others)
    limits = situation.thresholds.flag
    below = f"{share(limits.action_error_rate)} errors on over {count(limits.action_requests)} requests"
    text += only_for(cause, columns) + under(cause, situation, below)
    return action("set_flag", text, cause, leave_value=guilty, set_to=set_to)


def _flag_back(flag: str, guilty: str, others: list[str]) -> tuple[str, str | None]:
    """How to leave a guilty value, in words, and the value to set, where the evidence settles it."""
    bad, words = name(guilty), [name(v) for v in others]
    only = others[0] if len(others) == 1 else None
    if guilty.casefold() in DEFAULTS:
        instead = f"set it to {words[0]}" if only else f"choose another value ({listed(words, 5) or 'none was seen'})"
        return f"move flag {flag} off its value {bad}: {instead}; do not disable it, that would choose {bad}", only
    back = next((v for v in others if v.casefold() in DEFAULTS), only)
    if back is not None:
        return f"set flag {flag} back from {bad} to {name(back)}", back
    if words:
        return f"set flag {flag} back from {bad} to its value before (seen beside it: {listed(words, 5)})", None
    return f"disable flag {flag}: its value {bad} fails", None


class FeatureFlags(Plugin[FlagRow]):
    """Compares error rates and latencies of the requests that carry each value of each feature flag.

    Use it when a flag, an experiment or a configuration switch may be the cause. {labels}.
    Only abnormal values are shown.
    """

    number = 2
    noun = "flags"
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
    heading = "Feature flag problems"
    kind = StepKind.CHANGE
    dimensions = (FLAG,)
    remedies: ClassVar = {Remedy(Order.UNDO, set_back, TAKEN_BACK): FLAG}
    rule = RULE
    resolves: ClassVar = {RULE.labels[0]: "set_flag"}
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
            status, also = self.rule.label(row, limits)
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
