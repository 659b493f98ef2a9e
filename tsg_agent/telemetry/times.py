"""Parses times from texts and numbers. An ambiguous order of day and month must be settled by the column as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product

import duckdb

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.column_readings import ColumnReading, Read, Values
from tsg_agent.telemetry.values import any_row, literal

ISO = r"^\s*\d{4}\D"
"""Year first: unambiguous."""
SHORT = r"^\s*\d{1,2}([/.-])\d{1,2}[/.-](\d{4}|\d{2})(\D.*)?$"
"""Day and month before the year, or a two-digit year: ambiguous."""
CLOCKS = (
    "", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M:%S.%f %p", "%H:%M:%S %z",
    "%H:%M:%S.%f %z",
)  # fmt: skip
BETWEEN = (" ", "T", ", ")
SPREAD = 10
"""Least factor by which a wrong order of day and month must extend the rows' time range."""
FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Plausible years of telemetry."""
SECONDS = (631_152_000, 4_102_444_800)
"""The same as Unix times in seconds."""
UNITS = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}
_LINES = {
    "seconds": "to_timestamp({x})",
    "milliseconds": "to_timestamp({x} / 1000.0)",
    "microseconds": "to_timestamp({x} / 1e6)",
    "nanoseconds": "to_timestamp({x} / 1e9)",
}

_FORMS = (
    "%d/%b/%Y:%H:%M:%S %z", "%d/%b/%Y:%H:%M:%S.%f %z", "%d/%b/%Y:%H:%M:%S", "%d/%b/%Y:%H:%M:%S.%f", "%d/%b/%Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %Z", "%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S.%f %Y",
    "%a %b %d %H:%M:%S %Z %Y",
    "%d %b %Y %H:%M:%S", "%d %b %Y %H:%M:%S.%f", "%d-%b-%Y %H:%M:%S", "%d-%b-%Y %H:%M:%S.%f", "%d-%b-%y %H:%M:%S",
    "%b %d, %Y @ %H:%M:%S.%f", "%b %d, %Y %H:%M:%S", "%b %d, %Y %I:%M:%S %p", "%b %d %Y %H:%M:%S",
    "%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%S.%fZ", "%Y%m%d %H:%M:%S", "%Y.%m.%d %H:%M:%S",
    "%Y-%m-%d-%H.%M.%S", "%Y-%m-%d-%H.%M.%S.%f", "%Y-%m-%dT%H", "%Y-%m-%d:%H:%M:%S",
)  # fmt: skip
"""Formats of web servers, mail and HTTP, C, Java and databases, Kibana; ISO 8601 without separators."""


def _utc(expression: str) -> str:
    return f"timezone('UTC', CAST({expression} AS TIMESTAMPTZ))"


def _written(form: str) -> ColumnReading:
    return ColumnReading(f"as {form}", _utc(f"try_strptime(trim({{x}}), '{form}')"), f"strptime({{x}}, '{form}')")


_PLAIN = ColumnReading("", "timezone('UTC', TRY_CAST({x} AS TIMESTAMPTZ))", "CAST({x} AS TIMESTAMPTZ)")
_TIDY = (
    # A comma before the fraction (Python, log4j), a space before the offset, Z after a space.
    r"regexp_replace(regexp_replace(trim({x}), '^(\d{4}\D\d\d?\D\d\d?[T ]\d\d?:\d\d:\d\d),(\d+)', '\1.\2'), "
    r"' ?((?:[+-]\d\d):?(?:\d\d)?|Z)(?:\s*\(?UTC\)?)?$', '\1')"
)
_COMMA = ColumnReading(
    "with a comma before the fraction, or a space before the zone",
    f"timezone('UTC', TRY_CAST({_TIDY} AS TIMESTAMPTZ))",
    "CAST(replace({x}, ',', '.') AS TIMESTAMPTZ)",
)


_ANY = ColumnReading("", "CAST(NULL AS TIMESTAMP)", "try_strptime({x}, '%d.%m.%Y %H:%M:%S')")
"""Matches nothing: its mapping line is the fallback advice."""


def text_time(values: Values) -> Read:
    """Parse a text column as naive UTC times.

    Reads ISO 8601, with or without a zone (default UTC), formats of common log writers, and Unix times, whose unit
    follows from their magnitude. Raises TelemetryError if day and month are ambiguous, or if no single reading fits.
    """
    expression, connection, source = values.expression, values.connection, values.source
    short = f"SELECT {expression} AS t FROM {source} WHERE regexp_matches({expression}, '{SHORT}') LIMIT 1"  # noqa: S608 - checked expressions
    found = connection.execute(short).fetchone()
    if found is None:
        counted = [_counted(unit, "TRY_CAST(trim({x}) AS DECIMAL(38, 9))") for unit in UNITS]
        _ask_for_dates(values)
        return values.best([_PLAIN, _COMMA, *map(_written, _FORMS), *counted, *_DIGITS, _DAYS, _ANY])
    example = str(found[0]).strip()
    one = replace(values, source=f"(SELECT {literal(example)} AS t)", expression="t")
    formats = [form for form in _formats(example) if _reads(one, form) and _reads(values, form)]
    form, why = (formats[0], "") if len(formats) == 1 else _settled(values, formats)
    if not form:
        raise _refusal(values, example, formats)
    return Read(_utc(_parsed(expression, form)), 0, f"so that {FIRST[form[:2]]}{why}", guessed=why == _NEAREST)


@dataclass(frozen=True)
class _Order:
    """The times of a column as read by one order of day and month."""

    form: str
    first: datetime
    last: datetime
    mixed: bool
    """True if the times both rise and fall from row to row."""

    def far(self, about: Sequence[datetime]) -> timedelta:
        """Distance of the nearest of some times from the column's range; 0 inside of it."""
        gaps = (max(self.first - one, one - self.last, timedelta(0)) for one in about)
        return min(gaps, default=timedelta(0))


def _settled(values: Values, formats: list[str]) -> tuple[str, str]:
    """The format that the rows' order, range, or distance to `values.about` confirm, and the reason; "" if ambiguous.

    A log's rows are in order and span hours or days: read by a wrong order, its days lie months apart.
    """
    orders = [_measured(values, form) for form in formats]
    follow = [one for one in orders if not one.mixed]
    if len(follow) == 1:
        return follow[0].form, ", by which its rows are in order"
    if len(orders) > 1:
        short, longer = sorted(orders, key=lambda one: one.last - one.first)[:2]
        if SPREAD * (short.last - short.first) < longer.last - longer.first:
            return short.form, ", by which its rows are of few days"
        near, farther = sorted(orders, key=lambda one: one.far(values.about))[:2]
        if near.far(values.about) < farther.far(values.about):
            return near.form, _NEAREST
    return "", ""


_NEAREST = ", as its rows are then nearest to what is asked about: no row says which it is"


def _measured(values: Values, form: str) -> _Order:
    time = _utc(f"try_{_parsed(values.expression, form)}")
    rows = f"(SELECT {time} AS t FROM {values.source})"  # noqa: S608 - checked expressions
    turns = "count_if(t > before) > 0 AND count_if(t < before) > 0"
    sql = f"SELECT min(t), max(t), {turns} FROM (SELECT t, lag(t) OVER () AS before FROM {rows})"  # noqa: S608 - checked expressions
    return _Order(form, *(values.connection.execute(sql).fetchone() or ()))


def _ask_for_dates(values: Values) -> None:
    """Raises TelemetryError with a mapping line if no value has a year, or a day."""
    today = datetime.now(UTC)
    for what, given, form in (
        ("year", f"{today:%Y} ", "%Y %b %d %H:%M:%S"),
        ("day", f"{today:%Y-%m-%d} ", "%Y-%m-%d %H:%M:%S"),
    ):
        read = f"try_strptime(concat('{given}', trim(v)), '{form}')"
        if values.asked(f"count(v) > 0 AND count(v) = count({read})") == (True,):
            (example,) = values.asked("any_value(v)")
            line = values.line(f"strptime(concat('{given}', {{x}}), '{form}')")
            raise TelemetryError(
                f"{values.column} holds {str(example)!r}, which names no {what}.",
                fix=f"Say which in {values.place}: {line}.",
            )


def number_time(values: Values) -> Read:
    """Parse a Unix time as naive UTC; its unit follows from its magnitude. Raises TelemetryError."""
    readings = [*(_counted(unit, "TRY_CAST({x} AS DECIMAL(38, 9))") for unit in UNITS), *_DIGITS, _DAYS]
    held, *within = values.asked(
        ", ".join(["count(v)", *(f"count({one.sql.replace('{x}', 'v')})" for one in readings)])
    )
    for reading, read in zip(readings, within, strict=True):
        unread = int(str(held)) - int(str(read))
        if unread <= max(1.0, int(str(held)) * values.few / 100):
            return Read(reading.sql.replace("{x}", f"({values.expression})"), unread, reading.name)
    raise unlikely(values)


def unlikely(number: Values) -> TelemetryError:
    """The error about a time in no plausible year; `number`: what it is computed from, if that is a single column."""
    tried = [_counted(unit, "TRY_CAST({x} AS DECIMAL(38, 9))") for unit in UNITS]
    counts = number.asked(", ".join(f"count({one.sql.replace('{x}', 'v')})" for one in tried))
    fitting = [unit for unit, count in zip(UNITS, counts, strict=True) if count] or list(UNITS)
    lines = ", ".join(f"{number.line(_LINES[unit])} if it counts {unit}" for unit in fitting)
    return TelemetryError(
        f"{number.column} is not between the years {FIRST_YEAR} and {LAST_YEAR}.",
        fix=f"Say in {number.place}, what it counts since 1970: {lines}.",
    )


def likely(sql: str) -> str:
    """The SQL condition that a time is in a plausible year."""
    return f"({sql}) BETWEEN '{FIRST_YEAR}-01-01'::TIMESTAMP AND '{LAST_YEAR}-01-01'::TIMESTAMP"


_DAYS = ColumnReading(
    "as days since 1899-12-30, as Excel counts them",
    "CASE WHEN TRY_CAST({x} AS DOUBLE) BETWEEN 32874 AND 73051 AND TRY_CAST({x} AS DOUBLE) % 1 <> 0 "
    "THEN make_timestamp(CAST(round((TRY_CAST({x} AS DOUBLE) - 25569) * 86400000) AS BIGINT) * 1000) END",
    "to_timestamp(({x} - 25569) * 86400)",
)
"""Only with a fraction of a day: integers of this size may be anything."""


_DIGITS = tuple(
    ColumnReading(
        f"as {form}",
        f"CASE WHEN length(CAST({{x}} AS VARCHAR)) = {length} THEN try_strptime(CAST({{x}} AS VARCHAR), '{form}') END",
        f"strptime(CAST({{x}} AS VARCHAR), '{form}')",
    )
    for form, length in (("%Y%m%d%H%M", 12), ("%Y%m%d%H%M%S", 14), ("%Y%m%d%H", 10))
)
"""A date and time without separators: as a Unix time it would be in no plausible year."""


def _counted(unit: str, number: str) -> ColumnReading:
    """Reads a Unix time in `unit`, if its year is plausible; exact to the microsecond."""
    first, last = (bound * UNITS[unit] for bound in SECONDS)
    micros = f"{number} * {1_000_000 // UNITS[unit]}" if UNITS[unit] <= 1_000_000 else f"{number} / 1000"
    sql = f"CASE WHEN {number} BETWEEN {first} AND {last} THEN make_timestamp(CAST(round({micros}) AS BIGINT)) END"
    return ColumnReading(f"as {unit} since 1970", sql, _LINES[unit])


def is_iso(connection: duckdb.DuckDBPyConnection, source: str, column: str) -> bool:
    """True if every value of a text column (quoted name) begins with a year."""
    return not any_row(connection, f"{source} WHERE NOT regexp_matches({column}, '{ISO}')")


def _parsed(expression: str, form: str) -> str:
    return f"strptime(trim({expression}), '{form}')"


def _reads(values: Values, form: str) -> bool:
    """Whether a format parses every value."""
    tried = f"try_{_parsed(values.expression, form)}"
    rows = f"{values.source} WHERE {tried} IS NULL AND {values.expression} IS NOT NULL"
    return not any_row(values.connection, rows)


def _formats(example: str) -> list[str]:
    """Possible formats of a text like this: by the order of day, month and year, and by the time of day."""
    mark = next(character for character in example if not character.isdigit())
    last = example.split(mark)[2]
    year = "%Y" if last[:4].isdigit() and len(last) >= 4 else "%y"
    month_first = [("%m", "%d", year)] if mark != "." else []  # dates with dots are never month first
    orders = [*month_first, ("%d", "%m", year), *([("%y", "%m", "%d")] if year == "%y" else [])]
    clocks = [""] + [f"{between}{clock}" for between, clock in product(BETWEEN, CLOCKS) if clock]
    return [f"{mark.join(order)}{clock}" for order, clock in product(orders, clocks)]


FIRST = {"%m": "the month comes first", "%d": "the day comes first", "%y": "the year comes first"}


def _refusal(values: Values, example: str, formats: list[str]) -> TelemetryError:
    place = f"Write into {values.place},"
    if not formats:
        line = values.line("strptime({x}, '%m/%d/%Y %H:%M:%S')")
        return TelemetryError(
            f"{values.column} holds {example!r}, which is no ISO 8601 time, and no one way to read it fits every row.",
            fix=f"{place} how to read it, such as {line}.",
        )
    lines = [(values.line(f"strptime({{x}}, '{form}')"), FIRST[form[:2]]) for form in formats]
    return TelemetryError(
        f"{values.column} holds {example!r}, and no row says whether the day or the month comes first.",
        fix=f"{place} {', or '.join(f'{line} if {why}' for line, why in lines)}.",
    )
