"""Whether the whole region fails: what no description within it explains is compared with the other regions. Numpy."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tsg_agent.evidence.requests import REQUEST_MEASURES, UNKNOWN, kinds_of
from tsg_agent.models import Measure
from tsg_agent.statistics import Floats
from tsg_agent.verdicts.causes import Explained, Explainer, Found
from tsg_agent.verdicts.confidence import MinuteSeries
from tsg_agent.verdicts.members import WHOLE
from tsg_agent.verdicts.onset import ChangePoint, change_point
from tsg_agent.verdicts.search import Search


def region_found(explainer: Explainer, explained: Explained, regions: pa.Table | None, region: str) -> Found | None:
    """The incident's region as a cause: its requests, without those of the causes in it, rose and the others' did not.

    Not where inner calls are recorded: the other regions' rows do not say which of theirs are.
    """
    if regions is None or not regions.num_rows or explainer.entry is not None:
        return None
    requests = explainer.requests
    gone = explainer.gone | explainer.unsettled
    best: Found | None = None
    for measure, moment in explained.moments.items():
        search = explained.searches.get(measure)
        if search is None or measure not in REQUEST_MEASURES:
            continue  # of other regions nothing is known but how their requests were answered
        own, rest = MinuteSeries(*requests.series(measure, ~gone)), _others(regions, measure)
        counts = np.array([_sides(own, moment, explainer.guard), _sides(rest, moment, explainer.guard)])
        cost = math.log(len(regions["region"].unique()) + 1)
        if counts[0, 2:].sum() >= WHOLE * counts[:, 2:].sum():
            continue
        worth = float(search.gain(np.concatenate([counts[0], counts[0, :2]]), counts.sum(axis=0), False)) - cost
        if worth >= search.least and (best is None or worth > best.worth):
            best = Found(
                {"region": region}, measure, moment, ~gone, gone, worth, _alone(search, cost), rest=rest
            )  # fmt: skip
    return best


def elsewhere(
    regions: pa.Table | None, reported: float | None, alpha: float
) -> tuple[str, ChangePoint, MinuteSeries] | None:
    """The other region that clearly fails more since a moment, its change point, and its 5xx by minute.

    `reported`: minutes from the window's begin. `alpha`: the chance that one is found where nothing changed.
    """
    if regions is None or not regions.num_rows:
        return None
    names = [name for name in regions["region"].unique().to_pylist() if name is not None]
    cost = math.log(max(len(names), 1))
    found = []
    for name in names:
        series = _others(regions.filter(pc.equal(regions["region"], name)), Measure.SERVER_ERRORS)
        one = change_point(series.failures, series.requests, reported, alpha, math.log(1 / alpha) + cost)
        if one is not None and one.gain - cost >= math.log(1 / alpha):
            found.append((name, one, series))
    return max(found, key=lambda one: one[1].gain, default=None)


def _alone(search: Search, cost: float) -> Search:
    """The same search with the cost of choosing among regions."""
    made = Search(search.members, search.phi)
    made.cost = cost
    return made


def _others(regions: pa.Table, measure: Measure) -> MinuteSeries:
    """Failures and requests of all other regions by minute."""
    minute, kind = regions["minute"].to_numpy(), regions["kind"].to_numpy()
    asked = regions["requests"].to_numpy().astype(float)
    known = kind // 4 != UNKNOWN
    length = int(minute.max(initial=0)) + 1
    failed = kinds_of(measure)[kind]
    return MinuteSeries(
        np.bincount(minute[failed], asked[failed], length).astype(float),
        np.bincount(minute[known], asked[known], length).astype(float),
    )


def _sides(series: MinuteSeries, moment: ChangePoint, guard: float) -> Floats:
    before, after = series.rate(0, moment.before(guard)), series.rate(moment.start, moment.end)
    return np.array(
        [before.requests - before.failures, before.failures, after.requests - after.failures, after.failures], float
    )
