"""Is there something to explain? One gate per outcome, on the requests as customers see them. Pure."""

import math

from tsg_agent.models import Gate, Measure, Onset, OnsetKind
from tsg_agent.settings import VerdictThresholds
from tsg_agent.statistics import g2_z, upper_p
from tsg_agent.verdicts.confidence import MinuteSeries
from tsg_agent.verdicts.onset import ChangePoint
from tsg_agent.wording import measure_words, percent


def gate_of(
    measure: Measure, series: MinuteSeries, moment: ChangePoint | None, limits: VerdictThresholds, slow_ms: float
) -> Gate:
    """Whether the service's own share rose at a moment; closed where nothing shows that anything changed."""
    what = measure_words(measure, slow_ms)
    if moment is None:
        whole = series.rate(0, None)
        reason = f"nothing changed in the window: {percent(whole.percent)} {what}"
        return Gate(
            measure=measure, open=False, reason=reason, onset=Onset(kind=OnsetKind.UNKNOWN, after=whole, reason=reason)
        )
    edge = moment.before(limits.guard_minutes)
    before, after = series.rate(0, edge), series.rate(moment.start, moment.end)
    z = float(g2_z(before.failures, before.requests, after.failures, after.requests))
    z /= math.sqrt(series.dispersion(edge))
    rose = z >= limits.gate_z
    kind = OnsetKind.UNCHANGED
    if rose:
        kind = OnsetKind.NEW if before.percent < limits.new_share * after.percent else OnsetKind.WORSE
    reason = f"{percent(after.percent)} {what} against {percent(before.percent)} before"
    excess = after.failures - after.requests * before.percent / 100
    onset = Onset(kind=kind, before=before, after=after, excess=round(excess, 2), z=round(z, 4), p=float(upper_p(z)))
    return Gate(measure=measure, open=rose, reason=reason, onset=onset)
