"""Step 2: is the newest service version worse than the one before it?"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tsg_agent.models import Action, Cause, Measure, StepKind
from tsg_agent.settings import AllThresholds, VersionThresholds
from tsg_agent.steps.remedy import TAKEN_BACK, Order, Remedy, Situation, action, look, named, only_for, under
from tsg_agent.steps.rule import Arm, Rates, Rule
from tsg_agent.steps.step import Sums, percent_of
from tsg_agent.telemetry.catalog import Needs
from tsg_agent.tools.plugin import Assessment, Plugin
from tsg_agent.tools.rows import REQUEST_COLUMNS, Row, WindowArgs, column, milliseconds, percent
from tsg_agent.versions import VersionOrder, version_order
from tsg_agent.wording import count, name, points

NAMED = 10
"""Versions that a note names one by one."""


class VersionRow(Row):
    """A version with enough traffic, newest first."""

    service_version: str | None = column("the version")
    version_rank: int = column("1 is the newest version that can be read")
    total_count: int = column("requests")
    failure_rate: float | None = percent("requests answered 5xx")
    prev_failure_rate: float | None = percent("the same of the version before it")
    failure_rate_delta: float | None = column("rise over the version before it", "percentage points")
    slow_rate: float | None = percent("requests slower than the limit")
    overall_avg_latency: float | None = milliseconds("mean of the minutes' mean latencies")
    max_p99_latency: float | None = milliseconds("highest 99th percentile of a minute")
    assessment: str = column("the guide's label")
    previous_version: str | None = column("the version before it")
    relative_change: float | None = column("failure rate over the previous version's", "ratio")


RULE = Rule(
    "version",
    (
        Arm(
            "REGRESSION_DETECTED",
            lambda row, limits: (row.version_rank == 1) & (row.failure_rate_delta > limits.regression_points),
            "the newest version fails over {version.regression_points:g} percentage points more than its predecessor "
            "over the window",
        ),
        Arm(
            "PERFORMANCE_DEGRADATION",
            lambda row, limits: (row.version_rank == 1) & (row.slow_rate > limits.slow_rate),
            "over {version.slow_rate:g} % of its requests take more than {version.slow_ms:g} ms",
        ),
    ),
    "NO_REGRESSION",
)
"""Only the newest version can be a regression: its rank is not known where its place in the order is not."""


def roll_back(cause: Cause, situation: Situation, columns: tuple[str, ...]) -> Action | None:
    """To the version that was measured healthier beside it."""
    if not named(cause, columns):
        return None
    version, healthy = name(cause.subject["service_version"]), cause.detail.get("roll_back_to")
    if not healthy:
        return look(cause, "no version was measured healthier beside it to roll back to")
    limits = situation.thresholds.version
    text = f"roll back version {version} to {name(healthy)}{only_for(cause, columns)}"
    below = f"{points(limits.regression_points)} on over {count(limits.minimum_requests)} requests"
    return action("roll_back", text + under(cause, situation, below), cause, roll_back_to=str(healthy))


class VersionRegression(Plugin[VersionRow]):
    """Compares the failure and slow rates of the service's versions, newest against the one before it.

    Use it when a deployment or rollout may be the cause. {labels}.
    Versions of {version.minimum_requests} requests or fewer are left out and named.
    """

    number = 1
    noun = "versions"
    step = 2
    title = "Service version regression"
    question = "Does the newest service version fail more, or slower, than the one before it?"
    needs = (
        Needs(
            "api_gateway_logs",
            (*REQUEST_COLUMNS, "status_code", "service_version"),
            ("latency_ms", "is_test_traffic"),
        ),
    )
    row = VersionRow
    label_column = "assessment"
    heading = "Service version issues"
    kind = StepKind.CHANGE
    dimensions = ("service_version",)
    remedies: ClassVar = {Remedy(Order.UNDO, roll_back, TAKEN_BACK): ("service_version",)}
    rule = RULE
    resolves: ClassVar = {RULE.labels[0]: "roll_back"}
    rates: ClassVar = {"slow_rate": percent_of(Measure.SLOW)}

    def assess(
        self, groups: list[dict[str, Any]], thresholds: AllThresholds, args: WindowArgs
    ) -> Assessment[VersionRow]:
        """Rank by release, compare each with the one before it, and label the newest."""
        limits = thresholds.version
        order = version_order({group["service_version"]: group.pop("first_seen", None) for group in groups})
        enough = [group for group in groups if group["total_count"] > limits.minimum_requests]
        ordered = sorted(enough, key=lambda group: _place(group, order), reverse=True)
        known = [group for group in ordered if group["service_version"] in order.keys]
        rows: list[VersionRow] = []
        for rank, group in enumerate(ordered, 1):
            before = known[rank] if rank < len(known) else None
            row = _row(group, before, rank)
            ranked = rank if group["service_version"] in order.keys else None
            assessment, also = self.rule.label(row, limits, version_rank=ranked)
            rows.append(row.model_copy(update={"assessment": assessment, "also": also}))
        return Assessment(
            rows=rows[: limits.limit],
            enough=len(enough),
            truncated=len(rows) > limits.limit,
            notes=_notes(groups, known, order, limits),
            shortage=_shortage(known, order, limits) if len(known) < 2 and groups else "",
        )

    def rates_of(
        self, columns: tuple[str, ...], values: Sequence[tuple[str, ...]], sums: Sums, limits: VersionThresholds
    ) -> Rates:
        """The newest of the versions with enough traffic, and how much more it fails than the one before it."""
        versions = [version for (version,) in values]
        keys = version_order(dict(zip(versions, sums.first, strict=True)), 1).keys
        readable = [
            (keys[version], place)
            for place, version in enumerate(versions)
            if version in keys and sums.requests[place] > limits.minimum_requests
        ]
        rank, rise = np.full((2, len(values)), np.nan)
        if len({key for key, _ in readable}) > 1:
            (_, newest), (_, before) = sorted(readable, reverse=True)[:2]
            failing = sums.percent(Measure.SERVER_ERRORS)
            rank[newest], rise[newest] = 1, failing[newest] - failing[before]
        known = {name: of(sums) for name, of in self.rates.items()}
        return Rates({**known, "version_rank": rank, "failure_rate_delta": rise}, self.row.model_fields)


def _place(group: dict[str, Any], order: VersionOrder) -> tuple[object, ...]:
    """What has a place sorts above what has none; of those that share one, the busiest; the text settles ties."""
    version: str | None = group["service_version"]
    key = order.keys.get(version) if version else None
    busy = group["total_count"] if order.by_time else 0
    return (key is not None, () if key is None else key, busy, version is not None, version or "")


def _row(group: dict[str, Any], before: dict[str, Any] | None, rank: int) -> VersionRow:
    rate, previous = group["failure_rate"], before["failure_rate"] if before else None
    known = rate is not None and previous is not None
    return VersionRow(
        **group,
        version_rank=rank,
        prev_failure_rate=previous,
        failure_rate_delta=rate - previous if known else None,
        relative_change=rate / previous if known and previous else None,
        previous_version=before["service_version"] if before else None,
        assessment="",
    )


def _notes(
    groups: list[dict[str, Any]], known: list[dict[str, Any]], order: VersionOrder, limits: VersionThresholds
) -> list[str]:
    notes = []
    unplaced = [group["service_version"] for group in groups if group["service_version"] not in order.keys]
    if order.by_time and order.keys:
        notes.append("Versions are no release numbers: they are in the order in which they were first seen.")
    if unplaced:
        why = "Of no known place in the order" if order.by_time else "Not readable as a version"
        notes.append(
            f"{why}, so never the newest nor a predecessor: "
            f"{_names(['none given' if version is None else version for version in unplaced])}."
        )
    few = [
        group
        for group in groups
        if group["total_count"] <= limits.minimum_requests and group["service_version"] in order.keys
    ]
    newest = order.keys[known[0]["service_version"]] if known else None
    canaries = [group for group in few if newest and _later(order.keys[group["service_version"]], newest)]
    for kind, chosen in (
        ("newer than every version compared: a canary, not judged", canaries),
        ("too little traffic to compare", [group for group in few if group not in canaries]),
    ):
        if chosen:
            names = _names([f"{group['service_version']} ({group['total_count']} requests)" for group in chosen])
            notes.append(f"{names}: {kind}.")
    return notes


def _later(key: Any, other: Any) -> bool:
    """Of the keys of one order."""
    return bool(key > other)


def _names(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _shortage(known: list[dict[str, Any]], order: VersionOrder, limits: VersionThresholds) -> str:
    names = _names([str(group["service_version"]) for group in known]) or "none"
    if order.by_time and not order.keys:
        return "The versions are no release numbers, and all were there from the beginning: none is known to be newer."
    return (
        f"A comparison needs two versions with more than {limits.minimum_requests} requests each; "
        f"with enough traffic: {names}."
    )
