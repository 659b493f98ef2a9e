"""The causes among the requests: what to explain, since when, and by which descriptions. Pure numpy."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tsg_agent.evidence.blocks import blocks
from tsg_agent.evidence.measurement import COMPONENT, MOST_CELLS, entry_of, is_error_only
from tsg_agent.evidence.requests import DimensionCodes, Requests
from tsg_agent.models import Measure, Subject
from tsg_agent.settings import VerdictThresholds
from tsg_agent.statistics import Bools, Floats, g2_z, unevenness
from tsg_agent.verdicts.confidence import MinuteSeries
from tsg_agent.verdicts.members import AFTER_FAILED, BEFORE_FAILED, SUPPORT, Key, Members
from tsg_agent.verdicts.onset import ChangePoint, change_point
from tsg_agent.verdicts.search import LEAST_Z, Scored, Search
from tsg_agent.verdicts.value_labels import SubjectKey

FAILING = (Measure.SERVER_ERRORS, Measure.RATE_LIMITED, Measure.CLIENT_ERRORS, Measure.UNANSWERED)
"""Outcomes that cost a customer the request. Each is searched apart: 5xx would hide in all that is not 2xx."""
SYMPTOMS = (Measure.SLOW, Measure.SLOWER, Measure.RETRIES)
OUTCOMES = (*FAILING, *SYMPTOMS)
"""Failing goes before slow, and slow before retries, where they rise together: those are then symptoms of it."""
FAINT = 1.2
"""A suspect's gain may be this many nats less than chance could explain."""
NEAR = 60
"""Within so many minutes of the start that the service's series shows, a cause's own start is the same one."""
TRIED = 40
"""Where the service's series shows no change, the series of this many single values are looked at, the most uneven
first."""
ROUNDS = 3
"""Searches at most: what earlier causes leave is searched again, with a start of its own: a cause may begin later."""


@dataclass(frozen=True)
class Found:
    """A description that explains failures: its requests, the outcome, the span in minutes, its part of the score."""

    subject: Subject
    measure: Measure
    moment: ChangePoint
    rows: Bools
    others: Bools
    """Requests of the other descriptions, which no cause's comparison counts among the rest."""
    worth: float
    search: Search = field(repr=False)
    key: Key = ()
    same: list[Subject] = field(default_factory=list)
    """Other values that exactly these requests have: the data cannot tell them apart."""
    told: Bools | None = None
    """For a new value: the requests that give its share before, those of the description's other values; None = all
    requests."""
    lacks: tuple[str, ...] = ()
    """Dimensions of an earlier cause that its requests do not record: they may be that cause's failures."""
    faint: bool = False
    """Whether its gain is a little less than chance among all descriptions could explain."""
    merged: tuple[Key, ...] = ()
    """The descriptions whose requests these are, where the subject is what their failures name."""
    rest: MinuteSeries | None = None
    """The requests that it is compared with, if not all others: another region's requests are no part of them."""


@dataclass(frozen=True)
class Explained:
    """What was found, and since when anything was wrong; `considered`: the best descriptions of the first search."""

    found: list[Found]
    moments: dict[Measure, ChangePoint]
    considered: list[Scored]
    searches: dict[Measure, Search]


class Explainer:
    """Searches an investigation's requests. `reported`: minutes from the window's begin, by the incident's text."""

    def __init__(
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
        self.alphas, self.gate_z = (limits.moment_alpha, limits.search_alpha), limits.gate_z
        self.moments: dict[Measure, ChangePoint] = {}
        self.of_parts: set[Measure] = set()
        """Outcomes whose change shows in the series of a part, and not in the service's."""
        self.passing_on: set[SubjectKey] = set()
        """Components that only pass on what fails behind them."""
        component = requests.column(COMPONENT)
        self.entry: Bools | None = None
        self.columns = [column for column in requests.columns if not is_error_only(column, requests)]
        if component is not None and component in self.columns:
            row = entry_of([name for (name,) in component.values], service)
            if row is not None:
                self.entry = component.codes == row
                # Its failures contain the others': what is behind it is looked at first.
                inner = DimensionCodes(component.dimension, component.values, np.where(self.entry, -1, component.codes))
                self.columns = [inner if column is component else column for column in self.columns]

    def explain(self) -> Explained:
        """All causes, outcome by outcome."""
        gone = np.zeros(len(self.requests), bool)
        self.moments = moments = {
            measure: one for measure in OUTCOMES if (one := self.moment(measure, gone)) is not None
        }
        if not any(measure in moments for measure in FAILING):
            asked = FAILING if moments else OUTCOMES
            parts = {measure: self.moment_of_a_part(measure, gone) for measure in asked}
            moments |= {measure: one for measure, one in parts.items() if one is not None}
        order = sorted(
            moments, key=lambda measure: (OUTCOMES.index(measure) if measure in SYMPTOMS else 0, -moments[measure].gain)
        )
        found: list[Found] = []
        searches: dict[Measure, Search] = {}
        self.gone, self.unsettled = gone, gone.copy()
        for measure in order:
            if measure is Measure.RETRIES and len(moments) > 1:
                break  # what fails, or is slow, is sent again
            if found and (measure is Measure.SLOWER or (measure in SYMPTOMS and self.entry is not None)):
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
                new = [replace(one, lacks=lacks, moment=self._own(one) if new[1:] else moment) for one in new]
                found += new
                lacking = np.logical_or.reduce([self.requests.lacking(one.subject) for one in new]) & stratum
                passed = [self.requests.having(dict(key)) for key in self.passing_on]
                self.gone = np.logical_or.reduce([self.gone, *(one.rows for one in new), *passed])
                if lacking.any():
                    strata.append((lacking, tuple(dict.fromkeys(name for one in new for name in one.subject))))
                    self.unsettled |= lacking
                    stratum &= ~lacking
        return found

    def _faint(self, moments: dict[Measure, ChangePoint], searches: dict[Measure, Search]) -> Found | None:
        """Where no description is beyond chance, the best one that is nearly so: a suspect.

        Where the service's own series shows no moment, a reported one is trusted.
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
        found = change_point(failures, requests, self.reported, self.alphas[0])
        if found is not None and self.exact and self.reported is not None:
            start = min(max(1, round(self.reported)), len(failures) - 1)
            return ChangePoint(start, start, start, None, found.gain, found.phi)
        return found if found is not None and found.clear else None

    def moment_of_a_part(self, measure: Measure, gone: Bools) -> ChangePoint | None:
        """The clearest change point of any single value: a part of little traffic does not move the service's share.

        Where inner calls are recorded the entry must have changed then too: some component always has a burst.
        """
        rows = self.requests.asked(measure) & ~gone
        whole = MinuteSeries(*self.requests.series(measure, rows))
        tried: list[tuple[float, MinuteSeries]] = []
        for some in (some for column in self.columns for some in self._uneven(column, measure, rows, whole)):
            best_of = sorted([*tried, *some], key=lambda one: -one[0])[:TRIED]
            tried = [(odd, MinuteSeries(one.failures.copy(), one.requests.copy())) for odd, one in best_of]
        cost = math.log(max(sum(len(column.values) for column in self.columns), 1))
        least = math.log(1 / self.alphas[0]) + cost
        found = [change_point(one.failures, one.requests, self.reported, self.alphas[0], least) for _, one in tried]
        moments = [replace(one, gain=one.gain - cost) for one in found if one is not None]
        best = max(moments, key=lambda one: one.gain, default=None)
        if best is None or not best.clear:
            return None
        if self.entry is not None:
            entry = MinuteSeries(*self.requests.series(measure, self.entry & ~gone))
            before, after = entry.rate(0, best.before(self.guard)), entry.rate(best.start, best.end)
            z = float(g2_z(before.failures, before.requests, after.failures, after.requests))
            if z / math.sqrt(entry.dispersion(best.before(self.guard))) < self.gate_z:
                return None
        self.of_parts.add(measure)
        return best

    def _uneven(
        self, column: DimensionCodes, measure: Measure, rows: Bools, whole: MinuteSeries
    ) -> Iterator[list[tuple[float, MinuteSeries]]]:
        """The series of a column's values that fail at all, with how uneven each is over time; yielded in chunks."""
        kept = rows & (column.codes >= 0)
        lost = self.requests.of_values(column, kept & self.requests.failed(measure))[1:]
        some = np.flatnonzero(lost >= SUPPORT)
        length = int(self.requests.minute.max(initial=0)) + 1
        step = max(1, MOST_CELLS // length)
        for first in range(0, len(some), step):
            k, n = self._by_minute(column, some[first : first + step], measure, kept, length)
            if column.dimension.change:  # it may be new: before its first request its series is everybody's
                new = np.arange(length)[None, :] < (n > 0).argmax(axis=1)[:, None]
                k, n = np.where(new, whole.failures[:length], k), np.where(new, whole.requests[:length], n)
            yield [(float(odd), MinuteSeries(k[i], n[i])) for i, odd in enumerate(unevenness(k, n))]

    def _by_minute(
        self, column: DimensionCodes, codes: NDArray[np.intp], measure: Measure, kept: Bools, length: int
    ) -> tuple[Floats, Floats]:
        """Failures and requests of some of a column's values by minute, among the rows `kept`: (codes, length) each."""
        rank = np.full(len(column.values) + 1, -1, np.int64)
        rank[codes] = np.arange(len(codes))
        kept = kept & (rank[column.codes] >= 0)
        cell = rank[column.codes[kept]] * length + self.requests.minute[kept]
        weight = None if self.requests.weight is None else self.requests.weight[kept]
        failed = self.requests.failed(measure)[kept]
        asked = np.bincount(cell, weight, len(codes) * length)
        lost = np.bincount(cell[failed], None if weight is None else weight[failed], len(codes) * length)
        shape = len(codes), length
        return np.asarray(lost, float).reshape(shape), np.asarray(asked, float).reshape(shape)

    def search(self, measure: Measure, moment: ChangePoint, gone: Bools) -> Search:
        """The search over what is left."""
        state = self.state(measure, moment)
        state[gone] = -1
        inner = self.entry is not None

        def of(columns: list[DimensionCodes]) -> Search:
            members = Members.of(columns, state, self.requests.weight, describes)
            return Search(members, moment.phi, inner=inner, alpha=self.alphas[1])

        def describes(column: DimensionCodes, codes: NDArray[np.intp]) -> Bools:
            return describing(self.requests, column, codes, moment.before(self.guard))

        search = of(self.columns)
        # A caller stays excluded once the requests of what it calls are explained and gone.
        self.passing_on |= {((COMPONENT, name),) for name in callers_of_what_fails(search, self.calls)}
        callers = {name for ((_, name),) in self.passing_on}
        away = callers | (never_worked(search) if inner else set())
        if not away:
            return search
        inner_ones = (COMPONENT,)
        columns = [_without(one, away) if one.dimension.columns == inner_ones else one for one in self.columns]
        return of(columns)

    def sharper(self, one: Found) -> ChangePoint:
        """The start by a cause's own failures, where it agrees with the service's: fewer others blur it."""
        found = change_point(*self.requests.series(one.measure, one.rows & ~one.others), float(one.moment.start))
        near = found is not None and abs(found.start - one.moment.start) <= NEAR
        if found is None or not near or not found.clear or self.exact:
            return one.moment
        return replace(found, end=one.moment.end)

    def _own(self, one: Found) -> ChangePoint:
        """The start of a cause that began later than another: its share rose only then."""
        own = MinuteSeries(*self.requests.series(one.measure, one.rows & ~one.others))
        found = change_point(own.failures, own.requests, None, self.alphas[0])
        if self.exact or found is None or not found.clear or found.start <= one.moment.latest:
            return one.moment
        before, after = own.rate(0, one.moment.before(self.guard)), own.rate(found.start, one.moment.end)
        between = own.rate(one.moment.start, found.earliest)
        rose = [
            float(g2_z(then.failures, then.requests, now.failures, now.requests)) > LEAST_Z * math.sqrt(one.moment.phi)
            for then, now in ((before, between), (between, after))
        ]
        return replace(found, end=one.moment.end) if rose == [False, True] else one.moment

    def state(self, measure: Measure, moment: ChangePoint) -> NDArray[np.int8]:
        """0 to 3: before or after, ok or failed; -1 for what is in neither, or does not say how it was answered."""
        minute = self.requests.minute
        state = np.full(len(minute), -1, np.int8)
        state[minute < moment.before(self.guard)] = 0
        state[(minute >= moment.start) & (minute < (math.inf if moment.end is None else moment.end))] = 2
        state[(state >= 0) & self.requests.failed(measure)] += 1
        state[~self.requests.asked(measure) | self.requests.passed_on] = -1
        return state

    def _found(
        self, search: Search, keys: list[Key], measure: Measure, moment: ChangePoint, gone: Bools
    ) -> list[Found]:
        subjects = [search.members.subject(key) for key in keys]
        rows = [self.requests.having(subject) for subject in subjects]
        result = []
        for place, (key, subject) in enumerate(zip(keys, subjects, strict=True)):
            others = gone.copy()
            for other in (*rows[:place], *rows[place + 1 :]):
                others |= other
            same = search.same_as(key)
            worth = search.worth(key, keys)
            parent = search.members.subject(tuple(item for item in key if not search.members.new[item]))
            told = self.requests.having(parent) if parent else self.entry
            result.append(Found(subject, measure, moment, rows[place], others, worth, search, key, same, told))
        return result


def describing(requests: Requests, column: DimensionCodes, codes: NDArray[np.intp], before: int) -> Bools:
    """Which codes say what failed, not where: what went well never carries them, nor did it before.

    A column names failures where most values that failed before `before` (minutes) are of that kind: the component of
    an error, where all others say "edge". What is new in it names failures too.
    """
    carried = np.zeros(len(column.values) + 1, bool)  # the last: by what has no value
    for some in blocks(len(requests)):
        carried[column.codes[some][requests.went_well[some]]] = True
        if carried[codes].all():
            return np.zeros(len(codes), bool)
    rows = requests.failed(Measure.SERVER_ERRORS) & (requests.minute < before) & (column.codes >= 0)
    failed = np.unique(column.codes[rows])
    names = bool(np.count_nonzero(~carried[failed]) > len(failed) / 2)
    found: Bools = ~carried[codes] & names
    return found


def callers_of_what_fails(search: Search, calls: frozenset[tuple[str, str]]) -> set[str]:
    """Components whose failures rose, and that call one that stands out, directly or through others: that one failed.

    A callee without requests before never worked: it is what its caller does wrong.
    """
    if not calls:
        return set()
    members = search.members
    counts = members.each(members.everything)
    gains = search.gain(counts, search.total, search.apart)
    places = {item[COMPONENT]: place for place, item in enumerate(members.items) if COMPONENT in item}
    failing = {name for name, place in places.items() if gains[place] - search.cost >= search.least}
    reached = {name for name in failing if counts[places[name], :2].sum()}
    callers: set[str] = set()
    while reached:
        reached = {caller for caller, callee in calls if callee in reached and caller != callee} - callers
        callers |= reached
    return callers & (failing | {name for name, place in places.items() if _rose(counts[place], search.phi)})


def _rose(counts: Floats, phi: float) -> bool:
    """Whether a component's own share of failures rose. `counts`: before and after, ok and failed."""
    before, after = (counts[BEFORE_FAILED], counts[:2].sum()), (counts[AFTER_FAILED], counts[2:4].sum())
    return bool(float(g2_z(*before, *after)) > LEAST_Z * math.sqrt(phi))


def never_worked(search: Search) -> set[str]:
    """Components without calls in the time before: what fails in calling them is their caller's doing."""
    members, name = search.members, COMPONENT
    return {item[name] for place, item in enumerate(members.items) if name in item and members.new[place]}


def _without(column: DimensionCodes, names: set[str]) -> DimensionCodes:
    gone = [code for code, (name,) in enumerate(column.values) if name in names]
    return DimensionCodes(column.dimension, column.values, np.where(np.isin(column.codes, gone), -1, column.codes))
