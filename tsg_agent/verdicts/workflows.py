"""Workflows: which scenarios' runs fail, and whether a cause among the requests explains it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tsg_agent.models import Confidence, Contrast, Finding, Gate, Measure, Onset, OnsetKind, Rate, Tier, Visible
from tsg_agent.settings import AllThresholds
from tsg_agent.statistics import Bools, wilson_interval
from tsg_agent.verdicts.causes import Found
from tsg_agent.verdicts.confidence import NO_BEFORE, NO_CONTRAST, MinuteSeries, Sides, weigh
from tsg_agent.verdicts.gates import gate_of
from tsg_agent.verdicts.members import SUPPORT
from tsg_agent.verdicts.onset import ChangePoint
from tsg_agent.verdicts.runs import Places, Runs
from tsg_agent.verdicts.search import ALPHA
from tsg_agent.verdicts.value_labels import ValueLabels

SCENARIO = "scenario_name"
"""The column that names a workflow."""
EXPLAINED = 0.25
"""A workflow is impact where no more than this share of its excess is left without the cause's runs."""


@dataclass(frozen=True)
class FailingWorkflow:
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

    def visible(self, step: int, names: ValueLabels) -> Visible:
        """As the impact of a cause. `step`: the one that workflows are about."""
        subject = {SCENARIO: self.scenario}
        label, onset = names.of(subject), self.onset
        return Visible(
            subject=subject,
            step=step,
            label=label,
            before=onset.before,
            after=onset.after,
            without=self.without,
        )


class WorkflowJudge:
    """Judges the runs of one investigation. `reported`: the minute of a reported start; `finding`: the workflows'."""

    def __init__(self, runs: Runs, reported: float | None, finding: Finding | None, limits: AllThresholds) -> None:
        self.runs, self.reported, self.limits = runs, reported, limits
        rows = finding.rows if finding else []
        critical = limits.workflow.critical
        self.critical = {str(r[SCENARIO]) for r in rows if str(r["business_criticality"]).upper() == critical}
        self.nats = math.log(max(len(runs.names), 1)) + math.log(1 / ALPHA)

    def judged(self, found: Sequence[Found], moments: Sequence[ChangePoint]) -> list[FailingWorkflow]:
        """Each scenario that fails more since a moment, or, where nothing changed, that is definitely broken.

        `found`: the confirmed causes among the requests; `moments`: when their outcomes rose.
        """
        runs, moment = self.runs, self.runs.moment(self.reported, moments)
        gate = gate_of(Measure.WORKFLOW_FAILURES, runs.whole, moment, self.limits.verdict, self.limits.version.slow_ms)
        if moment is None:
            return [] if moments else self._chronic(gate)
        plain = [one for one in found if SCENARIO not in one.subject]
        named = {one.subject.get(SCENARIO) for one in found}
        met = [runs.meeting(one.rows) for one in plain]
        explained = np.logical_or.reduce([*met, np.zeros(len(runs.minute), bool)])
        lost = runs.requests.failed(Measure.SERVER_ERRORS) | runs.requests.failed(Measure.CLIENT_ERRORS)
        followed = runs.meeting(lost)
        judged, others = [], runs.whole
        for name, mine in self._most_first(moment):
            one, alone = self._scenario(mine, name, moment, gate, others)
            if one is None:
                continue
            if plain and self._left(mine, explained, moment) <= EXPLAINED:
                some = [self._left(mine, rows, moment) < 1 - EXPLAINED for rows in met]
                breaking = tuple(cause for cause, part in zip(plain, some, strict=True) if part)
                after = runs.series(mine[~explained[mine]]).rate(moment.start, moment.end)
                judged.append(replace(one, confidence=None, broken_by=breaking or tuple(plain[:1]), without=after))
            elif not alone:
                continue
            elif name not in named and self._left(mine, followed, moment) <= EXPLAINED:
                judged.append(replace(one, confidence=None))  # it fails because requests fail, wherever they do
            else:
                judged.append(replace(one, explained=runs.ids(mine[explained[mine]])))
                others = others.without(runs.series(mine))
        return sorted(judged, key=lambda one: -one.worth)

    def _most_first(self, moment: ChangePoint) -> list[tuple[str, Places]]:
        """The scenarios, the one that lost most runs first."""

        def lost(mine: Places) -> float:
            own = self.runs.series(mine)
            before, after = own.rate(0, moment.before(0)), own.rate(moment.start, moment.end)
            return after.failures - after.requests * before.percent / 100

        return sorted(zip(self.runs.names, self.runs.of_scenario, strict=True), key=lambda one: -lost(one[1]))

    def _scenario(
        self, mine: Places, name: str, moment: ChangePoint, gate: Gate, others: MinuteSeries
    ) -> tuple[FailingWorkflow | None, bool]:
        """A scenario that rose, None for any other; and whether it rose more than the others did.

        `others`: all runs but those of other causes: beside the larger of two workflows that break, the smaller one
        rises no more than the rest.
        """
        runs, limits = self.runs, self.limits
        own = runs.series(mine)
        rest = others.without(own)
        how = weigh(Sides(own, rest, own), moment, self.nats, limits.verdict, change=True)
        z = how.onset.z or 0.0
        if z < limits.verdict.gate_z:
            return None, False
        alone = all(code != NO_CONTRAST for code, _ in how.shortfalls)
        missing = tuple(words for code, words in how.shortfalls if code != NO_BEFORE)
        low = self._definitely_low(mine[runs.minute[mine] >= moment.start])
        tier = Tier.DEFINITIVE if name in self.critical and low else Tier.POTENTIAL
        confidence = Confidence.SUSPECTED if missing else Confidence.CONFIRMED
        whole = own.rate(0, None)
        return FailingWorkflow(
            name, moment, how.onset, how.contrast, confidence, missing, tier, whole, z**2 / 2, gate
        ), alone

    def _left(self, mine: Places, gone: Bools, moment: ChangePoint) -> float:
        """The share of a scenario's excess rate that is left among the runs not `gone`; 0 where a handful fail."""
        own, left = self.runs.series(mine), self.runs.series(mine[~gone[mine]])
        before = own.rate(0, moment.before(0)).percent
        rose = own.rate(moment.start, moment.end).percent - before
        after = left.rate(moment.start, moment.end)
        return max(after.percent - before, 0.0) / rose if rose > 0 and after.failures >= SUPPORT else 0.0

    def _definitely_low(self, kept: Places) -> bool:
        """The completion rate is under the guide's even at the upper end of its 95 % interval (Wilson)."""
        rate = self.runs.rate(kept)
        return wilson_interval(rate.requests - rate.failures, rate.requests)[1] < self.limits.workflow.completion / 100

    def _chronic(self, gate: Gate) -> list[FailingWorkflow]:
        """Critical workflows that complete too few runs all through the window, and fewer than the others do."""
        found, whole = [], self.runs.whole.rate(0, None)
        for name, mine in zip(self.runs.names, self.runs.of_scenario, strict=True):
            if name not in self.critical or not self._definitely_low(mine):
                continue
            own = self.runs.rate(mine)
            rest = Rate(failures=whole.failures - own.failures, requests=whole.requests - own.requests)
            z = _difference_z(own, rest)
            if rest.requests and z < math.sqrt(2 * self.nats):
                continue
            reason = "nothing in the window shows when it began"
            onset = Onset(kind=OnsetKind.UNKNOWN, after=own, reason=reason)
            contrast = Contrast(method="none", subject=own, reason="it is the only workflow")
            if rest.requests:
                difference = round(own.percent - rest.percent, 4)
                contrast = Contrast(
                    method="difference_of_rates", subject=own, rest=rest, difference=difference, z=round(z, 4),
                    significant=True,
                )  # fmt: skip
            opened = gate.model_copy(update={"open": True})
            found.append(
                FailingWorkflow(
                    name, None, onset, contrast, Confidence.CONFIRMED, (), Tier.DEFINITIVE, own, z**2 / 2, opened
                )
            )
        return sorted(found, key=lambda one: -one.worth)


def _difference_z(own: Rate, rest: Rate) -> float:
    """z of the difference of two rates, unpooled (Wald)."""
    p, q = own.percent / 100, rest.percent / 100
    spread = p * (1 - p) / max(own.requests, 1) + q * (1 - q) / max(rest.requests, 1)
    return (p - q) / math.sqrt(spread) if spread > 0 else 0.0
