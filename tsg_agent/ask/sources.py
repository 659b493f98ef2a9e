"""What a query of a model's reads: the guide's tables, and its own sub-queries under names that are nobody else's."""

import re

from sqlglot import expressions as exp

from tsg_agent.errors import QueryError
from tsg_agent.telemetry.catalog import CATALOG
from tsg_agent.telemetry.growth import grows

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENGINES_OWN = ("duckdb_", "sqlite_", "pg_", "pragma_")


def check_sources(tree: exp.Expr) -> None:
    """Raises QueryError where a table is read that is none of the guide's, or a text may grow beyond bounds."""
    for clause in tree.find_all(exp.With):
        _check_with(clause)
    if grows(tree, _source):
        raise QueryError("The query puts too many texts together: join fewer, or shorten them with left().")


def _check_with(clause: exp.With) -> None:
    if any(value for name, value in clause.args.items() if name != "expressions"):
        raise QueryError("WITH RECURSIVE may not be used.")
    for one in clause.expressions:
        name = one.alias_or_name.lower()
        if name in CATALOG:
            raise QueryError(f"{name} is a table's name: name the common table expression otherwise.")
        if not _NAME.fullmatch(name) or name.startswith(_ENGINES_OWN):
            raise QueryError(f"{name[:60]!r} is no name for a common table expression: take letters, digits and _.")


def _source(table: exp.Table) -> exp.CTE | None:
    """The common table expression that a table's name stands for; None for one of the guide's tables.

    It is seen in the query that its WITH belongs to, and by those that follow it in the WITH; the nearest counts.
    Raises QueryError for anything else.
    """
    if not isinstance(table.this, exp.Identifier) or table.args.get("db") or table.args.get("catalog"):
        raise QueryError(f"Only the tables {', '.join(CATALOG)} may be read.")
    name = table.name.lower()
    child: exp.Expr = table
    node = table.parent
    while node is not None:
        clause = node.args.get("with_")
        seen: list[exp.CTE] = []
        if isinstance(node, exp.With):
            seen = node.expressions[: [id(one) for one in node.expressions].index(id(child))]
        elif isinstance(clause, exp.With) and clause is not child:
            seen = clause.expressions
        for one in reversed(seen):
            if one.alias_or_name.lower() == name:
                return one
        child, node = node, node.parent
    if name not in CATALOG:
        raise QueryError(f"There is no table {table.name[:60]!r}; there are {', '.join(CATALOG)}.")
    return None
