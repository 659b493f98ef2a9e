"""The causes among the requests: what to explain, since when, and by which descriptions. Pure numpy."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tsg_agent.evidence.dimensions import COMPONENT
from tsg_agent.evidence.measurement import entry_of, is_error_only
from tsg_agent.evidence.requests import MINUTE, Column, Requests
from tsg_agent.models import Measure, Subject
from tsg_agent.settings import VerdictThresholds
from tsg_agent.statistics import Bools, Floats, unevenness
from tsg_agent.verdicts.confidence import Series
from tsg_agent.verdicts.onset import ChangePoint, change_point
from tsg_agent.verdicts.search import SUPPORT, Cells, Key, Scored, Search

FAILING = (Measure.SERVER_ERRORS, Measure.RATE_LIMITED, Measure.CLIENT_ERRORS)
"""Outcomes that a customer loses a request by, each searched apart: 5xx would hide in all that is not 2xx."""
SYMPTOMS = (Measure.SLOW, Measure.SLOWER, Measure.RETRIES)
OUTCOMES = (*FAILING, *SYMPTOMS)
"""Failing goes before slow, and slow before retries, where they rise together: those are then symptoms of it."""
FAINT = 1.2
"""Nats by which a suspect may be short of what chance could explain."""
NEAR = 15
"""Minutes within which a cause's own start and the service's are the same."""
TRIED = 40
"""Single values whose own series are looked at where the service's shows no change: the most uneven ones."""
ROUNDS = 3
"""A cause may begin later than the first: what is left is asked again, with a start of its own."""


@dataclass(frozen=True)
class Found:
    """A description that explains failures: its requests, the outcome, the span in minutes, its part of the score."""

    subject: Subject
    measure: Measure
    moment: ChangePoint
    rows: Bools
    others: Bools
    """Requests of the other descriptions: they are in nobody's rest."""
    worth: float
    search: Search = field(repr=False)
    key: Key = ()
    same: list[Subject] = field(default_factory=list)
    """Other values of exactly these requests: the data cannot tell them apart."""
    told: Bools | None = None
    """Requests whose before is the description's, where it is new: those of its other values; None = everybody's."""
    lacks: tuple[str, ...] = ()
    """Dimensions of an earlier cause that its requests do not record: they may be that cause's failures."""
    faint: bool = False
    """Short of what chance among all descriptions could explain, by little."""
    rest: Series | None = None
    """What it is compared with, where that is not all other requests: another region's are not among them."""


@dataclass(frozen=True)
class Explained:
    """What was found, and since when anything was wrong; `considered`: the best descriptions of the first search."""

    found: list[Found]
    moments: dict[Measure, ChangePoint]
    considered: list[Scored]
    searches: dict[Measure, Search]


class Explainer:
    """Searches an investigation's requests. `reported`: minutes from the window's begin, by the incident's text."""

    def __init__(  # noqa: PLR0913 - one argument for each thing that a search rests on
        self,
        requests: Requests,
        service: str,
        reported: float | None,
        *,
        limits: VerdictThresholds,
        calls: frozenset[tuple[str, str]] = frozenset(),
        exact: bool = False,
    ) -> None:
        self.requests, self.reported, self.exact, self.calls = requests, reported, exact, calls
        self.most, self.guard = limits.causes, limits.guard_minutes
        self.moments: dict[Measure, ChangePoint] = {}
        self.passing_on: set[tuple[tuple[str, str], ...]] = set()
        """Components that only pass on what fails behind them."""
        component = requests.column(COMPONENT.columns[0])
        self.entry: Bools | None = None
        self.entry_name: str | None = None
        self.columns = [column for column in requests.columns if not is_error_only(column, requests)]
        if component is not None and component in self.columns:
            row = entry_of([name for (name,) in component.values], service)
            if row is not None:
                self.entry_name = component.values[row][0]
                self.entry = component.codes == row
                # Its failures contain the others': what is behind it is looked at first.
                inner = Column(component.dimension, component.values, np.where(self.entry, -1, component.codes))
                self.columns = [inner if column is component else column for column in self.columns]

    def explain(self) -> Explained:
        """All causes, outcome by outcome."""
        gone = np.zeros(len(self.requests), bool)
        self.moments = moments = {
            measure: one
            for measure in OUTCOMES
            if (one := self.moment(measure, gone) or self.moment_of_a_part(measure, gone)) is not None
        }
        order = sorted(
            moments, key=lambda measure: (OUTCOMES.index(measure) if measure in SYMPTOMS else 0, -moments[measure].gain)
        )
        found: list[Found] = []
        searches: dict[Measure, Search] = {}
        self.gone, self.unsettled = gone, gone.copy()
        for measure in order:
            if measure is Measure.RETRIES and len(moments) > 1:
                break  # what fails, or is slow, is sent again
            if measure is Measure.SLOWER and found:
                continue  # what fails or times out is slower too, and so is what waits for it
            found += self._of(measure, moments[measure], self.most - len(found), searches)
        if not found and (faint := self._faint(moments, searches)) is not None:
            found = [faint]
        considered = next((search.considered for search in searches.values()), [])
        return Explained(found, moments, considered, searches)

    def _of(self, measure: Measure, first: ChangePoint, most: int, searches: dict[Measure, Search]) -> list[Found]:
        """The causes of one outcome. Requests that do not record a cause's dimension are asked by themselves."""
        found: list[Found] = []
        strata: list[tuple[Bools, tuple[str, ...]]] = [(np.ones(len(self.requests), bool), ())]
        while strata:
            stratum, lacks = strata.pop(0)
            moment: ChangePoint | None = first
            for _ in range(ROUNDS if self.entry is None else 1):
                away = self.gone | ~stratum
                if found and self.entry is None:
                    moment = self.moment(measure, away)
                if moment is None or len(found) >= most:
                    break
                search = self.search(measure, moment, away)
                searches.setdefault(measure, search)
                new = self._found(search, search.causes(most - len(found)), measure, moment, away)
                if not new:
                    break
                new = [replace(one, lacks=lacks) for one in new]
                found += new
                lacking = np.logical_or.reduce([self.requests.lacking(one.subject) for one in new]) & stratum
                self.gone = np.logical_or.reduce([self.gone, *(one.rows for one in new)])
                if lacking.any():
                    strata.append((lacking, tuple(dict.fromkeys(name for one in new for name in one.subject))))
                    self.unsettled |= lacking
                    stratum &= ~lacking
        return found

    def _faint(self, moments: dict[Measure, ChangePoint], searches: dict[Measure, Search]) -> Found | None:
        """The best description where none is beyond chance, if it is short of it by little: a suspect.

        Where the service's own series shows no moment, one that was reported is taken at its word.
        """
        best: Found | None = None
        for measure in FAILING:
            moment = moments.get(measure) or self._reported_moment()
            if moment is None:
                continue
            search = searches.get(measure) or self.search(measure, moment, self.gone)
            score, key = next(iter(search.best([])), (-math.inf, ()))
            if score >= search.least - FAINT and (best is None or score > best.worth):
                best = replace(self._found(search, [key], measure, moment, self.gone)[0], worth=score, faint=True)
                searches.setdefault(measure, search)
        return best

    def _reported_moment(self) -> ChangePoint | None:
        if self.reported is None or self.reported < 1:
            return None
        start = round(self.reported)
        return ChangePoint(start, start, start, None, 0.0, 1.0)

    def moment(self, measure: Measure, gone: Bools) -> ChangePoint | None:
        """The change point of the service's own outcome, at its entry where it has one; None if not clear."""
        rows = ~gone if self.entry is None else self.entry & ~gone
        failures, requests = self.requests.series(measure, rows)
        found = change_point(failures, requests, self.reported)
        if found is not None and self.exact and self.reported is not None:
            start = min(max(1, round(self.reported)), len(failures) - 1)
            return ChangePoint(start, start, start, None, found.gain, found.phi)
        return found if found is not None and found.clear else None

    def moment_of_a_part(self, measure: Measure, gone: Bools) -> ChangePoint | None:
        """The clearest change point of any single value: a part of little traffic does not move the service's share."""
        rows = self.requests.known & ~gone
        length = int(self.requests.second.max(initial=0)) // MINUTE + 1
        tried: list[tuple[float, Floats, Floats]] = []
        values = 0
        for column in self.columns:
            kept = rows & (column.codes >= 0)
            weight = None if self.requests.weight is None else self.requests.weight[kept]
            cell = column.codes[kept].astype(np.int64) * length + self.requests.second[kept] // MINUTE
            failed = self.requests.failed(measure)[kept]
            shape = len(column.values), length
            k = np.bincount(cell[failed], None if weight is None else weight[failed], shape[0] * length).reshape(shape)
            some = np.flatnonzero(k.sum(axis=1) >= SUPPORT)
            values += shape[0]
            if len(some):
                n = np.bincount(cell, weight, shape[0] * length).reshape(shape)[some].astype(float)
                odd = unevenness(k[some].astype(float), n)
                tried += [(float(odd[i]), k[some[i]].astype(float), n[i]) for i in range(len(some))]
        tried.sort(key=lambda one: -one[0])
        found = [one for _, k, n in tried[:TRIED] if (one := change_point(k, n, self.reported)) is not None]
        best = max(found, key=lambda one: one.gain, default=None)
        return (
            replace(best, gain=best.gain - math.log(max(values, 1)))
            if best is not None and replace(best, gain=best.gain - math.log(max(values, 1))).clear
            else None
        )

    def search(self, measure: Measure, moment: ChangePoint, gone: Bools) -> Search:
        """The search over what is left."""
        state = self.state(measure, moment)
        state[gone] = -1
        inner = self.entry is not None
        search = Search(Cells.of(self.columns, state, self.requests.weight), moment.phi, inner=inner)
        callers = callers_of_what_fails(search, self.calls)
        if not callers:
            return search
        self.passing_on |= {((COMPONENT.columns[0], name),) for name in callers}
        columns = [_without(column, callers) if column.dimension == COMPONENT else column for column in self.columns]
        return Search(Cells.of(columns, state, self.requests.weight), moment.phi, inner=inner)

    def sharper(self, one: Found) -> ChangePoint:
        """The start by a cause's own failures, where it agrees with the service's: fewer others blur it."""
        found = change_point(*self.requests.series(one.measure, one.rows & ~one.others), float(one.moment.start))
        near = found is not None and abs(found.start - one.moment.start) <= NEAR
        if found is None or not near or not found.clear or self.exact:
            return one.moment
        return replace(found, end=one.moment.end)

    def state(self, measure: Measure, moment: ChangePoint) -> NDArray[np.int8]:
        """0 to 3: before or after, ok or failed; -1 for what is in neither, or does not say how it was answered."""
        minute = self.requests.second // MINUTE
        state = np.full(len(minute), -1, np.int8)
        state[minute < moment.before(self.guard)] = 0
        state[(minute >= moment.start) & (minute < (math.inf if moment.end is None else moment.end))] = 2
        state[(state >= 0) & self.requests.failed(measure)] += 1
        state[~self.requests.known] = -1
        return state

    def _found(
        self, search: Search, keys: list[Key], measure: Measure, moment: ChangePoint, gone: Bools
    ) -> list[Found]:
        subjects = [search.cells.subject(key) for key in keys]
        rows = [self.requests.having(subject) for subject in subjects]
        result = []
        for place, (key, subject) in enumerate(zip(keys, subjects, strict=True)):
            others = gone.copy()
            for other in (*rows[:place], *rows[place + 1 :]):
                others |= other
            same = search.same_as(key)
            worth = search.worth(key, keys)
            parent = search.cells.subject(tuple(item for item in key if not search.cells.new[item]))
            told = self.requests.having(parent) if parent else self.entry
            result.append(Found(subject, measure, moment, rows[place], others, worth, search, key, same, told))
        return result


def callers_of_what_fails(search: Search, calls: frozenset[tuple[str, str]]) -> set[str]:
    """Components that fail more since the start, and call one that does: the callee is what failed.

    A callee without requests before never worked: it is what its caller does wrong.
    """
    name = COMPONENT.columns[0]
    cells = search.cells
    counts = cells.each(np.ones(len(cells.counts), bool))
    gains = search.gain(counts, search.total)
    failing = {
        item[name]: bool(counts[place, :2].sum())
        for place, item in enumerate(cells.items)
        if name in item and gains[place] - search.cost >= search.least
    }
    return {caller for caller, callee in calls if caller in failing and failing.get(callee, False) and caller != callee}


def _without(column: Column, names: set[str]) -> Column:
    gone = [code for code, (name,) in enumerate(column.values) if name in names]
    return Column(column.dimension, column.values, np.where(np.isin(column.codes, gone), -1, column.codes))
