"""What was thought of and is no cause, each with its reason and figures. Pure."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from tsg_agent.evidence.measurement import DimensionCounts
from tsg_agent.models import Contrast, Measure, Onset, OnsetKind, Rate, Subject, Tier, Verdict
from tsg_agent.settings import AllThresholds
from tsg_agent.statistics import difference_interval, g2_z, upper_p
from tsg_agent.steps.dimension import Dimension
from tsg_agent.verdicts.context import VerdictContext
from tsg_agent.verdicts.value_labels import SubjectKey, key_of
from tsg_agent.wording import measure_words, percent, rate_words

MOST = 60
"""Dismissals that are told, the most telling first."""
STRIKING_Z = 2.33
"""A difference from the rest by this z is mentioned although it is no cause (one-sided 1 %)."""
LEVEL = 3.0
"""z over which a change at the start is called one."""


@dataclass(frozen=True)
class _Looked:
    subject: Subject
    dimension: Dimension
    measure: Measure
    onset: Onset
    contrast: Contrast
    code: str
    newest: bool

    @property
    def prominence(self) -> tuple[bool, bool, float]:
        """Sort key by what a reader asks for first: deployments, other changes, then what fails most above the rest."""
        after, rest = self.onset.after, self.contrast.rest
        above = (after.percent if after else 0.0) - (rest.percent if rest and rest.requests else 0.0)
        return not self.newest, not (self.dimension.change and (self.contrast.z or 0) >= STRIKING_Z), -above


def dismissed(
    context: VerdictContext, measure: Measure, known: Collection[SubjectKey], reasons: Mapping[SubjectKey, str]
) -> list[Verdict]:
    """Values that the guide names, or that stand out, and that are neither a cause nor part of its blast radius.

    `known`: the subjects of those. `reasons`: why some were dismissed by the search, as a code.
    """
    looked = [
        _look(row, context)
        for table in context.measurement.tables
        for row in _rows(table, measure, context, known, reasons)
        if row.told or round(row.z_rest, 4) >= STRIKING_Z
    ]
    looked.sort(key=lambda one: (*one.prominence, sorted(one.subject.items())))
    return [_verdict(one, context) for one in looked[:MOST]]


def _newest(table: DimensionCounts) -> int | None:
    if table.dimension.columns != ("service_version",) or len(table.values) < 2:
        return None
    keys = table.versions.keys
    readable = [row for row, (version,) in enumerate(table.values) if version in keys]
    return max(readable, key=lambda row: keys[table.values[row][0]], default=None)


@dataclass(frozen=True)
class _Row:
    """A value of a dimension, the outcome to look at, whether it is the newest version, a reason if there is one."""

    table: DimensionCounts
    row: int
    measure: Measure
    newest: bool
    reason: str
    labelled: bool
    """The guide's rule names it."""
    z: float
    """Of its change, without overdispersion."""
    z_rest: float
    """Of its distance from the rest since."""

    @property
    def told(self) -> bool:
        """Whether it is told even if it does not stand out."""
        return bool(self.reason) or self.newest or self.labelled


def _rows(
    table: DimensionCounts,
    measure: Measure,
    context: VerdictContext,
    known: Collection[SubjectKey],
    reasons: Mapping[SubjectKey, str],
) -> list[_Row]:
    """The values that are looked at, tested together."""
    newest, grid = _newest(table), context.measurement.grid
    found = [
        _Row(table, row, measure, row == newest, reasons.get(key, ""), context.names.abnormal(subject), 0.0, 0.0)
        for row, subject in enumerate(map(table.subject, range(len(table.values))))
        if (key := key_of(subject)) not in known
    ]
    found = [one for one in found if one.told or table.dimension.change]
    if not found:
        return found
    rows = [one.row for one in found]
    before, after = (table.sums(rows, measure, span) for span in (grid.before, grid.after))
    others = table.sums(rows, measure, grid.after, rest=True)
    tests = zip(found, g2_z(*before, *after).tolist(), g2_z(*others, *after).tolist(), strict=True)
    return [replace(one, z=z, z_rest=z_rest) for one, z, z_rest in tests]


def _look(one: _Row, context: VerdictContext) -> _Looked:
    grid, limits, table = context.measurement.grid, context.limits, one.table
    known = grid.start is not None
    before, after = (table.rate(one.row, one.measure, span) for span in (grid.before, grid.after))
    others_before, others = (table.rate(one.row, one.measure, span, rest=True) for span in (grid.before, grid.after))
    phi = table.dispersion(one.row, one.measure, grid.before)
    z = one.z / math.sqrt(phi)
    kind = _kind(before, after, z, phi, limits) if known else OnsetKind.UNKNOWN
    onset = Onset(
        kind=kind, before=before if known and before.requests else None, after=after,
        excess=round(after.failures - after.requests * before.percent / 100, 2), z=round(z, 4) if known else None,
        p=float(upper_p(z)) if known else None, reason="" if known else "nothing shows when anything began",
    )  # fmt: skip
    rest = others if others.requests else None
    contrast = Contrast(
        method="difference_of_rates" if rest else "none", subject=after, rest=rest,
        difference=round(after.percent - others.percent, 4), z=round(one.z_rest, 4),
    )  # fmt: skip
    least = limits.verdict.minimum_requests
    few = known and (after.requests < least or 0 < before.requests < least)
    total = float(table.whole.requests[0, grid.after].sum())
    whole = not table.error_only and after.requests >= limits.verdict.whole_traffic * total
    rest_rise = others.percent - others_before.percent
    alike = rest_rise > 0 and after.percent - before.percent < limits.verdict.contrast_ratio * rest_rise
    healthy = one.newest and not one.labelled
    code = one.reason or _code(kind, [not known, few, not before.requests, whole, alike], healthy)
    return _Looked(table.subject(one.row), table.dimension, one.measure, onset, contrast, code, one.newest)


def _kind(before: Rate, after: Rate, z: float, phi: float, limits: AllThresholds) -> OnsetKind:
    if not before.requests:
        return OnsetKind.APPEARED
    if z >= LEVEL:
        return OnsetKind.NEW if before.percent < limits.verdict.new_share * after.percent else OnsetKind.WORSE
    if z <= -LEVEL:
        return OnsetKind.BETTER
    low, high = difference_interval(before.failures, before.requests, after.failures, after.requests, phi)
    edge = limits.verdict.minimum_rise / 100
    even = abs(z) < 1 or (float(low) > -edge and float(high) < edge)
    return OnsetKind.UNCHANGED if even else OnsetKind.UNKNOWN


def _code(kind: OnsetKind, holds: list[bool], healthy: bool) -> str:
    """Why it is no cause. `holds`: no start known; too few requests; none before; nearly all; the rest rose too."""
    startless, few, new, whole, alike = holds
    level = kind in (OnsetKind.UNCHANGED, OnsetKind.BETTER)
    reasons = (
        (startless, "no_start"),
        (few, "too_few"),
        (new, "no_before"),
        (healthy and kind is OnsetKind.UNCHANGED, "healthy"),
        (level, kind.value),
        (whole, "everything"),
        (kind is OnsetKind.UNKNOWN, "no_onset"),
        (alike, "no_contrast"),
    )
    return next((code for said, code in reasons if said), "lower_ranked")


def _verdict(one: _Looked, context: VerdictContext) -> Verdict:
    step = one.dimension.step
    rates = [rate for rate in (one.onset.before, one.onset.after) if rate is not None]
    window = Rate(failures=sum(r.failures for r in rates), requests=sum(r.requests for r in rates))
    return Verdict(
        subject=one.subject, step=step, label=context.names.of(one.subject), measure=one.measure, tier=Tier.SYMPTOM,
        onset=one.onset, contrast=one.contrast, dismissal=one.code, reason=_reason(one, context.limits),
        evidence=[*context.cited(step, one.subject), context.ledger.add(one.subject, one.measure, window, one.onset)],
    )  # fmt: skip


def _reason(one: _Looked, limits: AllThresholds) -> str:
    """The dismissal in words, with its figures."""
    what = measure_words(one.measure, limits.version.slow_ms)
    before, after, rest = one.onset.before, one.onset.after, one.contrast.rest
    now = f"{percent(after.percent)} {what} ({rate_words(after)})" if after else "no requests"
    then = f"{percent(before.percent)} before ({rate_words(before)})" if before else "no requests before"
    others = f"{percent(rest.percent)} of the rest ({rate_words(rest)})" if rest else "no rest"
    return {
        "unchanged": f"failing before, unchanged: {now}, {then}",
        "better": f"better than before: {now}, {then}",
        "too_few": f"too few requests to judge: {now}, {then}",
        "no_before": f"it had no requests before to compare with: {now}, {others}",
        "no_start": f"nothing in the window shows that it began then: {now}, {others}",
        "no_onset": f"the change at the start may be chance: {now}, {then}",
        "everything": f"it has nearly all of the traffic, so it is no part to blame: {now}, {then}",
        "no_contrast": f"it rose as everything else did: {now}, {others}",
        "lower_ranked": f"it changed too, less than the causes above explain: {now}, {then}",
        "passes_on": f"no more fail there than the causes above pass on to it: {now}, {then}",
        "describes": f"it says what fails, not where: {now}, {then}",
        "healthy": f"not worse than before: {now}, {then}; {others}",
    }[one.code]
