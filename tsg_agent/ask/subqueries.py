"""What a query of a model's reads: the guide's tables, and its own sub-queries under names that are nobody else's."""

from sqlglot import expressions as exp

from tsg_agent.errors import QueryError
from tsg_agent.telemetry.catalog import CATALOG
from tsg_agent.telemetry.growth import grows
from tsg_agent.telemetry.subqueries import check_names, named


def check_sources(tree: exp.Expr) -> None:
    """Raises QueryError where a table is read that is none of the guide's, or a text may grow beyond bounds."""
    check_names(tree, CATALOG)
    if grows(tree, _source):
        raise QueryError("The query puts too many texts together: join fewer, or shorten them with left().")


def _source(table: exp.Table) -> exp.CTE | None:
    """The common table expression that a table's name stands for; None for one of the guide's tables.

    Raises QueryError for anything else.
    """
    if not isinstance(table.this, exp.Identifier) or table.args.get("db") or table.args.get("catalog"):
        raise QueryError(f"Only the tables {', '.join(CATALOG)} may be read.")
    found = named(table)
    if found is None and table.name.lower() not in CATALOG:
        raise QueryError(f"There is no table {table.name[:60]!r}; there are {', '.join(CATALOG)}.")
    return found
