"""Verdicts of annotated steps: the same query before the incident's start and since, group by group.

A label says that a group is abnormal; that it became so with the incident is what makes it a cause. A threshold of the
guide's does not: what it calls abnormal on every day is standing.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlglot import exp

from tsg_agent.guides.bindings import Bindings
from tsg_agent.guides.facts import LabelColumn
from tsg_agent.guides.guide_run import GuideVerdict, Outcome
from tsg_agent.guides.parsed import CANONICAL, parameters_of
from tsg_agent.guides.run import QueryRun, Ready, all_groups, bound_values, plain_rows
from tsg_agent.models import StepKind
from tsg_agent.settings import Settings, VerdictThresholds
from tsg_agent.statistics import g2_z, upper_p
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.plugin import run_query
from tsg_agent.tools.rows import naive_utc

MOMENT = timedelta(microseconds=1)
ORDER = (StepKind.DEFINITIVE, StepKind.CHANGE, StepKind.SYMPTOM)
"""Which causes come first."""
Row = Mapping[str, Any]
Rows = dict[tuple[str, ...], dict[str, Any]]


@dataclass(frozen=True)
class Halves:
    """The groups before the incident's start and since, by their dimension."""

    before: Rows
    since: Rows
    small: Rows
    """Before it, with those under the guide's minimums."""
    length: float
    """How long the time since is, for one of the time before."""


@dataclass(frozen=True)
class Comparison:
    """What a step's groups are compared by: its label column `name`, and the halves of the window."""

    ready: Ready
    name: str
    column: LabelColumn
    measure: str
    halves: Halves | None
    limits: VerdictThresholds

    def outcome(self, key: tuple[str, ...]) -> Outcome:
        """How a group's label and measure changed with the incident."""
        if self.halves is None or not self.halves.small:
            return Outcome.UNKNOWN
        labelled, new = self.halves.before.get(key), self.halves.since.get(key)
        old = labelled or self._enough(self.halves.small.get(key))
        healthy = self.ready.healthy(self.column)
        was, is_ = (row is not None and row.get(self.name) not in healthy for row in (labelled, new))
        if new is None or not is_:
            return Outcome.UNKNOWN if new is None else Outcome.OVER
        grew = self._grew(old, new, key, self.halves)
        if was:
            graver = self._rank(new) < self._rank(labelled)
            return Outcome.WORSE if grew or (graver and grew is None) else Outcome.STANDING
        if grew is False:
            return Outcome.UNCLEAR
        if self._shared(new, key, self.halves):
            return Outcome.SHARED
        return Outcome.NEW if old is None else Outcome.CHANGED

    def number(self, row: Row | None) -> float | None:
        """A row's measure."""
        return _number(row, self.measure)

    @property
    def falls(self) -> bool:
        """True if a lower measure is worse, as the rule's own comparisons say."""
        made = self.ready.facts.result.outputs.get(self.measure)
        names = {self.measure, made.sql().lower() if made is not None else ""}
        for condition, _ in self.column.arms:
            for node in condition.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE) if condition is not None else ():
                if {node.this.sql().lower(), node.this.name.lower()} & names:
                    return isinstance(node, exp.LT | exp.LTE)
        return False

    def _grew(self, old: Row | None, new: Row, key: tuple[str, ...], halves: Halves) -> bool | None:
        """True if the measure got worse by more than chance and enough to matter; None if nothing is measured.

        A rate of counted rows is tested by G2; a new group against the others at the same time. A count is tested
        against as many in the time before. Both are corrected for the groups looked at. Another number must be larger,
        or smaller where the rule says so, by a contrast's ratio.
        """
        limits, looked = self.limits, max(1, len(halves.since))
        if self.ready.facts.rate(self.measure):
            k0, n0 = self._failures([old] if old is not None else self._others(key, halves))
            k1, n1 = self._failures([new])
            if not n0 or not n1:
                return None
            chance = float(upper_p(g2_z(k0, n0, k1, n1))) * looked
            enough = 100 * (k1 / n1 - k0 / n0) >= limits.minimum_rise and k1 - n1 * k0 / n0 >= limits.minimum_excess
            return chance <= limits.false_discovery_rate and enough and k1 / n1 >= limits.contrast_ratio * k0 / n0
        was, is_ = self.number(old), self.number(new)
        if is_ is not None and self.ready.facts.is_count(exp.column(self.measure), self.ready.facts.result):
            expected = (was or 0.0) * halves.length
            chance = float(upper_p(_poisson_z(was or 0.0, is_, halves.length))) * looked
            enough = is_ - expected >= limits.minimum_excess and is_ >= limits.contrast_ratio * expected
            return chance <= limits.false_discovery_rate and enough
        if was is None or is_ is None:
            return None
        low, high = (is_, was) if self.falls else (was, is_)
        return high > low and high >= limits.contrast_ratio * low

    def _shared(self, new: Row, key: tuple[str, ...], halves: Halves) -> bool:
        """True if the other groups fail as much at the same time: then the failure is not this group's."""
        k1, n1 = self._failures([new])
        k0, n0 = self._failures(self._others(key, halves))
        return bool(n0 and n1) and k1 / n1 < self.limits.contrast_ratio * k0 / n0

    def _others(self, key: tuple[str, ...], halves: Halves) -> list[dict[str, Any]]:
        return [row for other, row in halves.since.items() if other != key]

    def _failures(self, rows: list[Any]) -> tuple[float, float]:
        """(failures, all) of rows whose measure is a rate; of a rate of successes the others failed."""
        rate = self.ready.facts.rate(self.measure)
        failed = total = 0.0
        for row in rows if rate else ():
            share, number = self.number(row), _number(row, rate[1] if rate else "")
            if rate and share is not None and number is not None:
                part = min(1.0, max(0.0, share / rate[0]))
                failed, total = failed + (1 - part if self.falls else part) * number, total + number
        return failed, total

    def _enough(self, row: dict[str, Any] | None) -> dict[str, Any] | None:
        """The row; None if it has fewer requests than a comparison needs, whatever the guide's own minimum is."""
        rate = self.ready.facts.rate(self.measure)
        number = _number(row, rate[1]) if rate else None
        return None if number is not None and number < self.limits.minimum_requests else row

    def _rank(self, row: Row | None) -> int:
        labels = list(self.column.labels)
        return labels.index(row[self.name]) if row and row.get(self.name) in labels else len(labels)


def _poisson_z(before: float, since: float, length: float) -> float:
    """Signed root of G2 of two counts over times of 1 and `length`; positive where the second is the denser one."""
    total = before + since
    if total <= 0:
        return 0.0
    expected = (total / (1 + length), total * length / (1 + length))
    g2 = 2 * sum(n * math.log(n / e) for n, e in zip((before, since), expected, strict=True) if n > 0)
    return math.copysign(math.sqrt(max(0.0, g2)), since - expected[1])


def _number(row: Row | None, name: str) -> float | None:
    value = row.get(name) if row and name else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def judge(ready: Ready, ran: QueryRun, engine: Engine, bound: Bindings, settings: Settings) -> list[GuideVerdict]:
    """A verdict for each row of an annotated step that is abnormal in the whole window, or since the start.

    A label that a group has since the start goes before the window's, which the time before dilutes. Raises what
    Engine.run raises.
    """
    about = ready.step.annotation
    if about is None or about.kind is None or not about.judged or ready.primary is None or not ran.finding.rows:
        return []
    name, column = ready.primary
    halves = _halves(ready, engine, bound, settings)
    compared = Comparison(ready, name, column, about.measure, halves, settings.thresholds.verdict)
    found = []
    for number, row in enumerate(ran.finding.rows, 1):
        subject = {key: str(row.get(key)) for key in about.dimension if key in row}
        key = tuple(subject.values())
        held = [halves.since.get(key, {}), row] if halves else [row]
        labels = [one[name] for one in held if one.get(name) is not None and one[name] not in ready.healthy(column)]
        if not labels:
            continue
        found.append(
            GuideVerdict(
                step=ready.step.number,
                evidence=f"{ran.finding.id}.{number}",
                subject=subject,
                label=str(labels[0]),
                kind=about.kind,
                outcome=compared.outcome(key),
                measure=about.measure,
                before=compared.number(halves.small.get(key)) if halves else None,
                since=compared.number(halves.since.get(key)) if halves else None,
                remedy=filled(about.remedy, row),
            )
        )
    return found


def ranked(verdicts: list[GuideVerdict]) -> list[GuideVerdict]:
    """Definitive causes first, then changes, then symptoms; the largest change of a kind first."""
    return sorted(verdicts, key=lambda one: (ORDER.index(one.kind), -abs((one.since or 0.0) - (one.before or 0.0))))


def filled(remedy: str, row: Mapping[str, Any]) -> str:
    """A remedy with the row's values for {column}; a name that the row does not have stays as it is."""
    return re.sub(r"\{(\w+)\}", lambda name: _one_line(row[name[1]]) if name[1] in row else name[0], remedy)


def _halves(ready: Ready, engine: Engine, bound: Bindings, settings: Settings) -> Halves | None:
    """Both halves of the window; None where the incident's start is not known or lies outside of it, or the query has
    no window of its own to be cut."""
    if not {bound.start, bound.end} <= set(parameters_of(ready.repaired.parsed.tree)):
        return None
    start, end = bound.values.get(bound.start), bound.values.get(bound.end)
    moment = naive_utc(bound.incident_start) if bound.incident_start else None
    if moment is None or not isinstance(start, datetime) or not isinstance(end, datetime) or not start < moment < end:
        return None
    early, late = {**bound.values, bound.end: moment - MOMENT}, {**bound.values, bound.start: moment}
    return Halves(
        before=_groups(ready, all_groups(ready), engine, early, settings),
        since=_groups(ready, all_groups(ready), engine, late, settings),
        small=_groups(ready, all_groups(ready, small=True), engine, early, settings),
        length=(end - moment) / (moment - start),
    )


def _groups(ready: Ready, tree: exp.Query, engine: Engine, values: Mapping[str, object], settings: Settings) -> Rows:
    """Every group of the query in a window, the healthy ones too."""
    table = run_query(engine, tree.sql(dialect=CANONICAL), bound_values(tree, values), settings.query_timeout)
    dimension = ready.step.annotation.dimension if ready.step.annotation else ()
    return {tuple(str(row.get(key)) for key in dimension if key in row): row for row in plain_rows(table)}


def _one_line(value: object) -> str:
    """A value of the telemetry in a sentence: one line, no control characters, not endless."""
    return "".join(one if one.isprintable() else " " for one in str(value))[:120]
