"""Step 6: which zones and instance types are in trouble?"""

from collections.abc import Iterable
from typing import Any, ClassVar

from tsg_agent.columns import Nature, of_nature
from tsg_agent.models import Action, Cause, Confidence, Finding, Measure, Subject
from tsg_agent.settings import AllThresholds, ZoneThresholds
from tsg_agent.steps.remedy import DRAIN, LOOK, REDIRECT, Order, Remedy, Situation, action, named
from tsg_agent.steps.rule import Arm, Rule
from tsg_agent.steps.step import answered, mean_latency, percent_of, rows_about
from tsg_agent.telemetry.catalog import Needs
from tsg_agent.tools.plugin import Assessment, Plugin
from tsg_agent.tools.rows import (
    REQUEST_COLUMNS,
    Row,
    WindowArgs,
    ascending,
    column,
    dense_ranks,
    milliseconds,
    percent,
    text_key,
    under,
)
from tsg_agent.wording import cited, sentence, some, subject_name


class ZoneRow(Row):
    """An instance type of a zone with enough traffic, least healthy first."""

    availability_zone: str | None = column("the zone")
    instance_type: str | None = column("the instance type")
    total_requests: int = column("requests")
    success_rate: float | None = percent("requests answered 2xx")
    infrastructure_error_rate: float | None = percent("requests answered 502, 503 or 504")
    overall_latency: float | None = milliseconds("mean of the quarter hours' mean latencies")
    backend_latency: float | None = milliseconds("the same of the backend's latency")
    connection_latency: float | None = milliseconds("the same of the connection time")
    peak_connections: float | None = column("most concurrent connections")
    avg_cpu_usage: float | None = percent("mean CPU utilization of the instances")
    avg_memory_usage: float | None = percent("mean memory utilization of the instances")
    zone_status: str = column("the guide's label")
    health_score: float | None = column("the guide's score: 100 is healthy")
    priority: int = column("1 has the lowest health score; ties share it")


def health_score(row: dict[str, Any], limits: ZoneThresholds) -> float | None:
    """The guide's score: 50 % successes, 30 % infrastructure errors, 20 % latency. None where a rate is unknown."""
    success, errors, latency = row["success_rate"], row["infrastructure_error_rate"], row["overall_latency"]
    if success is None or errors is None:
        return None
    steps = ((limits.score_fast_ms, 100), (limits.score_medium_ms, 75), (limits.score_slow_ms, 50))
    speed = next((score for limit, score in steps if under(latency, limit)), 25)
    return float(success * 0.5 + (100 - errors) * 0.3 + speed * 0.2)


BROKEN, PRESSURE = "INFRASTRUCTURE_ISSUES", "RESOURCE_PRESSURE"

RULE = Rule(
    "zone",
    (
        Arm(
            "CRITICAL",
            lambda row, limits: row.success_rate < limits.critical,
            "under {zone.critical:g} % answered 2xx",
        ),
        Arm("DEGRADED", lambda row, limits: row.success_rate < limits.degraded, "under {zone.degraded:g} %"),
        Arm(
            BROKEN,
            lambda row, limits: row.infrastructure_error_rate > limits.infrastructure_error_rate,
            "over {zone.infrastructure_error_rate:g} % 502-504",
        ),
        Arm(
            "PERFORMANCE_ISSUES",
            lambda row, limits: row.overall_latency > limits.latency_ms,
            "mean over {zone.latency_ms:g} ms",
        ),
        Arm(
            PRESSURE,
            lambda row, limits: (row.avg_cpu_usage > limits.cpu) | (row.avg_memory_usage > limits.memory),
            "CPU over {zone.cpu:g} % or memory over {zone.memory:g} %",
        ),
    ),
    "HEALTHY",
)


def scale(cause: Cause, situation: Situation, _: tuple[str, ...]) -> Action | None:
    """Where a row that the cause cites is short of CPU or memory, be it that the guide's CASE hides it."""
    pressed = PRESSURE in (cause.label, *cause.detail.get("labels", ()))
    if not pressed and not _row_says(PRESSURE, cause, situation.findings.values()):
        return None
    return action("scale", f"add capacity to {subject_name(cause.subject)}: it is short of CPU or memory", cause)


def _row_says(label: str, cause: Cause, findings: Iterable[Finding]) -> bool:
    rows = {f"{f.id}.{i}": row for f in findings for i, row in enumerate(f.rows, 1)}
    cells = [cell for item in cause.evidence for cell in rows.get(item, {}).values()]
    return any(cell == label or (isinstance(cell, list | tuple) and label in cell) for cell in cells)


class Zones(Plugin[ZoneRow]):
    """Compares success, infrastructure errors (502, 503, 504), latency, CPU and memory of zones and instance types.

    Use it when a zone, a kind of machine, a load balancer or a lack of resources may be the cause. {labels}.
    Healthy zones are shown too.
    """

    number = 5
    noun = "zones"
    step = 6
    title = "Zone availability"
    question = "Which zones and instance types fail, slow down or run out of resources?"
    needs = (
        Needs(
            "api_gateway_logs",
            (*REQUEST_COLUMNS, "status_code", "availability_zone"),
            (
                "instance_type",
                "load_balancer_id",
                "instance_id",
                "latency_ms",
                "backend_latency_ms",
                "connection_time_ms",
                "concurrent_connections",
                "is_test_traffic",
            ),
        ),
        Needs("infrastructure_metrics", (), ("instance_id", "timestamp", "cpu_utilization", "memory_utilization")),
    )
    row = ZoneRow
    requests_column = "total_requests"
    label_column = "zone_status"
    heading = "Regional degradation"
    dimensions = ("availability_zone", "instance_id", "instance_type", "load_balancer_id")
    remedies: ClassVar = {
        Remedy(Order.SCALE, scale): dimensions,
        REDIRECT: ("availability_zone",),
        DRAIN: ("instance_id", "load_balancer_id"),
    }
    rule = RULE
    resolves: ClassVar = dict.fromkeys(RULE.labels[:-1], "redirect_traffic")
    rates: ClassVar = {
        "success_rate": answered,
        "infrastructure_error_rate": percent_of(Measure.SERVER_ERRORS),
        "overall_latency": mean_latency,
    }

    def assess(self, groups: list[dict[str, Any]], thresholds: AllThresholds, args: WindowArgs) -> Assessment[ZoneRow]:
        """Score and label every zone with enough traffic, least healthy first."""
        limits = thresholds.zone
        enough = [group for group in groups if group["total_requests"] > limits.minimum_requests]
        rows = []
        for group in enough:
            row = ZoneRow(**group, health_score=health_score(group, limits), zone_status="", priority=0)
            status, also = self.rule.label(row, limits)
            rows.append(row.model_copy(update={"zone_status": status, "also": also}))
        rows.sort(
            key=lambda row: (
                ascending(row.health_score),
                -row.total_requests,
                text_key(row.availability_zone),
                text_key(row.instance_type),
            )
        )
        ranked = dense_ranks([ascending(row.health_score) for row in rows])
        rows = [row.model_copy(update={"priority": rank}) for row, rank in zip(rows, ranked, strict=True)]
        return Assessment(rows, enough=len(enough))

    def detail(self, finding: Finding | None, subject: Subject, exception: str | None) -> dict[str, Any]:
        """Every label that the subject's rows carry, so that a lack of resources is not hidden by a graver one."""
        rows = rows_about(finding, subject) if finding else []
        labels = sorted({label for _, row in rows for label in (row["zone_status"], *row["also"])})
        return {"labels": labels} if labels else {}

    def looks(self, causes: list[Cause], finding: Finding) -> list[Action]:
        """A lack of resources that no cause rests on is worth a look while something is wrong, never a change."""
        if not causes or not finding.labels.get(PRESSURE):
            return []
        text = f"check CPU and memory of the zones marked {PRESSURE}; scale only if they cannot keep up"
        statement = sentence(text) + cited([finding.id])
        return [Action(kind="look", urgency=LOOK, statement=statement, target={}, evidence=[finding.id])]

    def alarms(self, finding: Finding, causes: list[Cause]) -> list[str]:
        """Short of resources; and broken, where no cause says where or why."""
        places = of_nature(Nature.SITE, Nature.MACHINE)
        explained = any(c.confidence is Confidence.CONFIRMED or named(c, places) for c in causes)
        pressed, broken = finding.labels.get(PRESSURE), finding.labels.get(BROKEN)
        lines = []
        if pressed:
            lines.append(f"{some(pressed, 'group')} of instances short of CPU or memory. [{finding.id}]")
        if broken and not explained:
            quantity = some(broken, "group")
            lines.append(f"{quantity} of instances with 502, 503 and 504 answers over the limit. [{finding.id}]")
        return lines
