"""Resolves the names of common table expressions (WITH) in untrusted SQL."""

import re
from collections.abc import Collection

from sqlglot import expressions as exp

from tsg_agent.errors import QueryError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENGINES_OWN = ("duckdb_", "sqlite_", "pg_", "pragma_")


def check_names(tree: exp.Expr, taken: Collection[str]) -> None:
    """Raises QueryError for recursion, and for a CTE named like a table (`taken`, in lower case) or an internal one.

    Without ambiguous names, the engine's rules of precedence do not matter.
    """
    for clause in tree.find_all(exp.With):
        if any(value for name, value in clause.args.items() if name != "expressions"):
            raise QueryError("WITH RECURSIVE may not be used.")
        for one in clause.expressions:
            name = one.alias_or_name.lower()
            if name in taken:
                raise QueryError(f"{name} is a table's name: name the common table expression otherwise.")
            if not _NAME.fullmatch(name) or name.startswith(_ENGINES_OWN):
                raise QueryError(f"{name[:60]!r} is no name for a common table expression: take letters, digits and _.")


def named(table: exp.Table) -> exp.CTE | None:
    """The common table expression that a table's name refers to; None for a table.

    A CTE is visible in the query of its WITH, and in later CTEs of the same WITH; the innermost one counts.
    """
    if not isinstance(table.this, exp.Identifier) or table.db or table.catalog:
        return None
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
    return None
