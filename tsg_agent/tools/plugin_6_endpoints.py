"""Step 7: which endpoints fail, and for whom?"""

from typing import Any, ClassVar

from tsg_agent.columns import Nature, of_nature
from tsg_agent.models import Action, Cause, Measure
from tsg_agent.settings import AllThresholds
from tsg_agent.steps.remedy import Order, Remedy, Situation, action, named, owned
from tsg_agent.steps.rule import Arm, Rule
from tsg_agent.steps.step import answered, percent_of, requests
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
    ranks,
    text_key,
)
from tsg_agent.wording import subject_name


class EndpointRow(Row):
    """An endpoint as one method, API version and kind of client see it."""

    endpoint_path: str | None = column("the endpoint")
    http_method: str | None = column("the method")
    api_version: str | None = column("the API version")
    client_type: str | None = column("the kind of client")
    total_requests: int = column("requests")
    success_rate: float | None = percent("requests answered 2xx")
    server_error_rate: float | None = percent("requests answered 5xx")
    overall_avg_latency: float | None = milliseconds("mean of the ten minutes' mean latencies")
    max_p99_latency: float | None = milliseconds("highest 99th percentile of ten minutes")
    cache_hit_rate: float | None = percent("requests answered from the cache")
    endpoint_status: str = column("the guide's label")
    impact_score: float | None = column("thousands of requests times percent not answered 2xx")
    impact_rank: int = column("1 has the highest impact; ties share a rank")
    client_error_rate: float | None = percent("requests answered 4xx")
    rate_limited_rate: float | None = percent("requests answered 429")


RULE = Rule(
    "endpoint",
    (
        Arm(
            "HIGH_SERVER_ERRORS",
            lambda row, limits: row.server_error_rate > limits.server_error_rate,
            "over {endpoint.server_error_rate:g} % 5xx",
        ),
        Arm(
            "LOW_SUCCESS_RATE",
            lambda row, limits: row.success_rate < limits.success,
            "under {endpoint.success:g} % answered 2xx",
        ),
        Arm(
            "HIGH_LATENCY",
            lambda row, limits: row.max_p99_latency > limits.p99_ms,
            "p99 over {endpoint.p99_ms:g} ms",
        ),
        Arm(
            "HIGH_CLIENT_ERRORS",
            lambda row, limits: row.client_error_rate > limits.client_error_rate,
            "over {endpoint.client_error_rate:g} % 4xx",
        ),
        Arm(
            "LOW_CACHE_EFFICIENCY",
            lambda row, limits: (
                (row.cache_hit_rate < limits.cache_hit_rate) & (row.total_requests > limits.cache_requests)
            ),
            "under {endpoint.cache_hit_rate:g} % hits",
        ),
    ),
    "NORMAL",
)


def fix(cause: Cause, situation: Situation, columns: tuple[str, ...]) -> Action | None:
    """Beginning at the error that its requests meet, where one shows."""
    if not named(cause, columns):
        return None
    errors = of_nature(Nature.COMPONENT, Nature.ERROR)
    seen = [v for v in cause.also_visible_in if any(column in v.subject for column in errors)]
    hint = f"; start at {subject_name(seen[0].subject)}" if seen else ""
    return owned(action("fix_endpoint", f"fix {subject_name(cause.subject)}{hint}", cause), cause, situation)


class Endpoints(Plugin[EndpointRow]):
    """Compares success, errors, latency and cache hits of endpoints by method, API version and client.

    Use it when one endpoint, API version or kind of client may be the cause, or to see what customers lose.
    {labels}.
    Only abnormal rows are shown, by impact.
    """

    number = 6
    noun = "endpoints"
    step = 7
    title = "Endpoint availability"
    question = "Which endpoints fail or slow down, for which methods, API versions and clients?"
    needs = (
        Needs(
            "api_gateway_logs",
            (*REQUEST_COLUMNS, "status_code", "endpoint_path"),
            ("http_method", "api_version", "client_type", "latency_ms", "cache_hit", "is_test_traffic"),
        ),
    )
    row = EndpointRow
    requests_column = "total_requests"
    told = "endpoint_path"
    label_column = "endpoint_status"
    heading = "Application component failures"
    dimensions = ("endpoint_path", "http_method", "api_version", "client_type")
    remedies: ClassVar = {Remedy(Order.FIX_WHERE, fix): dimensions}
    customers = True
    rule = RULE
    rates: ClassVar = {
        "total_requests": requests,
        "server_error_rate": percent_of(Measure.SERVER_ERRORS),
        "success_rate": answered,
        "max_p99_latency": lambda sums: sums.percentile(99),
        "client_error_rate": percent_of(Measure.CLIENT_ERRORS),
    }

    def assess(
        self, groups: list[dict[str, Any]], thresholds: AllThresholds, args: WindowArgs
    ) -> Assessment[EndpointRow]:
        """Label each row with enough traffic; rank the abnormal by impact."""
        limits = thresholds.endpoint
        enough = [group for group in groups if group["total_requests"] > limits.minimum_requests]
        rows = []
        for group in enough:
            success = group["success_rate"]
            impact = None if success is None else group["total_requests"] / 1000.0 * (100 - success)
            row = EndpointRow(**group, endpoint_status="", impact_score=impact, impact_rank=0)
            status, also = self.rule.label(row, limits)
            if status != self.healthy:
                rows.append(row.model_copy(update={"endpoint_status": status, "also": also}))
        rows.sort(key=_order)
        ranked = ranks([descending(row.impact_score) for row in rows])
        rows = [row.model_copy(update={"impact_rank": rank}) for row, rank in zip(rows, ranked, strict=True)]
        return Assessment(rows[: limits.limit], enough=len(enough), truncated=len(rows) > limits.limit)


def _order(row: EndpointRow) -> tuple[Any, ...]:
    keys = (row.endpoint_path, row.http_method, row.api_version, row.client_type)
    return (descending(row.impact_score), *map(text_key, keys))
