"""Loads the text files of a table once, and counts the lines that could not be read."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePath

import duckdb

from tsg_agent.errors import QueryError, TelemetryError
from tsg_agent.telemetry import records
from tsg_agent.telemetry.catalog import ANSWER, LOGS, CatalogTable, Kind
from tsg_agent.telemetry.columns_read import columns_of
from tsg_agent.telemetry.conversion import ACCEPTED
from tsg_agent.telemetry.files import REJECTING, TableFiles
from tsg_agent.telemetry.mapping import TableMapping
from tsg_agent.telemetry.times import is_iso
from tsg_agent.telemetry.values import any_row, literal


@dataclass(frozen=True)
class Loaded:
    """The loaded rows as a FROM clause, and the number of skipped lines."""

    source: str
    unreadable: int = 0
    notes: tuple[str, ...] = ()
    """Notes on lines without a record, which are expected."""


DEEPEST = 6
"""Reduced nesting depth of JSON."""
BLANKS = r"'\t| +'"


class Unreadable(TelemetryError):
    """The files of a table are broken or empty: no mapping can help."""


def load(
    connection: duckdb.DuckDBPyConnection, table: CatalogTable, files: TableFiles, mapping: TableMapping, few: float
) -> Loaded:
    """Load text files into a table.

    An unreadable line (such as the last one of a log that is being written) is skipped. `few`: percent of the lines
    that may be skipped; a single one always may. Raises Unreadable.
    """
    name = f"read_{table.name}"
    try:
        if mapping.lines:
            return _lines(connection, name, files, mapping.lines, few)
        if mapping.layout == "records":
            return _records(connection, name, files, few)
        if mapping.layout or not files.is_csv:
            return _objects(connection, name, files, few) if not mapping.layout else _w3c(connection, name, files, few)
        return _cells(connection, name, files, Wanted.of(table, mapping), few)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise unreadable(table.name, ", ".join(files.paths), error) from error


@dataclass(frozen=True)
class Wanted:
    """The columns that a table reads, in lower case: those read only as text ("3.10" is a version), and others."""

    texts: frozenset[str]
    others: frozenset[str]

    @classmethod
    def of(cls, table: CatalogTable, mapping: TableMapping) -> "Wanted":
        """The columns that the guide's names and the mapping's expressions read."""
        texts: set[str] = set()
        others: set[str] = set()
        for name, kind in table.columns.items():
            mapped = mapping.columns.get(name)
            read = {column for text in mapped for column in columns_of(text)} if mapped else {name}
            (texts if kind is Kind.TEXT else others).update(read)
        counted = [text for texts in mapping.counters.values() for text in texts]
        for text in (*mapping.where, mapping.cumulative, *counted):
            others |= columns_of(text) if text else set()
        return cls(frozenset(texts - others), frozenset(others))

    def among(self, names: Iterable[str], wanted: frozenset[str]) -> list[str]:
        """The wanted ones among a source's column names, in its spelling."""
        return sorted(name for name in names if name.lower() in wanted)


def _few(unread: int, rows: int, few: float) -> bool:
    return unread <= max(1.0, (rows + unread) * few / 100)


def _cells(connection: duckdb.DuckDBPyConnection, name: str, files: TableFiles, wanted: Wanted, few: float) -> Loaded:
    """Load CSV. Times that are not ISO 8601 stay texts."""
    options, kinds = "", dict[str, str]()
    with suppress(duckdb.InvalidInputException):  # a truncated last line can make the engine's dialect detection fail
        kinds = described(connection, files.relation)
    if not wanted.among(kinds, wanted.texts | wanted.others):
        # One line with too few or too many fields can make the engine read each line as one field.
        tolerant = described(connection, files.relation_with((), REJECTING))
        if wanted.among(tolerant, wanted.texts | wanted.others):
            options, kinds = REJECTING, tolerant
    dated = [
        column for column in wanted.among(kinds, wanted.others) if kinds[column].startswith(ACCEPTED[Kind.TIMESTAMP])
    ]
    source = files.relation_with([*wanted.among(kinds, wanted.texts), *dated], options)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {source}")
    unread = 0
    if options:
        unread = _count(connection, "(SELECT DISTINCT file_id, line FROM reject_errors)")
        connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        if not _few(unread, _count(connection, name), few):
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {files.relation}")
            return Loaded(name)
    as_times = [
        f"CAST({quoted(column)} AS {kinds[column]}) AS {quoted(column)}"
        for column in dated
        if is_iso(connection, name, quoted(column))
    ]
    return Loaded(f"(SELECT * REPLACE ({', '.join(as_times)}) FROM {name})" if as_times else name, unread)  # noqa: S608 - quoted names


def as_deep_as_can(connection: duckdb.DuckDBPyConnection, files: TableFiles) -> TableFiles:
    """The files, read less deep if an object's keys differ in case only: the engine's names are case-insensitive."""
    for depth in (-1, *range(DEEPEST, 0, -1)) if files.reader == "read_json" else ():
        tried = replace(files, depth=depth)
        try:
            described(connection, tried.relation)
        except duckdb.NotImplementedException:
            continue
        except duckdb.Error:
            break
        return tried
    return files


def _objects(connection: duckdb.DuckDBPyConnection, name: str, files: TableFiles, few: float) -> Loaded:
    """Load JSON; lines that are no object are counted as unreadable."""
    files = as_deep_as_can(connection, files)
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {files.relation}")
        return Loaded(name)
    except duckdb.InvalidInputException as error:
        source = files.relation_with((), "format = 'newline_delimited', ignore_errors = true")
        try:
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {source}")
        except duckdb.Error:
            raise error from None
        columns = " OR ".join(f"{quoted(column)} IS NOT NULL" for column in described(connection, name))
        held = _count(connection, f"{name} WHERE {columns}")
        unread = _count(connection, name) - held
        if not held or not _few(unread, held, few):
            raise
        connection.execute(f"DELETE FROM {name} WHERE NOT ({columns})")  # noqa: S608 - quoted names
        return Loaded(name, unread)


def keep_groups(connection: duckdb.DuckDBPyConnection, name: str, files: TableFiles, pattern: str) -> None:
    """Create the table `name` from the named groups of a regular expression, of the lines that match it."""
    groups = list(re.compile(pattern).groupindex)
    text, listed = literal(pattern), ", ".join(map(literal, groups))
    columns = ", ".join(f"nullif(found.{quoted(group)}, '') AS {quoted(group)}" for group in groups)
    found = f"(SELECT regexp_extract(line, {text}, [{listed}]) AS found{files.beside} FROM {files.as_lines}"  # noqa: S608 - quoted
    select = f"SELECT {columns}{files.beside} FROM {found} WHERE regexp_matches(line, {text}))"  # noqa: S608 - quoted
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {select}")


def _lines(connection: duckdb.DuckDBPyConnection, name: str, files: TableFiles, pattern: str, few: float) -> Loaded:
    """Load lines by the named groups of a regular expression; blank lines and comments (#) are skipped uncounted."""
    keep_groups(connection, name, files, pattern)
    text, held = literal(pattern), _count(connection, name)
    unread = _count(connection, f"{files.as_lines} WHERE trim(line) <> '' AND line NOT LIKE '#%'") - held
    if files.container or not _few(unread, held, few):
        where = f"WHERE trim(line) <> '' AND line NOT LIKE '#%' AND NOT regexp_matches(line, {text})"
        row = connection.execute(f"SELECT line FROM {files.as_lines} {where} LIMIT 1").fetchone()  # noqa: S608 - quoted
        example = str(row[0])[:120] if row else ""
        if files.container and held:  # a container's log mixes all that its program writes
            return Loaded(name, 0, _others(unread, example))
        what = f"do not match `lines` of the mapping, such as {example!r}"
        raise _unreadable_lines(
            files, unread, held, what, "Mend the regular expression, or raise TSG_UNREADABLE_PERCENT."
        )
    return Loaded(name, unread)


def _records(connection: duckdb.DuckDBPyConnection, name: str, files: TableFiles, few: float) -> Loaded:
    """Load the records in the lines; a note counts the other lines."""
    kept = records.keep(connection, name, files.as_lines, files.beside)
    if not kept.records or not _few(kept.broken, kept.records, few):
        fix = 'Leave `layout = "records"` out of the mapping: it takes lines with JSON, or with key=value pairs.'
        what = f"hold no record, such as {kept.example!r}"
        raise _unreadable_lines(files, kept.broken + kept.others, kept.records, what, fix)
    return Loaded(name, kept.broken, _others(kept.others, kept.example))


def _unreadable_lines(files: TableFiles, unread: int, held: int, what: str, fix: str) -> Unreadable:
    return Unreadable(f"{', '.join(files.paths)}: {unread:,} of {held + unread:,} lines {what}.", fix=fix)


def _others(lines: int, example: str) -> tuple[str, ...]:
    return (f"{lines:,} lines hold no record, such as {example!r}: they are in no row.",) if lines else ()


def _w3c(connection: duckdb.DuckDBPyConnection, name: str, files: TableFiles, few: float) -> Loaded:
    """Load logs that name their columns in a line "#Fields:" (IIS, CloudFront), separated by spaces or tabs."""
    heads = connection.execute(f"SELECT DISTINCT line FROM {files.as_lines} WHERE line LIKE '#Fields:%'").fetchall()  # noqa: S608 - quoted
    if not heads:
        raise Unreadable(
            f"{', '.join(files.paths)} has no line that begins with #Fields:, which would name its columns.",
            fix='Leave `layout = "w3c"` out of the mapping, or give the whole file.',
        )
    # The nearest "#Fields:" line above names a line's columns: a server's settings may change.
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE cells_ AS SELECT string_split_regex(trim(line), {BLANKS}) AS cells, "  # noqa: S608 - quoted
        "last_value(CASE WHEN line LIKE '#Fields:%' THEN line END IGNORE NULLS) "
        "OVER (ORDER BY place ROWS UNBOUNDED PRECEDING) AS head, line LIKE '#%' AS said "
        f"FROM (SELECT line, row_number() OVER () AS place FROM {files.as_lines}) WHERE trim(line) <> ''"
    )
    parts = []
    for (head,) in sorted(heads):
        fields = str(head).removeprefix("#Fields:").split()
        columns = ", ".join(
            f"nullif(nullif(cells[{place}], '-'), '') AS {quoted(field)}" for place, field in enumerate(fields, 1)
        )
        those = f"NOT said AND head = {literal(head)} AND len(cells) = {len(fields)}"
        parts.append(f"SELECT {columns} FROM cells_ WHERE {those}")  # noqa: S608 - quoted names
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {' UNION ALL BY NAME '.join(parts)}")
    held = _count(connection, name)
    unread = _count(connection, "cells_ WHERE NOT said") - held
    connection.execute("DROP TABLE cells_")
    if not _few(unread, held, few):
        fix = "Mend that file, or raise TSG_UNREADABLE_PERCENT."
        raise _unreadable_lines(files, unread, held, "have other cells than #Fields: names", fix)
    return Loaded(name, unread)


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()  # noqa: S608 - our own names
    return int(row[0]) if row else 0


def unreadable(table: str, location: str, error: duckdb.Error) -> Unreadable:
    """Unreadable from DuckDB's error about the files of a table."""
    return Unreadable(
        f"{table} ({location}) cannot be read: {first_line(error)}",
        fix="Mend or replace that file; `tsg-agent doctor --telemetry` shows what can be read.",
    )


def first_line(error: BaseException) -> str:
    """The first line of DuckDB's error, without the excerpt of the query."""
    return " ".join(str(error).split("\n\n")[0].split())[:500]


def described(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """The source's columns: name -> type."""
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()}


def quoted(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def lacks_answers(connection: duckdb.DuckDBPyConnection) -> bool:
    """True if there are requests and all have a NULL status. Stops at the first status."""
    return any_row(connection, LOGS.name) and not any_row(connection, f"{LOGS.name} WHERE {ANSWER} IS NOT NULL")


UNREAD = re.compile(r"Failed to read file|Could not read")
"""Engine errors for unreadable files; those of its readers' libraries have only the base class."""


def refused(error: duckdb.Error, text: str) -> QueryError:
    """The QueryError for an engine error `text`: the query was refused, or a file it reads is damaged.

    Damage can show first in a query: opening a file reads only its beginning.
    """
    if not (type(error) is duckdb.Error or UNREAD.search(text)):
        return QueryError(f"The engine refused the query: {text}")
    return QueryError(
        f"The telemetry cannot be read to its end: {text.rstrip('.: ')}.",
        fix="A file of it is damaged: copy or make it anew.",
    )


def without_folders(text: str, location: str) -> str:
    """A text without folder names: reports and recordings are shared."""
    for folder in {str(PurePath(path).parent) for path in location.split(", ")}:
        text = text.replace(f"{folder}/", "")
    return text
