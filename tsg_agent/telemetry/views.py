"""The guide's tables as views over a source: its columns converted, the missing ones NULL."""

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.catalog import LOGS, Kind, Table
from tsg_agent.telemetry.conversion import ACCEPTED, Reader
from tsg_agent.telemetry.expressions import columns_of
from tsg_agent.telemetry.files import TableFiles
from tsg_agent.telemetry.identity import identified, made_ids, unused_weights
from tsg_agent.telemetry.mapping import TableMapping, misfit
from tsg_agent.telemetry.spellings import SCOPE, Spellings
from tsg_agent.telemetry.times import is_iso


@dataclass(frozen=True)
class Relation:
    """Where a table's rows come from: a FROM clause, its place for people, and its files, if it has some."""

    sql: str
    location: str
    files: TableFiles | None = None


@dataclass(frozen=True)
class View:
    """The statements that make a view, the guide's columns that its source has, and how they were read."""

    statements: list[str]
    present: list[str]
    notes: tuple[str, ...] = ()


class Unreadable(TelemetryError):
    """The files of a table are broken or empty: nothing of it can be read, whatever is written into a mapping."""


def null_view(table: Table) -> str:
    """A table that the source lacks: its columns, no rows. Optional joins then find nothing."""
    columns = ", ".join(f"{table.blank(name)} AS {name}" for name in table.columns)
    return f"CREATE VIEW {table.name} AS SELECT {columns} WHERE false"


def table_view(  # noqa: PLR0913, PLR0917 - where the rows are, and how they are to be read
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    relation: Relation,
    mapping: TableMapping,
    spellings: Spellings,
    few: float = 1.0,
) -> View:
    """The view of one table. Raises TelemetryError for a column of the wrong type, duckdb.Error for a broken source.

    `spellings`: of the tables that were viewed before. `few`: percent of a column's values that may be unreadable.
    """
    empty = relation.files.empty if relation.files else ()
    if empty:
        raise Unreadable(
            f"{table.name} cannot be read: {', '.join(empty)} is empty (0 bytes).",
            fix="Write that file again: whatever made it has not ended, or failed.",
        )
    mapped = mapping.columns
    loaded = relation.files is not None and relation.files.is_text
    source = _loaded(connection, table, relation, mapped) if loaded else relation.sql
    held = _held(connection, source)
    present = _present(table, mapped, held)
    if not present:
        shown = ", ".join(repr(name[:60]) for name in list(held.values())[:8])
        raise Unreadable(
            f"{table.name} ({relation.location}) has none of the guide's columns; it has {shown or 'none at all'}.",
            fix="Map its columns onto the guide's (--mapping). In a text file, look for a row with too few or too many "
            "cells, and for a first line that is not the columns' names.",
        )
    types = _types(connection, source, present, table, mapped)
    if loaded and connection.execute(f"SELECT 1 FROM {source} LIMIT 1").fetchone() is None:  # noqa: S608 - our own names
        types = dict.fromkeys(types, "NULL")  # no value has a type
    reader = Reader(connection, source, table, frozenset(held), few, mapping.status)
    columns = {name: reader.converted(name, present[name], types[name]) for name in table.columns if name in present}
    notes = list(reader.notes)
    scope = {name: columns[name] for name in SCOPE if name in columns and types[name] == "VARCHAR"}
    if scope:
        merged, said = spellings.merged(connection, source, scope)
        columns, notes = columns | merged, notes + said
    if table is LOGS:
        said = identified(columns, present, made_ids(relation.files, loaded=loaded), connection, source)
        notes += said + unused_weights(connection, source, held, present)
    select = ", ".join(f"{columns.get(name, table.blank(name))} AS {name}" for name in table.columns)
    select = f"SELECT {select} FROM {source}"  # noqa: S608 - checked expressions over quoted names
    if loaded:
        statements = [f"CREATE TABLE {table.name} AS {select}", f"DROP TABLE read_{table.name}"]
    else:
        statements = [f"CREATE VIEW {table.name} AS {select}"]
    return View(statements, [name for name in table.columns if name in columns], tuple(notes))


def _present(table: Table, mapped: dict[str, str], held: dict[str, str]) -> dict[str, str]:
    """The guide's columns that the source has: name -> expression."""
    found = {name: quoted_name(held[name]) for name in table.columns if name in held}
    return {name: (found | mapped)[name] for name in table.columns if name in found or name in mapped}


def quoted_name(name: str) -> str:
    """A column's name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


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
