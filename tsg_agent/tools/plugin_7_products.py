"""Step 8: which products and customer tiers are hurt?"""

from typing import Any

from tsg_agent.settings import AllThresholds, ProductThresholds
from tsg_agent.telemetry.catalog import Needs
from tsg_agent.tools.plugin import Assessment, Plugin
from tsg_agent.tools.rows import (
    REQUEST_COLUMNS,
    Row,
    WindowArgs,
    column,
    dense_ranks,
    descending,
    first_and_others,
    milliseconds,
    over,
    percent,
    text_key,
    under,
)

PREMIUM, STANDARD = "PREMIUM", "STANDARD"


class ProductRow(Row):
    """A product as one customer tier and subscription see it."""

    product_id: str | None = column("the product")
    product_category: str | None = column("its category")
    customer_tier: str | None = column("the customers' tier")
    subscription_type: str | None = column("their subscription")
    total_requests: int = column("requests")
    success_rate: float | None = percent("requests answered 2xx")
    affected_users: int | None = column("distinct users who were served; NULL where no request names one")
    retry_rate: float | None = percent("requests that were retries")
    overall_avg_latency: float | None = milliseconds("mean of the half hours' mean latencies")
    avg_dependency_failures: float | None = percent("mean of the half hours' shares with a dependency failure")
    product_status: str = column("the guide's label")
    business_impact_score: float | None = column("users, weighted by tier, times the share not answered 2xx")
    priority: int = column("1 has the highest impact; ties share it")
    users_with_failures: int | None = column("distinct users who got a 5xx")


def label(row: ProductRow, limits: ProductThresholds) -> tuple[str, tuple[str, ...]]:
    """The guide's CASE of Step 8."""
    success, tier = row.success_rate, row.customer_tier
    return first_and_others(
        [
            (tier == PREMIUM and under(success, limits.premium_success), "SLA_BREACH_PREMIUM"),
            (tier == STANDARD and under(success, limits.standard_success), "SLA_BREACH_STANDARD"),
            (under(success, limits.critical), "CRITICAL"),
            (over(row.retry_rate, limits.retry_rate), "HIGH_RETRY_RATE"),
            (over(row.avg_dependency_failures, limits.dependency_failures), "DEPENDENCY_ISSUES"),
            (over(row.overall_avg_latency, limits.latency_ms), "PERFORMANCE_DEGRADED"),
        ],
        "HEALTHY",
    )


def business_impact(row: dict[str, Any], limits: ProductThresholds) -> float | None:
    """The guide's score: users, weighted by tier, times the share not answered 2xx."""
    if row["success_rate"] is None or row["affected_users"] is None:
        return None
    weight = {PREMIUM: limits.premium_weight, STANDARD: limits.standard_weight}.get(row["customer_tier"], 1)
    return float(row["affected_users"] * weight * (100 - row["success_rate"]) / 100)


class Products(Plugin[ProductRow]):
    """Compares success, retries, dependency failures and latency of products by customer tier and subscription.

    Use it to see which customers are hurt, or when one product may be the cause. SLA_BREACH_PREMIUM: under
    {product.premium_success:g} % answered 2xx; SLA_BREACH_STANDARD: under {product.standard_success:g} %; CRITICAL:
    under {product.critical:g} %; HIGH_RETRY_RATE: over {product.retry_rate:g} %; DEPENDENCY_ISSUES: over
    {product.dependency_failures:g} %; PERFORMANCE_DEGRADED: mean over {product.latency_ms:g} ms. Only unhealthy
    rows are shown, by business impact.
    """

    number = 7
    title = "Product and customer impact"
    question = "Which products, customer tiers and subscriptions are hurt?"
    needs = (
        Needs(
            "api_gateway_logs",
            (*REQUEST_COLUMNS, "status_code"),
            ("user_id", "latency_ms", "is_retry", "has_dependency_failure", "is_test_traffic"),
        ),
        Needs(
            "product_metadata", ("request_id", "product_id"), ("product_category", "customer_tier", "subscription_type")
        ),
    )
    row = ProductRow
    requests_column = "total_requests"
    label_column = "product_status"
    labels = (
        "SLA_BREACH_PREMIUM",
        "SLA_BREACH_STANDARD",
        "CRITICAL",
        "HIGH_RETRY_RATE",
        "DEPENDENCY_ISSUES",
        "PERFORMANCE_DEGRADED",
        "HEALTHY",
    )

    def assess(
        self, groups: list[dict[str, Any]], thresholds: AllThresholds, args: WindowArgs
    ) -> Assessment[ProductRow]:
        """Label each row with enough traffic; rank the unhealthy by business impact."""
        limits = thresholds.product
        enough = [group for group in groups if group["total_requests"] > limits.minimum_requests]
        rows = []
        for group in enough:
            impact = business_impact(group, limits)
            row = ProductRow(**group, product_status="", business_impact_score=impact, priority=0)
            status, also = label(row, limits)
            if status != self.labels[-1]:
                rows.append(row.model_copy(update={"product_status": status, "also": also}))
        rows.sort(key=_order)
        ranked = dense_ranks([descending(row.business_impact_score) for row in rows])
        rows = [row.model_copy(update={"priority": rank}) for row, rank in zip(rows, ranked, strict=True)]
        return Assessment(rows[: limits.limit], enough=len(enough), truncated=len(rows) > limits.limit)


def _order(row: ProductRow) -> tuple[Any, ...]:
    keys = (row.product_id, row.product_category, row.customer_tier, row.subscription_type)
    return (descending(row.business_impact_score), *map(text_key, keys))
