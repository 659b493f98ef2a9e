"""All verdicts of an investigation: what is the cause, what only suffers with it, what was thought of and dismissed."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa

from tsg_agent.evidence.measurement import Measurement, Table
from tsg_agent.models import Confidence, Finding, Judgement, Measure, Verdict
from tsg_agent.settings import AllThresholds
from tsg_agent.statistics import unevenness
from tsg_agent.verdicts.candidates import Candidate, candidates_of, screens_of
from tsg_agent.verdicts.details import detail_of, newest_version, told_alike
from tsg_agent.verdicts.explain import Explained, Explainer
from tsg_agent.verdicts.gates import gates_of
from tsg_agent.verdicts.order import Ranked
from tsg_agent.verdicts.remainder import Key, Remainder, Source
from tsg_agent.verdicts.rules import NOTABLE_Z, Ruling, notable, rule, verdict
from tsg_agent.verdicts.series import Ledger, series_of
from tsg_agent.verdicts.setting import FAILURES, Cuts, Setting
from tsg_agent.verdicts.workflow_table import among, workflow_table
from tsg_agent.wording import percent

MOVED_Z = 4.0
"""A service whose failures are more uneven over time than this went through something; on quiet days it is under 2."""


@dataclass(frozen=True)
class Evidence:
    """All that verdicts are made from; `source` measures parts of it again.

    `steps` gives plugin 8's rows, which only a workflow's verdict reads. `runs`: WorkflowAnalysis.runs of them.
    """

    measurement: Measurement
    steps: Callable[[], pd.DataFrame] | None
    runs: pd.DataFrame | None
    findings: list[Finding]
    threshold: float
    limits: AllThresholds
    source: Source


def judge(evidence: Evidence) -> Judgement:
    """Judge every subject that was measured.

    Pure but for `source`, which is asked at most a few times, to explain away what only suffers with a cause.
    Source: docs/verdicts.md.
    """
    runs = evidence.runs
    workflows = workflow_table(runs, evidence.measurement.grid) if runs is not None and len(runs) else None
    setting, candidates = _judged(evidence, workflows)
    rulings = {id(one): rule(one, setting) for one in candidates}
    pool = _one_per_subject([(one, rulings[id(one)]) for one in candidates if rulings[id(one)].confidence])
    remainder = Remainder(evidence.measurement, runs if workflows is not None else None)
    explainer = Explainer(setting, evidence.source)
    causes, left = explainer.explain(pool, remainder)
    ledger = Ledger(setting.grid)
    verdicts = told_alike([_cause(one, ledger, evidence.steps, setting) for one in causes])
    explained = {tuple(sorted(item.subject.items())) for one in causes for item in (*one.also_visible_in, *one.impact)}
    known = explained | {one.key for one in causes}
    outcomes = {one.key: "lower_ranked" for one, _ in left} | remainder.dismissed
    dismissed = _dismissed([(one, rulings[id(one)]) for one in candidates], outcomes, known, setting)
    return Judgement(
        gates=list(setting.gates.values()),
        causes=verdicts,
        rejected=[verdict(one, ruling, setting, [ledger.add(one)]) for one, ruling in dismissed],
        series=series_of(evidence.measurement, workflows, [one.candidate for one in causes]),
        measured=ledger.rows,
        notes=_notes(evidence, setting),
    )


def _judged(evidence: Evidence, workflows: Table | None) -> tuple[Setting, list[Candidate]]:
    """Candidates, with the start doubted where nothing at all changed there."""
    limits = evidence.limits
    screens = screens_of(evidence.measurement, workflows, limits)
    cuts = Cuts.of(screens, limits.verdict.false_discovery_rate)
    by_step = {finding.step: finding for finding in evidence.findings}
    grid = evidence.measurement.grid
    gates = gates_of(evidence.measurement, workflows, limits, evidence.threshold, doubted=False)
    moved = grid.start is None and _moved(evidence.measurement, workflows)
    setting = Setting(grid, limits, cuts, gates, by_step, moved=moved)
    candidates = candidates_of(screens, setting)
    if grid.start is None or any(one.rising for one in candidates):
        return setting, candidates
    screens = screens_of(evidence.measurement, workflows, limits, doubted=True)
    doubted = replace(
        setting,
        cuts=Cuts.of(screens, limits.verdict.false_discovery_rate),
        doubted=True,
        gates=gates_of(evidence.measurement, workflows, limits, evidence.threshold, doubted=True),
    )
    return doubted, candidates_of(screens, doubted)


def _moved(measurement: Measurement, workflows: Table | None) -> bool:
    """Did the share of failures, of requests or of runs, change within the window?"""
    entry = measurement.entry
    seen = [unevenness(entry.failures[measure], entry.requests)[0] for measure in (*FAILURES, Measure.SLOW)]
    if workflows is not None:
        whole = workflows.whole
        seen.append(unevenness(whole.failures[Measure.WORKFLOW_FAILURES], whole.requests)[0])
    return bool(max(seen) >= MOVED_Z)


def _one_per_subject(found: list[Ranked]) -> list[Ranked]:
    """Rows of one subject are merged: the confirmed one, else the one that changed most, stands for it."""
    best: dict[Key, Ranked] = {}
    for one in found:
        held = best.get(one[0].key)
        if held is None or _strength(one) > _strength(held):
            best[one[0].key] = one
    return list(best.values())


def _strength(one: Ranked) -> tuple[bool, float]:
    return one[1].confidence is Confidence.CONFIRMED, one[0].z


def _cause(one: Explained, ledger: Ledger, steps: Callable[[], pd.DataFrame] | None, setting: Setting) -> Verdict:
    candidate = one.candidate
    left = None
    if steps is not None and one.runs is not None and candidate.step == 9:
        rows = steps()
        left = rows[among(rows, pa.array(one.runs["correlation_id"], pa.string()))]
    detail = {**detail_of(candidate, left, setting), **candidate.detail}
    made = verdict(replace(candidate, detail=detail), one.ruling, setting, [ledger.add(candidate)])
    subject = made.subject
    if candidate.step == 9 and detail.get("workflow_step"):
        subject = {**subject, "workflow_step": str(detail["workflow_step"])}
    return made.model_copy(update={"subject": subject, "also_visible_in": one.also_visible_in, "impact": one.impact})


def _dismissed(
    judged: list[Ranked], outcomes: dict[Key, str], known: Collection[Key], setting: Setting
) -> list[Ranked]:
    """What was thought of and is no cause, one entry per subject, by step and by how much fails there."""
    found: dict[Key, Ranked] = {}
    newest: dict[int, int | None] = {}
    for one, ruling in judged:
        if one.key in known:
            continue
        if one.key in outcomes:
            ruling = Ruling(None, dismissal=outcomes[one.key])  # noqa: PLW2901 - the ruling after explaining away
        table = one.screen.table
        if one.step == 2 and id(table) not in newest:
            newest[id(table)] = newest_version(table, setting)
        is_newest = one.step == 2 and newest[id(table)] == one.row
        detailed = replace(one, detail=detail_of(one, None, setting)) if is_newest else one
        if ruling.dismissal == "below_threshold" and not one.compared and one.step == 2:
            ruling = Ruling(None, dismissal="healthy")  # noqa: PLW2901 - the newest version, well
        if ruling.confidence is None and notable(detailed, ruling, setting):
            held = found.get(one.key)
            if held is None or _telling(one) > _telling(held[0]):
                found[one.key] = (detailed, ruling)
    return sorted(found.values(), key=lambda item: _interest(*item))


def _telling(one: Candidate) -> tuple[bool, bool, bool]:
    """Which of a subject's measures says most about why it was dismissed; failures before slowness."""
    return bool(one.label), one.compared, one.measure not in (Measure.SLOW, Measure.RETRIES)


def _interest(one: Candidate, ruling: Ruling) -> tuple[bool, bool, bool, float, Key]:
    """What a reader asks for first: the deployment, flags that differ, then what fails most points above the rest.

    What always fails stands high so, whatever its change: it tops every count of errors. Few requests say little.
    """
    flag = one.step == 3 and (one.contrast.z or 0.0) >= NOTABLE_Z
    after, rest = one.onset.after or one.contrast.subject, one.contrast.rest
    above = after.percent - rest.percent if after is not None and rest is not None and rest.requests else 0.0
    return one.step != 2, not flag, ruling.dismissal == "too_few", -above, one.key


def _asked_before_and_after(measurement: Measurement) -> bool:
    """Whether there are requests on both sides of the start: without them nothing could become worse there."""
    requests, grid = measurement.entry.requests, measurement.grid
    return bool(requests[0, grid.before].sum() and requests[0, grid.after].sum())


def _notes(evidence: Evidence, setting: Setting) -> list[str]:
    """What a reader must know to read the verdicts right."""
    notes = []
    measurement = evidence.measurement
    if setting.grid.start is None:
        notes.append("The incident's start is not known: what failed before it cannot be told from what began with it.")
    elif setting.doubted and _asked_before_and_after(measurement):
        notes.append("The incident's start is doubted: nothing became worse there.")
    if measurement.entry_component:
        entry = measurement.entry_component
        notes.append(f"The telemetry holds inner calls: availability is measured at the entry component {entry}.")
    requests = float(measurement.entry.requests.sum())
    redirects = 100.0 * float(measurement.entry.redirects.sum()) / requests if requests else 0.0
    if redirects > evidence.limits.verdict.redirects:
        notes.append(
            f"{percent(redirects)} of requests were redirects (3xx), which the guide counts as not successful."
        )
    return [*notes, *_unknown(measurement, evidence.limits.verdict.unknown)]


def _unknown(measurement: Measurement, limit: float) -> list[str]:
    """Requests that do not say how they were answered, where they are many: what failed may be among them."""
    counts, grid = measurement.entry, measurement.grid

    def share(span: slice) -> float:
        unknown = float(counts.unknown[0, span].sum())
        seen = unknown + float(counts.requests[0, span].sum())
        return 100.0 * unknown / seen if seen else 0.0

    whole, after = share(slice(0, grid.count)), share(grid.after)
    if max(whole, after) <= limit:
        return []
    sides = f", {percent(share(grid.before))} before the incident's start and {percent(after)} after it"
    return [
        f"{percent(whole)} of requests do not say how they were answered (no status){sides if grid.start else ''}: "
        "they are in no share of the verdicts and the availability, and may have failed."
    ]
