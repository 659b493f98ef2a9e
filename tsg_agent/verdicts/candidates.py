"""Candidates: subjects that may be a cause, each with its onset, contrast, label and tier."""

from dataclasses import dataclass, field, replace
from typing import Any

from tsg_agent.evidence.measurement import Measurement, Table
from tsg_agent.models import Contrast, Measure, Onset, OnsetKind, Rate, Subject, Tier
from tsg_agent.settings import AllThresholds
from tsg_agent.statistics import upper_p, wilson_interval
from tsg_agent.verdicts.figures import Figures
from tsg_agent.verdicts.labels import LABEL_MEASURES, flag_action
from tsg_agent.verdicts.naming import names_of
from tsg_agent.verdicts.screen import BORN_STEPS, Screen, screens
from tsg_agent.verdicts.setting import ACTING_STEPS, FAILURES, STEP_MEASURES, Setting


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


def screens_of(
    measurement: Measurement, workflows: Table | None, limits: AllThresholds, *, doubted: bool = False
) -> list[Screen]:
    """Every dimension in every measure that its step's labels are about.

    `doubted`: the steps that act are measured as if no start were known.
    """
    startless = replace(measurement.grid, start=None)
    tables = [*measurement.tables, *([workflows] if workflows is not None and workflows.values else [])]
    return [
        one
        for table in tables
        for one in screens(
            table,
            STEP_MEASURES[table.dimension.step],
            startless if doubted and table.dimension.step in ACTING_STEPS else measurement.grid,
            limits.verdict,
            table.dimension.step,
        )
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
        names = names_of(table, window, after, setting)
        actionable = (
            flag_action(window, setting.limits) | flag_action(after, setting.limits)
            if table.dimension.step == 3
            else None
        )
        for row in range(len(table.values)):
            for measure in _measures(group, row, names[row]):
                made = _candidate(group[measure], row, names[row], setting)
                if actionable is not None and made.label == "HIGH_ERROR_RATE" and actionable[row]:
                    made = replace(made, tier=Tier.POTENTIAL)
                found.append(made)
    return found


def _measures(group: dict[Measure, Screen], row: int, label: str) -> list[Measure]:
    """The measures to judge a value by: one of the failures, and slowness or retries where there are any."""
    excess = {measure: float(group[measure].excess[row]) for measure in group}
    result = []
    failing = [measure for measure in FAILURES if measure in group]
    if failing:
        wide = max(excess.get(Measure.NOT_SUCCESSFUL, 0.0), excess[failing[0]])
        order = (
            Measure.SERVER_ERRORS,
            Measure.RATE_LIMITED,
            *([Measure.CLIENT_ERRORS] if label == "HIGH_CLIENT_ERRORS" else []),
        )
        narrow = [measure for measure in order if measure in excess and wide > 0 and excess[measure] >= wide / 2]
        default = Measure.SERVER_ERRORS if wide <= 0 or Measure.NOT_SUCCESSFUL not in group else Measure.NOT_SUCCESSFUL
        result.append(narrow[0] if narrow else default)
    result += [measure for measure in (Measure.SLOW, Measure.RETRIES, Measure.WORKFLOW_FAILURES) if measure in group]
    return result


def _candidate(one: Screen, row: int, label: str, setting: Setting) -> Candidate:
    rising = _rising(one, row, setting)
    onset = _onset(one, row, rising, setting)
    contrast, compared = _contrast(one, row, setting)
    about = LABEL_MEASURES.get(label)
    fits = (about or one.measure) == one.measure or (about is None and one.measure in FAILURES)
    if one.measure in (Measure.SLOW, Measure.RETRIES) and about != one.measure:
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
            failed = float(counts.failures[Measure.WORKFLOW_FAILURES][row, span].sum())
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
