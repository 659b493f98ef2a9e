"""Converts a column whose type is not the guide's: picks the one reading that fits its values.

Each candidate is tried on all values. Values it cannot parse become NULL and are counted; if there are more than a few,
nothing is guessed: the error offers the mapping line of each possible reading.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.catalog import Kind

MISSING = ("", "-", "null", "none", "nan", "n/a", "na", "nil", "undefined", "(null)", "\\n", "unknown")
"""Spellings of a missing value, in lower case."""
LONGEST_MISSING = max(map(len, MISSING))
CLEAN = f"CASE WHEN lower(trim({{x}})) NOT IN ({', '.join(repr(word) for word in MISSING[:-1])}) THEN trim({{x}}) END"
SAMPLE = 200
"""Number of distinct values that a reading is tried on before it is tried on all."""


@dataclass(frozen=True)
class ColumnReading:
    """One way to parse a value. In `sql` and `line`, `{x}` stands for the value; `line` is the mapping's expression."""

    name: str
    sql: str
    line: str = ""
    may_be: str = ""
    """A regular expression of ambiguous values, which it leaves to other readings."""


@dataclass(frozen=True)
class Read:
    """How a column is read: the SQL, how many values it cannot parse, and the reading's name unless it is trivial."""

    sql: str
    unread: int = 0
    name: str = ""
    example: str = ""
    guessed: bool = False
    """True if no value confirms the reading."""


@dataclass(frozen=True)
class Values:
    """A column's values in the source, and the guide's name for it: table.column."""

    connection: duckdb.DuckDBPyConnection
    source: str
    expression: str
    column: str
    few: float = 1.0
    """Percent of a column's values that may be unreadable; a single one always may."""
    about: tuple[datetime, ...] = ()
    """Times that will be asked about (naive UTC): they settle the order of day and month if the rows do not."""

    def asked(self, select: str, where: str = "true") -> tuple[object, ...]:
        """One row: the aggregates `select` over the values `v`."""
        sql = f"SELECT {select} FROM (SELECT {self.expression} AS v FROM {self.source}) WHERE {where}"  # noqa: S608 - checked expressions
        return self.connection.execute(sql).fetchone() or ()

    def best(self, readings: Sequence[ColumnReading]) -> Read:
        """The first reading that fits all values, else the one that fits the most, if that is all but a few.

        Raises TelemetryError if there is none, with the mapping lines of those that fit some values, or else the
        last one's.
        """
        known = CLEAN.replace("{x}", "v")
        sampled = self._sample(readings, known)
        for reading in sampled:
            held, read = self.asked(
                f"count({known}), count({reading.sql.replace('{x}', 'v')})", f"({known}) IS NOT NULL"
            )
            unread = int(str(held)) - int(str(read))
            if unread <= max(1.0, int(str(held)) * self.few / 100):
                example = self._unread(reading, known) if unread else ""
                return Read(reading.sql.replace("{x}", f"({self.expression})"), unread, reading.name, example)
        example = self._unread((sampled or readings)[0], known)
        several = [reading for reading in readings if reading.may_be and re.fullmatch(reading.may_be, example)]
        raise self._refusal(several or sampled or readings[-1:], example)

    def _sample(self, readings: Sequence[ColumnReading], known: str) -> list[ColumnReading]:
        """The readings that fit some of a sample, best fit first; ties keep the given order."""
        counts = ", ".join(f"count({reading.sql.replace('{x}', 'v')})" for reading in readings)
        sql = (
            f"SELECT {counts} FROM (SELECT DISTINCT v FROM (SELECT {self.expression} AS v FROM {self.source}) "  # noqa: S608 - checked expressions
            f"WHERE ({known}) IS NOT NULL LIMIT {SAMPLE})"
        )
        found = self.connection.execute(sql).fetchone() or ()
        ordered = sorted(range(len(readings)), key=lambda place: (-int(found[place]), place))
        if not any(found):
            return [readings[0]] if self.asked("count(*)", f"({known}) IS NOT NULL") == (0,) else []
        return [readings[place] for place in ordered if found[place]]

    def _unread(self, reading: ColumnReading, known: str) -> str:
        (example,) = self.asked(
            "any_value(v)", f"({known}) IS NOT NULL AND ({reading.sql.replace('{x}', 'v')}) IS NULL"
        )
        return str(example)[:80]

    def line(self, how: str) -> str:
        """The mapping's line that reads the column so; in `how`, `{x}` stands for its values."""
        return f'{self.column.partition(".")[2]} = "{how.replace("{x}", as_written(self.expression))}"'

    @property
    def place(self) -> str:
        """Where such a line belongs, in words."""
        return f"a mapping file (--mapping), under [{self.column.partition('.')[0]}.columns]"

    def _refusal(self, readings: Sequence[ColumnReading], example: str) -> TelemetryError:
        lines = ", or ".join(self.line(reading.line) for reading in readings[:4] if reading.line)
        return TelemetryError(
            f"{self.column} holds {example!r}, and no one way to read it fits every row.",
            fix=f"Write into {self.place}, how to read it, such as {lines}; what such a line does not read is NULL.",
        )


def as_written(expression: str) -> str:
    """An expression to put inside a TOML string: a simple name loses its quotes."""
    inner = expression[1:-1]
    return inner if inner.isidentifier() and expression[0] == '"' else expression.replace('"', '\\"')


UNITS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "sec": 1e3, "s": 1e3, "min": 6e4, "m": 6e4,
         "h": 3.6e6}  # fmt: skip
"""Units of durations -> milliseconds."""
_SIZES = {"b": 1, "bytes": 1} | {
    f"{letter}{tail}": (1024 if tail == "ib" else 1000) ** power
    for power, letter in enumerate("kmgt", 1)
    for tail in ("b", "ib", "")
}


def _with_unit(units: dict[str, float]) -> str:
    names = "|".join(sorted(units, key=len, reverse=True))
    part = f"regexp_extract(lower(trim({{x}})), '^([-+]?[0-9.]+) ?({names})$', {{group}})"
    arms = " ".join(f"WHEN '{unit}' THEN {factor!r}" for unit, factor in units.items())
    number, unit = part.replace("{group}", "1"), part.replace("{group}", "2")
    return f"TRY_CAST(nullif({number}, '') AS DOUBLE) * (CASE {unit} {arms} END)"


_PLAIN = ColumnReading("", "TRY_CAST({x} AS DOUBLE)", "TRY_CAST({x} AS DOUBLE)")
_EITHER = r"\s*[-+]?\d{1,3},\d{3}\s*"
"""A comma that may be a decimal or a thousands separator."""
_COMMA = ColumnReading(
    "with a decimal comma",
    r"CASE WHEN regexp_matches({x}, '^\s*[-+]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?\s*$') "
    r"AND NOT regexp_matches({x}, '^\s*[-+]?\d{1,3},\d{3}\s*$') THEN "
    "TRY_CAST(replace(replace({x}, '.', ''), ',', '.') AS DOUBLE) END",
    "TRY_CAST(replace({x}, ',', '.') AS DOUBLE)",
    _EITHER,
)
_GROUPED = ColumnReading(
    "with commas between thousands",
    r"CASE WHEN regexp_matches({x}, '^\s*[-+]?\d{1,3}(,\d{3})+\.\d+\s*$') OR NOT contains({x}, ',') THEN "
    "TRY_CAST(replace({x}, ',', '') AS DOUBLE) END",
    "TRY_CAST(replace({x}, ',', '') AS DOUBLE)",
    _EITHER,
)
_PERCENT = ColumnReading(
    "with a percent sign", "TRY_CAST(rtrim(trim({x}), ' %') AS DOUBLE)", "TRY_CAST(replace({x}, '%', '') AS DOUBLE)"
)
_CLOCK = "regexp_extract(lower(trim({x})), '^(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9.]+)s)?$', {group})"
_LONG = " + ".join(
    f"coalesce(TRY_CAST(nullif({_CLOCK.replace('{group}', str(group))}, '') AS DOUBLE), 0) * {factor}"
    for group, factor in ((1, 3_600_000), (2, 60_000), (3, 1000))
)
"""Go's durations of several units: 1m3.5s."""
_LENGTH = ColumnReading(
    "as durations with their units",
    f"coalesce({_with_unit(UNITS)}, CASE WHEN regexp_matches(lower(trim({{x}})), '^([0-9]+h)?([0-9]+m)?([0-9.]+s)?$') "
    f"AND trim({{x}}) <> '' THEN {_LONG} END)",
    "TRY_CAST(replace({x}, 'ms', '') AS DOUBLE)",
)
_SIZE = ColumnReading(
    "as sizes with their units", _with_unit(_SIZES), "TRY_CAST(regexp_extract({x}, '[0-9.]+') AS DOUBLE)"
)
_ANY = ColumnReading("", "CAST(NULL AS DOUBLE)", "TRY_CAST(regexp_extract({x}, '[-+]?[0-9.]+') AS DOUBLE)")
"""Matches nothing: its mapping line is the fallback advice."""
_YES = ("true", "t", "yes", "y", "1", "1.0", "on")
_NO = ("false", "f", "no", "n", "0", "0.0", "off")
_BOOLEAN = ColumnReading(
    "",
    f"CASE WHEN lower(trim({{x}})) IN ({', '.join(map(repr, _YES))}) THEN true "
    f"WHEN lower(trim({{x}})) IN ({', '.join(map(repr, _NO))}) THEN false END",
    "{x} = 'yes'",
)


def read_text(values: Values, kind: Kind) -> Read:
    """Read a text column as numbers or booleans. Raises TelemetryError if no single reading fits."""
    if kind is Kind.BOOLEAN:
        return values.best([_BOOLEAN])
    name = values.column
    united = [_LENGTH] if name.endswith("_ms") else [_SIZE] if "bytes" in name else [_PERCENT]
    return values.best([_PLAIN, _COMMA, _GROUPED, *united, _ANY])
