"""Measurements made by hand, for rules that need exact counts."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from tsg_agent.evidence import Counts, Grid, Measurement, Table
from tsg_agent.evidence.cells import REQUEST_MEASURES
from tsg_agent.evidence.dimensions import Dimension
from tsg_agent.models import Gate, Measure, Onset, OnsetKind
from tsg_agent.settings import AllThresholds
from tsg_agent.verdicts.candidates import Candidate, candidates_of, screens_of
from tsg_agent.verdicts.setting import Cuts, Setting

BEFORE, GUARD, AFTER = 20, 3, 10
START = datetime(2026, 3, 10, 14, 0)
LIMITS = AllThresholds()
ZONE = Dimension(("availability_zone",), 6)
Sides = tuple[tuple[float, float], tuple[float, float]]
"""(failures, requests) before and after, each spread evenly over its buckets."""


def grid(*, known: bool = True) -> Grid:
    begin = START - (BEFORE + GUARD) * (step := LIMITS.verdict.bucket_minutes) * np.timedelta64(1, "m").item()
    end = START + AFTER * step * np.timedelta64(1, "m").item()
    made = Grid.over((begin, end), START, step, LIMITS.verdict.guard_minutes)
    return made if known else Grid(made.origin, made.width, made.count, None, made.guard)


def counts(sides: list[Sides], *, measure: Measure = Measure.SERVER_ERRORS, burst: bool = False) -> Counts:
    """Counts of groups; with 5xx, what is not successful too. `burst`: before's failures fall into one bucket."""
    measures = (Measure.WORKFLOW_FAILURES,) if measure is Measure.WORKFLOW_FAILURES else REQUEST_MEASURES
    made = Counts.zeros(len(sides), grid().count, measures)
    for row, (before, after) in enumerate(sides):
        for span, (failures, requests) in ((grid().before, before), (grid().after, after)):
            width = len(range(*span.indices(grid().count)))
            made.requests[row, span] = requests / width
            spread = np.full(width, failures / width)
            if burst and span == grid().before:
                spread = np.eye(1, width)[0] * min(failures, requests / width)
            made.failures[measure][row, span] = spread
            if measure in (Measure.SERVER_ERRORS, Measure.RATE_LIMITED, Measure.CLIENT_ERRORS):
                made.failures[Measure.NOT_SUCCESSFUL][row, span] = spread
    return made


def table(
    values: Mapping[str, Sides],
    dimension: Dimension = ZONE,
    *,
    measure: Measure = Measure.SERVER_ERRORS,
    burst: bool = False,
) -> Table:
    """A table of single values whose requests are all there are."""
    made = counts(list(values.values()), measure=measure, burst=burst)
    return Table(dimension, [(value,) for value in values], made, made.sum())


def measurement(*tables: Table, known: bool = True) -> Measurement:
    total = tables[0].whole
    return Measurement(grid(known=known), list(tables), total, total)


def setting_of(made: Measurement, *, doubted: bool = False, gate: bool = True, moved: bool = False) -> Setting:
    screens = screens_of(made, None, LIMITS, doubted=doubted)
    onset = Onset(kind=OnsetKind.NEW)
    gates = {measure: Gate(measure=measure, open=gate, reason="so", onset=onset) for measure in Measure}
    cuts = Cuts.of(screens, LIMITS.verdict.false_discovery_rate)
    return Setting(made.grid, LIMITS, cuts, gates, {}, doubted=doubted, moved=moved)


def candidates(made: Measurement, setting: Setting | None = None) -> dict[str, Candidate]:
    """Candidates about failed requests, by value."""
    setting = setting or setting_of(made)
    found = candidates_of(screens_of(made, None, LIMITS, doubted=setting.doubted), setting)
    return {" ".join(one.subject.values()): one for one in found if one.measure not in (Measure.SLOW, Measure.RETRIES)}
