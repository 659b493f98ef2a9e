"""Converts a source's columns to the guide's kinds, and notes each conversion that is not lossless."""

from dataclasses import dataclass, field, replace
from datetime import datetime

import duckdb

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.catalog import ANSWER, WEIGHT, CatalogTable, Kind
from tsg_agent.telemetry.column_readings import CLEAN, LONGEST_MISSING, Read, Values, as_written, read_text
from tsg_agent.telemetry.columns_read import columns_of
from tsg_agent.telemetry.statuses import read_statuses
from tsg_agent.telemetry.times import likely, number_time, text_time, unlikely

NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
           "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip
ACCEPTED = {
    Kind.TIMESTAMP: ("TIMESTAMP", "DATE"),
    Kind.NUMBER: NUMERIC,
    Kind.INTEGER: (*NUMERIC, "BOOLEAN"),
    Kind.BOOLEAN: ("BOOLEAN", *NUMERIC),
}
"""Kind -> prefixes of the types that convert to it without loss; any type converts to text."""
NOTHING = ('"NULL"', "NULL")
"""DuckDB's types of an all-NULL column, in CSV and JSON."""


WORDY = ("error_code", "error_category", "exception_type", "exception_message", "stack_trace_hash")
"""Columns that may hold whole messages and are shortened. Not others: a bare column lets the engine skip row groups."""
COUNTED = ("user_id", "session_id")
"""Columns whose distinct values are counted."""
LONGEST = 300
"""Characters up to which a text is kept whole."""


@dataclass
class Reader:
    """Converts the columns of one table. `held`: the source's columns, in lower case; `few`, `about`: see Values."""

    connection: duckdb.DuckDBPyConnection
    source: str
    table: CatalogTable
    held: frozenset[str]
    few: float
    about: tuple[datetime, ...] = ()
    """See Values."""
    scheme: str = ""
    """The mapping's `status`: http, grpc or exit; "" if it names none."""
    notes: list[str] = field(default_factory=list)
    readings: list[str] = field(default_factory=list)
    """See SourceTable, as for `notes`."""

    def converted(self, name: str, expression: str, found: str) -> str:
        """The SQL of one column. `found`: its type in the source. Raises TelemetryError where it cannot be read."""
        if found in NOTHING:
            return self.table.blank(name)
        if found == "JSON":
            expression, found = f"({expression} ->> '$')", "VARCHAR"
        if name == ANSWER:
            return self._status(expression, found)
        kind = self.table.columns[name]
        if kind is Kind.TIMESTAMP:
            return self._time(name, expression, found)
        if found == "VARCHAR" and kind is not Kind.TEXT:
            return self._weighed(name, self._noted(name, read_text(self._values(name, expression), kind)))
        accepted = ACCEPTED.get(kind)
        if accepted and not found.startswith(accepted):
            raise self._unfit(name, expression, found)
        if name in COUNTED and found == "VARCHAR":
            expression = self._named(name, expression)
        plain = _plain(name, kind, expression, found)
        return self._weighed(name, shortened(plain) if name in WORDY else plain)

    def _named(self, name: str, expression: str) -> str:
        """A user column in which blanks and dashes are NULL."""
        clean = CLEAN.replace("{x}", expression)
        # Most values are longer, without a space at an end: that is cheap to see and comes first.
        short = (
            f"(strlen(v) <= {LONGEST_MISSING} OR v < '!' OR suffix(v, ' ')) AND strlen(trim(v)) <= {LONGEST_MISSING}"
        )
        blanks = f"{short} AND ({CLEAN.replace('{x}', 'v')}) IS NULL"
        (blank,) = self._values(name, expression).asked("count(*)", blanks)
        if not blank:
            return expression
        self.readings.append(f"{name} is blank in {blank:,} rows: these name none.")
        return f"({clean})"

    def _values(self, name: str, expression: str) -> Values:
        return Values(self.connection, self.source, expression, f"{self.table.name}.{name}", self.few, self.about)

    def _noted(self, name: str, read: Read) -> str:
        if read.name:
            (self.notes if read.guessed else self.readings).append(f"{name} is read {read.name}.")
        if read.unread:
            example = f", such as {read.example!r}" if read.example else ""
            self.notes.append(f"{name} could not be read in {read.unread:,} rows{example}: there it is unknown.")
        return read.sql

    def _status(self, expression: str, found: str) -> str:
        if not found.startswith((*NUMERIC, "VARCHAR", "BOOLEAN")):
            raise self._unfit(ANSWER, expression, found)
        read = read_statuses(self._values(ANSWER, expression), found, self.held, self.scheme)
        self.notes += read.notes
        return read.sql

    def _time(self, name: str, expression: str, found: str) -> str:
        values = self._values(name, expression)
        if found == "VARCHAR":
            return self._noted(name, text_time(values))
        if found.startswith(NUMERIC):
            return self._noted(name, number_time(values))
        if not found.startswith(ACCEPTED[Kind.TIMESTAMP]):
            raise self._unfit(name, expression, found)
        if found == "TIMESTAMP WITH TIME ZONE":
            expression = f"timezone('UTC', {expression})"
        elif found != "TIMESTAMP":
            expression = f"CAST({expression} AS TIMESTAMP)"
        if "(" in expression and not self._is_likely(values, expression):
            read = columns_of(values.expression)
            number = replace(values, expression=f'"{next(iter(read))}"') if len(read) == 1 else None
            raise unlikely(number or values)
        return expression

    @staticmethod
    def _is_likely(values: Values, time: str) -> bool:
        """True if a computed time is in a plausible year for some row, or NULL in all; False if it overflows."""
        try:
            held = replace(values, expression=time).asked(f"count(v) = 0 OR count(v) FILTER ({likely('v')}) > 0")
        except (duckdb.ConversionException, duckdb.OutOfRangeException):
            return False
        return held == (True,)

    def _weighed(self, name: str, value: str) -> str:
        """A missing weight is 1; an invalid one (negative, infinite) is -1, which excludes its row from all counts."""
        if name != WEIGHT:
            return value
        number = f"CAST({value} AS DOUBLE)"
        return f"CASE WHEN {number} IS NULL THEN 1 WHEN isfinite({number}) AND {number} >= 0 THEN {number} ELSE -1 END"

    def _unfit(self, name: str, expression: str, found: str) -> TelemetryError:
        kind, source = self.table.columns[name], as_written(expression)
        return TelemetryError(
            f"{self.table.name}.{name} holds {found}, where {kind} is needed.",
            fix=f'Convert it in a mapping file: {name} = "TRY_CAST({source} AS {kind.sql_type})"; '
            "what does not convert is NULL.",
        )


def _plain(name: str, kind: Kind, expression: str, found: str) -> str:
    """The SQL of a column whose type converts without loss."""
    if kind is not Kind.TEXT and found in {"DOUBLE", "FLOAT"} and name != WEIGHT:
        # Many writers store a missing value as NaN. DuckDB sorts NaN above every number: it would exceed every
        # threshold, and be true as a boolean.
        finite = f"CASE WHEN isfinite({expression}) THEN {expression} END"
        return finite if kind is Kind.NUMBER else f"CAST({finite} AS {kind.sql_type})"
    if found == kind.sql_type or kind is Kind.NUMBER:
        return expression  # arithmetic widens numbers where it matters
    return f"CAST({expression} AS {kind.sql_type})"


def shortened(expression: str) -> str:
    """A long text as its prefix and a hash of the whole: the number of groups stays the same."""
    beginning = f"left({expression}, {LONGEST - 40}) || '… ' || md5({expression})"
    return f"CASE WHEN strlen({expression}) > {LONGEST} THEN {beginning} ELSE {expression} END"
