"""What was found as verdicts that the report knows: figures, evidence, blast radius, impact."""

from collections import Counter

import numpy as np
import pandas as pd

from tsg_agent.models import Confidence, Description, Effect, Measure, Onset, Rate, Subject, Tier, Verdict, Visible
from tsg_agent.statistics import Floats
from tsg_agent.steps.step import Step
from tsg_agent.steps.typed_guide import Guide
from tsg_agent.verdicts.causes import Explained, Found
from tsg_agent.verdicts.confidence import MinuteSeries, Weighed
from tsg_agent.verdicts.context import VerdictContext
from tsg_agent.verdicts.details import detail_of, workflow_detail
from tsg_agent.verdicts.members import AFTER_FAILED, BEFORE_FAILED
from tsg_agent.verdicts.workflows import SCENARIO, FailingWorkflow

SEEN, SEEN_OF_ONE = 12, 2
"""Subjects of a blast radius that are told, in all and of one dimension; those with most failures first."""
MOST_CONSIDERED = 10
ALIKE_REQUESTS = 0.01
"""Two places with as many failures, in requests that differ by no more than this share, see the same calls."""


def request_verdict(
    one: Found, how: Weighed, workflows: list[FailingWorkflow], context: VerdictContext, effect: Effect | None
) -> Verdict:
    """A description of requests."""
    dimension, subject = context.guide.leading(one.subject), one.subject
    window = MinuteSeries(*context.requests.series(one.measure, one.rows)).rate(0, None)
    detail = detail_of(subject, one.measure, one.rows, context)
    if one.same:
        detail["same_requests"] = one.same
    potential = dimension.change and how.confidence is Confidence.CONFIRMED
    return Verdict(
        subject=subject,
        step=dimension.step,
        label=context.names.of(subject),
        measure=one.measure,
        tier=Tier.POTENTIAL if potential else Tier.SYMPTOM,
        onset=how.onset,
        contrast=how.contrast,
        began=context.later(one.moment),
        confidence=how.confidence,
        shortfalls=[words for _, words in how.shortfalls],
        detail=detail,
        evidence=[
            *context.cited(dimension.step, subject),
            context.ledger.add(subject, one.measure, window, how.onset),
        ],
        also_visible_in=blast_radius(one, context),
        impact=[
            workflow.visible(context.guide.leading({SCENARIO: workflow.scenario}).step, context.names)
            for workflow in workflows
            if one in workflow.broken_by
        ],
        effect=effect,
    )


def workflow_verdict(one: FailingWorkflow, steps: pd.DataFrame | None, context: VerdictContext) -> Verdict:
    """A workflow, at the step where its failures gather. `steps`: plugin 8's rows to look for it in."""
    subject = {SCENARIO: one.scenario}
    measure, step = Measure.WORKFLOW_FAILURES, context.guide.leading(subject).step
    detail = workflow_detail(one.scenario, step, steps, context)
    evidence = [*context.cited(step, subject), context.ledger.add(subject, measure, one.window, one.onset)]
    label = context.names.of(subject)
    if detail.get("workflow_step"):
        subject = {**subject, "workflow_step": str(detail["workflow_step"])}
    return Verdict(
        subject=subject,
        step=step,
        label=label,
        measure=measure,
        tier=one.tier,
        onset=one.onset,
        contrast=one.contrast,
        began=context.later(one.moment),
        confidence=one.confidence,
        shortfalls=list(one.shortfalls),
        detail=detail,
        evidence=evidence,
        effect=_runs_left(one.onset),
    )


def _runs_left(onset: Onset) -> Effect | None:
    """The effect of undoing a workflow's own failures: its runs fail as they did before."""
    if onset.before is None or onset.after is None or not onset.before.requests:
        return None
    left = min(onset.after.failures, round(onset.after.requests * onset.before.percent / 100))
    then = Rate(failures=left, requests=onset.after.requests)
    return Effect(measure=Measure.WORKFLOW_FAILURES, now=onset.after, then=then)


def blast_radius(one: Found, context: VerdictContext) -> list[Visible]:
    """Single values whose rise goes with the cause's requests."""
    if not one.key:
        return []
    search, members = one.search, one.search.members
    mask = np.bitwise_or.reduce([members.mask(key) for key in one.merged or (one.key,)])
    whole, left = (members.each(rows) for rows in (members.everything, members.everything & ~mask))
    gained = search.gain(whole, search.total, search.apart)
    kept = search.gain(left, search.total - members.count(mask), search.apart)
    seen = []
    for item in np.argsort(left[:, AFTER_FAILED] - whole[:, AFTER_FAILED], kind="stable").tolist():
        subject = members.items[item]
        goes_with_it = gained[item] >= search.least > kept[item]
        if not goes_with_it or subject in (one.subject, *one.same) or (item in one.key and not one.merged):
            continue
        step = context.guide.leading(subject).step
        seen.append(
            Visible(
                subject=subject,
                step=step,
                label=context.names.of(subject),
                before=_rate(whole[item], BEFORE_FAILED),
                after=_rate(whole[item], AFTER_FAILED),
                without=_rate(left[item], AFTER_FAILED),
                evidence=context.cited(step, subject),
            )
        )
    return seen


def told_of(verdict: Verdict) -> Verdict:
    """The verdict with as much of its blast radius as is told: of every dimension a little."""
    kinds = Counter[tuple[str, ...]]()
    told = []
    for one in verdict.also_visible_in:
        kinds[kind := tuple(one.subject)] += 1
        told += [one] if kinds[kind] <= SEEN_OF_ONE else []
    return verdict.model_copy(update={"also_visible_in": told[:SEEN]})


def considered(explained: Explained) -> list[Description]:
    """The best descriptions of the first search, as it saw them."""
    measure, search = next(iter(explained.searches.items()), (None, None))
    if measure is None or search is None:
        return []
    return [
        Description(
            subject=one.subject,
            measure=measure,
            score=round(one.score, 2),
            excess=round(float(one.counts[AFTER_FAILED] - one.counts[2:].sum() * search.base(one.counts)), 2),
            before=_rate(one.counts, BEFORE_FAILED),
            after=_rate(one.counts, AFTER_FAILED),
            rest=_rate(search.total - one.counts, AFTER_FAILED),
        )
        for one in explained.considered[:MOST_CONSIDERED]
    ]


def _rate(counts: Floats, failed: int) -> Rate:
    """A side's failures and requests, of counts by before/after and ok/failed."""
    return Rate(failures=round(float(counts[failed])), requests=round(float(counts[failed] + counts[failed - 1])))


def parts_of(subject: Subject, guide: Guide[Step]) -> list[Subject]:
    """The single values that a description names."""
    return [
        {column: subject[column] for column in dimension.columns}
        for dimension in guide.dimensions
        if set(dimension.columns) <= subject.keys()
    ]


def told_alike(verdicts: list[Verdict]) -> list[Verdict]:
    """Causes with detail["alike"]: the other causes of their kind with as many failures in as many requests.

    Where calls are passed on all who pass them fail, and without a map of calls nothing says where it begins.
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
