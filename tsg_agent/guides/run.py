"""Runs a guide's query as a typed finding: bound, repaired, read-only; a status whatever the telemetry does."""

import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlglot import exp

from tsg_agent.errors import QueryTimeout, TelemetryError
from tsg_agent.guides.absent import lacking, read_as_null
from tsg_agent.guides.facts import Facts, LabelColumn
from tsg_agent.guides.guide import Query, WrittenStep
from tsg_agent.guides.parsed import CANONICAL, Parsed, parameters_of
from tsg_agent.guides.repair import Repaired
from tsg_agent.guides.scopes import SelectScope, conjuncts
from tsg_agent.models import Finding, Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.plugin import run_query

SHOWN = 200
"""Rows that a finding keeps; the table has them all."""


@dataclass(frozen=True)
class Ready:
    """A query that is ready to run: repaired, with what is known of it."""

    step: WrittenStep
    query: Query
    repaired: Repaired
    facts: Facts
    """Of the query as it runs on this source."""
    read: Facts
    """Of the query before what the source lacks was taken out of it."""
    notes: tuple[str, ...] = ()

    @property
    def normal(self) -> set[str]:
        """Labels of any of its columns that mean nothing is wrong."""
        return {label for column in self.facts.shown_labels.values() for label in self.healthy(column)}

    @property
    def primary(self) -> tuple[str, LabelColumn] | None:
        """The label column that the step is about: the one whose labels its prose names, else the last."""
        columns = list(self.facts.shown_labels.items())
        return max(reversed(columns), key=lambda one: len(self.step.named & set(one[1].labels)), default=None)

    def healthy(self, column: LabelColumn) -> set[str]:
        """Labels that mean nothing is wrong: the annotation's, else what a row is called that no arm takes."""
        return column.healthy(self.step.annotation.healthy if self.step.annotation else ())


@dataclass(frozen=True)
class QueryRun:
    """A finding, and all rows of the query."""

    finding: Finding
    table: pa.Table | None = None


def run_ready(ready: Ready, engine: Engine, values: Mapping[str, object], settings: Settings) -> QueryRun:
    """Run a query. Never raises for what the telemetry or its engine may do."""
    began = time.perf_counter()
    absent = lacking(ready.read, engine)
    if absent:
        return QueryRun(_ended(ready, Status.NOT_APPLICABLE, f"The telemetry has no {', '.join(absent)}.", began))
    sql, bound = ready.repaired.sql, bound_values(ready.repaired.parsed.tree, values)
    asked: dict[str, Any] = {"sql": sql, "sql_parameters": {name: plain(value) for name, value in bound.items()}}
    try:
        table = run_query(engine, sql, bound, settings.query_timeout)
        finding = _finding(ready, table, began)
        if not table.num_rows:
            status, reason, groups = _why_empty(ready, engine, values, settings)
            label = finding.label if status is Status.OK else ""
            finding = finding.model_copy(update={"status": status, "reason": reason, "groups": groups, "label": label})
    except QueryTimeout as error:
        return QueryRun(_ended(ready, Status.TIMEOUT, str(error), began, **asked))
    except (TelemetryError, pa.ArrowException) as error:
        return QueryRun(_ended(ready, Status.ERROR, str(error), began, **asked))
    nulls = sorted(f"{table}.{name}" for table, name in read_as_null(ready.read, engine))
    return QueryRun(finding.model_copy(update={**asked, "missing_columns": nulls}), table)


def refused(step: WrittenStep, query: Query, reason: str) -> Finding:
    """The finding of a block that may not run."""
    return Finding(
        id=f"E{step.number}", step=step.number, plugin=query.number, tool=f"plugin_{query.number}_tool",
        title=step.title, question=step.title, status=Status.ERROR, reason=reason, sql=query.sql,
    )  # fmt: skip


def bound_values(tree: exp.Expr, values: Mapping[str, object]) -> dict[str, object]:
    """The values that a query names."""
    return {name: values[name] for name in parameters_of(tree) if name in values}


def plain(value: object) -> Any:
    """A value as JSON has it; what is no finite number is unknown."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return plain(float(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, str | int | bool) or value is None else str(value)


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as JSON has them; names in lower case, as SQL reads them."""
    return [{name.lower(): plain(value) for name, value in row.items()} for row in table.to_pylist()]


def _finding(ready: Ready, table: pa.Table, began: float) -> Finding:
    rows = plain_rows(table.slice(0, SHOWN))
    labels: Counter[str] = Counter()
    for name in ready.facts.shown_labels:
        at = [position for position, column in enumerate(table.column_names) if column.lower() == name]
        labels.update(value for position in at for value in table.column(position).to_pylist() if value is not None)
    limit = ready.facts.result.select.args.get("limit")
    count = limit.expression.name if limit is not None and isinstance(limit.expression, exp.Literal) else ""
    finding = _ended(ready, Status.OK, "", began)
    notes = list(finding.notes)
    if table.num_rows > SHOWN:
        notes.append(f"The first {SHOWN} of {table.num_rows} rows are shown.")
    return finding.model_copy(
        update={
            "label": _gravest(ready, labels), "labels": dict(labels), "rows": rows, "row_count": table.num_rows,
            "groups": table.num_rows, "truncated": table.num_rows > SHOWN or str(table.num_rows) == count,
            "notes": notes,
        }
    )  # fmt: skip


def _gravest(ready: Ready, labels: Mapping[str, int]) -> str:
    """The first label in the order of the rule that a row carries; the healthy one where no other does."""
    if ready.primary is None:
        return ""
    _, column = ready.primary
    healthy = ready.healthy(column)
    return next((one for one in column.labels if labels.get(one) and one not in healthy), column.default)


def _ended(ready: Ready, status: Status, reason: str, began: float, **known: Any) -> Finding:
    several = len(ready.step.queries) > 1
    return Finding(
        id=f"E{ready.step.number}" + (f"p{ready.query.number}" if several else ""),
        step=ready.step.number,
        plugin=ready.query.number,
        tool=f"plugin_{ready.query.number}_tool",
        title=ready.step.title,
        question=ready.step.prose.split("\n")[0] or ready.step.title,
        status=status,
        reason=reason,
        harmless=sorted(ready.normal),
        columns={name: _described(ready, name) for name in ready.facts.result.outputs},
        notes=[*ready.notes, *(f"Repaired, line {one.line}: {one.what}." for one in ready.repaired.changes)],
        milliseconds=round((time.perf_counter() - began) * 1000, 1),
        **known,
    )


def _described(ready: Ready, name: str) -> str:
    """What a column holds, as far as the query says it."""
    label = ready.facts.shown_labels.get(name)
    if label:
        return f"the guide's label: {', '.join(label.labels)}"
    made = ready.facts.result.outputs[name]
    found = ready.facts.origin(made, ready.facts.result) if isinstance(made, exp.Column) else None
    return " ".join((found.made if found else made).sql(dialect=CANONICAL, comments=False).split())[:200]


def _why_empty(
    ready: Ready, engine: Engine, values: Mapping[str, object], settings: Settings
) -> tuple[Status, str, int]:
    """(status, reason, groups) of a query without a row: nothing was there, too little, or nothing was wrong."""
    for scope in ready.facts.scopes:
        if all(source.table for source in scope.sources) and scope.sources:
            matched = exp.select(exp.Count(this=exp.Star()).as_("matched"))
            for part in ("from_", "joins", "where"):
                if scope.select.args.get(part):
                    matched.set(part, scope.select.copy().args[part])
            if not _count(matched, engine, values, settings):
                window = "the window, and what else the query filters by"
                return Status.NO_DATA, f"No row of {scope.sources[0].table} matched {window}.", 0
    groups = _count(counting(all_groups(ready)), engine, values, settings)
    if groups:
        return Status.OK, "", groups
    labelled = {(column.scope.name, column.name) for column in ready.facts.label_columns}
    parts = [
        part.sql(dialect=CANONICAL, comments=False)
        for scope, part in ready.facts.filtered_by(ready.facts.result)
        if scope.sources and scope.sources[0].scope and not _about_labels(part, scope, ready.facts, labelled)
    ]
    limits = f" ({'; '.join(dict.fromkeys(parts))})" if parts else ""
    return Status.INSUFFICIENT_DATA, f"Rows matched, and every group falls under the guide's limits{limits}.", 0


def all_groups(ready: Ready, *, small: bool = False) -> exp.Query:
    """The query with every group, whatever its label or rank, without LIMIT; `small`: also those under a minimum."""
    own = Facts(Parsed(ready.query, ready.repaired.parsed.tree.copy()), ready.facts.schema)
    made = {(column.scope.name, column.name) for column in own.label_columns}
    for scope in own.scopes:
        for clause in scope.clauses:
            parts = conjuncts(clause.this)
            keep = [
                part
                for part in parts
                if not (_about_labels(part, scope, own, made) or (small and _is_minimum(part, scope, own)))
            ]
            if len(keep) < len(parts):
                clause.set("this", exp.and_(*keep) if keep else exp.true())
    tree = own.parsed.tree
    tree.set("limit", None)
    return tree


def _is_minimum(part: exp.Expr, scope: SelectScope, facts: Facts) -> bool:
    """True if a condition asks a group for a number of rows."""
    return isinstance(part, exp.GT | exp.GTE) and facts.is_count(part.this, scope)


def counting(tree: exp.Query) -> exp.Select:
    """How many rows a query gives."""
    return exp.select(exp.Count(this=exp.Star()).as_("matched")).from_(exp.Subquery(this=tree, alias="counted"))


def _about_labels(part: exp.Expr, scope: SelectScope, facts: Facts, made: set[tuple[str, str]]) -> bool:
    """True if a condition looks at a label, or at a rank."""
    for column in part.find_all(exp.Column):
        found = facts.origin(column, scope)
        if found and ((found.scope.name, found.name) in made or isinstance(found.made, exp.Window)):
            return True
    return False


def _count(tree: exp.Query, engine: Engine, values: Mapping[str, object], settings: Settings) -> int:
    sql = tree.sql(dialect=CANONICAL)
    return int(run_query(engine, sql, bound_values(tree, values), settings.query_timeout).column(0)[0].as_py())
