"""What the actions need to know of a cause: the version to return to, the failing step, the exception."""

from dataclasses import replace
from typing import Any

import pandas as pd

from tsg_agent.evidence.dimensions import FLAG, LOG_DIMENSIONS, PRODUCT_DIMENSIONS, REGION, WORKFLOW
from tsg_agent.evidence.measurement import Measurement, Table
from tsg_agent.models import Subject, Verdict
from tsg_agent.statistics import share
from tsg_agent.verdicts.candidates import Candidate
from tsg_agent.verdicts.figures import Figures
from tsg_agent.verdicts.labels import newest_and_previous
from tsg_agent.verdicts.naming import rows_about
from tsg_agent.verdicts.setting import Setting
from tsg_agent.workflows import step_that_fails

STEPS = {
    column: dimension.step
    for dimension in (*LOG_DIMENSIONS, REGION, FLAG, *PRODUCT_DIMENSIONS, WORKFLOW)
    for column in dimension.columns
}
"""Column -> the guide's step that is about it."""
NARROW_SHARE = 0.9
"""A part that holds this share of a cause's excess…"""
NARROW_TRAFFIC = 0.8
"""…in at most this share of its requests, is where the cause really is."""
ALIKE_REQUESTS = 0.01
"""Two places with as many failures, in requests that differ by no more than this share, see the same calls."""


def narrowed(one: Candidate, part: Measurement, setting: Setting) -> Candidate:
    """The cause with a smaller subject, where its excess gathers in one value of a dimension of the same step.

    A value of another step's dimension goes to detail["narrowed_to"]; the exception to detail["exception_type"].
    """
    detail = dict(one.detail)
    subject = dict(one.subject)
    elsewhere: Subject = {}
    steps = {STEPS[column] for column in subject} - {10}
    for table in part.tables:
        columns = table.dimension.columns
        if set(columns) & set(subject):
            continue
        value = _gathers(one, table, setting)
        if value is None:
            continue
        if columns == ("exception_type",):
            detail["exception_type"] = value[0]
        elif table.error_only:
            continue
        elif table.dimension.step in steps and len(columns) == 1:
            subject |= dict(zip(columns, value, strict=True))
        elif len(columns) == 1:
            elsewhere |= dict(zip(columns, value, strict=True))
    if elsewhere:
        detail["narrowed_to"] = elsewhere
    return replace(one, subject=subject, detail=detail)


def same_requests(one: Candidate, part: Measurement, whole: Measurement) -> Candidate:
    """The cause named by every dimension that names exactly its requests: the data cannot tell these apart."""
    subject = dict(one.subject)
    count = float(part.total.requests.sum())
    for table in part.tables:
        other = whole.table(table.dimension.columns)
        if len(table.dimension.columns) > 1 or set(table.dimension.columns) & set(subject) or table.error_only:
            continue
        for row, value in enumerate(table.values if other is not None and not other.error_only else []):
            there = other.find(table.subject(row)) if other is not None else -1
            if other is None or there < 0 or float(table.counts.requests[row].sum()) != count:
                continue
            # An endpoint is a path and its method, also where the method serves other paths too.
            endpoint = "endpoint_path" in subject and table.dimension.columns == ("http_method",)
            if endpoint or float(other.counts.requests[there].sum()) == count:
                subject |= dict(zip(table.dimension.columns, value, strict=True))
    return replace(one, subject=subject)


def _gathers(one: Candidate, table: Table, setting: Setting) -> tuple[str, ...] | None:
    """The value that holds nearly all of the cause's excess in clearly less than all of its requests."""
    if one.measure not in table.counts.failures or not table.values:
        return None
    after, counts, rest = setting.grid.after, table.counts, table.rest
    failed = counts.failures[one.measure][:, after].sum(axis=1)
    row = int(failed.argmax())
    inside = float(counts.requests[row, after].sum())
    requests = inside + (inside if table.error_only else float(rest.requests[row, after].sum()))
    failures = failed[row] + rest.failures[one.measure][row, after].sum()
    if table.error_only:
        return table.values[row] if failed[row] >= failures / 2 else None
    before = one.onset.before
    base = float(share(before.failures, before.requests)) if before else 0.0
    total, excess = float(failures - requests * base), float(failed[row] - inside * base)
    small = inside <= NARROW_TRAFFIC * requests
    return table.values[row] if small and total > 0 and excess >= NARROW_SHARE * total else None


def detail_of(one: Candidate, steps: pd.DataFrame | None, setting: Setting) -> dict[str, Any]:
    """What the step's action needs. `steps`: plugin 8's rows of the runs that no cause before it accounts for."""
    makers = {2: _version, 3: _flag, 6: _zone, 10: _error}
    if one.step == 9:
        return _workflow(one, steps, setting)
    maker = makers.get(one.step)
    return maker(one, setting) if maker else {}


def newest_version(table: Table, setting: Setting) -> int | None:
    """The row of the newest version that can be compared with the one before it."""
    pair = _newest_and_previous(table, setting)
    return pair[0] if pair else None


def _newest_and_previous(table: Table, setting: Setting) -> tuple[int, int] | None:
    return newest_and_previous(table, Figures.over(table.counts, slice(0, setting.grid.count)), setting.limits)


def _version(one: Candidate, setting: Setting) -> dict[str, Any]:
    """The version before it, if it was measured healthier at the same time."""
    table = one.screen.table
    pair = _newest_and_previous(table, setting)
    if pair is None:
        return {}
    newest, previous = pair
    if newest != one.row:
        return {}
    rates = share(one.screen.k1, one.screen.n1)
    healthier = one.screen.n1[previous] > 0 and rates[previous] < rates[newest]
    return {"newest": True, "roll_back_to": table.values[previous][0] if healthier else None}


def _flag(one: Candidate, setting: Setting) -> dict[str, Any]:
    table = one.screen.table
    name, value = table.values[one.row]
    window = Figures.over(table.counts, slice(0, setting.grid.count))
    others = [
        (float(window.requests[row]), other)
        for row, (flag, other) in enumerate(table.values)
        if flag == name and other != value
    ]
    return {"leave_value": value, "other_values": [other for _, other in sorted(others, reverse=True)]}


def _zone(one: Candidate, setting: Setting) -> dict[str, Any]:
    """Every label that the zone's rows carry, so that a lack of resources is not hidden by a graver one."""
    finding = setting.findings.get(6)
    rows = rows_about(finding, one.subject) if finding else []
    labels = {label for _, row in rows for label in (row["zone_status"], *row["also"])}
    return {"labels": sorted(labels)} if labels else {}


def _error(one: Candidate, setting: Setting) -> dict[str, Any]:
    """The commonest message of the subject's kind of error, where most errors of that kind are the subject's.

    The guide counts messages by category and exception, wherever they occur: of a kind that occurs mostly elsewhere it
    is another's message, and where a source names neither it is anybody's.
    """
    finding = setting.findings.get(10)
    about = rows_about(finding, one.subject) if finding else []
    if finding is None or not about:
        return {}
    first = about[0][1]
    kind = _kind(first)
    own = sum(row["total_occurrences"] for _, row in about if _kind(row) == kind)
    everywhere = sum(row["total_occurrences"] for row in finding.rows if _kind(row) == kind)
    message = first["most_common_message"]
    return {"message": message} if any(kind) and message and 2 * own > everywhere else {}


def _kind(row: dict[str, Any]) -> tuple[Any, Any]:
    return row["error_category"], row["exception_type"]


def _workflow(one: Candidate, steps: pd.DataFrame | None, setting: Setting) -> dict[str, Any]:
    """The step where failures gather since the start, failed runs, and those known to lack compensation."""
    finding = setting.findings.get(9)
    rows = rows_about(finding, {"scenario_name": one.subject["scenario_name"]}) if finding else []
    detail: dict[str, Any] = {}
    if rows:
        row = rows[0][1]
        detail = {
            "business_criticality": row["business_criticality"],
            "failed_runs": row["failed_runs"],
            "uncompensated": row["uncompensated_runs"],
            "affected_users": row["affected_users"],
        }
    if steps is not None:
        since = setting.grid.time(setting.grid.after.start)
        mine = steps["scenario_name"].astype("str") == one.subject["scenario_name"]
        step = step_that_fails(steps[mine & (steps["timestamp"] >= since)], setting.limits.workflow)
        if step:
            detail["workflow_step"] = step
    return detail


def told_alike(verdicts: list[Verdict]) -> list[Verdict]:
    """Causes with detail["alike"]: the other causes of their kind with as many failures in as many requests.

    Where calls are passed on from one to the next, all of them fail, and without a trace nothing says where it begins.
    """
    return [
        one.model_copy(update={"detail": {**one.detail, "alike": others}})
        if (others := [other.subject for other in verdicts if other is not one and _alike(one, other)])
        else one
        for one in verdicts
    ]


def _alike(one: Verdict, other: Verdict) -> bool:
    mine, theirs = one.onset.after, other.onset.after
    if mine is None or theirs is None or one.measure is not other.measure or one.confidence is not other.confidence:
        return False
    same = abs(mine.requests - theirs.requests) <= ALIKE_REQUESTS * max(mine.requests, theirs.requests)
    return one.subject.keys() == other.subject.keys() and mine.failures == theirs.failures and same
