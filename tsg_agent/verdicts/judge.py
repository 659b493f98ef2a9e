"""All verdicts of an investigation: what is the cause, since when, what it breaks, what was thought of and dismissed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa

from tsg_agent.evidence.dimensions import DIMENSIONS, WORKFLOW, leading
from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Measurement, measured
from tsg_agent.evidence.requests import MINUTE, Requests, with_workflows
from tsg_agent.models import (
    Confidence,
    Description,
    Finding,
    Gate,
    Judgement,
    Measure,
    Parameters,
    Rate,
    Start,
    Subject,
    Tier,
    Verdict,
    Visible,
)
from tsg_agent.settings import AllThresholds
from tsg_agent.verdicts.causes import OUTCOMES, Explained, Explainer, Found
from tsg_agent.verdicts.confidence import GATE_CLOSED, NO_CONTRAST, UNSETTLED, Series, Weighed, weigh
from tsg_agent.verdicts.details import detail_of, workflow_detail
from tsg_agent.verdicts.dismissed import dismissed
from tsg_agent.verdicts.gates import gate_of
from tsg_agent.verdicts.ledger import Ledger, by_bucket, charted
from tsg_agent.verdicts.naming import Names, rows_about
from tsg_agent.verdicts.notes import notes_of
from tsg_agent.verdicts.regions import region_found
from tsg_agent.verdicts.search import AFTER_FAILED, BEFORE_FAILED, SUPPORT, Search
from tsg_agent.verdicts.workflows import Runs, Workflow, judged_workflows
from tsg_agent.wording import column_words, listed

Key = tuple[tuple[str, str], ...]
SEEN = 12
"""Subjects of a blast radius that are told, those with most failures first."""
ALIKE_REQUESTS = 0.01
"""Two places with as many failures, in requests that differ by no more than this share, see the same calls."""


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


@dataclass(frozen=True)
class Judged:
    """The verdicts, and the counts by dimension and bucket, laid by the measured start."""

    judgement: Judgement
    measurement: Measurement


def judge(evidence: Evidence) -> Judged:
    """Judge every description of the requests and every workflow. Pure. Source: docs/verdicts.md."""
    return _Case(evidence).judged()


class _Case:
    """One judgement in the making."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence, self.limits, given = evidence, evidence.limits, evidence.parameters
        self.begin = given.start_time.astimezone(UTC).replace(tzinfo=None)
        self.end = given.end_time.astimezone(UTC).replace(tzinfo=None)
        reported = given.incident_start
        self.reported = None if reported is None else (reported - given.start_time).total_seconds() / MINUTE
        requests = evidence.requests
        if evidence.runs is not None and len(evidence.runs):
            known = evidence.runs.dropna(subset=["scenario_name", "correlation_id"])
            scenarios = dict(zip(known["correlation_id"].astype(str), known["scenario_name"].astype(str), strict=True))
            requests = with_workflows(requests, scenarios)
        self.requests = requests
        exact = bool(getattr(given, "exact_start", False))
        self.explainer = Explainer(
            requests, given.service_name, self.reported, self.limits.verdict.causes, evidence.calls,
            guard=self.limits.verdict.guard_minutes, exact=exact,
        )
        self.findings = {finding.step: finding for finding in evidence.findings}

    def judged(self) -> Judged:
        """Everything, in order: causes among requests, the region, workflows, then words and figures."""
        explained = self.explainer.explain()
        found = list(explained.found)
        region = region_found(self.explainer, explained, self.evidence.regions, self.evidence.parameters.region)
        found += [region] if region is not None else []
        weighed = [(one, self._weighed(one)) for one in found]
        weighed = [(one, how) for one, how in weighed if how is not None]
        workflows = self._workflows([one for one, how in weighed if how.confidence is Confidence.CONFIRMED], explained)
        taken = {one.scenario for one in workflows if one.confidence is not None}
        weighed = [(one, how) for one, how in weighed if one.subject.get("scenario_name") not in taken]
        start = self._start(explained, [one for one, _ in weighed], workflows)
        measurement = measured(
            self.requests, self._grid(start), self.evidence.regions, self.evidence.parameters.service_name,
            self.evidence.parameters.region,
        )  # fmt: skip
        return Judged(self._judgement(explained, weighed, workflows, start, measurement), measurement)

    def _weighed(self, one: Found) -> Weighed | None:
        """How sure a description is; None where its part of all that failed is too small to be one."""
        requests = self.requests
        alone = one.rows & ~one.others
        own = Series(*requests.series(one.measure, alone))
        rest = one.rest or Series(*requests.series(one.measure, ~one.rows & ~one.others))
        whole = Series(*requests.series(one.measure, one.told))
        nats = one.search.cost * max(len(one.key), 1) + one.search.least
        change = leading(one.subject).change
        weighed = weigh(own, rest, whole, one.moment, nats, self.limits.verdict, change=change)
        if weighed.onset.after is None or weighed.onset.after.failures < SUPPORT:
            return None  # all that fails there are the others' requests
        if alone.sum() < one.rows.sum():  # judged by what is its own, told with all of its requests
            told = weigh(Series(*requests.series(one.measure, one.rows)), rest, whole, one.moment, nats, self.limits.verdict, change=change)
            weighed = Weighed(told.onset, told.contrast, weighed.confidence, weighed.shortfalls)
        if one.lacks:
            names = listed([column_words(column) for column in one.lacks])
            words = f"its requests do not record the {names} of the cause above, and may be among those that it breaks"
            weighed = weighed.short_of(UNSETTLED, words)
        if one.faint and weighed.confidence is Confidence.CONFIRMED:
            weighed = weighed.short_of(NO_CONTRAST, "chance among all that was looked at could tell it from the rest as well")
        gate = self.gates[one.measure]
        if not gate.open and self.explainer.entry is not None:
            words = f"the service as a whole shows no change of its own ({gate.reason})"
            weighed = weighed.short_of(GATE_CLOSED, words)
        return weighed

    @cached_property
    def gates(self) -> dict[Measure, Gate]:
        """One gate per outcome of requests, at the moment that its series, or a part's, shows."""
        return {
            measure: gate_of(
                measure, Series(*self.requests.series(measure, self.explainer.entry)),
                self.explainer.moments.get(measure), self.limits.verdict, self.limits.version.slow_ms,
            )
            for measure in OUTCOMES
        }  # fmt: skip

    def _workflows(self, found: list[Found], explained: Explained) -> list[Workflow]:
        runs = self.evidence.runs
        if runs is None or not len(runs):
            return []
        return judged_workflows(
            Runs.of(runs, self.begin, self.requests), self.requests, found, list(explained.moments.values()),
            self.reported, self.findings.get(9), self.limits,
        )  # fmt: skip

    def _start(self, explained: Explained, found: list[Found], workflows: list[Workflow]) -> Start:
        """The measured start: of the first cause's own failures, which are sharper than the service's, where they agree."""
        reported = self.evidence.parameters.incident_start
        found = [one for one in found if one.measure in explained.moments]
        moment = found[0].moment if found else next(iter(explained.moments.values()), None)
        measure = found[0].measure if found else next(iter(explained.moments), None)
        if moment is None:
            broken = next((one for one in workflows if one.moment is not None), None)
            moment, measure = (broken.moment, Measure.WORKFLOW_FAILURES) if broken else (None, None)
        if moment is None:
            return Start(reported=reported, doubted=reported is not None)
        if found:
            moment = self.explainer.sharper(found[0])
        at = [
            None if minute is None else self._time(minute)
            for minute in (moment.start, moment.earliest, moment.latest, moment.end)
        ]
        return Start(measured=at[0], earliest=at[1], latest=at[2], ended=at[3], reported=reported, measure=measure)

    def _time(self, minute: int) -> datetime:
        return (self.begin + timedelta(minutes=minute)).replace(tzinfo=UTC)

    def _grid(self, start: Start) -> Grid:
        def naive(time: datetime | None) -> datetime | None:
            return None if time is None else time.replace(tzinfo=None)

        begun = naive(start.measured or (start.reported.astimezone(UTC) if start.reported else None))
        earliest = naive(start.earliest)
        if earliest is not None:
            earliest -= timedelta(minutes=self.limits.verdict.guard_minutes)
        return Grid.over(
            (self.begin, self.end), begun, self.limits.verdict.bucket_minutes, earliest=earliest,
            ended=naive(start.ended),
        )  # fmt: skip

    def _judgement(
        self, explained: Explained, weighed: list[tuple[Found, Weighed]], workflows: list[Workflow], start: Start,
        measurement: Measurement,
    ) -> Judgement:  # fmt: skip
        names = Names(measurement, self.findings, self.limits)
        ledger = Ledger(known=start.measured is not None)
        causes = [(self._strength(one, how), self._verdict(one, how, workflows, names, measurement, ledger)) for one, how in weighed]
        causes += [
            ((one.confidence is not Confidence.CONFIRMED, False, -one.worth), self._workflow(one, names, ledger))
            for one in workflows
            if one.confidence is not None
        ]
        causes.sort(key=lambda item: item[0])
        verdicts = _told_alike([verdict for _, verdict in causes])
        known = {_key(item.subject) for one in verdicts for item in (*one.also_visible_in, *one.impact)}
        known |= {_key(part) for one in verdicts for part in (one.subject, *_parts(one.subject))}
        main = start.measure if start.measure in OUTCOMES else Measure.SERVER_ERRORS
        reasons = {key: "passes_on" for key in self.explainer.passing_on}
        if any(one.confidence is Confidence.CONFIRMED for one in verdicts):
            reasons |= {
                _key(table.subject(row)): "describes"
                for table in measurement.tables if table.dimension.error_only for row in range(len(table.values))
            }  # fmt: skip
        rejected = dismissed(measurement, main, known, names, self.findings, self.limits, ledger, reasons)
        rejected = [one.model_copy(update={"label": names.of(one.subject)}) for one in rejected]
        drawn = [(one.subject, one.measure, *by_bucket(self.requests, one.measure, one.rows, measurement.grid)) for one, _ in weighed]
        return Judgement(
            gates=[*self.gates.values(), *(one.gate for one in workflows[:1])],
            causes=verdicts[: self.limits.verdict.causes],
            rejected=rejected,
            series=charted(measurement, drawn),
            measured=ledger.rows,
            start=start,
            considered=self._considered(explained),
            notes=notes_of(measurement, start, self.limits.verdict),
        )

    @staticmethod
    def _strength(one: Found, how: Weighed) -> tuple[bool, bool, float]:
        return how.confidence is not Confidence.CONFIRMED, one.measure in (Measure.SLOW, Measure.RETRIES), -one.worth

    def _verdict(
        self, one: Found, how: Weighed, workflows: list[Workflow], names: Names, measurement: Measurement, ledger: Ledger
    ) -> Verdict:  # fmt: skip
        step = leading(one.subject).step
        finding = self.findings.get(step)
        cited = [row_id for row_id, _ in rows_about(finding, one.subject)[:3]] if finding else []
        window = Series(*self.requests.series(one.measure, one.rows)).rate(0, None)
        detail = detail_of(one.subject, one.measure, one.rows, self.requests, measurement, self.findings, self.limits)
        if one.same:
            detail["same_requests"] = one.same
        change = leading(one.subject).change
        return Verdict(
            subject=one.subject, step=step, label=names.of(one.subject), measure=one.measure,
            tier=Tier.POTENTIAL if change and how.confidence is Confidence.CONFIRMED else Tier.SYMPTOM,
            onset=how.onset, contrast=how.contrast, confidence=how.confidence,
            shortfalls=[words for _, words in how.shortfalls], detail=detail,
            evidence=[*cited, ledger.add(one.subject, one.measure, window, how.onset)],
            also_visible_in=self._visible(one, names), impact=[w.visible(names) for w in workflows if one in w.broken_by],
        )  # fmt: skip

    def _workflow(self, one: Workflow, names: Names, ledger: Ledger) -> Verdict:
        finding = self.findings.get(WORKFLOW.step)
        subject = {"scenario_name": one.scenario}
        steps = self.evidence.steps() if self.evidence.steps is not None else None
        if steps is not None:
            since = self.begin + timedelta(minutes=one.moment.start if one.moment else 0)
            mine = (steps["scenario_name"].astype("str") == one.scenario) & (steps["timestamp"] >= since)
            left = steps[mine & ~steps["correlation_id"].isin(one.explained)] if len(one.explained) else steps[mine]
            steps = left if len(left) else steps[mine]
        detail = workflow_detail(one.scenario, steps, finding, self.limits)
        evidence = [row_id for row_id, _ in rows_about(finding, subject)[:3]] if finding else []
        evidence.append(ledger.add(subject, Measure.WORKFLOW_FAILURES, one.window, one.onset))
        if detail.get("workflow_step"):
            subject = {**subject, "workflow_step": str(detail["workflow_step"])}
        return Verdict(
            subject=subject, step=WORKFLOW.step, label=names.of({"scenario_name": one.scenario}),
            measure=Measure.WORKFLOW_FAILURES, tier=one.tier, onset=one.onset, contrast=one.contrast,
            confidence=one.confidence, shortfalls=list(one.shortfalls), detail=detail, evidence=evidence,
        )  # fmt: skip

    def _visible(self, one: Found, names: Names) -> list[Visible]:
        """The blast radius: single values whose rise goes with the cause's requests."""
        if not one.key:
            return []
        search, cells = one.search, one.search.cells
        mask = cells.mask(one.key)
        alone = ~mask
        whole, left = (cells.each(rows) for rows in (np.ones_like(mask), alone))
        gained, kept = search.gain(whole, search.total), search.gain(left, search.total - cells.count(mask))
        seen = []
        for item in np.argsort(-(whole[:, AFTER_FAILED] - left[:, AFTER_FAILED]), kind="stable").tolist():
            subject = cells.items[item]
            if item in one.key or gained[item] < search.least or kept[item] >= search.least or subject in one.same:
                continue
            step = leading(subject).step
            finding = self.findings.get(step)
            seen.append(Visible(
                subject=subject, step=step, label=names.of(subject), before=_rate(whole[item], BEFORE_FAILED),
                after=_rate(whole[item], AFTER_FAILED), without=_rate(left[item], AFTER_FAILED),
                evidence=[row_id for row_id, _ in rows_about(finding, subject)[:3]] if finding else [],
            ))  # fmt: skip
        return seen[:SEEN]

    def _considered(self, explained: Explained) -> list[Description]:
        search: Search | None = next(iter(explained.searches.values()), None)
        if search is None:
            return []
        measure = next(iter(explained.searches))
        return [
            Description(
                subject=one.subject, measure=measure, score=round(one.score, 2),
                excess=round(float(one.counts[AFTER_FAILED] - one.counts[2:].sum() * search.base(one.counts)), 2),
                before=_rate(one.counts, BEFORE_FAILED), after=_rate(one.counts, AFTER_FAILED),
                rest=_rate(search.total - one.counts, AFTER_FAILED),
            )
            for one in explained.considered[:10]
        ]  # fmt: skip


def _rate(counts: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", failed: int) -> Rate:
    """A side's failures and requests, of counts by before/after and ok/failed."""
    return Rate(failures=round(float(counts[failed])), requests=round(float(counts[failed] + counts[failed - 1])))


def _key(subject: Subject) -> Key:
    return tuple(sorted(subject.items()))


def _parts(subject: Subject) -> list[Subject]:
    """The single values that a description names."""
    return [
        {column: subject[column] for column in dimension.columns}
        for dimension in DIMENSIONS
        if set(dimension.columns) <= subject.keys()
    ]


def _told_alike(verdicts: list[Verdict]) -> list[Verdict]:
    """Causes with detail["alike"]: the other causes of their kind with as many failures in as many requests.

    Where calls are passed on from one to the next all of them fail, and without a map of calls nothing says where it begins.
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

