"""Workflow runs: the last step of each one, and the workflow_tracking table."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tsg_agent.simulator import shop
from tsg_agent.simulator.frame import Frame, Text
from tsg_agent.simulator.log import correlation_ids
from tsg_agent.simulator.outcomes import RequestOutcomes
from tsg_agent.simulator.randomness import Bools, Floats, Ints, RandomStream
from tsg_agent.simulator.scenario import Scenario

BASE_FAILURE = 0.0003  # share of steps that fail although their request succeeded
COMPENSATED = 0.9  # share of failed runs, by default
STATUSES = ("COMPLETED", "FAILED", "TIMEOUT", "PARTIAL", "IN_PROGRESS")


def failed_steps(scenario: Scenario, frame: Frame, first: RequestOutcomes, rescued: Bools) -> Bools:
    """Mask of the requests whose workflow step failed: no usable response even on retry, or a failure behind a 2xx."""
    keys = frame.array("key")
    silent = first.silent | RandomStream(scenario.seed, "workflow").chance(keys, BASE_FAILURE)
    return (frame.array("run") >= 0) & ((first.fatal & ~rescued) | silent)


def reached(frame: Frame, failed: Bools, lost: Bools) -> Bools:
    """Mask of the requests that arrive: a run ends with its first failed step, or before its first lost one."""
    runs, step = frame.array("run"), frame.array("step")
    made = ~lost
    in_run = np.flatnonzero(runs >= 0)
    if not len(in_run):
        return made
    _, number = np.unique(runs[in_run], return_inverse=True)
    ends = np.full(number.max() + 1, 99, dtype=np.int64)
    np.minimum.at(ends, number, np.where(failed[in_run], step[in_run], 99))
    np.minimum.at(ends, number, np.where(lost[in_run], step[in_run] - 1, 99))
    made[in_run] = step[in_run] <= ends[number]
    return made


def waits(frame: Frame, finished: Ints) -> Ints:
    """Delay of each request in microseconds: a step waits for the response to the previous one."""
    runs, planned = frame.array("run"), frame.array("time")
    delay = np.zeros(len(frame), dtype=np.int64)
    in_run = np.flatnonzero(runs >= 0)
    if not len(in_run):
        return delay
    _, number = np.unique(runs[in_run], return_inverse=True)
    step = frame.array("step")[in_run]
    answered = np.zeros(number.max() + 1, dtype=np.int64)
    for current in range(int(step.max()) + 1):
        rows, run = in_run[step == current], number[step == current]
        delay[rows] = np.maximum(answered[run] - planned[rows], 0)
        answered[run] = finished[rows] + delay[rows]
    return delay


@dataclass(frozen=True)
class Steps:
    """The first attempts of workflow steps, and the steps' outcomes."""

    frame: Frame
    outcome: RequestOutcomes
    failed: Bools
    finished: Ints
    """The time of the last attempt's response, microseconds."""
    retries: Ints
    """Attempts after the first."""

    def take(self, index: Ints) -> "Steps":
        """The rows of an index."""
        columns = self.failed[index], self.finished[index], self.retries[index]
        return Steps(self.frame.take(index), self.outcome.take(index), *columns)


def table(scenario: Scenario, steps: Steps) -> dict[str, Any]:
    """workflow_tracking: one row per step that a run reached, by time."""
    rows = np.flatnonzero(steps.frame.array("run") >= 0)
    steps = steps.take(rows[np.lexsort((steps.frame.array("key")[rows], steps.finished[rows]))])
    stream = RandomStream(scenario.seed, "tracking")
    part, outcome, failed = steps.frame, steps.outcome, steps.failed
    keys, runs = part.array("key"), part.array("run")
    attempts = steps.retries + np.where(outcome.silent, stream.sub("again").choice(keys, [0.3, 0.4, 0.3]), 0)
    chance: Floats = np.where(np.isnan(outcome.compensation), COMPENSATED, outcome.compensation)
    names = part.text("scenario_name")
    return {
        "correlation_id": correlation_ids(scenario, part.array("correlation")),
        "timestamp": steps.finished,
        "scenario_name": names.arrow(),
        "workflow_id": names.lookup([f"wf-{name.replace('_', '-')}" for name in names.values]).arrow(),
        "workflow_step": part.text("workflow_step").arrow(),
        "workflow_status": Text(_status(scenario, part, failed, outcome.status), STATUSES).arrow(),
        "business_criticality": names.lookup([item.criticality for item in shop.WORKFLOWS]).arrow(),
        "total_workflow_time_ms": ((steps.finished - _starts(runs, part.array("time"))) / 1000).round(1),
        "retry_attempts": attempts,
        "user_id": part.text("user_id").arrow(),
        "has_compensation": pa.array(failed & stream.sub("compensation").chance(keys, chance)),
        "region": part.text("region").arrow(),
        "environment": part.text("environment").arrow(),
        "is_test_traffic": part.array("test"),
    }


def _starts(runs: Ints, time: Ints) -> Ints:
    """The begin of each row's run, microseconds."""
    _, number = np.unique(runs, return_inverse=True)
    starts = np.full(len(runs), np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(starts, number, time)
    return np.asarray(starts[number], dtype=np.int64)


def _status(scenario: Scenario, part: Frame, failed: Bools, answered: Ints) -> Ints:
    keys, runs = part.array("key"), part.array("run")
    stream = RandomStream(scenario.seed, "tracking")
    how = stream.sub("how").choice(keys, [0.7, 0.15, 0.15]) + 1
    how = np.where(answered == 504, STATUSES.index("TIMEOUT"), how)
    status = np.where(failed, how, 0)
    if scenario.quirks.running_share:
        last = np.zeros(len(part), dtype=np.bool_)
        order = np.lexsort((part.array("step"), runs))
        last[order] = np.append(runs[order][1:] != runs[order][:-1], True)
        running = last & ~failed & stream.sub("running").chance(runs, scenario.quirks.running_share)
        status = np.where(running, STATUSES.index("IN_PROGRESS"), status)
    return status.astype(np.int64)
