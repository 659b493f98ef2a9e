"""Step 5: which partitions, shards and tenant categories are served badly?"""

from typing import Any, ClassVar

from tsg_agent.models import Measure
from tsg_agent.settings import AllThresholds, PartitionThresholds
from tsg_agent.steps.remedy import DRAIN
from tsg_agent.steps.rule import Arm, Rule
from tsg_agent.steps.step import answered, mean_latency, percent_of
from tsg_agent.telemetry.catalog import Needs
from tsg_agent.tools.plugin import Assessment, Plugin
from tsg_agent.tools.rows import (
    REQUEST_COLUMNS,
    Row,
    WindowArgs,
    ascending,
    column,
    milliseconds,
    percent,
    ranks,
    text_key,
    under,
)


class PartitionRow(Row):
    """A tenant category's share of a shard of a partition."""

    partition_id: str | None = column("the partition")
    shard_id: str | None = column("the shard")
    tenant_category: str | None = column("the tenant category")
    total_requests: int = column("requests")
    success_rate: float | None = percent("requests answered 2xx")
    error_rate: float | None = percent("requests answered 5xx")
    overall_avg_latency: float | None = milliseconds("mean of the half hours' mean latencies")
    worst_latency: float | None = milliseconds("highest latency")
    affected_users: int | None = column("distinct users who were served here; NULL where no request names one")
    health_score: float | None = column("the guide's score: 100 is healthy")
    partition_status: str = column("the guide's label")
    severity_rank: int = column("1 has the lowest health score; ties share a rank")
    users_with_failures: int | None = column("distinct users who got a 5xx here")
    avg_latency_deviation: float | None = milliseconds("mean of the half hours' standard deviations of latency")


def health_score(row: dict[str, Any], limits: PartitionThresholds) -> float | None:
    """The guide's score: 40 % successes, 30 % errors, 30 % latency. None where a rate is unknown."""
    success, errors, latency = row["success_rate"], row["error_rate"], row["overall_avg_latency"]
    if success is None or errors is None:
        return None
    speed = 100 if under(latency, limits.score_fast_ms) else 50 if under(latency, limits.score_slow_ms) else 0
    return float(success * 0.4 + (100 - min(errors * 2, 100)) * 0.3 + speed * 0.3)


RULE = Rule(
    "partition",
    (
        Arm(
            "HIGH_ERRORS",
            lambda row, limits: row.error_rate > limits.error_rate,
            "over {partition.error_rate:g} % 5xx",
        ),
        Arm(
            "HIGH_LATENCY",
            lambda row, limits: row.overall_avg_latency > limits.latency_ms,
            "mean over {partition.latency_ms:g} ms",
        ),
        Arm(
            "UNSTABLE",
            lambda row, limits: row.avg_latency_deviation > limits.latency_deviation_ms,
            "latency deviates by over {partition.latency_deviation_ms:g} ms",
        ),
        Arm(
            "LOW_SUCCESS",
            lambda row, limits: row.success_rate < limits.success,
            "under {partition.success:g} % answered 2xx",
        ),
    ),
    "HEALTHY",
)


class Partitions(Plugin[PartitionRow]):
    """Compares success, errors and latency of partitions, shards and tenant categories.

    Use it when a shard, a database partition or a group of tenants may be the cause. {labels}.
    Only unhealthy rows are shown.
    """

    number = 4
    noun = "partitions"
    step = 5
    title = "Partition availability"
    question = "Which partitions, shards and tenant categories are served badly?"
    needs = (
        Needs(
            "api_gateway_logs",
            (*REQUEST_COLUMNS, "status_code", "partition_id"),
            ("shard_id", "tenant_category", "user_id", "latency_ms", "is_test_traffic"),
        ),
    )
    row = PartitionRow
    requests_column = "total_requests"
    label_column = "partition_status"
    heading = "Partition and shard issues"
    dimensions = ("shard_id", "partition_id", "tenant_category")
    remedies: ClassVar = {DRAIN: dimensions}
    rule = RULE
    rates: ClassVar = {
        "error_rate": percent_of(Measure.SERVER_ERRORS),
        "success_rate": answered,
        "overall_avg_latency": mean_latency,
    }

    def assess(
        self, groups: list[dict[str, Any]], thresholds: AllThresholds, args: WindowArgs
    ) -> Assessment[PartitionRow]:
        """Score and label; rank the unhealthy by score."""
        limits = thresholds.partition
        enough = [group for group in groups if group["total_requests"] > limits.minimum_requests]
        rows = []
        for group in enough:
            row = PartitionRow(**group, health_score=health_score(group, limits), partition_status="", severity_rank=0)
            status, also = self.rule.label(row, limits)
            if status != self.healthy:
                rows.append(row.model_copy(update={"partition_status": status, "also": also}))
        rows.sort(key=_order)
        ranked = ranks([ascending(row.health_score) for row in rows])
        rows = [row.model_copy(update={"severity_rank": rank}) for row, rank in zip(rows, ranked, strict=True)]
        return Assessment(rows[: limits.limit], enough=len(enough), truncated=len(rows) > limits.limit)


def _order(row: PartitionRow) -> tuple[Any, ...]:
    keys = (row.partition_id, row.shard_id, row.tenant_category)
    return (ascending(row.health_score), *map(text_key, keys))
