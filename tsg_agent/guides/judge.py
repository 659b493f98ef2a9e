"""Verdicts of annotated steps: the same query before the incident's start and since, group by group.

A label says that a group is abnormal; that it became so with the incident is what makes it a cause. A threshold of the
guide's does not: what it calls abnormal on every day is standing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlglot import exp

from tsg_agent.guides.bindings import Bindings
from tsg_agent.guides.facts import LabelColumn
from tsg_agent.guides.guide import StepKind
from tsg_agent.guides.query import CANONICAL
from tsg_agent.guides.report import GuideVerdict, Outcome
from tsg_agent.guides.run import Ran, Ready, bound_values, plain_rows, without_label_filters
from tsg_agent.settings import Settings, VerdictThresholds
from tsg_agent.statistics import g2_z, upper_p
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.plugin import run_query
from tsg_agent.tools.rows import naive_utc

MOMENT = timedelta(microseconds=1)
ORDER = (StepKind.DEFINITIVE, StepKind.CHANGE, StepKind.SYMPTOM)
"""Which causes come first."""
Rows = dict[tuple[str, ...], dict[str, Any]]


@dataclass(frozen=True)
class Halves:
    """The groups before the incident's start and since, by their dimension."""

    before: Rows
    since: Rows


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
        """What became of a group."""
        if self.halves is None or not self.halves.before:
            return Outcome.UNKNOWN
        old, new = self.halves.before.get(key), self.halves.since.get(key)
        healthy = self.ready.healthy(self.column)
        was, is_ = (row is not None and row.get(self.name) not in healthy for row in (old, new))
        if not is_:
            return Outcome.UNKNOWN if new is None else Outcome.OVER
        grew = self.grew(key, self.halves)
        if was:
            graver = self._rank(new) < self._rank(old)
            return Outcome.WORSE if grew or (graver and grew is None) else Outcome.STANDING
        if grew is False:
            return Outcome.UNCLEAR
        return Outcome.NEW if old is None else Outcome.CHANGED

    def grew(self, key: tuple[str, ...], halves: Halves) -> bool | None:
        """Whether the measure got worse by more than chance and enough to matter; None where nothing is measured.

        A rate of counted rows is tested (G-test, corrected for the groups looked at); a new group against the others
        at the same time. Another number must be larger, or smaller where the rule says so, by a contrast's ratio.
        """
        old, new, limits = halves.before.get(key), halves.since[key], self.limits
        rate = self.ready.facts.rate(self.measure)
        if rate:
            rest = [row for other, row in halves.since.items() if other != key] if old is None else [old]
            before = [_failed(row, self.measure, *rate, falls=self.falls) for row in rest]
            k0, n0 = sum(k for k, _ in before), sum(n for _, n in before)
            k1, n1 = _failed(new, self.measure, *rate, falls=self.falls)
            if not n0 or not n1:
                return None
            chance = float(upper_p(g2_z(k0, n0, k1, n1))) * max(1, len(halves.since))
            rise, excess = k1 / n1 - k0 / n0, k1 - n1 * k0 / n0
            enough = 100 * rise >= limits.minimum_rise and excess >= limits.minimum_excess
            return chance <= limits.false_discovery_rate and enough and k1 / n1 >= limits.contrast_ratio * k0 / n0
        was, is_ = _number(old, self.measure), _number(new, self.measure)
        if was is None or is_ is None:
            return None
        low, high = (is_, was) if self.falls else (was, is_)
        return high > low and high >= limits.contrast_ratio * low

    @property
    def falls(self) -> bool:
        """Whether the measure is worse where it is lower: the rule's own comparisons say it."""
        made = self.ready.facts.result.outputs.get(self.measure)
        names = {self.measure.lower(), made.sql().lower() if made is not None else ""}
        for condition, _ in self.column.arms:
            for node in condition.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE) if condition is not None else ():
                if {node.this.sql().lower(), node.this.name.lower()} & names:
                    return isinstance(node, exp.LT | exp.LTE)
        return False

    def _rank(self, row: Mapping[str, Any] | None) -> int:
        labels = list(self.column.labels)
        return labels.index(row[self.name]) if row and row.get(self.name) in labels else len(labels)


def judge(ready: Ready, ran: Ran, engine: Engine, bound: Bindings, settings: Settings) -> list[GuideVerdict]:
    """A verdict for each abnormal row of an annotated step. Raises what Engine.run raises."""
    about = ready.step.annotation
    if about is None or about.kind is None or not about.judged or ready.primary is None:
        return []
    name, column = ready.primary
    healthy = ready.healthy(column)
    abnormal = [
        (number, row)
        for number, row in enumerate(ran.finding.rows, 1)
        if row.get(name) is not None and row[name] not in healthy
    ]
    halves = _halves(ready, engine, bound, settings) if abnormal else None
    compared = Comparison(ready, name, column, about.measure, halves, settings.thresholds.verdict)
    found = []
    for number, row in abnormal:
        subject = {key: str(row.get(key)) for key in about.dimension if key in row}
        key = tuple(subject.values())
        found.append(
            GuideVerdict(
                step=ready.step.number,
                evidence=f"{ran.finding.id}.{number}",
                subject=subject,
                label=str(row[name]),
                kind=about.kind,
                outcome=compared.outcome(key),
                measure=about.measure,
                before=_number(halves.before.get(key), about.measure) if halves else None,
                since=_number(halves.since.get(key), about.measure) if halves else None,
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
    """Both halves of the window; None where the incident's start is not known, or lies outside of it."""
    start, end = bound.values.get(bound.start), bound.values.get(bound.end)
    moment = naive_utc(bound.incident_start) if bound.incident_start else None
    if moment is None or not isinstance(start, datetime) or not isinstance(end, datetime) or not start < moment < end:
        return None
    before = _groups(ready, engine, {**bound.values, bound.end: moment - MOMENT}, settings)
    return Halves(before, _groups(ready, engine, {**bound.values, bound.start: moment}, settings))


def _groups(ready: Ready, engine: Engine, values: Mapping[str, object], settings: Settings) -> Rows:
    """Every group of the query in a window, the healthy ones too."""
    tree = without_label_filters(ready)
    table = run_query(engine, tree.sql(dialect=CANONICAL), bound_values(tree, values), settings.query_timeout)
    dimension = ready.step.annotation.dimension if ready.step.annotation else ()
    rows = plain_rows(table)
    return {tuple(str(row.get(key)) for key in dimension if key in row): row for row in rows}


def _failed(row: Mapping[str, Any], measure: str, scale: float, total: str, *, falls: bool) -> tuple[float, float]:
    """(failures, all) of a row; of a rate of successes the others failed."""
    share, number = _number(row, measure), _number(row, total)
    if share is None or number is None:
        return 0.0, 0.0
    part = min(1.0, max(0.0, share / scale))
    return (1 - part if falls else part) * number, number


def _number(row: Mapping[str, Any] | None, measure: str) -> float | None:
    value = row.get(measure) if row and measure else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _one_line(value: object) -> str:
    """A value of the telemetry in a sentence: one line, no control characters, not endless."""
    return "".join(one if one.isprintable() else " " for one in str(value))[:120]
