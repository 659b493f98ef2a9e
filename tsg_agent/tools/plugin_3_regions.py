"""Step 4: which regions, datacenters and zones answer worse than they should?"""

from typing import Any, ClassVar

from tsg_agent.settings import AllThresholds
from tsg_agent.steps.remedy import REDIRECT
from tsg_agent.steps.rule import Arm, Rule
from tsg_agent.steps.step import answered
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
    text_key,
)


class RegionRow(Row):
    """A zone of a datacenter of a region with enough traffic, worst first."""

    region: str | None = column("the region")
    datacenter: str | None = column("the datacenter")
    availability_zone: str | None = column("the zone")
    total_count: int = column("requests")
    availability_pct: float | None = percent("requests answered 2xx")
    failure_count: int = column("requests answered 5xx")
    rate_limited_count: int = column("requests answered 429")
    unavailable_count: int = column("requests answered 503")
    overall_avg_latency: float | None = milliseconds("mean of the hours' mean latencies")
    max_p99_latency: float | None = milliseconds("highest 99th percentile of an hour")
    trend: str = column("the guide's label of the trend: DEGRADING, IMPROVING or STABLE")
    health_status: str = column("the guide's label")
    points_per_hour: float | None = column("trend of the success rate, weighted by requests", "points per hour")
    incident_region: bool = column("whether the incident names this region")


RULE = Rule(
    "region",
    (
        Arm(
            "CRITICAL",
            lambda row, limits: row.availability_pct < limits.critical,
            "under {region.critical:g} % of requests answered 2xx",
        ),
        Arm("WARNING", lambda row, limits: row.availability_pct < limits.warning, "under {region.warning:g} %"),
    ),
    "HEALTHY",
)


TREND = Rule(
    "region",
    (
        Arm("DEGRADING", lambda row, limits: row.points_per_second < -limits.trend_slope),
        Arm("IMPROVING", lambda row, limits: row.points_per_second > limits.trend_slope),
    ),
    "STABLE",
)
"""The guide's limit is 36 points an hour: `points_per_hour` says more."""


class Regions(Plugin[RegionRow]):
    """Compares availability across all regions, datacenters and zones of the service.

    Use it when a region, a datacenter or a network path may be the cause. {labels}.
    All regions are shown, the given one is marked.
    """

    number = 3
    noun = "regions"
    step = 4
    title = "Regional availability"
    question = "Which regions, datacenters and zones answer worse than they should?"
    needs = (
        Needs(
            "api_gateway_logs",
            (*REQUEST_COLUMNS, "status_code"),
            ("datacenter", "availability_zone", "latency_ms", "is_test_traffic"),
        ),
    )
    row = RegionRow
    requests_column = "total_count"
    label_column = "health_status"
    heading = "Regional degradation"
    dimensions = ("region", "datacenter")
    remedies: ClassVar = {REDIRECT: ("region", "datacenter")}
    rule = RULE
    resolves: ClassVar = dict.fromkeys(RULE.labels[:-1], "redirect_traffic")
    rates: ClassVar = {"availability_pct": answered}

    def assess(
        self, groups: list[dict[str, Any]], thresholds: AllThresholds, args: WindowArgs
    ) -> Assessment[RegionRow]:
        """Label each zone with enough traffic, worst availability first."""
        limits = thresholds.region
        enough = [group for group in groups if group["total_count"] > limits.minimum_requests]
        rows = []
        for group in enough:
            measured = {name: value for name, value in group.items() if name != "points_per_second"}
            row = RegionRow(
                **measured,
                trend=TREND.label(group, limits)[0],
                health_status="",
                incident_region=group["region"] == args.region,
            )
            status, also = self.rule.label(row, limits)
            rows.append(row.model_copy(update={"health_status": status, "also": also}))
        rows.sort(
            key=lambda row: (
                ascending(row.availability_pct),
                -row.total_count,
                text_key(row.region),
                text_key(row.datacenter),
                text_key(row.availability_zone),
            )
        )
        return Assessment(rows, enough=len(enough))
