"""What the actions need to know of a cause: the version to return to, the failing step, the exception. Pure."""

from typing import Any

import numpy as np
import pandas as pd

from tsg_agent.evidence.measurement import DimensionCounts, Measurement
from tsg_agent.evidence.requests import Requests
from tsg_agent.models import Measure, Subject
from tsg_agent.statistics import Bools, Floats, share
from tsg_agent.verdicts.context import VerdictContext
from tsg_agent.workflow_analysis import step_that_fails

HEALTHIER = 0.5
"""A version to return to fails at most half as often as the cause since the start."""
MANY_CODES = (Measure.SERVER_ERRORS, Measure.CLIENT_ERRORS, Measure.NOT_SUCCESSFUL)
"""Measures of requests that may have been answered by different status codes."""
MOSTLY = 0.5
"""An exception is a cause's where at least half of its failures name it."""


def detail_of(subject: Subject, measure: Measure, rows: Bools, context: VerdictContext) -> dict[str, Any]:
    """What is known of a cause among the requests, by what its description names."""
    detail: dict[str, Any] = {}
    if "service_version" in subject:
        detail |= _version(subject["service_version"], measure, context)
    if "flag_name" in subject:
        detail |= _flag(subject, context.measurement)
    exception = _exception(measure, rows, context.requests)
    if measure in MANY_CODES and (code := context.requests.refused_with(rows & context.requests.failed(measure))):
        detail["status_code"] = code
    for step in context.guide.steps:
        detail |= step.detail(context.findings.get(step.step), subject, exception)
    return detail


def _version(version: str, measure: Measure, context: VerdictContext) -> dict[str, Any]:
    """The newest other version that was measured clearly healthier beside it; an older one before a newer one."""
    measurement, limits = context.measurement, context.limits
    table = measurement.table(("service_version",))
    row = table.find({"service_version": version}) if table is not None else -1
    if table is None or row < 0:
        return {}
    after = measurement.grid.after
    n = table.counts.requests[:, after].sum(axis=1)
    rate = share(_failed_since(measure, table, context), n)
    own = table.versions.keys.get(version)
    keys = [table.versions.keys.get(value) for (value,) in table.values]
    newest = own is not None and own == max(key for key in keys if key is not None)
    healthy = [
        other
        for other in range(len(keys))
        if other != row and n[other] >= limits.verdict.minimum_requests and rate[other] <= HEALTHIER * rate[row]
    ]

    def preference(other: int) -> tuple[bool, bool, Any, float]:
        key = keys[other]
        older = own is not None and key is not None and key < own
        return older, key is not None, 0 if key is None else key, float(n[other])

    back = max(healthy, key=preference, default=None)
    return {"newest": newest, "roll_back_to": table.values[back][0] if back is not None else None}


def _failed_since(measure: Measure, table: DimensionCounts, context: VerdictContext) -> Floats:
    """Failures of each version since the start."""
    after = context.measurement.grid.after
    if measure in table.counts.failures:
        failed: Floats = table.counts.failures[measure][:, after].sum(axis=1)
        return failed
    requests, column = context.requests, context.requests.column("service_version")
    bucket = context.measurement.grid.buckets(requests.second)
    since = requests.failed(measure) & (bucket >= after.start) & (bucket < after.stop)
    return np.zeros(len(table.values)) if column is None else requests.of_values(column, since)[1:]


def _flag(subject: Subject, measurement: Measurement) -> dict[str, Any]:
    table = measurement.table(("flag_name", "flag_value"))
    name, value = subject["flag_name"], subject["flag_value"]
    asked = table.counts.requests.sum(axis=1) if table is not None else np.zeros(0)
    others = [
        (float(asked[row]), other)
        for row, (flag, other) in enumerate(table.values if table is not None else [])
        if flag == name and other != value
    ]
    return {"leave_value": value, "other_values": [other for _, other in sorted(others, reverse=True)]}


def _exception(measure: Measure, rows: Bools, requests: Requests) -> str | None:
    """The exception that most of a cause's failures name."""
    column = requests.column("exception_type")
    if column is None:
        return None
    counted = requests.of_values(column, rows & requests.failed(measure))
    best = int(counted[1:].argmax())
    most = counted[1 + best]
    return column.values[best][0] if most and most >= MOSTLY * counted.sum() else None


def workflow_detail(scenario: str, number: int, steps: pd.DataFrame | None, context: VerdictContext) -> dict[str, Any]:
    """What the rows of the check of workflows say, and the step where failures gather, from the rows of its query."""
    detail = context.guide.by_number[number].of_scenario(context.findings.get(number), scenario)
    failing = step_that_fails(steps, context.limits.workflow) if steps is not None and len(steps) else None
    return {**detail, "workflow_step": failing} if failing else detail
