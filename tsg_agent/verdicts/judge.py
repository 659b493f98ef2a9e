"""All verdicts of an investigation: what is the cause, since when, what it breaks, and what was dismissed."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Measurement, bucket_minutes, measured
from tsg_agent.evidence.requests import MINUTE, REQUEST_MEASURES, Requests, usual_until, with_workflows
from tsg_agent.models import (
    Confidence,
    Finding,
    Gate,
    Judgement,
    Measure,
    OtherRegion,
    Parameters,
    Start,
    TrafficLoss,
    Verdict,
)
from tsg_agent.settings import AllThresholds
from tsg_agent.statistics import Bools
from tsg_agent.steps.step import Step
from tsg_agent.steps.typed_guide import Guide
from tsg_agent.verdicts.causes import OUTCOMES, SYMPTOMS, Explained, Explainer, Found, describing
from tsg_agent.verdicts.confidence import GATE_CLOSED, NO_CONTRAST, UNSETTLED, MinuteSeries, Sides, Weighed, weigh
from tsg_agent.verdicts.context import VerdictContext
from tsg_agent.verdicts.dismissed import dismissed
from tsg_agent.verdicts.failing_dependency import with_dependencies
from tsg_agent.verdicts.gates import gate_of
from tsg_agent.verdicts.impact import Impact
from tsg_agent.verdicts.ledger import Ledger, by_bucket, charted
from tsg_agent.verdicts.lost_traffic import lost_traffic
from tsg_agent.verdicts.members import SUPPORT
from tsg_agent.verdicts.notes import notes_of
from tsg_agent.verdicts.regions import elsewhere, region_found
from tsg_agent.verdicts.runs import Runs
from tsg_agent.verdicts.value_labels import SubjectKey, ValueLabels, key_of
from tsg_agent.verdicts.verdict import considered, parts_of, request_verdict, told_alike, told_of, workflow_verdict
from tsg_agent.verdicts.workflows import SCENARIO, FailingWorkflow, WorkflowJudge
from tsg_agent.wording import column_words, listed
from tsg_agent.workflow_analysis import step_that_fails

MOST_DESCRIBING = 250
"""For at most this many values of a column it is tested whether they only describe failures."""


@dataclass(frozen=True)
class Evidence:
    """All that verdicts are made from.

    `regions`: the other regions' requests by minute. `calls`: caller and callee. `steps` gives plugin 8's rows, which
    only a workflow's verdict reads; `runs`: WorkflowAnalysis.runs of them.
    """

    requests: Requests
    regions: pa.Table | None
    calls: frozenset[tuple[str, str]]
    steps: Callable[[], pd.DataFrame] | None
    runs: pd.DataFrame | None
    findings: list[Finding]
    parameters: Parameters
    limits: AllThresholds
    guide: Guide[Step]
    until: datetime | None = None
    """When the telemetry ends, all services together: what comes later nobody can have lost."""

    def before(self, late: datetime | None) -> "Evidence":
        """The same without what came since: other rows of that time may still be on their way."""
        if late is None:
            return self
        seconds = int((late - self.parameters.start_time).total_seconds())
        regions = self.regions
        if regions is not None:
            regions = regions.filter(pc.less(regions["minute"], seconds // MINUTE))
        return replace(self, requests=self.requests.until(seconds), regions=regions, until=late)


@dataclass(frozen=True)
class Judged:
    """The verdicts, and the counts by dimension and bucket, split at the measured start."""

    judgement: Judgement
    measurement: Measurement
    requests: Requests

    def refused_with(self) -> int | None:
        """The status code of most requests that are not served since the start."""
        after, bucket = self.measurement.grid.after, self.measurement.grid.buckets(self.requests.second)
        return self.requests.refused_with((bucket >= after.start) & (bucket < after.stop))


def judge(evidence: Evidence) -> Judged:
    """Judge every description of the requests and every workflow. Pure. Source: docs/verdicts.md."""
    return _Case(evidence).judged()


class _Case:
    """One judgement in the making."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence, self.limits, self.given = evidence, evidence.limits, evidence.parameters
        self.begin, self.end = _naive(self.given.start_time), _naive(self.given.end_time)
        reported = self.given.incident_start
        self.reported = None if reported is None else (reported - self.given.start_time).total_seconds() / MINUTE
        self.requests = evidence.requests
        self.workflow = evidence.guide.dimension(SCENARIO)
        self.runs: Runs | None = None
        if self.workflow is not None and evidence.runs is not None and len(evidence.runs):
            self.runs = Runs.of(evidence.runs, self.begin, self.requests)
            names, scenario, place = self.runs.names, self.runs.scenario, self.runs.place
            self.requests = with_workflows(self.requests, names, scenario, place, self.workflow)
        self.requests = self.requests.with_usual(usual_until(self.given))
        self.explainer = Explainer(
            self.requests, self.given.service_name, self.reported, calls=evidence.calls, limits=self.limits.verdict,
            exact=self.given.exact_start,
        )  # fmt: skip
        self.findings = {finding.step: finding for finding in evidence.findings}

    def judged(self) -> Judged:
        """Everything, in order: causes among requests, the region, workflows, then words and figures."""
        explained = with_dependencies(self.explainer.explain(), self.explainer)
        region = region_found(self.explainer, explained, self.evidence.regions, self.given.region)
        found = [*explained.found, *([region] if region is not None else [])]
        weighed = [(one, how) for one in found if (how := self._weighed(one)) is not None]
        sure = [one for one, how in weighed if how.confidence is Confidence.CONFIRMED]
        workflows = self._workflows(sure, explained)
        taken = {one.scenario for one in workflows if one.confidence is not None}
        weighed = [(one, how) for one, how in weighed if one.subject.get(SCENARIO) not in taken]
        start = self._start(explained, sure or [one for one, _ in weighed], workflows)
        measurement = measured(
            self.requests, self._grid(start), self.evidence.regions, self.given, self.evidence.guide.dimensions
        )
        names = ValueLabels(self.evidence.guide, measurement, self.findings, self.limits)
        ledger = Ledger(known=start.measured is not None)
        context = VerdictContext(
            self.evidence.guide, self.requests, measurement, self.findings, self.limits, names, ledger, start,
            begin=self._time(0),
        )  # fmt: skip
        return Judged(self._judgement(explained, weighed, workflows, start, context), measurement, self.requests)

    def _weighed(self, one: Found) -> Weighed | None:
        """The confidence in a description; None if all its failures are the other causes' requests."""
        requests, limits = self.requests, self.limits.verdict
        alone = one.rows & ~one.others
        rest = one.rest or _series(requests, one.measure, ~(one.rows | one.others | requests.passed_on))
        told = MinuteSeries(*requests.series(one.measure, one.told))
        nats = one.search.cost * max(len(one.key), 1) + one.search.least
        change = self.evidence.guide.leading(one.subject).change
        sides = Sides(_series(requests, one.measure, alone), rest, told)
        weighed = weigh(sides, one.moment, nats, limits, change=change)
        if weighed.onset.after is None or weighed.onset.after.failures < SUPPORT:
            return None
        if alone.sum() < one.rows.sum():  # judged by what is its own, told with all of its requests
            sides = Sides(_series(requests, one.measure, one.rows), rest, told)
            whole = weigh(sides, one.moment, nats, limits, change=change)
            weighed = Weighed(whole.onset, whole.contrast, weighed.confidence, weighed.shortfalls)
        if one.lacks:
            names = listed([column_words(column) for column in one.lacks])
            words = f"its requests do not record the {names} of the cause above, and may be among those that it breaks"
            weighed = weighed.short_of(UNSETTLED, words)
        if one.faint and weighed.confidence is Confidence.CONFIRMED:
            words = "chance among all that was looked at could tell it from the rest as well"
            weighed = weighed.short_of(NO_CONTRAST, words)
        gate = self.gates[one.measure]
        if not gate.open and self.explainer.entry is not None:
            words = f"the service as a whole shows no change of its own ({gate.reason})"
            weighed = weighed.short_of(GATE_CLOSED, words)
        return weighed

    @cached_property
    def gates(self) -> dict[Measure, Gate]:
        """One gate per outcome of requests, at the moment that its series, or a part's, shows."""
        entry, moments = self.explainer.entry, self.explainer.moments
        return {
            measure: gate_of(
                measure, MinuteSeries(*self.requests.series(measure, entry)), moments.get(measure), self.limits.verdict,
                self.limits.version.slow_ms,
            )
            for measure in OUTCOMES
        }  # fmt: skip

    def _workflows(self, found: list[Found], explained: Explained) -> list[FailingWorkflow]:
        if self.workflow is None or self.runs is None:
            return []
        judge_of = WorkflowJudge(self.runs, self.reported, self.findings.get(self.workflow.step), self.limits)
        return judge_of.judged(found, list(explained.moments.values()))

    def _start(self, explained: Explained, found: list[Found], workflows: list[FailingWorkflow]) -> Start:
        """The measured start: the earliest of the causes' own, which are sharper than the service's."""
        reported = self.given.incident_start
        own = {one: at for one, at in explained.moments.items() if one not in self.explainer.of_parts}
        measure, moment = next(iter(own.items()), (None, None))
        begun = [(self.explainer.sharper(one), one.measure) for one in found if one.measure in explained.moments]
        if begun:
            moment, measure = min(begun, key=lambda one: one[0].start)
        if moment is None:
            moment = next((one.moment for one in workflows if one.moment is not None), None)
            measure = Measure.WORKFLOW_FAILURES if moment is not None else None
        if moment is None:
            # Of a time that has no requests nothing shows that nothing changed in it.
            seen = self.reported is not None and self.reported <= int(self.requests.minute.max(initial=-1))
            return Start(reported=reported, doubted=seen)
        measured_, earliest, latest = (self._time(at) for at in (moment.start, moment.earliest, moment.latest))
        ended = None if moment.end is None else self._time(moment.end)
        return Start(
            measured=measured_, earliest=earliest, latest=latest, ended=ended, reported=reported, measure=measure
        )

    def _time(self, minute: int) -> datetime:
        return (self.begin + timedelta(minutes=minute)).replace(tzinfo=UTC)

    def _grid(self, start: Start) -> Grid:
        begun, ended = start.measured or start.reported, start.ended
        guard = timedelta(minutes=self.limits.verdict.guard_minutes)
        until = max(self.begin, self._until)  # later there is nothing to count
        return Grid.over(
            (self.begin, until),
            _naive(begun) if begun else None,
            bucket_minutes(self.requests, until - self.begin, self.limits.verdict.bucket_minutes),
            earliest=_naive(start.earliest) - guard if start.earliest else None,
            ended=_naive(ended) if ended else None,
        )

    def _judgement(
        self,
        explained: Explained,
        weighed: list[tuple[Found, Weighed]],
        workflows: list[FailingWorkflow],
        start: Start,
        context: VerdictContext,
    ) -> Judgement:
        impact = Impact(self.explainer, context.measurement, self.given.region)
        lost = _lost(weighed)
        ranked = [
            ((how.confidence is not Confidence.CONFIRMED, one.measure in SYMPTOMS, -lost[one.measure, how.confidence],
              -one.worth),
             self._at_its_step(one, request_verdict(one, how, workflows, context, impact.effect(one, how, weighed))))
            for one, how in weighed
        ]  # fmt: skip
        ranked += [
            ((one.confidence is not Confidence.CONFIRMED, False, -one.onset.excess, -one.worth),
             workflow_verdict(one, self._steps_of(one), context))
            for one in workflows if one.confidence is not None
        ]  # fmt: skip
        verdicts = told_alike([verdict for _, verdict in sorted(ranked, key=lambda item: item[0])])
        main = start.measure if start.measure in REQUEST_MEASURES else Measure.SERVER_ERRORS
        rejected = dismissed(context, main, self._known(verdicts), self._reasons(verdicts, context))
        measurement = context.measurement
        drawn = [
            (one.subject, one.measure, *by_bucket(self.requests, one.measure, one.rows, measurement.grid))
            for one, _ in weighed
        ]
        traffic = self._traffic(explained=any(one.confidence is Confidence.CONFIRMED for one in verdicts))
        return Judgement(
            gates=[*self.gates.values(), *(one.gate for one in workflows[:1])],
            causes=[told_of(one) for one in verdicts[: self.limits.verdict.causes]],
            rejected=rejected,
            series=charted(measurement, drawn),
            measured=context.ledger.rows,
            start=start,
            elsewhere=None if verdicts or start.measured else self._elsewhere(),
            traffic=traffic,
            considered=considered(explained),
            reach=impact.reach([one for one, how in weighed if how.confidence is Confidence.CONFIRMED]),
            course=impact.course(start, start.measure, self._until) if start.measure in OUTCOMES else None,
            notes=notes_of(measurement, start, self.limits.verdict, traffic),
        )

    @property
    def _until(self) -> datetime:
        """When the window, or before it the telemetry, ends."""
        return self.end if self.evidence.until is None else min(self.end, _naive(self.evidence.until))

    def _traffic(self, *, explained: bool) -> TrafficLoss | None:
        """Requests that stopped coming. Those of one client do not come where it is broken: then it is no finding."""
        minutes = int((self._until - self.begin).total_seconds() // MINUTE)
        fall = lost_traffic(self.requests, self.explainer.entry, minutes, parts=not explained)
        if fall is None:
            return None
        return TrafficLoss(subject=fall.subject, since=self._time(fall.minute), before=fall.before, after=fall.after)

    def _elsewhere(self) -> OtherRegion | None:
        """The other region where it fails: a report may name the wrong one, or all of them."""
        verdict = self.limits.verdict
        found = elsewhere(self.evidence.regions, self.reported, verdict.moment_alpha)
        if found is None:
            return None
        region, moment, series = found
        before, after = series.rate(0, moment.before(verdict.guard_minutes)), series.rate(moment.start, moment.end)
        return OtherRegion(region=region, since=self._time(moment.start), before=before, after=after)

    def _steps_of(self, one: FailingWorkflow) -> pd.DataFrame | None:
        """Plugin 8's rows of a workflow's runs since it broke, without those that other causes account for."""
        if self.evidence.steps is None:
            return None
        steps = self.evidence.steps()
        since = self.begin + timedelta(minutes=one.moment.start if one.moment else 0)
        mine = _of_scenario(steps, one.scenario, since)
        left = mine[~mine["correlation_id"].isin(one.explained)] if one.explained else mine
        return left if len(left) else mine

    def _at_its_step(self, one: Found, verdict: Verdict) -> Verdict:
        """Requests of a workflow, with the step that they are of: where its rows say that failures gather."""
        scenario = one.subject.get(SCENARIO)
        if scenario is None or self.evidence.steps is None:
            return verdict
        since = self.begin + timedelta(minutes=one.moment.start)
        step = step_that_fails(_of_scenario(self.evidence.steps(), scenario, since), self.limits.workflow)
        return verdict.model_copy(update={"subject": {**verdict.subject, "workflow_step": step}}) if step else verdict

    def _known(self, verdicts: list[Verdict]) -> set[SubjectKey]:
        """The subjects that causes, their parts, their blast radius and their impact are about."""
        known = {key_of(item.subject) for one in verdicts for item in (*one.also_visible_in, *one.impact)}
        parts = [part for one in verdicts for part in (one.subject, *parts_of(one.subject, self.evidence.guide))]
        return known | {key_of(part) for part in parts}

    def _reasons(self, verdicts: list[Verdict], context: VerdictContext) -> dict[SubjectKey, str]:
        """Why the search dismissed some subjects: components that pass failures on, descriptions of errors."""
        reasons = dict.fromkeys(self.explainer.passing_on, "passes_on")
        if any(one.confidence is Confidence.CONFIRMED for one in verdicts):
            kinds = [table for table in context.measurement.tables if table.dimension.error_only]
            told = [key_of(table.subject(row)) for table in kinds for row in range(len(table.values))]
            reasons |= dict.fromkeys(told, "describes")
        elif context.start.measured is None:
            reasons |= dict.fromkeys(self._describing(), "describes")
        return reasons

    def _describing(self) -> list[SubjectKey]:
        """Values that only failed requests carry: they hold most failures, and name no place."""
        requests, found = self.requests, list[SubjectKey]()
        for column in self.explainer.columns:
            codes = np.arange(min(len(column.values), MOST_DESCRIBING))
            told = codes[describing(requests, column, codes, int(requests.minute.max(initial=0)) + 1)]
            found += [key_of(column.subject(int(code))) for code in told]
        return found


def _lost(weighed: list[tuple[Found, Weighed]]) -> dict[tuple[Measure, Confidence | None], float]:
    """The requests that each outcome's causes cost. What they explain (nats) compares causes of one outcome only: each
    outcome has its own overdispersion.
    """
    lost = defaultdict[tuple[Measure, Confidence | None], float](float)
    for one, how in weighed:
        lost[one.measure, how.confidence] += how.onset.excess
    return lost


def _of_scenario(steps: pd.DataFrame, scenario: str, since: datetime) -> pd.DataFrame:
    return steps[(steps[SCENARIO] == scenario) & (steps["timestamp"] >= since)]


def _series(requests: Requests, measure: Measure, rows: Bools) -> MinuteSeries:
    """Failures and requests of some rows by minute."""
    return MinuteSeries(*requests.series(measure, rows))


def _naive(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(tzinfo=None)
