"""Reshapes a source's rows: array elements, increases of cumulative counters, one row per counted status."""

import re
from dataclasses import dataclass
from importlib.resources import files

import duckdb

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.catalog import ANSWER, WEIGHT
from tsg_agent.telemetry.columns_read import picked_from
from tsg_agent.telemetry.identity import ready_for
from tsg_agent.telemetry.loading import described, quoted
from tsg_agent.telemetry.mapping import TableMapping

COUNTED = "counted_"
"""Prefix of the columns that hold counters."""
WHOLE = "all_"
"""Prefix of the column that holds the whole unnested array, to look up elements that others refer to by index."""


def add_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the SQL macros that mapped expressions and paths use."""
    for macros in ("lookup.sql", "paths.sql"):
        connection.execute(files("tsg_agent.telemetry").joinpath(macros).read_text("utf-8"))


@dataclass(frozen=True)
class Shaped:
    """The reshaped rows as a FROM clause, and the columns that the reshaping sets."""

    source: str
    columns: dict[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()
    """Notes on rows of the source that were left out."""
    everything: str = ""
    """The FROM clause without the condition `where`."""
    where: str = "true"


def shaped(connection: duckdb.DuckDBPyConnection, source: str, mapping: TableMapping, kept: str = "") -> Shaped:
    """Reshape the rows as the mapping says. Raises TelemetryError if the source has no such arrays.

    `kept`: name of a table to create from unnested rows: unnesting again for each column takes 15 times as long.
    """
    columns = dict(mapping.columns)
    notes: tuple[str, ...] = ()
    if mapping.unnest:
        source = _unnested(connection, source, mapping.unnest.split("."), whole=WHOLE in str(mapping))
        if kept:
            connection.execute(f"CREATE TEMP TABLE {kept} AS FROM {source}")
            source = kept
    everything, condition = source, "true"
    if mapping.where:
        condition = first_fitting(connection, source, mapping.where)
        notes = _left_out(connection, source, condition)
        source = f"(SELECT * FROM {source} WHERE {condition})"  # noqa: S608 - a checked expression
    if mapping.counters:
        counts = ", ".join(
            f"{{'status': '{status.replace(chr(39), '')}', "
            f"'weight': coalesce(TRY_CAST({first_fitting(connection, source, texts)} AS DOUBLE), 0)}}"
            for status, texts in mapping.counters.items()
        )
        source = (
            f"(SELECT * EXCLUDE (counted), counted.status AS {COUNTED}status, counted.weight AS {COUNTED}weight "  # noqa: S608 - checked expressions
            f"FROM (SELECT *, unnest([{counts}]) AS counted FROM {source}))"
        )
        columns |= {ANSWER: (f"{COUNTED}status",), WEIGHT: (f"{COUNTED}weight",)}
    if mapping.cumulative:
        source, columns[WEIGHT] = _increases(connection, source, mapping, columns), (f"{COUNTED}increase",)
    return Shaped(source, columns, notes, everything, condition)


def _left_out(connection: duckdb.DuckDBPyConnection, source: str, condition: str) -> tuple[str, ...]:
    sql = f"SELECT count(*), count(*) FILTER (WHERE {condition}) FROM {source}"  # noqa: S608 - a checked expression
    rows, kept = connection.execute(sql).fetchone() or (0, 0)
    return (f"{rows - kept:,} of {rows:,} rows are no requests by `where` of the mapping.",) if kept < rows else ()


def fits(connection: duckdb.DuckDBPyConnection, source: str, text: str) -> bool:
    """True if the expression is valid over the source."""
    try:
        connection.execute(f"DESCRIBE SELECT {text} FROM {source}")  # noqa: S608 - checked expressions
    except duckdb.BinderException:
        return False
    return True


def first_fitting(connection: duckdb.DuckDBPyConnection, source: str, texts: tuple[str, ...]) -> str:
    """The first expression that fits; if none does the last, which then raises the error."""
    return next((text for text in texts if fits(connection, source, text)), texts[-1])


def passed_over(connection: duckdb.DuckDBPyConnection, source: str, columns: dict[str, str]) -> list[str]:
    """Notes on arrays of which an expression reads one element although rows have more. `columns`: name -> expression.

    Raises TelemetryError if the timestamp is read that way: then each element is a request, and all but one are lost.
    """
    notes = {}
    for column, text in sorted(columns.items(), key=lambda one: one[0] != "timestamp"):
        arrays = picked_from(text)
        for array, path in arrays.items():
            kind = _kind(connection, source, array, path)
            row = connection.execute(f"SELECT sum(len({array})), count(*) FROM {source}").fetchone()  # noqa: S608 - a checked expression
            if not (kind.endswith("]") and "STRUCT" in kind and row) or row[0] is None or row[0] <= row[1]:
                continue
            told = f"{path} holds {row[0]:,} elements in {row[1]:,} rows, of which the mapping reads one each"
            how = 'unnest = "{}" makes each a row.'
            if column == "timestamp":
                *_, inner = arrays.values()
                ready = ready_for(described(connection, source))
                raise TelemetryError(f"{told}.", fix=f"{how.format(inner)}{ready}")
            notes[path] = f"{told}: {how.format(path)}"
    return list(notes.values())


def _increases(
    connection: duckdb.DuckDBPyConnection, source: str, mapping: TableMapping, columns: dict[str, tuple[str, ...]]
) -> str:
    """The increase of each row's weight over its series' previous row; after a counter reset, the whole weight."""
    if WEIGHT not in columns or "timestamp" not in columns:
        raise TelemetryError(
            "The mapping says that its weight counts up (cumulative), and maps no weight, or no timestamp.",
            fix="Map both, or leave cumulative out.",
        )
    series = mapping.cumulative + (f", {COUNTED}status" if mapping.counters else "")
    level = f"TRY_CAST({first_fitting(connection, source, columns[WEIGHT])} AS DOUBLE)"
    time = first_fitting(connection, source, columns["timestamp"])
    before = f"lag({level}) OVER (PARTITION BY CAST(({series}) AS VARCHAR) ORDER BY {time})"
    return (
        f"(SELECT * EXCLUDE (level_, before_), CASE WHEN before_ IS NULL THEN 0 WHEN level_ >= before_ "  # noqa: S608 - checked expressions
        f"THEN level_ - before_ ELSE level_ END AS {COUNTED}increase "
        f"FROM (SELECT *, {level} AS level_, {before} AS before_ FROM {source}))"
    )


def _unnested(connection: duckdb.DuckDBPyConnection, source: str, path: list[str], *, whole: bool) -> str:
    """One row per element of the innermost array: its fields as columns, then the enclosing elements, by their names.

    `whole`: also keep the outermost array.
    """
    if whole:
        source = f"(SELECT *, {quoted(path[0])} AS {quoted(WHOLE + path[0])} FROM {source})"  # noqa: S608 - quoted names
    at, outer = quoted(path[0]), ""
    for place, name in enumerate(path):
        kind = _kind(connection, source, at, ".".join(path[: place + 1]))
        element = _elements(at, kind)
        kept = {held: quoted(held) for held in described(connection, source) if held != name}
        if outer and re.search("STRUCT|JSON", kind):  # else each row would repeat the whole array
            kept[outer] = _without(connection, source, outer, name)
        columns = ", ".join(f"{text} AS {quoted(held)}" for held, text in (kept | {name: element}).items())
        source = f"(SELECT {columns} FROM {source})"  # noqa: S608 - quoted names
        if place + 1 < len(path):
            at, outer = f"{quoted(name)}.{quoted(path[place + 1])}", name
            if _kind(connection, source, quoted(name), name) == "JSON":
                at = f"({quoted(name)} -> '$.{path[place + 1]}')"
    last = quoted(path[-1])
    if not _kind(connection, source, last, path[-1]).startswith("STRUCT"):
        return source
    fields = described(connection, f"(SELECT {last}.* FROM {source})")  # noqa: S608 - quoted names
    lower = {name.lower() for name in fields}
    around = [name for name in described(connection, source) if name.lower() not in lower and name != path[-1]]
    read = {name: " ->> '$'" if kind == "JSON" else "" for name, kind in fields.items()}  # unquotes a string
    inner = (f"{last}.{quoted(name)}{text} AS {quoted(name)}" for name, text in read.items())
    columns = ", ".join([*inner, *map(quoted, around)])
    return f"(SELECT {columns} FROM {source})"  # noqa: S608 - quoted names


def _without(connection: duckdb.DuckDBPyConnection, source: str, name: str, field: str) -> str:
    """The SQL of an element without one of its fields."""
    if _kind(connection, source, quoted(name), name) == "JSON":
        return f"json_merge_patch({quoted(name)}, '{{\"{field}\": null}}')"
    fields = described(connection, f"(SELECT {quoted(name)}.* FROM {source})")  # noqa: S608 - quoted names
    held = ", ".join(f"{quoted(one)} := {quoted(name)}.{quoted(one)}" for one in fields if one.lower() != field.lower())
    return f"struct_pack({held})" if held else "NULL"


def _elements(at: str, kind: str) -> str:
    if kind.endswith("]"):
        return f"unnest({at})"
    if kind == "JSON":
        return f"unnest(from_json({at}, '[\"JSON\"]'))"
    return f"unnest(map_values({at}))" if kind.startswith("MAP") else at


def _kind(connection: duckdb.DuckDBPyConnection, source: str, expression: str, path: str) -> str:
    try:
        row = connection.execute(f"DESCRIBE SELECT {expression} AS v FROM {source}").fetchone()  # noqa: S608 - quoted names
    except duckdb.BinderException as error:
        held = ", ".join(list(described(connection, source))[:12])
        raise TelemetryError(
            f"The mapping unnests {path}, which the source does not have.",
            fix=f"Its columns are {held}. Mend `unnest` in the mapping file.",
        ) from error
    return str(row[1]) if row else ""
