"""The guide's tables as views over a source: its columns converted, the missing ones NULL."""

from dataclasses import dataclass

import duckdb

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.catalog import Kind, Table
from tsg_agent.telemetry.expressions import columns_of
from tsg_agent.telemetry.files import TableFiles

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
    """Where a table's rows come from: a FROM clause, its place for people, and the text files to load once."""

    sql: str
    location: str
    files: TableFiles | None = None


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
    source, files = relation.sql, relation.files
    if files:
        if files.is_csv:
            source = files.relation_with(_texts(_held(connection, source), table, mapped))
        connection.execute(f"CREATE TEMP TABLE read_{table.name} AS FROM {source}")
        source = f"read_{table.name}"
    held = _held(connection, source)
    present: dict[str, str] = {}
    for name in table.columns:
        if name in mapped:
            present[name] = mapped[name]
        elif name in held:
            present[name] = '"' + held[name].replace('"', '""') + '"'
    if not present:
        columns = ", ".join(repr(name[:60]) for name in list(held.values())[:8])
        raise TelemetryError(
            f"{table.name} has none of the guide's columns; it has {columns or 'none at all'}.",
            fix="Name its columns in a mapping file. In a text file, look for a row with too few or too many cells, "
            "and for a first line that is not the columns' names.",
        )
    types = _types(connection, source, present)
    columns = ", ".join(
        f"{_converted(table, name, present[name], types[name])} AS {name}"
        if name in present
        else f"CAST(NULL AS {kind.sql_type}) AS {name}"
        for name, kind in table.columns.items()
    )
    select = f"SELECT {columns} FROM {source}"  # noqa: S608 - checked expressions over quoted names
    if files:
        statements = [f"CREATE TABLE {table.name} AS {select}", f"DROP TABLE {source}"]
    else:
        statements = [f"CREATE VIEW {table.name} AS {select}"]
    return View(statements, list(present))


def _held(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """The source's columns: name in lower case -> its own spelling."""
    return {row[0].lower(): row[0] for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()}


def _texts(held: dict[str, str], table: Table, mapped: dict[str, str]) -> list[str]:
    """The columns of a CSV that are read for texts, and for nothing else: "3.10" is a version, not 3.1."""
    texts: set[str] = set()
    others: set[str] = set()
    for name, kind in table.columns.items():
        read = columns_of(mapped[name]) if name in mapped else {name}
        (texts if kind is Kind.TEXT else others).update(read)
    return [held[name] for name in sorted(texts - others) if name in held]


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
    if kind is Kind.TIMESTAMP and found == "VARCHAR":
        # ISO 8601, with or without a zone; the session's zone is UTC. What is no time is an error, never NULL.
        return f"timezone('UTC', CAST({expression} AS TIMESTAMPTZ))"
    # A column of nothing but NULLs has no type of its own in CSV and JSON: it reads as NULL.
    if accepted and not found.startswith(accepted) and found not in {'"NULL"', "NULL"}:
        raise TelemetryError(
            f"{table.name}.{name} holds {found}, where {kind} is needed.", fix=_conversion(name, kind, found)
        )
    if found == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {expression})"
    if accepted and found in {"DOUBLE", "FLOAT"}:
        # What is no number is how many writers store what is missing. DuckDB sorts NaN above every number: it would be
        # over every threshold, and true.
        finite = f"CASE WHEN isfinite({expression}) THEN {expression} END"
        return finite if kind is Kind.NUMBER else f"CAST({finite} AS {kind.sql_type})"
    if found == kind.sql_type:
        return expression
    if kind is Kind.NUMBER or (kind is Kind.INTEGER and found in NUMERIC):
        return expression  # no need to widen each value: arithmetic does it where it matters
    return f"CAST({expression} AS {kind.sql_type})"


def _conversion(name: str, kind: Kind, found: str) -> str:
    """What to write into a mapping file for a column of the wrong type."""
    if kind is Kind.TIMESTAMP and found.startswith(NUMERIC):
        return (
            f'Convert it in a mapping file: {name} = "to_timestamp({name})" if it counts seconds since 1970, '
            f'"to_timestamp({name} / 1000.0)" if milliseconds.'
        )
    return (
        f'Convert it in a mapping file: {name} = "CAST({name} AS {kind.sql_type})", '
        "or with TRY_CAST to read what does not convert as NULL."
    )
