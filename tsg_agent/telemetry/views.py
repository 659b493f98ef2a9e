"""The guide's tables as views over a source: its columns converted, the missing ones NULL."""

from dataclasses import dataclass
from datetime import datetime

import duckdb

from tsg_agent.telemetry import paths
from tsg_agent.telemetry.called import CALLED, is_span, with_called
from tsg_agent.telemetry.catalog import LOGS, CatalogTable
from tsg_agent.telemetry.conversion import Reader
from tsg_agent.telemetry.files import FALLBACK, TableFiles
from tsg_agent.telemetry.identity import (
    KEY,
    identified,
    made_ids,
    per_second,
    sampled,
    taken_for_granted,
    unused_weights,
)
from tsg_agent.telemetry.loading import Loaded, Unreadable, described, first_line, load, quoted
from tsg_agent.telemetry.mapping import TableMapping, misfit
from tsg_agent.telemetry.shape import fits, passed_over, shaped
from tsg_agent.telemetry.spellings import NAMED, SCOPE, Spellings


@dataclass(frozen=True)
class Relation:
    """The source of a table's rows: a FROM clause, its location for messages, and its files, if any."""

    sql: str
    location: str
    files: TableFiles | None = None
    problem: str = ""
    """Why the relation may not be read; "" if it may."""


@dataclass(frozen=True)
class View:
    """The statements that create a view, the guide's columns that its source has, and how they were read."""

    statements: list[str]
    present: list[str]
    notes: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    unreadable: int = 0
    """Number of lines of its files that were skipped."""
    directed: bool = False
    """See SourceTable."""


def null_view(table: CatalogTable) -> str:
    """The statement for an empty view with a missing table's columns, so that optional joins find nothing."""
    columns = ", ".join(f"{table.blank(name)} AS {name}" for name in table.columns)
    return f"CREATE VIEW {table.name} AS SELECT {columns} WHERE false"


def table_view(  # noqa: PLR0917 - where the rows are, and how they are read
    connection: duckdb.DuckDBPyConnection,
    table: CatalogTable,
    relation: Relation,
    mapping: TableMapping,
    spellings: Spellings,
    few: float = 1.0,
    about: tuple[datetime, ...] = (),
) -> View:
    """The view of one table. Raises TelemetryError for a column of the wrong type, duckdb.Error for a broken source.

    `spellings`: those of the previous tables. `few`, `about`: see Values.
    """
    _check_relation(table, relation)
    source, unread, loaded, directed = relation.sql, 0, False, False
    told: tuple[str, ...] = ()
    if relation.files is not None and relation.files.is_text:
        read, loaded = load(connection, table, relation.files, mapping, few), True
        source, unread, told = read.source, read.unreadable, read.notes
    shape = shaped(connection, source, mapping, f"rows_{table.name}" if loaded else "")
    source, mapped = shape.source, shape.columns
    held = _held(connection, source)
    present = _present(connection, source, table, mapped, held)
    told += tuple(sampled(connection, source, held, present)) if table is LOGS and present else ()
    if not present:
        raise _without_columns(table, relation, list(held.values()))
    types = _types(connection, source, present, table)
    if loaded and connection.execute(f"SELECT 1 FROM {source} LIMIT 1").fetchone() is None:  # noqa: S608 - our own names
        types = dict.fromkeys(types, "NULL")  # DuckDB infers no type without a value
    reader = Reader(connection, source, table, frozenset(held), few, about, mapping.status, [*told], [*shape.notes])
    columns = {name: reader.converted(name, present[name], types[name]) for name in table.columns if name in present}
    reader.notes += passed_over(connection, source, present)
    scope = {name: columns[name] for name in SCOPE if name in columns and types[name] == "VARCHAR"}
    if scope:
        merged, said = spellings.merged(connection, source, scope)
        columns |= merged
        reader.notes += said
    if table is LOGS:
        if mapping.template_paths and paths.COLUMN in columns:
            path = paths.templated(connection, source, columns[paths.COLUMN])
            columns[paths.COLUMN] = path.sql
            reader.readings += path.notes
        made = made_ids(relation.files, plain=source == relation.sql)
        reader.readings += identified(columns, present, made, connection, source)
        reader.notes += taken_for_granted(present)
        reader.notes += _of_files(relation.files) if relation.files else []
        reader.notes += per_second(connection, source, columns)
        reader.notes += unused_weights(
            connection, source, held, present, columns.get("timestamp", "") if columns[KEY] == made else ""
        )
        if is_span(columns):
            own = CALLED in columns
            source = with_called(connection, shape, columns, mapping.called)
            directed = CALLED in columns and not own
    return _view(table, source, columns, reader, Loaded(source, unread) if loaded else None, directed=directed)


def _check_relation(table: CatalogTable, relation: Relation) -> None:
    if relation.problem:
        raise Unreadable(
            f"{table.name} ({relation.location}) is not read: {relation.problem}",
            fix="Write what it selects into a table of the database, or into a Parquet file.",
        )
    if relation.files and relation.files.empty:
        raise Unreadable(
            f"{table.name} cannot be read: {', '.join(relation.files.empty)} is empty (0 bytes).",
            fix="Write that file again: whatever made it has not ended, or failed.",
        )


def _without_columns(table: CatalogTable, relation: Relation, names: list[str]) -> Unreadable:
    shown = ", ".join(repr(name[:60]) for name in names[:8]) or "none at all"
    fix = (
        "It holds zero bytes, as a crash or an interrupted copy leaves them: copy it anew."
        if "\0" in "".join(names)
        else "Map its columns onto the guide's (--mapping). In a text file, look for a row with too few or too many "
        "cells, and for a first line that is not the columns' names."
    )
    return Unreadable(f"{table.name} ({relation.location}) has none of the guide's columns; it has {shown}.", fix=fix)


def _of_files(files: TableFiles) -> list[str]:
    """Notes on re-encoded files, and on files that belong to no table."""
    notes = [f"{name} is no UTF-8, and read as Western text ({FALLBACK})." for name in files.recoded]
    if names := files.passed_over:
        shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        notes.append(f"In no table, and so not read: {shown}. What has another form needs a folder of its own.")
    return notes


def _view(
    table: CatalogTable, source: str, columns: dict[str, str], reader: Reader, loaded: Loaded | None, *, directed: bool
) -> View:
    """The view; for text files a table that is created once."""
    select = ", ".join(f"{columns.get(name, table.blank(name))} AS {name}" for name in table.columns)
    select = f"SELECT {select} FROM {source}"  # noqa: S608 - checked expressions over quoted names
    if loaded is not None:
        statements = [
            f"CREATE TABLE {table.name} AS {select}",
            *(f"DROP TABLE IF EXISTS {made}_{table.name}" for made in ("read", "rows", "called")),
        ]
    else:
        statements = [f"CREATE VIEW {table.name} AS {select}"]
    held = [name for name in table.columns if name in columns]
    unread = loaded.unreadable if loaded else 0
    return View(statements, held, tuple(reader.notes), tuple(reader.readings), unread, directed)


def _present(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    table: CatalogTable,
    mapped: dict[str, tuple[str, ...]],
    held: dict[str, str],
) -> dict[str, str]:
    """The guide's columns that the source has: name -> expression."""
    found = {name: quoted(held[name]) for name in table.columns if name in held}
    for name, texts in mapped.items():
        # Keep the expressions that fit: a ready mapping lists fields of several writers.
        fitting = [text for text in texts if fits(connection, source, text)] if len(texts) > 1 else list(texts)
        found.pop(name, None)
        if fitting == ["NULL"]:
            continue
        if len(fitting) > 1:
            found[name] = f"coalesce({', '.join(f'CAST({text} AS VARCHAR)' for text in fitting)})"
        elif fitting:
            found[name] = fitting[0]
    return {name: found[name] for name in table.columns if name in found}


def _held(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """The source's columns: lower-case name -> original spelling."""
    return {name.lower(): name for name in described(connection, source)}


def _types(
    connection: duckdb.DuckDBPyConnection, source: str, present: dict[str, str], table: CatalogTable
) -> dict[str, str]:
    """The expressions' types. Raises TelemetryError for a mapped expression that the source does not support."""
    columns = ", ".join(f"{expression} AS {name}" for name, expression in present.items())
    try:
        return described(connection, f"(SELECT {columns} FROM {source})")  # noqa: S608 - checked expressions
    except duckdb.BinderException:
        held = list(described(connection, source))
        for name, expression in present.items():
            try:
                connection.execute(f"DESCRIBE SELECT {expression} FROM {source}")  # noqa: S608 - checked expressions
            except duckdb.Error as error:
                raise misfit(f"{table.name}.{name}", expression, held, first_line(error)) from error
        raise
