"""Measures onset and contrast of every value of every dimension at once. Pure numpy.

Source: docs/verdicts.md, which says how evidence becomes a cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Counts, Table
from tsg_agent.models import Measure
from tsg_agent.settings import VerdictThresholds
from tsg_agent.statistics import Floats, difference_interval, g2_z, overdispersion, share, upper_p
from tsg_agent.verdicts.contrast import Sides
from tsg_agent.verdicts.figures import Mask

BORN_STEPS = (2, 3)
"""Where a value without requests before is judged against the service's own before: versions and flags."""


@dataclass(frozen=True)
class Screen:
    """One dimension and one measure: arrays with one entry per value.

    `k0, n0`: failures and requests before; for values that appeared, the service's own. `k1, n1`: after (the whole
    window where no start is known). `z`: of the onset, 0 where it cannot be measured. `contrast_z`, `difference`
    (share): against the rest at the same time.
    """

    table: Table
    measure: Measure
    k0: Floats
    n0: Floats
    k1: Floats
    n1: Floats
    own_requests_before: Floats
    z: Floats
    measured: Mask
    appeared: Mask
    unchanged: Mask
    whole: Mask
    contrast_z: Floats
    difference: Floats
    overlaps: Mask
    material: Mask
    """The rise (without a before: the rate) is clearly more than the rest's: in an outage all rise alike."""
    rest_k: Floats
    rest_n: Floats
    stratified: Mask
    """True where contrast is Cochran-Mantel-Haenszel, false where it is a difference in differences."""

    @cached_property
    def p(self) -> Floats:
        """One-sided p of a rise."""
        return upper_p(self.z)

    @cached_property
    def contrast_p(self) -> Floats:
        """One-sided p of being worse than the rest."""
        return upper_p(self.contrast_z)

    @cached_property
    def excess(self) -> Floats:
        """Failures beyond what the rate before would have given; where there is no before, beyond the rest's rate."""
        base = np.where(self.measured, share(self.k0, self.n0), share(self.rest_k, self.rest_n))
        return self.k1 - self.n1 * base

    @cached_property
    def rise(self) -> Floats:
        """Points by which the rate rose."""
        return 100.0 * (share(self.k1, self.n1) - share(self.k0, self.n0))


def screen(table: Table, measure: Measure, grid: Grid, limits: VerdictThresholds, step: int) -> Screen:
    """Onset and contrast of a table's values in one measure."""
    return screens(table, (measure,), grid, limits, step)[0]


def screens(
    table: Table, measures: Sequence[Measure], grid: Grid, limits: VerdictThresholds, step: int
) -> list[Screen]:
    """Onset and contrast of a table's values in some measures: all in one go, one below the other."""
    counts, rest, groups = table.counts, table.rest, len(table.values)
    k, n = _failures(counts, measures), np.tile(counts.requests, (len(measures), 1))
    rk = _failures(rest, measures)
    rn = n if table.error_only else np.tile(rest.requests, (len(measures), 1))
    before, after = grid.before, grid.after
    k1, n1 = k[:, after].sum(axis=1), n[:, after].sum(axis=1)
    own0 = n[:, before].sum(axis=1)
    known = grid.start is not None
    few = own0 < limits.minimum_requests
    ever_before = n[:, : grid.start or 0].sum(axis=1)
    born = known & (n1 >= limits.minimum_requests) & (few if step in BORN_STEPS else ever_before == 0)
    base_k, base_n = _base(table.whole, measures, before, groups)
    k0 = np.where(born, base_k.sum(axis=1), k[:, before].sum(axis=1))
    n0 = np.where(born, base_n.sum(axis=1), own0)
    phi = np.where(born, overdispersion(base_k, base_n), overdispersion(k[:, before], n[:, before]))
    measured = known & (n0 >= limits.minimum_requests) & (n1 >= limits.minimum_requests)
    low, high = difference_interval(k0, n0, k1, n1, phi)
    edge = limits.minimum_rise / 100.0
    stratified = born | ~measured
    compared = Sides(k, n, rk, rn).compared(grid, stratified, phi, limits.contrast_ratio)
    arrays = {
        "k0": k0, "n0": n0, "k1": k1, "n1": n1, "own_requests_before": own0,
        "z": np.where(measured, g2_z(k0, n0, k1, n1) / np.sqrt(phi), 0.0), "measured": measured, "appeared": born,
        "unchanged": measured & (low > -edge) & (high < edge),
        # What kind of error is commonest says nothing unless it can be seen to change.
        "whole": _whole(table, measures, after, limits) | (table.error_only & ~np.full(len(k), known)),
        "contrast_z": compared.z, "difference": compared.difference, "overlaps": compared.overlaps,
        "material": compared.material, "rest_k": rk[:, after].sum(axis=1), "rest_n": rn[:, after].sum(axis=1),
        "stratified": stratified,
    }  # fmt: skip
    return [
        Screen(table, measure, **{name: values[first : first + groups] for name, values in arrays.items()})
        for first, measure in zip(range(0, len(k), groups), measures, strict=True)
    ]


def _failures(counts: Counts, measures: Sequence[Measure]) -> Floats:
    """The failures in each measure, one below the other."""
    return np.concatenate([counts.failures[measure] for measure in measures])


def _base(whole: Counts, measures: Sequence[Measure], before: slice, groups: int) -> tuple[Floats, Floats]:
    """The service's own buckets before, once per group."""
    return (
        np.repeat(_failures(whole, measures)[:, before], groups, axis=0),
        np.tile(whole.requests[:, before], (groups * len(measures), 1)),
    )


def _whole(table: Table, measures: Sequence[Measure], after: slice, limits: VerdictThresholds) -> Mask:
    """Values with nearly all of the traffic: they are the service, and differ from nothing."""
    counts, whole, groups = table.counts, table.whole, len(table.values)
    if table.error_only:
        part = _failures(counts, measures)[:, after].sum(axis=1)
        total = np.repeat(_failures(whole, measures)[:, after].sum(axis=1), groups)
    else:
        part = np.tile(counts.requests[:, after].sum(axis=1), len(measures))
        total = np.repeat(whole.requests[:, after].sum(), len(part))
    result: Mask = part >= limits.whole_traffic * total
    return result
