"""Is there something to explain? One gate per measure, on the requests as customers see them."""

import numpy as np

from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Counts, Measurement, Table
from tsg_agent.models import Gate, Measure, Onset, OnsetKind, Rate
from tsg_agent.settings import AllThresholds
from tsg_agent.statistics import g2_z, overdispersion, upper_p
from tsg_agent.wording import measure_words, percent


def gates_of(
    measurement: Measurement, workflows: Table | None, limits: AllThresholds, threshold: float, *, doubted: bool
) -> dict[Measure, Gate]:
    """A gate per measure. With a start: the service's own share rose there. Without: it is over what the SLA allows.

    `threshold`: the SLA, percent. Workflows answer to the completion rate of the guide's Step 9 instead.
    """
    counts = dict.fromkeys(measurement.entry.failures, measurement.entry)
    if workflows is not None and workflows.values:
        counts[Measure.WORKFLOW_FAILURES] = workflows.whole
    grid = measurement.grid
    return {
        measure: _since(measure, one, grid, limits)
        if grid.start is not None and not doubted
        else _level(measure, one, limits.workflow.completion if measure is Measure.WORKFLOW_FAILURES else threshold)
        for measure, one in counts.items()
    }


def _since(measure: Measure, counts: Counts, grid: Grid, limits: AllThresholds) -> Gate:
    k, n = counts.failures[measure], counts.requests
    k0, n0 = k[:, grid.before].sum(axis=1), n[:, grid.before].sum(axis=1)
    k1, n1 = k[:, grid.after].sum(axis=1), n[:, grid.after].sum(axis=1)
    before, after = Rate(failures=int(k0[0]), requests=int(n0[0])), Rate(failures=int(k1[0]), requests=int(n1[0]))
    fewest = limits.verdict.minimum_requests
    if min(before.requests, after.requests) < fewest:
        reason = f"fewer than {fewest} requests before or after the start: too few to say that anything changed"
        unknown = Onset(kind=OnsetKind.UNKNOWN, before=before, after=after, reason=reason)
        return Gate(measure=measure, open=False, reason=reason, onset=unknown)
    z = float(g2_z(k0, n0, k1, n1)[0] / np.sqrt(overdispersion(k[:, grid.before], n[:, grid.before]))[0])
    rose = z >= limits.verdict.gate_z
    kind = (
        (OnsetKind.NEW if before.percent < limits.verdict.new_share * after.percent else OnsetKind.WORSE)
        if rose
        else OnsetKind.UNKNOWN
    )
    what = measure_words(measure, limits.version.slow_ms)
    words = f"{percent(after.percent)} {what} after the start, {percent(before.percent)} before"
    onset = Onset(
        kind=kind, before=before, after=after, z=round(z, 4), p=float(upper_p(z)),
        excess=round(float(k1[0] - n1[0] * k0[0] / n0[0]), 2),
    )  # fmt: skip
    return Gate(measure=measure, open=rose, reason=words, onset=onset)


def _level(measure: Measure, counts: Counts, threshold: float) -> Gate:
    whole = Rate(failures=int(counts.failures[measure].sum()), requests=int(counts.requests.sum()))
    over = bool(whole.requests) and whole.percent > 100.0 - threshold
    words = (
        f"{percent(whole.percent)} {measure_words(measure)} over the window; {percent(100.0 - threshold)} is allowed"
    )
    onset = Onset(kind=OnsetKind.UNKNOWN, after=whole, reason="the incident's start is not known")
    return Gate(measure=measure, open=over, reason=words if whole.requests else "no requests", onset=onset)
