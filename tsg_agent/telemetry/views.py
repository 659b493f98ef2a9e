"""The guide's tables as views over a source: its columns converted, the missing ones NULL."""

from dataclasses import dataclass

import duckdb

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.catalog import Kind, Table

NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
           "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip
ACCEPTED = {
    Kind.TIMESTAMP: ("TIMESTAMP", "DATE"),
    Kind.NUMBER: NUMERIC,
    Kind.INTEGER: NUMERIC,
    Kind.BOOLEAN: ("BOOLEAN", *NUMERIC),
}
"""Prefixes of the types that convert into a kind without loss; anything converts into text."""


@dataclass(frozen=True)
class Relation:
    """Where a table's rows come from: a FROM clause, its place for people, and whether to load it once."""

    sql: str
    location: str
    load: bool = False


@dataclass(frozen=True)
class View:
    """The statements that make a view, and the guide's columns that its source has."""

    statements: list[str]
    present: list[str]


def null_view(table: Table) -> str:
    """A table that the source lacks: its columns, no rows. Optional joins then find nothing."""
    columns = ", ".join(f"CAST(NULL AS {kind.sql_type}) AS {name}" for name, kind in table.columns.items())
    return f"CREATE VIEW {table.name} AS SELECT {columns} WHERE false"


def table_view(connection: duckdb.DuckDBPyConnection, table: Table, relation: Relation, mapped: dict[str, str]) -> View:
    """The view of one table. Raises TelemetryError for a column of the wrong type, duckdb.Error for a broken source."""
    statements: list[str] = []
    source = relation.sql
    if relation.load:
        connection.execute(f"CREATE TABLE loaded_{table.name} AS FROM {relation.sql}")
        source = f"loaded_{table.name}"
    held = {row[0].lower(): row[0] for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()}
    present: dict[str, str] = {}
    for name in table.columns:
        if name in mapped:
            present[name] = mapped[name]
        elif name in held:
            present[name] = '"' + held[name].replace('"', '""') + '"'
    types = _types(connection, source, present)
    columns = [
        f"{_converted(table, name, present[name], types[name])} AS {name}"
        if name in present
        else f"CAST(NULL AS {kind.sql_type}) AS {name}"
        for name, kind in table.columns.items()
    ]
    statements.append(f"CREATE VIEW {table.name} AS SELECT {', '.join(columns)} FROM {source}")  # noqa: S608 - see above
    return View(statements, list(present))


def _types(connection: duckdb.DuckDBPyConnection, source: str, present: dict[str, str]) -> dict[str, str]:
    if not present:
        return {}
    columns = ", ".join(f"{expression} AS {name}" for name, expression in present.items())
    described = connection.execute(f"DESCRIBE SELECT {columns} FROM {source}").fetchall()  # noqa: S608 - checked expressions
    return {row[0]: row[1] for row in described}


def _converted(table: Table, name: str, expression: str, found: str) -> str:
    """The SQL that turns a source's column into the guide's kind."""
    kind = table.columns[name]
    accepted = ACCEPTED.get(kind)
    # A column of nothing but NULLs has no type of its own in CSV and JSON: it reads as NULL.
    if accepted and not found.startswith(accepted) and found not in {'"NULL"', "NULL"}:
        raise TelemetryError(
            f"{table.name}.{name} holds {found}, where {kind} is needed.",
            fix=f'Convert it in a mapping file: {name} = "CAST({name} AS {kind.sql_type})", '
            "or with TRY_CAST to read what does not convert as NULL.",
        )
    if found == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {expression})"
    if kind is Kind.NUMBER and found in {"DOUBLE", "FLOAT"}:
        # DuckDB sorts NaN above every number: one of them would be over every threshold.
        return f"CASE WHEN isfinite({expression}) THEN {expression} END"
    if found == kind.sql_type:
        return expression
    if kind is Kind.NUMBER or (kind is Kind.INTEGER and found in NUMERIC):
        return expression  # no need to widen each value: arithmetic does it where it matters
    return f"CAST({expression} AS {kind.sql_type})"
