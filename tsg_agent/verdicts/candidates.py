"""Candidates: subjects that may be a cause, each with its onset, contrast, label and tier."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Measurement, Table
from tsg_agent.models import Contrast, Finding, Gate, Measure, Onset, OnsetKind, Rate, Subject, Tier
from tsg_agent.settings import AllThresholds
from tsg_agent.statistics import significant, upper_p, wilson_interval
from tsg_agent.verdicts.figures import Figures
from tsg_agent.verdicts.labels import HEALTHY, LABEL_MEASURES, flag_action, labels_of
from tsg_agent.verdicts.screen import BORN_STEPS, Screen, screen

M = Measure
FAILURES = (M.SERVER_ERRORS, M.NOT_SUCCESSFUL, M.RATE_LIMITED, M.CLIENT_ERRORS)
STEP_MEASURES: dict[int, tuple[Measure, ...]] = {
    2: (M.SERVER_ERRORS, M.SLOW),
    3: (M.SERVER_ERRORS, M.SLOW),
    4: (M.SERVER_ERRORS, M.NOT_SUCCESSFUL, M.RATE_LIMITED),
    5: (M.SERVER_ERRORS, M.NOT_SUCCESSFUL, M.RATE_LIMITED, M.SLOW),
    6: (M.SERVER_ERRORS, M.NOT_SUCCESSFUL, M.RATE_LIMITED, M.SLOW),
    7: (M.SERVER_ERRORS, M.NOT_SUCCESSFUL, M.RATE_LIMITED, M.CLIENT_ERRORS, M.SLOW),
    8: (M.SERVER_ERRORS, M.NOT_SUCCESSFUL, M.RATE_LIMITED, M.SLOW, M.RETRIES),
    9: (M.WORKFLOW_FAILURES,),
    10: (M.SERVER_ERRORS,),
}
"""What the guide's labels of each step are about."""


ACTING_STEPS = (2, 3, 9)
"""Steps whose findings are potential or definitive resolutions."""


@dataclass(frozen=True)
class Cuts:
    """The largest p that counts as significant (Benjamini-Hochberg over all groups of all steps); -1 = none does."""

    onset: float
    contrast: float

    @classmethod
    def of(cls, screens: list[Screen], rate: float) -> "Cuts":
        """Fixed once, over everything that was measured."""
        onsets = np.concatenate([s.p[s.measured] for s in screens]) if screens else np.zeros(0)
        compared = [s.contrast_p[s.overlaps & ~s.whole] for s in screens]
        contrasts = np.concatenate(compared) if compared else np.zeros(0)
        return cls(_largest(onsets, rate), _largest(contrasts, rate))


def _largest(p: "np.ndarray[Any, Any]", rate: float) -> float:
    stands = significant(p, rate)
    return float(p[stands].max()) if stands.any() else -1.0


@dataclass(frozen=True)
class Setting:
    """What every judgement shares."""

    grid: Grid
    limits: AllThresholds
    cuts: Cuts
    gates: dict[Measure, Gate]
    findings: dict[int, Finding]
    doubted: bool = False
    """The start given is doubted: nothing at all changed there."""

    @property
    def start_known(self) -> bool:
        """Whether anything is judged by its onset."""
        return self.grid.start is not None and not self.doubted

    def knows_start(self, step: int) -> bool:
        """Whether a step's findings are judged by their onset: a doubted start is unknown to those that act."""
        return self.grid.start is not None and not (self.doubted and step in ACTING_STEPS)


@dataclass(frozen=True)
class Candidate:
    """One subject in the measure that its label is about."""

    step: int
    subject: Subject
    measure: Measure
    label: str
    """The guide's; "" where it is healthy over the window and after the start."""
    tier: Tier
    onset: Onset
    contrast: Contrast
    rising: bool
    compared: bool
    """Contrast is significant."""
    whole: bool
    screen: Screen
    row: int
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        """The subject, to be looked up by."""
        return tuple(sorted(self.subject.items()))

    @property
    def z(self) -> float:
        """What causes are ranked by: how much it changed; without a start, how much it differs."""
        return float(self.onset.z if self.onset.z is not None else self.contrast.z or 0.0)

    @property
    def rate_after(self) -> float:
        """Percent."""
        return self.onset.after.percent if self.onset.after else 0.0

    @property
    def error_only(self) -> bool:
        """It says what the errors are, not where."""
        return self.screen.table.error_only


def screens_of(measurement: Measurement, workflows: Table | None, limits: AllThresholds) -> list[Screen]:
    """Every dimension in every measure that its step's labels are about."""
    tables = [*measurement.tables, *([workflows] if workflows is not None and workflows.values else [])]
    return [
        screen(table, measure, measurement.grid, limits.verdict, table.dimension.step)
        for table in tables
        for measure in STEP_MEASURES[table.dimension.step]
    ]


def candidates_of(screens: list[Screen], setting: Setting) -> list[Candidate]:
    """One candidate per subject and family of measures (failures, slowness, retries)."""
    by_table: dict[int, dict[Measure, Screen]] = {}
    for one in screens:
        by_table.setdefault(id(one.table), {})[one.measure] = one
    found = []
    for group in by_table.values():
        table = next(iter(group.values())).table
        window = Figures.over(table.counts, slice(0, setting.grid.count))
        after = Figures.over(table.counts, setting.grid.after)
        names = _labels(table, window, after, setting)
        actionable = (
            flag_action(window, setting.limits) | flag_action(after, setting.limits)
            if table.dimension.step == 3
            else None
        )
        for row in range(len(table.values)):
            for measure in _measures(group, row, names[row]):
                one = _candidate(group[measure], row, names[row], setting)
                if actionable is not None and one.label == "HIGH_ERROR_RATE" and actionable[row]:
                    one = replace(one, tier=Tier.POTENTIAL)
                found.append(one)
    return found


def _labels(table: Table, window: Figures, after: Figures, setting: Setting) -> list[str]:
    """The guide's label over the window, else that of the time after the start: two healthy hours dilute it."""
    if table.dimension.step == 9:
        return _workflow_labels(table, setting)
    over_window = labels_of(table, window, window, setting.limits)
    since = (
        labels_of(table, after, window, setting.limits)
        if setting.knows_start(table.dimension.step)
        else [""] * len(table.values)
    )
    shown = [_shown_label(table, row, setting) for row in range(len(table.values))]
    step = table.dimension.step
    return [
        best if step == 10 and (w or a) and best else w or a
        for w, a, best in zip(over_window, since, shown, strict=True)
    ]


def _shown_label(table: Table, row: int, setting: Setting) -> str:
    """The gravest label among the finding's rows about a subject."""
    finding = setting.findings.get(table.dimension.step)
    if finding is None:
        return ""
    labels = [str(r.get("priority", "")) for _, r in rows_about(finding, table.subject(row))]
    order = ("CRITICAL", "URGENT", "HIGH", "MEDIUM", "LOW")
    return next((label for label in order if label in labels), "")


def _workflow_labels(table: Table, setting: Setting) -> list[str]:
    finding = setting.findings.get(9)
    rows = finding.rows if finding else []
    failing = {str(r["scenario_name"]) for r in rows if r["workflow_status"] != HEALTHY[9]}
    critical = {
        str(r["scenario_name"])
        for r in rows
        if str(r["business_criticality"]).upper() == setting.limits.workflow.critical
    }
    after = Figures.over(table.counts, setting.grid.after)
    low = after.percent(M.WORKFLOW_FAILURES) > 100.0 - setting.limits.workflow.completion
    return [
        "CRITICAL_SCENARIO_FAILING"
        if name in failing or (name in critical and low[row])
        else HEALTHY[9]
        if low[row]
        else ""
        for row, (name,) in enumerate(table.values)
    ]


def rows_about(finding: Finding, subject: Subject) -> list[tuple[str, dict[str, Any]]]:
    """The finding's rows that are about a subject: (evidence id, row)."""
    return [
        (f"{finding.id}.{number}", row)
        for number, row in enumerate(finding.rows, 1)
        if all(column in row and row[column] == value for column, value in subject.items())
    ]


def _measures(group: dict[Measure, Screen], row: int, label: str) -> list[Measure]:
    """The measures to judge a value by: one of the failures, and slowness or retries where there are any."""
    excess = {measure: float(group[measure].excess[row]) for measure in group}
    result = []
    failing = [measure for measure in FAILURES if measure in group]
    if failing:
        wide = max(excess.get(M.NOT_SUCCESSFUL, 0.0), excess[failing[0]])
        order = (M.SERVER_ERRORS, M.RATE_LIMITED, *([M.CLIENT_ERRORS] if label == "HIGH_CLIENT_ERRORS" else []))
        narrow = [measure for measure in order if measure in excess and wide > 0 and excess[measure] >= wide / 2]
        default = M.SERVER_ERRORS if wide <= 0 or M.NOT_SUCCESSFUL not in group else M.NOT_SUCCESSFUL
        result.append(narrow[0] if narrow else default)
    result += [measure for measure in (M.SLOW, M.RETRIES, M.WORKFLOW_FAILURES) if measure in group]
    return result


def _candidate(one: Screen, row: int, label: str, setting: Setting) -> Candidate:
    rising = _rising(one, row, setting)
    onset = _onset(one, row, rising, setting)
    contrast, compared = _contrast(one, row, setting)
    about = LABEL_MEASURES.get(label)
    fits = (about or one.measure) == one.measure or (about is None and one.measure in FAILURES)
    if one.measure in (M.SLOW, M.RETRIES) and about != one.measure:
        fits = False
    named = label if fits else ""
    step = one.table.dimension.step
    return Candidate(
        step, one.table.subject(row), one.measure, named, _tier(one, row, named, setting), onset, contrast, rising,
        compared, bool(one.whole[row]), one, row,
    )  # fmt: skip


def _tier(one: Screen, row: int, label: str, setting: Setting) -> Tier:
    if one.table.dimension.step == 9 and label == "CRITICAL_SCENARIO_FAILING":
        counts, limit = one.table.counts, setting.limits.workflow.completion / 100.0
        for span in (slice(0, setting.grid.count), setting.grid.after):
            runs = float(counts.requests[row, span].sum())
            failed = float(counts.failures[M.WORKFLOW_FAILURES][row, span].sum())
            if wilson_interval(runs - failed, runs)[1] < limit:
                return Tier.DEFINITIVE
        return Tier.POTENTIAL
    return Tier.POTENTIAL if label == "REGRESSION_DETECTED" else Tier.SYMPTOM


def _rising(one: Screen, row: int, setting: Setting) -> bool:
    limits = setting.limits.verdict
    return bool(
        setting.knows_start(one.table.dimension.step)
        and one.measured[row]
        and one.p[row] <= setting.cuts.onset
        and one.excess[row] >= limits.minimum_excess
        and one.rise[row] >= limits.minimum_rise
    )


def _onset(one: Screen, row: int, rising: bool, setting: Setting) -> Onset:
    before = Rate(failures=int(one.k0[row]), requests=int(one.n0[row])) if one.n0[row] else None
    after = Rate(failures=int(one.k1[row]), requests=int(one.n1[row]))
    known = {
        "before": before if setting.grid.start is not None else None,
        "after": after,
        "excess": round(float(one.excess[row]), 2),
    }
    if not setting.knows_start(one.table.dimension.step):
        reason = (
            "nothing changed at the start that was given" if setting.doubted else "the incident's start is not known"
        )
        return Onset(kind=OnsetKind.UNKNOWN, reason=reason, **known)
    if not one.measured[row]:
        fewest = setting.limits.verdict.minimum_requests
        reason = f"fewer than {fewest} requests before or after the start"
        return Onset(kind=OnsetKind.APPEARED if one.appeared[row] else OnsetKind.UNKNOWN, reason=reason, **known)
    z, p = round(float(one.z[row]), 4), float(one.p[row])
    kind, reason = _kind(one, row, rising, setting)
    return Onset(kind=kind, z=z, p=p, reason=reason, **known)


def _kind(one: Screen, row: int, rising: bool, setting: Setting) -> tuple[OnsetKind, str]:
    if one.appeared[row]:
        return (
            OnsetKind.APPEARED,
            "" if one.table.dimension.step in BORN_STEPS else "no requests before to compare with",
        )
    if rising:
        low = one.k0[row] / one.n0[row] < setting.limits.verdict.new_share * one.k1[row] / one.n1[row]
        return (OnsetKind.NEW if low else OnsetKind.WORSE), ""
    if one.unchanged[row]:
        return OnsetKind.UNCHANGED, ""
    if float(upper_p(-one.z[row])) <= setting.cuts.onset:
        return OnsetKind.BETTER, ""
    return OnsetKind.UNKNOWN, "the change at the start may be chance"


def _contrast(one: Screen, row: int, setting: Setting) -> tuple[Contrast, bool]:
    rest = Rate(failures=int(one.rest_k[row]), requests=int(one.rest_n[row]))
    subject = Rate(failures=int(one.k1[row]), requests=int(one.n1[row]))
    if one.whole[row]:
        reason = "it has nearly all of the traffic: there is no rest to compare it with"
        return Contrast(method="none", subject=subject, rest=rest if rest.requests else None, reason=reason), False
    if not one.overlaps[row]:
        reason = "the rest had no requests at the same time"
        return Contrast(method="none", subject=subject, reason=reason), False
    z, p = float(one.contrast_z[row]), float(one.contrast_p[row])
    strict = one.table.dimension.step == 10
    stands = (z >= setting.limits.verdict.error_contrast_z if strict else p <= setting.cuts.contrast) and one.material[
        row
    ]
    method = "cochran_mantel_haenszel" if one.stratified[row] else "difference_in_differences"
    return Contrast(
        method=method, subject=subject, rest=rest, difference=round(100.0 * float(one.difference[row]), 4),
        z=round(z, 4), p=p, significant=bool(stands),
    ), bool(stands)  # fmt: skip
