"""Conversion of values between DuckDB and Python."""

import contextlib
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Noted:
    """The SQL by which a column is read, and notes on it."""

    sql: str
    notes: tuple[str, ...] = ()


_ENDLESS = {32: 2**31 - 1, 64: 2**63 - 1}
"""DuckDB's infinite date (32 bits) and timestamp (64 bits)."""


def is_text(value: object) -> bool:
    """False for a text, or a list of texts, with a lone surrogate, which UTF-8 cannot encode."""
    if isinstance(value, list | tuple):
        return all(map(is_text, value))
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
    return True


def any_row(connection: duckdb.DuckDBPyConnection, rows: str) -> bool:
    """True if a FROM clause has at least one row."""
    return connection.execute(f"SELECT 1 FROM {rows} LIMIT 1").fetchone() is not None  # noqa: S608 - checked expressions


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as dicts; dates and times outside of Python's range (years 1 to 9999, not infinite) as text."""
    columns = [_values(column) for column in table.columns]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    try:
        return list(column.to_pylist())
    except (OverflowError, ValueError):
        return [_value(one) for one in column]


def _value(one: pa.Scalar) -> Any:
    with contextlib.suppress(OverflowError, ValueError):
        return one.as_py()
    if pa.types.is_struct(one.type):
        return {name: _value(inner) for name, inner in one.items()}
    if not (pa.types.is_date32(one.type) or pa.types.is_timestamp(one.type)):
        return "a value that cannot be shown"
    if abs(one.value) == _ENDLESS[one.type.bit_width]:
        return "infinity" if one.value > 0 else "-infinity"
    return str(np.datetime64(one.value, one.type.unit if pa.types.is_timestamp(one.type) else "D")).replace("T", " ")
