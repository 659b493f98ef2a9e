"""Where a column of a query comes from: its SELECTs, what each gives, and the way back to the tables."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from tsg_agent.guides.catalogue import TableSchema
from tsg_agent.guides.parsed import Parsed

DEEPEST = 60
"""Steps back that are followed: a query that needs more is not understood."""


@dataclass
class SelectSource:
    """What a SELECT reads: a table, or another SELECT."""

    alias: str
    table: str = ""
    scope: "SelectScope | None" = None
    optional: bool = False
    """Joined so that its columns may be NULL."""


@dataclass
class SelectScope:
    """One SELECT."""

    name: str
    select: exp.Select
    sources: list[SelectSource] = field(default_factory=list)
    outputs: dict[str, exp.Expr] = field(default_factory=dict)

    @property
    def grouped(self) -> bool:
        """True if its rows are groups of what it reads."""
        return bool(self.select.args.get("group")) or any(aggregates(one) for one in self.select.expressions)

    @property
    def clauses(self) -> list[exp.Expr]:
        """What filters its rows: WHERE, HAVING, QUALIFY."""
        return [clause for name in ("where", "having", "qualify") if (clause := self.select.args.get(name)) is not None]

    @property
    def keys(self) -> list[exp.Expr]:
        """What it groups by; positions and names of outputs are resolved."""
        group = self.select.args.get("group")
        found: list[exp.Expr] = []
        for one in group.expressions if group else ():
            folded = isinstance(one, exp.Rollup | exp.Cube | exp.GroupingSets)
            found += [self.meant(key) for key in (one.find_all(exp.Column) if folded else [one])]
        return found

    def meant(self, key: exp.Expr) -> exp.Expr:
        """GROUP BY 1, or the name of an output, as the expression that it stands for."""
        if isinstance(key, exp.Literal) and not key.is_string and key.this.isdigit():
            position = int(key.this) - 1
            outputs = list(self.outputs.values())
            return outputs[position] if position < len(outputs) else key
        if isinstance(key, exp.Column) and not key.table:
            own = self.outputs.get(key.name.lower())
            if own is not None and not isinstance(own, exp.Column):
                return own
        return key

    def nodes(self) -> Iterator[exp.Expr]:
        """Its nodes, without those of SELECTs inside."""
        yield from inside(self.select)


@dataclass(frozen=True)
class Origin:
    """The place where a value is made: an output of a SELECT that is not just another column, or a table's column."""

    scope: SelectScope
    name: str
    made: exp.Expr
    table: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Names the value within its query."""
        return (self.table or self.scope.name, self.name)


def inside(select: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of a SELECT, without WITH and without SELECTs inside it."""
    yield from select.walk(
        prune=lambda node: node is not select and isinstance(node, exp.Query | exp.With | exp.Subquery)
    )


def conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    """The conditions that AND joins."""
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]


def aggregates(node: exp.Expr) -> list[exp.AggFunc]:
    """The aggregates in an expression that are not computed over a window."""
    return [
        one
        for one in inside(node)
        if isinstance(one, exp.AggFunc) and not isinstance(one, exp.RowNumber) and not windowed(one)
    ]


def windowed(node: exp.Expr) -> bool:
    """True if a function is computed over a window: `f(…) OVER …`, with whatever stands between."""
    child, parent = node, node.parent
    between = exp.IgnoreNulls | exp.RespectNulls | exp.Filter | exp.WithinGroup
    while isinstance(parent, between) and parent.this is child:
        child, parent = parent, parent.parent
    return isinstance(parent, exp.Window) and parent.this is child


def scopes_of(parsed: Parsed, schema: TableSchema) -> list[SelectScope]:
    """Every SELECT of the query, the ones that others read first; the last one gives the result."""
    found: list[SelectScope] = []
    _read(parsed.tree, "result", {}, found, schema)
    return found


def _read(
    tree: exp.Expr, name: str, known: dict[str, SelectScope], found: list[SelectScope], schema: TableSchema
) -> SelectScope | None:
    """Add the scopes of a query to `found`; its own scope (of a UNION, the first one's)."""
    known = dict(known)
    with_ = tree.args.get("with_")
    for cte in with_.expressions if with_ else []:
        scope = _read(cte.this, cte.alias.lower(), known, found, schema)
        if scope:
            known[cte.alias.lower()] = scope
    if isinstance(tree, exp.Subquery):
        return _read(tree.this, name, known, found, schema)
    if isinstance(tree, exp.SetOperation):
        _read(tree.expression, f"{name} (2)", known, found, schema)
        return _read(tree.this, name, known, found, schema)
    if not isinstance(tree, exp.Select):
        return None
    scope = SelectScope(name, tree)
    for node in inside(tree):
        if (
            isinstance(node, exp.Subquery | exp.Query)
            and node is not tree
            and not isinstance(node.parent, exp.From | exp.Join)
        ):
            _read(node, f"{name} (inner)", known, found, schema)
    begin = tree.args.get("from_")
    joins = tree.args.get("joins") or []
    for relation, join in [*([(begin.this, None)] if begin else []), *((one.this, one) for one in joins)]:
        scope.sources.append(_source(relation, join, known, found, schema))
    for join in joins:
        if join.side in {"RIGHT", "FULL"}:
            for source in scope.sources[:-1]:
                source.optional = True
    for one in tree.expressions:
        scope.outputs.update(_outputs(one, scope, schema))
    found.append(scope)
    return scope


def _source(
    relation: exp.Expr,
    join: exp.Join | None,
    known: dict[str, SelectScope],
    found: list[SelectScope],
    schema: TableSchema,
) -> SelectSource:
    alias = relation.alias_or_name.lower()
    optional = join is not None and join.side in {"LEFT", "FULL"}
    if isinstance(relation, exp.Table):
        table = relation.name.lower()
        if table in known:
            return SelectSource(alias, scope=known[table], optional=optional)
        return SelectSource(alias, table=table, optional=optional)
    if isinstance(relation, exp.Subquery):
        return SelectSource(alias, scope=_read(relation, alias or "sub-query", known, found, schema), optional=optional)
    return SelectSource(alias, optional=optional)


def _outputs(one: exp.Expr, scope: SelectScope, schema: TableSchema) -> dict[str, exp.Expr]:
    """Name -> expression of one item of a SELECT; `*` gives what the sources give."""
    if isinstance(one, exp.Star) or (isinstance(one, exp.Column) and isinstance(one.this, exp.Star)):
        wanted = one.table.lower() if isinstance(one, exp.Column) else ""
        found: dict[str, exp.Expr] = {}
        for source in scope.sources:
            if wanted in {"", source.alias}:
                names = source.scope.outputs if source.scope else schema.tables.get(source.table, {})
                for name in names:
                    column = exp.column(name, table=source.alias)
                    column.meta["star"] = True
                    found.setdefault(name, column)
        return found
    name = (one.alias_or_name or one.sql()).lower()
    return {name: one.this if isinstance(one, exp.Alias) else one}


def candidates(column: exp.Column, scope: SelectScope, schema: TableSchema) -> list[SelectSource]:
    """The sources that hold a column of this name; where nothing is known of a table it may."""
    name, qualifier = column.name.lower(), column.table.lower()
    if qualifier:
        return [source for source in scope.sources if source.alias == qualifier]
    sure = [
        source
        for source in scope.sources
        if (source.scope and name in source.scope.outputs) or name in schema.tables.get(source.table, {})
    ]
    return sure or [source for source in scope.sources if source.table in schema.inferred]


def origin(column: exp.Column, scope: SelectScope, schema: TableSchema) -> Origin | None:
    """Where a column's values are made. None where that is not understood."""
    own: exp.Expr = column
    for _ in range(DEEPEST):
        assert isinstance(own, exp.Column)  # noqa: S101 - the loop goes on for columns only
        held = candidates(own, scope, schema)
        name = own.name.lower()
        if not held:  # a name of this SELECT's own: HAVING, ORDER BY, and DuckDB everywhere
            made = scope.outputs.get(name)
            if made is None or own.table or (isinstance(made, exp.Column) and made.name.lower() == name):
                return None
            own = made
        elif held[0].scope is None:
            return Origin(scope, name, own, held[0].table)
        else:
            scope = held[0].scope
            made = scope.outputs.get(name)
            if made is None:
                return None
            own = made
        own = own.unnest() if isinstance(own, exp.Paren) else own
        if not isinstance(own, exp.Column):
            return Origin(scope, name, own)
    return None


def ingredients(node: exp.Expr, scope: SelectScope, schema: TableSchema, deep: int = 12) -> Iterator[Origin]:
    """Everything that an expression is made of, directly or through other SELECTs."""
    if deep == 0:
        return
    for column in [one for one in inside(node) if isinstance(one, exp.Column) and not isinstance(one.this, exp.Star)]:
        found = origin(column, scope, schema)
        if found:
            yield found
            if not found.table:
                yield from ingredients(found.made, found.scope, schema, deep - 1)
