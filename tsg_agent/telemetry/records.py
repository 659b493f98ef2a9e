"""Reads structured records from logs that mix them with plain lines, as containers' output does.

A record is a line's JSON object after any prefix, or its pairs: `key=value` (logfmt), or tab-separated `key:value`
(LTSV).
"""

import re
from dataclasses import dataclass

import duckdb

from tsg_agent.telemetry.values import any_row, literal

OBJECT = r"TRY_CAST(nullif(regexp_extract(line, '\{.*\}'), '') AS JSON)"
"""The JSON object of a line: from its first brace to its last one."""
TIME = r"^[^{=]{0,40}?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z|[+-]\d\d:?\d\d)?)"
"""A timestamp before the record: the time at which the line was written."""
LEAST_PAIRS = 3
"""Least number of pairs in a record: a sentence may contain one."""
MOST_KEYS = 200
MOST_SHARE = 0.5
"""Share of lines with records above which a file is such a log."""


@dataclass(frozen=True)
class Pairs:
    """The syntax of key-value pairs: a regular expression (RE2) with a group for each."""

    pattern: str

    def list_of(self, group: int) -> str:
        """The SQL list of a line's keys (group 1) or values (group 2)."""
        return f"regexp_extract_all(line, '{self.pattern}', {group})"


LOGFMT = Pairs(r'(?:^|[\s,;])([A-Za-z_@][\w.@-]*)=("(?:[^"\\]|\\.)*"|[^\s]*)')
LTSV = Pairs(r"(?:^|\t)([A-Za-z_@][\w.@-]*):([^\t]*)")


@dataclass(frozen=True)
class RecordCount:
    """Number of lines with a record, without one (and an example), and with a broken one."""

    records: int
    others: int
    example: str
    broken: int


def keep(connection: duckdb.DuckDBPyConnection, name: str, lines: str, beside: str = "") -> RecordCount:
    """Create the table `name` from the records in `lines` (a FROM clause with a text column `line`, and `beside`).

    Reads the syntax that most lines have; lines without a record are skipped.
    """
    filled = f"(SELECT line{beside} FROM {lines} WHERE trim(line) <> '')"  # noqa: S608 - a quoted source
    timed = f"(SELECT line, nullif(regexp_extract(line, '{TIME}', 1), '') AS line_time FROM {filled})"  # noqa: S608 - our own
    if not beside and any_row(connection, f"{timed} WHERE line_time IS NOT NULL"):
        filled, beside = timed, ", line_time"
    is_record, select = _form(connection, filled, beside)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {select} WHERE {is_record}")
    found = connection.execute(
        f"SELECT count(*) FILTER (WHERE {is_record}), count(*) FILTER (WHERE NOT {is_record}), "  # noqa: S608 - our own names
        f"min(line) FILTER (WHERE NOT {is_record}), "
        f"count(*) FILTER (WHERE starts_with(line, '{{') AND NOT {is_record}) "
        f"FROM {filled}"
    ).fetchone()
    records, others, example, broken = found or (0, 0, "", 0)
    return RecordCount(int(records), int(others) - int(broken), str(example or "")[:120], int(broken))


def hold(lines: list[str]) -> bool:
    """True if more than half of the lines hold a record."""
    held = sum(
        bool(re.search(r"\{\s*\".*\}", line)) or any(_pairs(line, one) for one in (LOGFMT, LTSV)) for line in lines
    )
    return held > MOST_SHARE * len(lines)


def _pairs(line: str, form: Pairs) -> bool:
    return len(re.findall(form.pattern, line)) >= LEAST_PAIRS


def _form(connection: duckdb.DuckDBPyConnection, lines: str, beside: str) -> tuple[str, str]:
    """The SQL condition that a line is a record, and the SQL of its columns, for the most frequent syntax."""
    least = f"len({{}}) >= {LEAST_PAIRS}"
    tests = {OBJECT: f"coalesce(json_type({OBJECT}) = 'OBJECT', false)"}
    tests |= {one.pattern: least.format(one.list_of(1)) for one in (LOGFMT, LTSV)}
    counts = ", ".join(f"count(*) FILTER (WHERE {test})" for test in tests.values())
    found = connection.execute(f"SELECT {counts} FROM {lines}").fetchone() or (0, 0, 0)  # noqa: S608 - our own names
    form, is_record = list(tests.items())[found.index(max(found))]
    if form == OBJECT:
        sql = f"SELECT json_group_structure({OBJECT}) FROM {lines} WHERE {is_record}"  # noqa: S608 - our own names
        (structure,) = connection.execute(sql).fetchone() or ("{}",)
        held = literal(str(structure or "{}"))
        return is_record, f"SELECT unnest(from_json({OBJECT}, {held})){beside} FROM {lines}"  # noqa: S608 - quoted
    pairs = Pairs(form)
    keys = connection.execute(
        f"SELECT k FROM (SELECT unnest({pairs.list_of(1)}) AS k FROM {lines} WHERE {is_record}) "  # noqa: S608 - our own names
        f"GROUP BY k ORDER BY count(*) DESC, k LIMIT {MOST_KEYS}"
    ).fetchall()
    distinct = {str(key).lower(): str(key) for (key,) in reversed(keys)}
    columns = ", ".join(
        f"nullif(trim(held[list_position(keys, '{key}')], '\"'), '') AS \"{key}\""  # only keys of letters and dots
        for key in reversed(distinct.values())
    )
    listed = f"(SELECT line{beside}, {pairs.list_of(1)} AS keys, {pairs.list_of(2)} AS held FROM {lines})"  # noqa: S608 - our own names
    return is_record, f"SELECT {columns}{beside} FROM {listed}"  # noqa: S608 - our own names
