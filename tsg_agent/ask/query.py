"""query_telemetry: one read-only SELECT that a model wrote, parsed and checked before it runs."""

from typing import Any

import sqlglot
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError

from tsg_agent.errors import QueryError
from tsg_agent.telemetry.allowed import AGGREGATES, SCALARS, WINDOWED, refused
from tsg_agent.telemetry.apart import too_large
from tsg_agent.telemetry.catalog import CATALOG
from tsg_agent.telemetry.engine import Distrusting, Engine
from tsg_agent.telemetry.growth import grows
from tsg_agent.telemetry.subqueries import check_names, named
from tsg_agent.telemetry.values import is_text, rows_of

ROWS = 100
BYTES = 4_000_000
CHARACTERS = 4_000
SECONDS = 20.0
"""Timeout of such a query."""
_FUNCTIONS = SCALARS | AGGREGATES | WINDOWED


def checked(sql: str) -> str:
    """The SQL that may run: one SELECT over the guide's tables, with allowed functions and a row limit.

    Raises QueryError, in words for the model.
    """
    if len(sql) > CHARACTERS:
        raise QueryError(f"The query is longer than {CHARACTERS} characters.")
    if not is_text(sql):
        raise QueryError("The query holds characters that are no text.")
    try:
        statements = sqlglot.parse(sql, dialect="duckdb")
        if len(statements) != 1 or not isinstance(statements[0], exp.Select | exp.SetOperation):
            raise QueryError("Only one SELECT may run.")
        _check(statements[0])
        text = statements[0].sql(dialect="duckdb")
        _check(sqlglot.parse_one(text, dialect="duckdb"))  # the engine gets this text, and not the first
    except (SqlglotError, RecursionError, ValueError) as error:  # ValueError: what sqlglot reads and cannot write
        raise QueryError(f"The query cannot be parsed: {str(error).splitlines()[0][:200]}") from None
    return f"SELECT * FROM (\n{text}\n) LIMIT {ROWS + 1}"  # noqa: S608 - parsed and checked above


def run_checked(engine: Engine, sql: str, timeout: float) -> tuple[list[dict[str, Any]], bool]:
    """The rows of a query, and whether there were more. Times outside Python's range are texts.

    Raises TelemetryError.
    """
    seconds = min(timeout, SECONDS)
    if isinstance(engine, Distrusting):
        table = engine.run_apart(checked(sql), timeout=seconds, most=BYTES)
    else:  # a recording, which runs nothing, or a server, which ends what takes too long
        table = engine.run(checked(sql), {}, timeout=seconds)
    if table.nbytes > BYTES:
        raise too_large(BYTES)
    return rows_of(table.slice(0, ROWS)), table.num_rows > ROWS


def _check(tree: exp.Expr) -> None:
    """Raises QueryError for a table that the guide lacks, texts that may grow beyond bounds, and what is refused."""
    check_names(tree, CATALOG)
    if grows(tree, _source):
        raise QueryError("The query puts too many texts together: join fewer, or shorten them with left().")
    for node in tree.walk():
        if why := refused(node, _FUNCTIONS):
            raise QueryError(why)


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
