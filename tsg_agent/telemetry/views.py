"""The guide's tables as views over a source: its columns converted, the missing ones NULL."""

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.catalog import Kind, Table
from tsg_agent.telemetry.expressions import columns_of
from tsg_agent.telemetry.files import TableFiles
from tsg_agent.telemetry.mapping import misfit
from tsg_agent.telemetry.times import is_iso, text_time

NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
           "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip
ACCEPTED = {
    Kind.TIMESTAMP: ("TIMESTAMP", "DATE"),
    Kind.NUMBER: NUMERIC,
    Kind.INTEGER: NUMERIC,
    Kind.BOOLEAN: ("BOOLEAN", *NUMERIC),
}
"""Prefixes of the types that convert into a kind without loss; anything converts into text."""

WORDY = ("error_code", "error_category", "exception_type", "exception_message", "stack_trace_hash")
"""Columns that programs write whole texts into. Others would be slower: the engine skips rows by their bare values."""
LONGEST = 300
"""Characters of a text that is read whole."""


@dataclass(frozen=True)
class Relation:
    """Where a table's rows come from: a FROM clause, its place for people, and its files, if it has some."""

    sql: str
    location: str
    files: TableFiles | None = None
    problem: str = ""
    """Why it may not be read."""


@dataclass(frozen=True)
class View:
    """The statements that make a view, and the guide's columns that its source has."""

    statements: list[str]
    present: list[str]


class Unreadable(TelemetryError):
    """The files of a table are broken or empty: nothing of it can be read, whatever is written into a mapping."""


def null_view(table: Table) -> str:
    """A table that the source lacks: its columns, no rows. Optional joins then find nothing."""
    columns = ", ".join(f"CAST(NULL AS {kind.sql_type}) AS {name}" for name, kind in table.columns.items())
    return f"CREATE VIEW {table.name} AS SELECT {columns} WHERE false"


def table_view(connection: duckdb.DuckDBPyConnection, table: Table, relation: Relation, mapped: dict[str, str]) -> View:
    """The view of one table. Raises TelemetryError for a column of the wrong type, duckdb.Error for a broken source."""
    if relation.problem:
        raise Unreadable(
            f"{table.name} ({relation.location}) is not read: {relation.problem}",
            fix="Write what it selects into a table of the database, or into a Parquet file.",
        )
    empty = relation.files.empty if relation.files else ()
    if empty:
        raise Unreadable(
            f"{table.name} cannot be read: {', '.join(empty)} is empty (0 bytes).",
            fix="Write that file again: whatever made it has not ended, or failed.",
        )
    loaded = relation.files is not None and relation.files.is_text
    source = _loaded(connection, table, relation, mapped) if loaded else relation.sql
    held = _held(connection, source)
    present: dict[str, str] = {}
    for name in table.columns:
        if name in mapped:
            present[name] = mapped[name]
        elif name in held:
            present[name] = '"' + held[name].replace('"', '""') + '"'
    if not present:
        columns = ", ".join(repr(name[:60]) for name in list(held.values())[:8])
        raise Unreadable(
            f"{table.name} ({relation.location}) has none of the guide's columns; it has {columns or 'none at all'}.",
            fix="Map its columns onto the guide's (--mapping). In a text file, look for a row with too few or too many "
            "cells, and for a first line that is not the columns' names.",
        )
    types = _types(connection, source, present, table, mapped)
    if loaded and connection.execute(f"SELECT 1 FROM {source} LIMIT 1").fetchone() is None:  # noqa: S608 - our own names
        types = dict.fromkeys(types, "NULL")  # no value has a type
    columns = ", ".join(
        f"{_converted(connection, source, table, name, present[name], types[name])} AS {name}"
        if name in present
        else f"CAST(NULL AS {kind.sql_type}) AS {name}"
        for name, kind in table.columns.items()
    )
    select = f"SELECT {columns} FROM {source}"  # noqa: S608 - checked expressions over quoted names
    if loaded:
        statements = [f"CREATE TABLE {table.name} AS {select}", f"DROP TABLE read_{table.name}"]
    else:
        statements = [f"CREATE VIEW {table.name} AS {select}"]
    return View(statements, list(present))


def _loaded(connection: duckdb.DuckDBPyConnection, table: Table, relation: Relation, mapped: dict[str, str]) -> str:
    """The text files read once. What looks like a time is kept as it is written where it is not ISO 8601."""
    source, dated = relation.sql, dict[str, str]()
    try:
        if relation.files and relation.files.is_csv:
            found = _described(connection, source)
            texts, others = _texts(found, table, mapped)
            dated = {name: found[name] for name in others if found[name].startswith(ACCEPTED[Kind.TIMESTAMP])}
            source = relation.files.relation_with([*texts, *dated])
        connection.execute(f"CREATE TEMP TABLE read_{table.name} AS FROM {source}")
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise unreadable(table.name, relation.location, error) from error
    source = f"read_{table.name}"
    quoted = {'"' + name.replace('"', '""') + '"': kind for name, kind in dated.items()}
    as_times = [
        f"CAST({name} AS {kind}) AS {name}" for name, kind in quoted.items() if is_iso(connection, source, name)
    ]
    return f"(SELECT * REPLACE ({', '.join(as_times)}) FROM {source})" if as_times else source  # noqa: S608 - quoted names


def unreadable(table: str, location: str, error: duckdb.Error) -> Unreadable:
    """DuckDB's error about the files of a table as ours."""
    return Unreadable(
        f"{table} ({location}) cannot be read: {first_line(error)}",
        fix="Mend or replace that file; `tsg-agent doctor --telemetry` shows what can be read.",
    )


def first_line(error: BaseException) -> str:
    """What DuckDB says, without the part that points into the query."""
    return " ".join(str(error).split("\n\n")[0].split())[:500]


def _described(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """The source's columns: name -> type."""
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()}


def _held(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """The source's columns: name in lower case -> its own spelling."""
    return {name.lower(): name for name in _described(connection, source)}


def _texts(found: Collection[str], table: Table, mapped: dict[str, str]) -> tuple[list[str], list[str]]:
    """The columns of a CSV that are read for texts, and for nothing else ("3.10" is a version, not 3.1); and others."""
    held = {name.lower(): name for name in found}
    texts: set[str] = set()
    others: set[str] = set()
    for name, kind in table.columns.items():
        read = columns_of(mapped[name]) if name in mapped else {name}
        (texts if kind is Kind.TEXT else others).update(read)
    return [held[name] for name in sorted(texts - others) if name in held], [held[n] for n in others if n in held]


def _types(
    connection: duckdb.DuckDBPyConnection, source: str, present: dict[str, str], table: Table, mapped: dict[str, str]
) -> dict[str, str]:
    """The types of the expressions. Raises TelemetryError for a mapped one that the source does not bear out."""
    columns = ", ".join(f"{expression} AS {name}" for name, expression in present.items())
    try:
        return _described(connection, f"(SELECT {columns} FROM {source})")  # noqa: S608 - checked expressions
    except duckdb.BinderException:
        held = list(_described(connection, source))
        for name, expression in mapped.items():
            try:
                connection.execute(f"DESCRIBE SELECT {expression} FROM {source}")  # noqa: S608 - checked expressions
            except duckdb.Error as error:
                raise misfit(f"{table.name}.{name}", expression, held, first_line(error)) from error
        raise


def _converted(  # noqa: PLR0913, PLR0917 - where the column is, and what it is to be
    connection: duckdb.DuckDBPyConnection, source: str, table: Table, name: str, expression: str, found: str
) -> str:
    """The SQL that turns a source's column into the guide's kind."""
    kind = table.columns[name]
    accepted = ACCEPTED.get(kind)
    if kind is Kind.TIMESTAMP and found == "VARCHAR":
        return text_time(connection, source, expression, f"{table.name}.{name}")
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
    if found == kind.sql_type or kind is Kind.NUMBER or (kind is Kind.INTEGER and found in NUMERIC):
        # No need to widen each value: arithmetic does it where it matters.
        return shortened(expression) if name in WORDY else expression
    cast = f"CAST({expression} AS {kind.sql_type})"
    return shortened(cast) if name in WORDY else cast


def shortened(expression: str) -> str:
    """A long text as its beginning and a mark of the whole: what is grouped by it stays as many groups."""
    beginning = f"left({expression}, {LONGEST - 40}) || '… ' || md5({expression})"
    return f"CASE WHEN strlen({expression}) > {LONGEST} THEN {beginning} ELSE {expression} END"


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
