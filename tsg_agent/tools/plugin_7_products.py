"""Step 8: which products and customer tiers are hurt?"""

from typing import Any, ClassVar

from tsg_agent.models import Action, Cause, Finding, Measure
from tsg_agent.settings import AllThresholds, ProductThresholds
from tsg_agent.steps.remedy import SYMPTOMS, Order, Remedy, Situation, action, named, proposal
from tsg_agent.steps.rule import Arm, Rule
from tsg_agent.steps.step import answered, mean_latency, percent_of
from tsg_agent.telemetry.catalog import Needs
from tsg_agent.tools.plugin import Assessment, Plugin
from tsg_agent.tools.rows import (
    REQUEST_COLUMNS,
    Row,
    WindowArgs,
    column,
    dense_ranks,
    descending,
    milliseconds,
    percent,
    text_key,
)
from tsg_agent.wording import listed, subject_name

PREMIUM, STANDARD = "PREMIUM", "STANDARD"
BREACHES = ("SLA_BREACH_PREMIUM", "SLA_BREACH_STANDARD")


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


RULE = Rule(
    "product",
    (
        Arm(
            BREACHES[0],
            lambda row, limits: (row.customer_tier == PREMIUM) & (row.success_rate < limits.premium_success),
            "under {product.premium_success:g} % answered 2xx",
        ),
        Arm(
            BREACHES[1],
            lambda row, limits: (row.customer_tier == STANDARD) & (row.success_rate < limits.standard_success),
            "under {product.standard_success:g} %",
        ),
        Arm(
            "CRITICAL",
            lambda row, limits: row.success_rate < limits.critical,
            "under {product.critical:g} %",
        ),
        Arm(
            "HIGH_RETRY_RATE",
            lambda row, limits: row.retry_rate > limits.retry_rate,
            "over {product.retry_rate:g} %",
        ),
        Arm(
            "DEPENDENCY_ISSUES",
            lambda row, limits: row.avg_dependency_failures > limits.dependency_failures,
            "over {product.dependency_failures:g} %",
        ),
        Arm(
            "PERFORMANCE_DEGRADED",
            lambda row, limits: row.overall_avg_latency > limits.latency_ms,
            "mean over {product.latency_ms:g} ms",
        ),
    ),
    "HEALTHY",
)


def business_impact(row: dict[str, Any], limits: ProductThresholds) -> float | None:
    """The guide's score: users, weighted by tier, times the share not answered 2xx."""
    if row["success_rate"] is None or row["affected_users"] is None:
        return None
    weight = {PREMIUM: limits.premium_weight, STANDARD: limits.standard_weight}.get(row["customer_tier"], 1)
    return float(row["affected_users"] * weight * (100 - row["success_rate"]) / 100)


def act_for_tier(cause: Cause, _: Situation, columns: tuple[str, ...]) -> Action | None:
    """Where its requests fail, be what its customers were promised broken or not."""
    if not named(cause, columns) or cause.measure in SYMPTOMS:
        return None
    why = "its SLA is breached"
    if cause.label not in BREACHES:
        why = "its requests fail (under the guide's threshold for tiers; the evidence confirms it)"
    return action("act_for_tier", f"act at once for {subject_name(cause.subject)}: {why}", cause)


class Products(Plugin[ProductRow]):
    """Compares success, retries, dependency failures and latency of products by customer tier and subscription.

    Use it to see which customers are hurt, or when one product may be the cause. {labels}.
    Only unhealthy rows are shown, by business impact.
    """

    number = 7
    noun = "products"
    step = 8
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
    heading = "Product and customer impact"
    dimensions = ("product_id", "product_category", "customer_tier", "subscription_type")
    remedies: ClassVar = {Remedy(Order.SERVE, act_for_tier): ("customer_tier",)}
    customers = True
    rule = RULE
    rates: ClassVar = {
        "success_rate": answered,
        "retry_rate": percent_of(Measure.RETRIES),
        "overall_avg_latency": mean_latency,
    }

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
            status, also = self.rule.label(row, limits)
            if status != self.healthy:
                rows.append(row.model_copy(update={"product_status": status, "also": also}))
        rows.sort(key=_order)
        ranked = dense_ranks([descending(row.business_impact_score) for row in rows])
        rows = [row.model_copy(update={"priority": rank}) for row, rank in zip(rows, ranked, strict=True)]
        return Assessment(rows[: limits.limit], enough=len(enough), truncated=len(rows) > limits.limit)

    def repairs(self, cause: Cause, finding: Finding | None) -> list[Action]:
        """The tiers whose SLA the cause breaches."""
        breached = [v for v in cause.also_visible_in if v.label in BREACHES]
        if not breached:
            return []
        text = f"act at once for {listed([subject_name(v.subject) for v in breached])}: the cause breaches their SLA"
        evidence = [e for v in breached for e in v.evidence[:1]] or cause.evidence
        return [proposal("act_for_tier", text, cause, evidence, {"subjects": [v.subject for v in breached]})]


def _order(row: ProductRow) -> tuple[Any, ...]:
    keys = (row.product_id, row.product_category, row.customer_tier, row.subscription_type)
    return (descending(row.business_impact_score), *map(text_key, keys))
