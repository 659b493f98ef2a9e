"""Workflows: which scenarios' runs fail, and whether a cause among the requests explains it. Numpy over the runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tsg_agent.evidence.dimensions import WORKFLOW
from tsg_agent.evidence.requests import Requests
from tsg_agent.models import Confidence, Contrast, Finding, Gate, Measure, Onset, OnsetKind, Rate, Tier, Visible
from tsg_agent.settings import AllThresholds
from tsg_agent.statistics import Bools, wilson_interval
from tsg_agent.verdicts.causes import Found
from tsg_agent.verdicts.confidence import NO_BEFORE, NO_CONTRAST, Series, weigh
from tsg_agent.verdicts.gates import gate_of
from tsg_agent.verdicts.naming import Names
from tsg_agent.verdicts.onset import ChangePoint, change_point
from tsg_agent.verdicts.search import ALPHA, SUPPORT

EXPLAINED = 0.25
"""A workflow is impact where no more than this share of its excess is left without the cause's runs."""


@dataclass(frozen=True)
class Runs:
    """Finished runs, one entry each: minute since the window's begin, scenario, failed, place in Requests.runs or -1."""

    minute: NDArray[np.int64]
    scenario: NDArray[np.int64]
    failed: Bools
    place: NDArray[np.int64]
    names: list[str]
    length: int

    @classmethod
    def of(cls, runs: pd.DataFrame, begin: datetime, requests: Requests) -> "Runs":
        """`runs`: see workflows.WorkflowAnalysis. Runs without a scenario's name count in the whole only."""
        scenarios = runs["scenario_name"].astype("category")
        since = (runs["timestamp"].to_numpy("datetime64[us]") - np.datetime64(begin, "us")) // np.timedelta64(1, "m")
        ids = pa.array(runs["correlation_id"], pa.string())
        place = np.full(len(runs), -1, np.int64)
        if requests.runs is not None:
            place = np.asarray(pc.index_in(ids, value_set=requests.runs).fill_null(-1)).astype(np.int64)
        minute = np.maximum(since.astype(np.int64), 0)
        return cls(
            minute, scenarios.cat.codes.to_numpy().astype(np.int64), runs["failed"].to_numpy(bool), place,
            [str(name) for name in scenarios.cat.categories], int(minute.max(initial=0)) + 1,
        )  # fmt: skip

    def meeting(self, requests: Requests, rows: Bools) -> Bools:
        """Which runs some requests are part of."""
        if requests.run is None or requests.runs is None:
            return np.zeros(len(self.minute), bool)
        met = np.zeros(len(requests.runs) + 1, bool)
        met[requests.run[rows]] = True
        met[-1] = False
        result: Bools = met[self.place]
        return result

    def series(self, kept: Bools) -> tuple["np.ndarray[tuple[int, ...], np.dtype[np.float64]]", ...]:
        """Failed and all runs by minute."""
        n = np.bincount(self.minute[kept], minlength=self.length).astype(float)
        k = np.bincount(self.minute[kept & self.failed], minlength=self.length).astype(float)
        return k, n

    def moment(self, reported: float | None, others: Sequence[ChangePoint]) -> ChangePoint | None:
        """When runs began to fail: of all, or of the scenario that changed most clearly; an outcome's start, if near it."""
        found = [change_point(*self.series(np.ones(len(self.minute), bool)), reported)]
        found += [change_point(*self.series(self.scenario == one), reported) for one in range(len(self.names))]
        cost = math.log(max(len(self.names), 1))
        scored = [(one.gain - cost * (place > 0), one) for place, one in enumerate(found) if one is not None]
        gain, best = max(scored, key=lambda item: item[0], default=(0.0, None))
        if best is None or gain < math.log(1 / ALPHA):
            return None
        near = [other for other in others if abs(other.start - best.start) <= 5]
        return near[0] if near else best


def completion_definitely_low(runs: Runs, kept: Bools, limit: float) -> bool:
    """The completion rate is under `limit` percent even at the upper end of its 95 % interval (Wilson)."""
    total, failed = float(kept.sum()), float((kept & runs.failed).sum())
    return wilson_interval(total - failed, total)[1] < limit / 100.0


def chronic(runs: Runs, scenario: int) -> tuple[Onset, Contrast]:
    """A workflow's rates over the whole window, where nothing shows when it began."""
    mine = runs.scenario == scenario
    own = Rate(failures=int((mine & runs.failed).sum()), requests=int(mine.sum()))
    rest = Rate(failures=int((~mine & runs.failed).sum()), requests=int((~mine).sum()))
    difference = own.percent - rest.percent
    p, q = own.percent / 100, rest.percent / 100
    spread = math.sqrt(p * (1 - p) / max(own.requests, 1) + q * (1 - q) / max(rest.requests, 1) + 1e-12)
    onset = Onset(kind=OnsetKind.UNKNOWN, after=own, excess=round(own.requests * (p - q), 2), reason="nothing in the window shows when it began")
    z = difference / 100 / spread
    contrast = Contrast(
        method="difference_in_differences" if rest.requests else "none", subject=own, rest=rest if rest.requests else None,
        difference=round(difference, 4), z=round(z, 4), significant=bool(rest.requests) and z > 0,
        reason="" if rest.requests else "it is the only workflow",
    )  # fmt: skip
    return onset, contrast


@dataclass(frozen=True)
class Workflow:
    """A scenario whose runs fail: a cause where `confidence` is set, else what the causes of `broken_by` break."""

    scenario: str
    moment: ChangePoint | None
    onset: Onset
    contrast: Contrast
    confidence: Confidence | None
    shortfalls: tuple[str, ...]
    tier: Tier
    window: Rate
    worth: float
    gate: Gate
    broken_by: tuple[Found, ...] = ()
    without: Rate | None = None
    """Its runs since the start that met none of these causes' requests."""
    explained: frozenset[str] = frozenset()
    """correlation_ids of the runs that other causes account for."""

    def visible(self, names: Names) -> Visible:
        """As the impact of a cause."""
        subject = {"scenario_name": self.scenario}
        return Visible(
            subject=subject, step=WORKFLOW.step, label=names.of(subject), before=self.onset.before, after=self.onset.after,
            without=self.without,
        )  # fmt: skip


def judged_workflows(  # noqa: PLR0913 - what workflows are judged from
    runs: Runs,
    requests: Requests,
    found: Sequence[Found],
    moments: Sequence[ChangePoint],
    reported: float | None,
    finding: Finding | None,
    limits: AllThresholds,
) -> list[Workflow]:
    """Each scenario that fails more since a moment, or, where nothing changed, that is definitely broken."""
    moment = runs.moment(reported, moments)
    gate = gate_of(Measure.WORKFLOW_FAILURES, Series(*runs.series(np.ones(len(runs.minute), bool))), moment, limits.verdict, 0)
    critical = _critical(finding, limits)
    if moment is None:
        return [] if moments else _chronic(runs, gate, critical, limits)
    plain = [one for one in found if "scenario_name" not in one.subject]
    met = {place: runs.meeting(requests, one.rows) for place, one in enumerate(plain)}
    followed = runs.meeting(requests, _failed(requests))
    judged = []
    for scenario, name in enumerate(runs.names):
        one = _judged(runs, runs.scenario == scenario, name, moment, gate, critical, limits)
        if one is None:
            continue
        mine = runs.scenario == scenario
        explained = np.logical_or.reduce([*met.values(), np.zeros(len(mine), bool)])
        if plain and _left(runs, mine, explained, moment) <= EXPLAINED:
            breaking = tuple(plain[place] for place, rows in met.items() if _left(runs, mine, rows, moment) < 1 - EXPLAINED)
            after = Series(*runs.series(mine & ~explained)).rate(moment.start, moment.end)
            judged.append(replace(one, confidence=None, broken_by=breaking or tuple(plain[:1]), without=after))
        elif _left(runs, mine, followed, moment) <= EXPLAINED and not any(f.subject.get("scenario_name") == name for f in found):
            judged.append(replace(one, confidence=None))  # it fails because requests fail, wherever they do
        else:
            judged.append(replace(one, explained=frozenset(_ids(requests, runs, explained & mine))))
    return sorted(judged, key=lambda one: -one.worth)


def _failed(requests: Requests) -> Bools:
    return requests.failed(Measure.SERVER_ERRORS) | requests.failed(Measure.CLIENT_ERRORS)


def _ids(requests: Requests, runs: Runs, chosen: Bools) -> list[str]:
    places = np.unique(runs.place[chosen & (runs.place >= 0)])
    return requests.runs.take(pa.array(places)).to_pylist() if requests.runs is not None and len(places) else []


def _critical(finding: Finding | None, limits: AllThresholds) -> set[str]:
    rows = finding.rows if finding else []
    return {str(row["scenario_name"]) for row in rows if str(row["business_criticality"]).upper() == limits.workflow.critical}


def _judged(  # noqa: PLR0913 - one scenario of judged_workflows
    runs: Runs, mine: Bools, name: str, moment: ChangePoint, gate: Gate, critical: set[str], limits: AllThresholds
) -> Workflow | None:
    own, rest = Series(*runs.series(mine)), Series(*runs.series(~mine))
    nats = math.log(max(len(runs.names), 1)) + math.log(1 / ALPHA)
    how = weigh(own, rest, own, moment, nats, limits.verdict, change=True)
    if how.onset.z is None or how.onset.z < limits.verdict.gate_z or any(code == NO_CONTRAST for code, _ in how.shortfalls):
        return None
    missing = [words for code, words in how.shortfalls if code != NO_BEFORE]
    low = completion_definitely_low(runs, mine & (runs.minute >= moment.start), limits.workflow.completion)
    tier = Tier.DEFINITIVE if name in critical and low else Tier.POTENTIAL
    confidence = Confidence.SUSPECTED if missing else Confidence.CONFIRMED
    return Workflow(
        name, moment, how.onset, how.contrast, confidence, tuple(missing), tier, own.rate(0, None),
        how.onset.z**2 / 2, gate,
    )  # fmt: skip


def _left(runs: Runs, mine: Bools, gone: Bools, moment: ChangePoint) -> float:
    """The share of a scenario's excess rate that is left among the runs not `gone`; 0 where a handful fail."""
    own, left = Series(*runs.series(mine)), Series(*runs.series(mine & ~gone))
    before = own.rate(0, moment.before(0)).percent
    rose = own.rate(moment.start, moment.end).percent - before
    after = left.rate(moment.start, moment.end)
    return max(after.percent - before, 0.0) / rose if rose > 0 and after.failures >= SUPPORT else 0.0


def _chronic(runs: Runs, gate: Gate, critical: set[str], limits: AllThresholds) -> list[Workflow]:
    """Critical workflows that complete too few runs all through the window, and fewer than the others do."""
    found = []
    for scenario, name in enumerate(runs.names):
        mine = runs.scenario == scenario
        if name not in critical or not completion_definitely_low(runs, mine, limits.workflow.completion):
            continue
        onset, contrast = chronic(runs, scenario)
        need = math.sqrt(2 * (math.log(max(len(runs.names), 1)) + math.log(1 / ALPHA)))
        if contrast.rest is not None and (contrast.z or 0.0) < need:
            continue
        window = Series(*runs.series(mine)).rate(0, None)
        found.append(Workflow(
            name, None, onset, contrast, Confidence.CONFIRMED, (), Tier.DEFINITIVE, window, (contrast.z or 0.0) ** 2 / 2,
            gate.model_copy(update={"open": True}),
        ))  # fmt: skip
    return sorted(found, key=lambda one: -one.worth)
