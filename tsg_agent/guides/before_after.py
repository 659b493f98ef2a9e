"""Verdicts of annotated steps: the same query before the incident's start and since, group by group.

A label says that a group is abnormal; that it became so with the incident is what makes it a cause. A threshold of the
guide's does not: what it calls abnormal on every day is standing.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlglot import exp

from tsg_agent.guides.bindings import Bindings
from tsg_agent.guides.compare import Comparison, Halves, Rows
from tsg_agent.guides.guide_run import GuideVerdict
from tsg_agent.guides.parsed import CANONICAL, parameters_of
from tsg_agent.guides.run import QueryRun, Ready, all_groups, bound_values, plain_rows
from tsg_agent.models import StepKind
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.plugin import run_query
from tsg_agent.tools.rows import naive_utc

MOMENT = timedelta(microseconds=1)
ORDER = (StepKind.DEFINITIVE, StepKind.CHANGE, StepKind.SYMPTOM)
"""Which causes come first."""


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
