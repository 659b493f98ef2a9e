"""What was thought of and is no cause, each with its reason and figures. Pure."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from tsg_agent.evidence.measurement import Measurement, Table
from tsg_agent.models import Contrast, Finding, Measure, Onset, OnsetKind, Rate, Subject, Tier, Verdict
from tsg_agent.settings import AllThresholds
from tsg_agent.statistics import difference_interval, g2_z, robust_dispersion, upper_p
from tsg_agent.verdicts.ledger import Ledger
from tsg_agent.verdicts.naming import Names, rows_about
from tsg_agent.versions import release_key
from tsg_agent.wording import measure_words, percent, rate_words

MOST = 60
"""Dismissals that are told, the most telling first."""
STRIKING_Z = 2.33
"""A difference from the rest that deserves a word although it is no cause (one-sided 1 %)."""
LEVEL = 3.0
"""z over which a change at the start is called one."""


@dataclass(frozen=True)
class _Looked:
    subject: Subject
    measure: Measure
    onset: Onset
    contrast: Contrast
    code: str
    newest: bool
    change: bool

    @property
    def telling(self) -> tuple[bool, bool, float]:
        """What a reader asks for first: the deployment, what somebody changed, then what fails most above the rest."""
        after, rest = self.onset.after, self.contrast.rest
        above = (after.percent if after else 0.0) - (rest.percent if rest and rest.requests else 0.0)
        return not self.newest, not (self.change and (self.contrast.z or 0) >= STRIKING_Z), -above


def dismissed(  # noqa: PLR0913 - what a dismissal is read from
    measurement: Measurement,
    measure: Measure,
    known: Collection[tuple[tuple[str, str], ...]],
    names: Names,
    findings: Mapping[int, Finding],
    limits: AllThresholds,
    ledger: Ledger,
    reasons: Mapping[tuple[tuple[str, str], ...], str],
) -> list[Verdict]:
    """Values that the guide's rules name, or that stand out, and that are neither a cause nor part of its blast radius.

    `known`: the subjects of those. `reasons`: why some were dismissed by the search, as a code.
    """
    looked = []
    for table in measurement.tables:
        newest = _newest(table)
        for row in range(len(table.values)):
            subject = table.subject(row)
            key = tuple(sorted(subject.items()))
            if key in known:
                continue
            one = _look(table, row, measure, measurement, limits, reasons.get(key, ""), newest == row)
            striking = one.change and (one.contrast.z or 0.0) >= STRIKING_Z
            if names.abnormal(subject) or one.newest or striking or one.code in ("passes_on", "describes"):
                looked.append(one)
    looked.sort(key=lambda one: (*one.telling, sorted(one.subject.items())))
    return [_verdict(one, table_step(measurement, one), names, findings, limits, ledger) for one in looked[:MOST]]


def table_step(measurement: Measurement, one: _Looked) -> int:
    """The guide's step of a single value."""
    table = measurement.table(tuple(one.subject))
    return table.dimension.step if table is not None else 0


def _newest(table: Table) -> int | None:
    if table.dimension.columns != ("service_version",) or len(table.values) < 2:
        return None
    keys = [release_key(value) for (value,) in table.values]
    readable = [row for row, key in enumerate(keys) if key is not None]
    return max(readable, key=lambda row: keys[row] or ((), 0, ()), default=None)


def _look(  # noqa: PLR0913 - see above
    table: Table, row: int, measure: Measure, measurement: Measurement, limits: AllThresholds, code: str, newest: bool
) -> _Looked:
    grid, counts, rest = measurement.grid, table.counts, table.rest
    k, n = counts.failures[measure][row], counts.requests[row]
    before, after = _rate(k, n, grid.before), _rate(k, n, grid.after)
    others = _rate(rest.failures[measure][row], n if table.error_only else rest.requests[row], grid.after)
    others_before = _rate(rest.failures[measure][row], n if table.error_only else rest.requests[row], grid.before)
    phi = float(robust_dispersion(k[None, grid.before], n[None, grid.before])[0]) if grid.before.stop else 1.0
    z = float(g2_z(before.failures, before.requests, after.failures, after.requests)) / math.sqrt(phi)
    kind = _kind(before, after, z, phi, limits) if grid.start is not None else OnsetKind.UNKNOWN
    z_rest = float(g2_z(others.failures, others.requests, after.failures, after.requests))
    few = min(before.requests, after.requests) < limits.verdict.minimum_requests and grid.start is not None
    whole = after.requests >= limits.verdict.whole_traffic * float(table.whole.requests[0, grid.after].sum())
    rise, rest_rise = after.percent - before.percent, others.percent - others_before.percent
    with_rest = rest_rise > 0 and rise < limits.verdict.contrast_ratio * rest_rise
    found = code or _code(kind, few, whole and not table.error_only, grid.start is None, with_rest, newest)
    onset = Onset(
        kind=kind, before=before if grid.start is not None and before.requests else None, after=after,
        excess=round(after.failures - after.requests * before.percent / 100, 2),
        z=round(z, 4) if grid.start is not None else None, p=float(upper_p(z)) if grid.start is not None else None,
        reason="" if grid.start is not None else "nothing in the window shows when anything began",
    )  # fmt: skip
    contrast = Contrast(
        method="difference_in_differences" if others.requests else "none", subject=after,
        rest=others if others.requests else None, difference=round(after.percent - others.percent, 4), z=round(z_rest, 4),
    )  # fmt: skip
    return _Looked(table.subject(row), measure, onset, contrast, found, newest, table.dimension.change)


def _rate(k: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", n: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", span: slice) -> Rate:
    return Rate(failures=round(float(k[span].sum())), requests=round(float(n[span].sum())))


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


def _code(kind: OnsetKind, few: bool, whole: bool, startless: bool, with_rest: bool, newest: bool) -> str:  # noqa: PLR0911
    if startless:
        return "no_start"
    if few:
        return "too_few"
    if kind in (OnsetKind.UNCHANGED, OnsetKind.BETTER):
        return "healthy" if newest and kind is OnsetKind.UNCHANGED else kind.value
    if whole:
        return "everything"
    if kind is OnsetKind.UNKNOWN:
        return "no_onset"
    return "no_contrast" if with_rest else "lower_ranked"


def _verdict(one: _Looked, step: int, names: Names, findings: Mapping[int, Finding], limits: AllThresholds, ledger: Ledger) -> Verdict:  # noqa: PLR0913 - see above
    finding = findings.get(step)
    cited = [row_id for row_id, _ in rows_about(finding, one.subject)[:3]] if finding else []
    after = one.onset.after or Rate(failures=0, requests=0)
    before = one.onset.before or Rate(failures=0, requests=0)
    window = Rate(failures=before.failures + after.failures, requests=before.requests + after.requests)
    return Verdict(
        subject=one.subject, step=step, label=names.of(one.subject), measure=one.measure, tier=Tier.SYMPTOM,
        onset=one.onset, contrast=one.contrast, dismissal=one.code, reason=_reason(one, limits),
        evidence=[*cited, ledger.add(one.subject, one.measure, window, one.onset)],
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
        "no_start": f"nothing in the window shows that it began then: {now}, {others}",
        "no_onset": f"the change at the start may be chance: {now}, {then}",
        "everything": f"it has nearly all of the traffic, so it is no part to blame: {now}, {then}",
        "no_contrast": f"it rose as everything else did: {now}, {others}",
        "lower_ranked": f"it changed too, less than the causes above explain: {now}, {then}",
        "passes_on": f"no more fail there than the causes above pass on to it: {now}, {then}",
        "describes": f"it says what fails, not where; the causes above are places: {now}, {then}",
        "healthy": f"not worse than before: {now}, {then}; {others}",
    }[one.code]
