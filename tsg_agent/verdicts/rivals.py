"""Which of two overlapping subjects do the failures follow? Each is judged with the other held fixed. Pure numpy.

Rows of a zone, its datacenter and the version that most of its instances run fail together. What fails only inside the
zone has no effect of its own once the zone is held fixed. Source: Mantel and Haenszel 1959, stratified by the rival.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tsg_agent.evidence.dimensions import REGION
from tsg_agent.evidence.measurement import Counts, Measurement
from tsg_agent.models import Measure
from tsg_agent.statistics import Floats
from tsg_agent.verdicts.candidates import Candidate
from tsg_agent.verdicts.setting import FAILURES, Setting

RIVAL_RATIO = 2.0
"""A rival takes over if its own effect is this many times as clear as the first's own."""
HELD_SHARE = 0.5
"""…and it holds this share of the first's excess."""
ONLY_SHARE = 0.2
"""What keeps less than this share of its excess outside a version or flag fails because of it."""
CLEAR_Z = 3.0


@dataclass(frozen=True)
class Cell:
    """Requests and failures of one of the four parts that two subjects cut the traffic into."""

    failures_before: float
    requests_before: float
    failures_after: float
    requests_after: float

    def excess(self, base: float) -> float:
        """Failures after the start beyond a rate before."""
        return self.failures_after - self.requests_after * base


@dataclass(frozen=True)
class Quarters:
    """The traffic, cut by two subjects; `base` is what a part without a before of its own is measured from."""

    both: Cell
    first_only: Cell
    rival_only: Cell
    neither: Cell
    base: Cell
    fewest: int

    @property
    def rival_z(self) -> float:
        """The rival's own effect, the first held fixed."""
        return self._effect((self.both, self.first_only), (self.rival_only, self.neither))

    @property
    def first_z(self) -> float:
        """The first's own effect, the rival held fixed."""
        return self._effect((self.both, self.rival_only), (self.first_only, self.neither))

    @property
    def held(self) -> float:
        """Share of the first's excess that lies in the rival."""
        inside, outside = self.both.excess(self._before(self.both)), self._outside
        return inside / (inside + outside) if inside + outside > 0 else 0.0

    @property
    def _outside(self) -> float:
        return max(0.0, self.first_only.excess(self._before(self.first_only)))

    def _before(self, cell: Cell) -> float:
        own = cell if cell.requests_before >= self.fewest else self.base
        return own.failures_before / own.requests_before if own.requests_before else 0.0

    def _rise(self, cell: Cell) -> tuple[float, float]:
        """Rise of the share, and its variance; half a failure is added so that 0 of n has a width."""
        own = cell if cell.requests_before >= self.fewest else self.base
        now = (cell.failures_after + 0.5) / (cell.requests_after + 1)
        variance = now * (1 - now) / cell.requests_after
        if own.requests_before:
            then = (own.failures_before + 0.5) / (own.requests_before + 1)
            variance += then * (1 - then) / own.requests_before
        return cell.failures_after / cell.requests_after - self._before(cell), variance

    def _effect(self, *strata: tuple[Cell, Cell]) -> float:
        """Signed z of having the subject, over the strata in which some requests have it and some do not."""
        difference, variance = 0.0, 0.0
        for have, lack in strata:
            n, m = have.requests_after, lack.requests_after
            if n < 1 or m < 1:
                continue
            weight = n * m / (n + m)
            mine, others = self._rise(have), self._rise(lack)
            difference += weight * (mine[0] - others[0])
            variance += weight**2 * (mine[1] + others[1])
        return difference / float(np.sqrt(variance)) if variance > 0 else 0.0


class Crossed(NamedTuple):
    """What two subjects have in common, what each has in all, and everything; each of one group."""

    both: Counts
    first: Counts
    rival: Counts
    everything: Counts


def cut_by(crossed: Crossed, measure: Measure, setting: Setting) -> Quarters | None:
    """The four parts; None where the two have too few requests in common."""
    both, first, rival, everything = (_cell(counts, measure, setting) for counts in crossed)
    fewest = setting.limits.verdict.minimum_requests
    if both[3] < fewest:
        return None
    return Quarters(
        _made(both), _made(first - both), _made(rival - both), _made(everything - first - rival + both),
        _made(everything), fewest,
    )  # fmt: skip


def quarters(
    first: Candidate, part: Measurement, rival: Candidate, whole: Measurement, setting: Setting
) -> Quarters | None:
    """The traffic cut by the two; None where they do not overlap, or count different things.

    `part`: the first's requests, measured.
    """
    if rival.step == 9 or rival.error_only or rival.measure not in _family(first.measure):
        return None
    table = part.table(rival.screen.table.dimension.columns)
    row = table.find(rival.subject) if table is not None else -1
    if table is None or row < 0:
        return None
    regional = REGION in (first.screen.table.dimension, rival.screen.table.dimension)
    regions = whole.table(REGION.columns)
    everything = regions.whole if regional and regions is not None else whole.total
    both, other = table.counts.take([row]), rival.screen.table.counts.take([rival.row])
    return cut_by(Crossed(both, part.total, other, everything), first.measure, setting)


def quarters_elsewhere(first: Candidate, rival: Candidate, part: Measurement, setting: Setting) -> Quarters | None:
    """The same where the first is another region than the incident's: `part`, the rival's, counted in all regions."""
    table = part.table(REGION.columns)
    row = table.find(first.subject) if table is not None else -1
    if table is None or row < 0 or rival.error_only or rival.measure not in _family(first.measure):
        return None
    regions = first.screen.table
    crossed = Crossed(table.counts.take([row]), regions.counts.take([first.row]), table.whole, regions.whole)
    return cut_by(crossed, first.measure, setting)


def may_be_the_workflows(first: Candidate, part: Counts, both: Counts, setting: Setting) -> bool:
    """Whether most of a place's failures since the start are in the workflow's runs: else the rest need no look."""
    inside, all_of_them = (_cell(one, first.measure, setting)[2] for one in (both, part))
    return bool(inside >= HELD_SHARE * all_of_them)


def is_the_workflows(cut: Quarters) -> bool:
    """Does a place fail in the runs of one workflow only, while its other requests are well?

    Then what is broken is the workflow's step, which is where the two meet.
    """
    return cut.held >= 1 - ONLY_SHARE and cut.rival_z >= CLEAR_Z and cut.first_only.requests_after >= cut.fewest


def is_clearer(cut: Quarters) -> bool:
    """Is the rival's own effect beyond doubt and clearer than the first's, which is partly elsewhere?

    Where it holds nearly all of the first's failures the two are one, and `takes_over` says by which name.
    """
    return cut.held < 1 - ONLY_SHARE and cut.rival_z >= max(CLEAR_Z, cut.first_z)


def takes_over(cut: Quarters, first: Candidate, rival: Candidate, acting: tuple[int, ...]) -> bool:
    """Do the first's failures follow the rival rather than the first?

    Where neither can be told from the other, since what fails is in both, a version or flag (`acting`) goes before
    the place that it breaks: it is what someone changed.
    """
    if cut.held < HELD_SHARE or cut.rival_z < CLEAR_Z:
        return False
    if cut.rival_z >= RIVAL_RATIO * max(cut.first_z, 1.0):
        return True
    return (
        rival.step in acting
        and first.step not in acting
        and cut.held >= 1 - ONLY_SHARE
        and cut.first_only.requests_after >= cut.fewest
    )


def _family(measure: Measure) -> tuple[Measure, ...]:
    return FAILURES if measure in FAILURES else (measure,)


def _cell(counts: Counts, measure: Measure, setting: Setting) -> Floats:
    """failures and requests before, failures and requests after."""
    spans = (setting.grid.before, setting.grid.after)
    values = [float(series[0, span].sum()) for span in spans for series in (counts.failures[measure], counts.requests)]
    return np.asarray(values, float)


def _made(cell: Floats) -> Cell:
    before, requests_before, after, requests_after = np.maximum(cell, 0.0).tolist()
    return Cell(before, requests_before, after, requests_after)
