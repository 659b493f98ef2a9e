"""Joins that lose rows or count them several times, and orders that leave ties to chance."""

from collections.abc import Iterator

from sqlglot import exp

from tsg_agent.guides.facts import Facts
from tsg_agent.guides.lint.inspection import Inspection, text
from tsg_agent.guides.lint.lint_rule import Occurrence, over_guide, over_queries, rule
from tsg_agent.guides.scopes import SelectScope, SelectSource, aggregates, inside, windowed

RANKS = (exp.RowNumber, exp.FirstValue, exp.LastValue)
INSENSITIVE = (exp.Max, exp.Min, exp.LogicalOr, exp.LogicalAnd)


@rule(over_queries, "warning", fix="LEFT JOIN.")
def rows_lost(facts: Facts) -> Iterator[Occurrence]:
    """An inner join that loses the rows it measures."""
    for scope, join, source in _joined_tables(facts):
        inner = join.side in {"", "INNER"} and join.kind not in {"CROSS", "OUTER", "LEFT"}
        if inner and scope.grouped and not _counts(source, scope, facts):
            first = scope.sources[0].table or scope.sources[0].alias
            why = f"The measures are about {first}, and leave out what {source.table} does not know."
            yield Occurrence(join, f"rows of {first} without one in {source.table} are lost", why)


@rule(over_guide, "warning")
def rows_multiplied(about: Inspection) -> Iterator[Occurrence]:
    """A join that counts rows several times."""
    vouched = {name.lower() for name, one in about.guide.tables.items() if one.key}
    joined = [(facts, *one) for facts in about.facts for one in _joined_tables(facts)]
    for held, scope, join, source in joined:
        on = join.args.get("on")
        compared = {
            side.name.lower()
            for one in (on.find_all(exp.EQ) if on is not None else ())
            for side in (one.left, one.right)
            if isinstance(side, exp.Column) and side.table.lower() == source.alias
        } | {one.name.lower() for one in join.args.get("using") or []}
        key = held.schema.keys.get(source.table)
        counted = next((one for one in _sensitive(scope) if _of_others(one, source, scope, held)), None)
        # A repeated row doubles what is beside it even where the key should be unique: only DISTINCT is safe.
        if counted is not None and not (key and set(key) <= compared and source.table in vouched):
            yield Occurrence(
                join,
                f"a row that {source.table} repeats is counted again in {text(counted)}",
                f"Nothing says that {source.table} holds a ({', '.join(sorted(compared))}) once only."
                if compared
                else f"Nothing says which row of {source.table} belongs to which.",
                f"Join its distinct rows, or declare the key in the front matter: {source.table}: {{key: …}}.",
                within=held,
            )


def _joined_tables(facts: Facts) -> Iterator[tuple[SelectScope, exp.Join, SelectSource]]:
    for scope in facts.scopes:
        for join in scope.select.args.get("joins") or []:
            alias = join.this.alias_or_name.lower()
            source = next((one for one in scope.sources if one.alias == alias and one.table), None)
            if source is not None:
                yield scope, join, source


def _sensitive(scope: SelectScope) -> Iterator[exp.AggFunc]:
    """Aggregates that a repeated row changes."""
    for item in scope.select.expressions:
        for one in aggregates(item):
            distinct = isinstance(one.this, exp.Distinct)
            if not distinct and not isinstance(one, INSENSITIVE):
                yield one


def _of_others(aggregate: exp.AggFunc, source: SelectSource, scope: SelectScope, facts: Facts) -> bool:
    """True if an aggregate is over rows of the other tables: over a column of theirs, or COUNT(*)."""
    columns = [node for node in inside(aggregate) if isinstance(node, exp.Column)]
    tables = {found.table for column in columns if (found := facts.origin(column, scope))}
    return not columns or bool(tables - {source.table})


def _counts(source: SelectSource, scope: SelectScope, facts: Facts) -> bool:
    """True if a joined table's own rows are counted, or filtered by WHERE."""
    where = scope.select.args.get("where")
    named = list(where.find_all(exp.Column)) if where is not None else []
    if any(node.table.lower() == source.alias for node in named):
        return True
    return any(
        (found := facts.origin(column, scope)) and found.table == source.table
        for item in scope.select.expressions
        for one in aggregates(item)
        if isinstance(one, exp.Count | exp.Sum)
        for column in one.find_all(exp.Column)
    )


@rule(
    over_queries,
    "note",
    why="The same telemetry gives other rows on another run.",
    fix="End the order with the columns of the key.",
)
def ties(facts: Facts) -> Iterator[Occurrence]:
    """An order that leaves to chance which rows are shown."""
    keys = _keys(facts)
    if not keys:
        return
    limit, order = facts.result.select.args.get("limit"), facts.result.select.args.get("order")
    if limit is not None and not (order is not None and _settles(_ordered(order), facts.result, facts, keys)):
        said = text(order) if order is not None else "no order"
        yield Occurrence(limit, f"LIMIT after {said} leaves ties to chance")
    for scope, node in facts.calls(exp.Window):
        if isinstance(node.this, RANKS) or (isinstance(node.this, exp.IgnoreNulls) and windowed(node.this.this)):
            held = node.args.get("order")
            if held is None or scope.name == "result":
                continue
            parts = [*_ordered(held), *(node.args.get("partition_by") or [])]
            if not _settles(parts, scope, facts, keys):
                yield Occurrence(node, f"{text(node)} leaves ties to chance")


def _keys(facts: Facts) -> list[set[object]]:
    """The key of the result's rows: the GROUP BY columns of the last SELECT that groups, each under its names."""
    for scope in reversed(facts.scopes):
        if scope.select.args.get("group"):
            return [{facts.name(key, scope), (scope.name, key.name.lower())} for key in scope.keys]
    return []


def _ordered(order: exp.Expr) -> list[exp.Expr]:
    return [one.this for one in order.expressions]


def _settles(parts: list[exp.Expr], scope: SelectScope, facts: Facts, keys: list[set[object]]) -> bool:
    """True if the parts of an ORDER BY name every column of the key, or a row number."""
    named: set[object] = set()
    for one in parts:
        this = scope.meant(one)
        named.add(facts.name(this, scope))
        found = facts.origin(this, scope) if isinstance(this, exp.Column) else None
        if found and isinstance(found.made, exp.Window) and isinstance(found.made.this, exp.RowNumber):
            return True
    return all(key & named for key in keys)
