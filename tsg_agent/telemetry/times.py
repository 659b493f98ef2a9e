"""Reads times that a source holds as text. Where the day may be the month, the column must settle it: no guess."""

from itertools import product

import duckdb

from tsg_agent.errors import TelemetryError

ISO = r"^\s*\d{4}\D"
"""The year first: nothing to choose."""
SHORT = r"^\s*\d{1,2}([/.-])\d{1,2}[/.-](\d{4}|\d{2})(\D.*)?$"
"""Day and month before the year, or a year of two digits: several readings."""
CLOCKS = (
    "", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M:%S.%f %p", "%H:%M:%S %z",
    "%H:%M:%S.%f %z",
)  # fmt: skip
BETWEEN = (" ", "T", ", ")


def text_time(connection: duckdb.DuckDBPyConnection, source: str, expression: str, column: str) -> str:
    """The SQL that reads a text as a naive UTC time.

    ISO 8601, with or without a zone; the session's zone is UTC. What is no time is an error, never NULL. `column`:
    the guide's, as table.column. Raises TelemetryError where days and months cannot be told apart.
    """
    iso = f"timezone('UTC', CAST({expression} AS TIMESTAMPTZ))"
    short = f"SELECT {expression} AS t FROM {source} WHERE regexp_matches({expression}, '{SHORT}') LIMIT 1"  # noqa: S608 - checked expressions
    found = connection.execute(short).fetchone()
    if found is None:
        return iso
    example = str(found[0]).strip()
    formats = _fitting(connection, source, expression, example)
    if len(formats) == 1:
        return f"timezone('UTC', CAST({_parsed(expression, formats[0])} AS TIMESTAMPTZ))"
    raise _refusal(column, expression, example, formats)


def is_iso(connection: duckdb.DuckDBPyConnection, source: str, column: str) -> bool:
    """Whether every value of a text column (quoted) begins with a year."""
    sql = f"SELECT 1 FROM {source} WHERE NOT regexp_matches({column}, '{ISO}') LIMIT 1"  # noqa: S608 - a quoted name
    return connection.execute(sql).fetchone() is None


def _parsed(expression: str, form: str) -> str:
    return f"strptime(trim({expression}), '{form}')"


def _fitting(connection: duckdb.DuckDBPyConnection, source: str, expression: str, example: str) -> list[str]:
    """The formats that read every value."""
    forms = [form for form in _formats(example) if _reads(connection, f"(SELECT '{_plain(example)}' AS t)", "t", form)]
    return [form for form in forms if _reads(connection, source, expression, form)]


def _plain(text: str) -> str:
    return text.replace("'", "''")


def _reads(connection: duckdb.DuckDBPyConnection, source: str, expression: str, form: str) -> bool:
    tried = f"try_{_parsed(expression, form)}"
    sql = f"SELECT 1 FROM {source} WHERE {tried} IS NULL AND {expression} IS NOT NULL LIMIT 1"  # noqa: S608 - checked expressions
    return connection.execute(sql).fetchone() is None


def _formats(example: str) -> list[str]:
    """The readings that there may be of a text like this: by the order of day, month and year, and by the clock."""
    mark = next(character for character in example if not character.isdigit())
    last = example.split(mark)[2]
    year = "%Y" if last[:4].isdigit() and len(last) >= 4 else "%y"
    orders = [("%m", "%d", year), ("%d", "%m", year), *([("%y", "%m", "%d")] if year == "%y" else [])]
    clocks = [""] + [f"{between}{clock}" for between, clock in product(BETWEEN, CLOCKS) if clock]
    return [f"{mark.join(order)}{clock}" for order, clock in product(orders, clocks)]


FIRST = {"%m": "the month comes first", "%d": "the day comes first", "%y": "the year comes first"}


def _refusal(column: str, expression: str, example: str, formats: list[str]) -> TelemetryError:
    table, _, name = column.partition(".")
    source = expression[1:-1] if expression[1:-1].isidentifier() else expression.replace('"', '\\"')

    def line(form: str) -> str:
        return f"{name} = \"strptime({source}, '{form}')\""

    place = f"Write into a mapping file (--mapping), under [{table}.columns],"
    if not formats:
        return TelemetryError(
            f"{column} holds {example!r}, which is no ISO 8601 time, and no one way to read it fits every row.",
            fix=f"{place} how to read it, such as {line('%m/%d/%Y %H:%M:%S')}.",
        )
    readings = ", or ".join(f"{line(form)} if {FIRST[form[:2]]}" for form in formats)
    return TelemetryError(
        f"{column} holds {example!r}, and no row says whether the day or the month comes first.",
        fix=f"{place} {readings}.",
    )
