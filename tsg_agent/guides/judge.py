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
from tsg_agent.guides.run import Ran, Ready, bound_values, plain, without_label_filters
from tsg_agent.settings import Settings
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


def judge(ready: Ready, ran: Ran, engine: Engine, bound: Bindings, settings: Settings) -> list[GuideVerdict]:
    """A verdict for each abnormal row of an annotated step. Raises what Engine.run raises."""
    about = ready.step.annotation
    if about is None or about.kind is None or not about.judged or ready.primary is None:
        return []
    name, column = ready.primary
    abnormal = [
        (number, row)
        for number, row in enumerate(ran.finding.rows, 1)
        if row.get(name) and row[name] not in ready.healthy(column)
    ]
    halves = _halves(ready, engine, bound, settings) if abnormal else None
    found = []
    for number, row in abnormal:
        subject = {key: str(row.get(key)) for key in about.dimension if key in row}
        key = tuple(subject.values())
        outcome, old, new = _outcome(ready, column, name, key, halves, settings)
        found.append(
            GuideVerdict(
                step=ready.step.number,
                evidence=f"{ran.finding.id}.{number}",
                subject=subject,
                label=str(row[name]),
                kind=about.kind,
                outcome=outcome,
                measure=about.measure,
                before=_number(old, about.measure),
                since=_number(new, about.measure),
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
    rows = [{key: plain(value) for key, value in row.items()} for row in table.to_pylist()]
    return {tuple(str(row.get(key)) for key in dimension if key in row): row for row in rows}


def _outcome(  # noqa: PLR0913, PLR0917 - a row, and what it is compared with
    ready: Ready,
    column: LabelColumn,
    name: str,
    key: tuple[str, ...],
    halves: Halves | None,
    settings: Settings,
) -> tuple[Outcome, dict[str, Any] | None, dict[str, Any] | None]:
    """(what became of a group, its row before, its row since)."""
    if halves is None or not halves.before:
        return Outcome.UNKNOWN, None, halves.since.get(key) if halves else None
    healthy = ready.healthy(column)
    old, new = halves.before.get(key), halves.since.get(key)
    was, is_ = (row is not None and row.get(name) not in healthy for row in (old, new))
    if not is_:
        return (Outcome.UNKNOWN if new is None else Outcome.OVER), old, new
    if old is None:
        return Outcome.NEW, old, new
    if not was:
        return Outcome.CHANGED, old, new
    measure = ready.step.annotation.measure if ready.step.annotation else ""
    least, most = sorted((abs(_number(old, measure) or 0.0), abs(_number(new, measure) or 0.0)))
    graver = _rank(column, new, name) < _rank(column, old, name)
    worse = measure and most > least * settings.thresholds.verdict.contrast_ratio and _moved(column, old, new, measure)
    return (Outcome.WORSE if worse or graver else Outcome.STANDING), old, new


def _moved(column: LabelColumn, old: Any, new: Any, measure: str) -> bool:
    """Whether the measure moved to where the rule's own comparisons call it abnormal; up, where they name none."""
    before, since = _number(old, measure) or 0.0, _number(new, measure) or 0.0
    for condition, _ in column.arms:
        for node in condition.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE) if condition is not None else ():
            if isinstance(node.this, exp.Column) and node.this.name.lower() == measure.lower():
                return since < before if isinstance(node, exp.LT | exp.LTE) else since > before
    return since > before


def _rank(column: LabelColumn, row: Any, name: str) -> int:
    labels = list(column.labels)
    return labels.index(row[name]) if row and row.get(name) in labels else len(labels)


def _number(row: Mapping[str, Any] | None, measure: str) -> float | None:
    value = row.get(measure) if row and measure else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _one_line(value: object) -> str:
    """A value of the telemetry in a sentence: one line, no control characters, not endless."""
    return "".join(one if one.isprintable() else " " for one in str(value))[:120]
