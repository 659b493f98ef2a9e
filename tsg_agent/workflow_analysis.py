"""Step 9's shipped analysis: which workflows fail, at which step, and which users are affected. Pure pandas."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsg_agent.settings import WorkflowThresholds
from tsg_agent.statistics import Floats, g2_z, wilson_interval

FAILED, COMPLETED, RUNNING = "failed", "completed", "running"
STEP_Z = 2.33
"""Least z of a step against the others (one-sided 1 %)."""
RUN = ["scenario_name", "business_criticality", "correlation_id"]
Key: TypeAlias = tuple[str | None, str | None]
"""A scenario and its criticality."""
STEP = ["scenario_name", "business_criticality", "workflow_step"]


@dataclass(frozen=True)
class WorkflowAnalysis:
    """The analysis of plugin 8's rows.

    `scenarios`: per scenario and criticality, the fields of tools.plugin_8_workflows.ScenarioRow but its label.
    `runs`: one row per finished run: RUN, workflow_step (where it failed, else its last), failed (bool),
    timestamp (naive UTC, of its first row).
    """

    scenarios: list[dict[str, Any]]
    runs: pd.DataFrame


def analyse(rows: pd.DataFrame, limits: WorkflowThresholds) -> WorkflowAnalysis:
    """Classify each run of each workflow, then aggregate by scenario.

    `rows`: plugin 8's columns, one row per step that a run reached, or those of plugin_8_runs.sql. The unit is one run:
    it failed if any of its rows did, so that one row per step does not dilute the rate. Running ones count in no rate.
    Source: guide, Step 9.
    """
    runs, passed = _judged(rows, limits)
    return WorkflowAnalysis(_scenarios(runs, passed), _finished(runs))


def _judged(rows: pd.DataFrame, limits: WorkflowThresholds) -> tuple[pd.DataFrame, dict[Key, dict[str | None, int]]]:
    """One representative row per run, and how often each step of each scenario succeeded."""
    if "passed" not in rows:
        return workflow_runs(rows, limits), _passed(rows[[*STEP, "workflow_status"]], limits)
    told = rows["passed"].notna()
    return workflow_runs(rows[~told].assign(timestamp=rows["began"]), limits), _by_step(
        rows[told].groupby(STEP, dropna=False, sort=False, observed=True)["passed"].sum().astype(int)
    )


def _finished(runs: pd.DataFrame) -> pd.DataFrame:
    finished = runs[runs["state"] != RUNNING]
    kept = finished[[*RUN, "workflow_step", "timestamp"]].assign(failed=finished["state"] == FAILED)
    return kept.reset_index(drop=True)


def row_states(status: pd.Series, limits: WorkflowThresholds) -> pd.Series:
    """completed, running or failed for each status; an unknown status is a failure, NULL is still running."""
    kinds = [FAILED, COMPLETED, RUNNING]
    found = pd.Categorical(status)
    # By code, so that each distinct status is judged once; the code of NULL is -1, the last.
    of_code = [kinds.index(state) for state in states(map(str, found.categories), limits)]
    codes = np.array([*of_code, kinds.index(RUNNING)], dtype=np.int8)[found.codes]
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(kinds)), index=status.index)


def states(statuses: Iterable[str], limits: WorkflowThresholds) -> list[str]:
    """completed, running or failed for each status."""
    known = dict.fromkeys(limits.completed, COMPLETED) | dict.fromkeys(limits.running, RUNNING)
    return [known.get(status.strip().upper(), FAILED) for status in statuses]


def workflow_runs(rows: pd.DataFrame, limits: WorkflowThresholds) -> pd.DataFrame:
    """One representative row per run: its first failed row, else its last; a run is running if its last row is.

    Columns: those of `rows`, `state`, and `timestamp` set to the run's first; has_compensation is true where any of
    the run's rows says so. A row without a correlation_id is a run of its own. `rows` may be in any order.
    """
    frame = rows.assign(state=row_states(rows["workflow_status"], limits))
    known = frame["correlation_id"].notna()
    if known.all():
        return _standing(frame)
    return pd.concat([_standing(frame[known]), frame[~known]])


def _numbers(frame: pd.DataFrame) -> NDArray[np.int_]:
    """The number of each row's run, from 0: its correlation_id within its scenario at its criticality."""
    *others, number = (pd.factorize(frame[name], use_na_sentinel=False)[0] for name in RUN)
    for codes in others:
        of_run = np.zeros(number.max(initial=-1) + 1, codes.dtype)
        of_run[number] = codes
        if (of_run[number] != codes).any():  # an id that several scenarios have; pairwise: below rows times values
            number = pd.factorize(number * (codes.max(initial=0) + 1) + codes)[0]
    return number


def _standing(frame: pd.DataFrame) -> pd.DataFrame:
    """The representative row of each run."""
    run = _numbers(frame)
    if not len(run) or len(run) == run.max() + 1:
        return frame  # each is a run of its own
    order = _in_time(frame, run)
    begins = np.flatnonzero(np.diff(run[order], prepend=-1))
    ends = np.append(begins[1:], len(order)) - 1
    failed = frame["state"].eq(FAILED).to_numpy()[order]
    first = np.minimum.reduceat(np.where(failed, np.arange(len(order)), len(order)), begins)
    said = frame["has_compensation"]
    compensated = np.logical_or.reduceat(said.eq(True).fillna(False).to_numpy(bool)[order], begins)
    unknown = np.logical_and.reduceat(said.isna().to_numpy()[order], begins)
    return frame.iloc[order[np.where(first < len(order), first, ends)]].assign(
        timestamp=frame["timestamp"].to_numpy()[order[begins]],
        has_compensation=pd.arrays.BooleanArray(compensated, unknown),
    )


def _in_time(frame: pd.DataFrame, run: NDArray[np.int_]) -> NDArray[np.int_]:
    """Row indices sorted by run and time. Ties have a deterministic order."""
    status, step = _rank(frame["workflow_status"]), _rank(frame["workflow_step"])
    # Started and completed at the same time: the completion is last.
    settled = frame["state"].ne(RUNNING).to_numpy(int)
    keys = [run, frame["timestamp"].to_numpy().astype(int), settled, step, status]
    one = _as_one(keys)
    order = np.lexsort(keys[::-1]) if one is None else np.argsort(one)
    ordered = (key[order] for key in (keys if one is None else [one]))
    tied = np.logical_and.reduce([key[1:] == key[:-1] for key in ordered])
    if tied.any():
        rest = frame.columns.difference(["workflow_status", "workflow_step", "state", "timestamp", *RUN])
        order = np.lexsort([*(_rank(frame[name]) for name in rest), *keys[::-1]])
    return order


def _as_one(keys: Sequence[NDArray[np.int_]]) -> NDArray[np.int_] | None:
    """One integer per row that sorts like the keys, the first being most significant; None if it would overflow.

    One key sorts several times as fast as five.
    """
    lowest = [int(key.min()) for key in keys]
    spans = [int(key.max()) - low + 1 for key, low in zip(keys, lowest, strict=True)]
    if math.prod(spans) > np.iinfo(np.int64).max:
        return None
    one = np.zeros(len(keys[0]), np.int64)
    for key, low, span in zip(keys, lowest, spans, strict=True):
        one = one * span + (key - low)
    return one


def _rank(values: pd.Series) -> NDArray[np.int_]:
    """Each value's rank among the distinct values; -1 for a missing one."""
    found = pd.Categorical(values)
    ranks = np.empty(len(found.categories) + 1, dtype=int)
    ranks[np.argsort(found.categories)] = np.arange(len(found.categories))
    ranks[-1] = -1
    ranked: NDArray[np.int_] = ranks[found.codes]
    return ranked


def step_that_fails(rows: pd.DataFrame, limits: WorkflowThresholds) -> str | None:
    """The step at which the failures of one workflow concentrate, from plugin 8's rows about it; None if at none."""
    runs, passed = _judged(rows, limits)
    failed = runs[runs["state"] == FAILED]
    return failing_step(failed["workflow_step"], sum(map(Counter, passed.values()), Counter()))[0]


def _passed(rows: pd.DataFrame, limits: WorkflowThresholds) -> dict[Key, dict[str | None, int]]:
    """How often each step of each scenario succeeded.

    A run that failed at its third step has passed two, if each step has a row.
    """
    well = rows[row_states(rows["workflow_status"], limits) == COMPLETED]
    return _by_step(well.groupby(STEP, dropna=False, sort=False, observed=True).size())


def _by_step(times: pd.Series) -> dict[Key, dict[str | None, int]]:
    found: dict[Key, dict[str | None, int]] = {}
    for (*scenario, step), passed in zip(times.index.tolist(), times.tolist(), strict=True):
        found.setdefault((_text(scenario[0]), _text(scenario[1])), {})[_text(step)] = passed
    return found


def failing_step(failed_steps: pd.Series, passed: Mapping[str | None, int]) -> tuple[str | None, int, float]:
    """The step at which failures concentrate: name, failures there, and its z against the other steps.

    Arguments: the step of each failed run, and how often each step succeeded (or, with one row per run, the number of
    its other runs). (None, 0, 0.0) if no step fails significantly more than the others.
    """
    counts = failed_steps.value_counts()
    failures = {str(step): int(failed) for step, failed in counts.items() if failed}
    return _where_they_gather(failures, len(failed_steps), passed)


def _where_they_gather(
    failures: Mapping[str, int], failed: int, passed: Mapping[str | None, int]
) -> tuple[str | None, int, float]:
    """See failing_step. `failures`: failed runs by step; `failed`: all of them, those without a step too."""
    if not failures:
        return None, 0, 0.0
    steps = list(failures)
    k = np.array([failures[step] for step in steps], float)
    n = k + np.array([passed.get(step, 0) for step in steps], float)
    total = float(failed + sum(passed.values()))
    # With one row per run, a step that always fails has no other runs: its share is 1.
    z = g2_z(failed - k, total - n, k, n)
    if len(steps) == 1 and float(n[0]) == total:
        return steps[0], int(k[0]), 0.0
    best = max(range(len(steps)), key=lambda i: (k[i] if z[i] >= STEP_Z else -1.0, steps[i]))
    return (None, 0, 0.0) if z[best] < STEP_Z else (steps[best], int(k[best]), float(z[best]))


def _scenarios(runs: pd.DataFrame, passed: Mapping[Key, Mapping[str | None, int]]) -> list[dict[str, Any]]:
    """Each scenario's figures. Of arrays: a frame for each scenario takes longer than all of its figures."""
    if runs.empty:
        return []
    has_failed, has_completed = (runs["state"].eq(state).to_numpy() for state in (FAILED, COMPLETED))
    numbers = (runs[name].to_numpy(float, na_value=np.nan) for name in ("total_workflow_time_ms", "retry_attempts"))
    times, retries = numbers
    step, steps = pd.factorize(runs["workflow_step"])
    user = np.full(len(runs), -1)
    user[has_failed] = pd.factorize(runs["user_id"][has_failed])[0]
    said = runs["has_compensation"]
    known, compensated = said.notna().to_numpy(), said.eq(True).fillna(False).to_numpy(bool)
    names = RUN[:2]
    number = runs[names].groupby(names, dropna=False, sort=True, observed=True).ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    found = []
    for places in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        scenario, criticality = (_text(runs[name].iloc[places[0]]) for name in names)
        failed, completed = places[has_failed[places]], places[has_completed[places]]
        finished = len(failed) + len(completed)
        low, high = wilson_interval(len(completed), finished)
        at = np.bincount(step[failed][step[failed] >= 0], minlength=len(steps))
        failures = {str(name): int(count) for name, count in zip(steps, at, strict=True) if count}
        where, at_step, _ = _where_they_gather(failures, len(failed), passed.get((scenario, criticality), {}))
        # If no failed run has a user, the number of users is unknown.
        users = int(np.unique(user[failed][user[failed] >= 0]).size) or (None if len(failed) else 0)
        completion = 100.0 * len(completed) / finished if finished else None
        impact = None if completion is None or users is None else users * (100.0 - completion) / 100.0
        told = known[failed].any() or not len(failed)
        found.append({
            "scenario_name": scenario,
            "business_criticality": criticality,
            "total_runs": finished,
            "completed_runs": len(completed),
            "failed_runs": len(failed),
            "running_runs": len(places) - finished,
            "completion_rate": completion,
            "completion_low": 100.0 * low,
            "completion_high": 100.0 * high,
            "failing_step": where,
            "failures_at_step": at_step,
            "affected_users": users,
            "uncompensated_runs": int((known[failed] & ~compensated[failed]).sum()) if told else None,
            "failed_time_ms": _median(times[failed]),
            "completed_time_ms": _median(times[completed]),
            "failed_retries": _mean(retries[failed]),
            "completed_retries": _mean(retries[completed]),
            "impact_score": impact,
        })  # fmt: skip
    return found


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str) else None


def _median(values: Floats) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmedian(values))


def _mean(values: Floats) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))
