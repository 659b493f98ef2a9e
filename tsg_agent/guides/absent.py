"""Handles columns that a query reads and the source lacks: the query says less, or nothing, and never that all is
well."""

from collections.abc import Iterable

from sqlglot import exp

from tsg_agent.guides.catalogue import TableSchema
from tsg_agent.guides.facts import Facts
from tsg_agent.guides.parsed import Parsed, tables_in
from tsg_agent.guides.repair import Change, Repaired
from tsg_agent.guides.scopes import SelectScope, inside
from tsg_agent.telemetry.catalog import missing_name
from tsg_agent.telemetry.engine import Engine


def without_absent(repaired: Repaired, schema: TableSchema, engine: Engine) -> Repaired:
    """The query with NULL for every count and mean of columns that the source lacks.

    `SUM(CASE WHEN cache_hit THEN 1 ELSE 0 END)` of a source without the column is not a hit rate of 0 %.
    """
    own = Parsed(repaired.parsed.query, repaired.parsed.tree.copy())
    facts = Facts(own, schema)
    nulls = read_as_null(facts, engine)
    changes = list(repaired.changes)
    found = [(scope, one) for scope, one in facts.aggregates() if nulls and _is_about(scope, one, facts, nulls)]
    for _, aggregate in found:
        names = sorted({column.name.lower() for column in aggregate.find_all(exp.Column)} & {name for _, name in nulls})
        what = f"{', '.join(names)} is not in the telemetry: what is counted by it is unknown"
        changes.append(Change(rule="unknown-as-no", line=own.line(aggregate), what=what))
        outer = aggregate.parent if isinstance(aggregate.parent, exp.WithinGroup | exp.Filter) else aggregate
        outer.replace(exp.cast(exp.null(), "double"))
    return Repaired(own, tuple(changes))


def _is_about(scope: SelectScope, aggregate: exp.AggFunc, facts: Facts, nulls: set[tuple[str, str]]) -> bool:
    """True if the source lacks every column that decides what is counted: those of a CASE's conditions, else all."""
    cases = [node for node in inside(aggregate) if isinstance(node, exp.Case)]
    deciding: list[exp.Expr] = [one.this for case in cases for one in case.args["ifs"]] or [aggregate]
    columns = _columns(deciding, scope, facts, 0)
    return bool(columns) and columns <= nulls


def lacking(facts: Facts, engine: Engine) -> list[str]:
    """What the source lacks and the query is about, as "table" or "table.column".

    A table; a column that it filters by; all columns of its groups, or all that its label looks at.
    """
    held = {table: engine.tables.get(table) for table in tables_in(facts.parsed.tree)}
    tables = [missing_name(table, source) for table, source in held.items() if source is None or source.problem]
    if tables:
        return tables
    nulls = read_as_null(facts, engine)
    found: set[tuple[str, str]] = set()
    for scope in facts.scopes if nulls else ():
        for node in scope.nodes():
            if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Placeholder):
                found |= _columns([node.this], scope, facts) & nulls
        keys = _columns(scope.keys, scope, facts)
        if keys & nulls and keys <= nulls | _times(keys, facts.schema):
            found |= keys & nulls
    for column in facts.shown_labels.values():
        conditions = [condition for condition, _ in column.arms if condition is not None]
        looked = _columns(conditions, column.scope, facts)
        if looked <= nulls:
            found |= looked
    return [f"{table}.{name}" for table, name in sorted(found)]


def _times(keys: set[tuple[str, str]], schema: TableSchema) -> set[tuple[str, str]]:
    return {key for key in keys if (kind := schema.kind(*key)) and kind.name == "TIMESTAMP"}


def _columns(nodes: Iterable[exp.Expr], scope: SelectScope, facts: Facts, deep: int = 12) -> set[tuple[str, str]]:
    """The tables' columns that expressions are made of."""
    found: set[tuple[str, str]] = set()
    for node in nodes:
        for column in node.find_all(exp.Column):
            made = facts.origin(column, scope)
            if made and made.table:
                found.add((made.table, made.name))
            elif made and deep:
                found |= _columns([made.made], made.scope, facts, deep - 1)
    return found


def read_as_null(facts: Facts, engine: Engine) -> set[tuple[str, str]]:
    """(table, column) that the query reads and the source lacks."""
    found = set()
    for scope in facts.scopes:
        columns = [node for node in scope.nodes() if isinstance(node, exp.Column)]
        for table, name in _columns(columns, scope, facts):
            source = engine.tables.get(table)
            if source is not None and (name not in source.present or name in source.empty):
                found.add((table, name))
    return found
