"""Encodes the code's values as JSON of a fixed schema, truncated to the limits. `reply.py` decodes it in the parent.

Scalars stand for themselves; {"f": "nan"} a float that JSON lacks; {"l": [...]} a list, tuple or set; {"d": [[key,
value], ...]} a dict; {"table": n} the n-th table; {"o": text} the repr of any other object.
"""

import datetime
import decimal
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

_SAFE_INTEGER = 2**63
_DEPTH = 6


class Encoder:
    """Encodes one answer. `limits`: rows, columns, cells, tables, items, text (characters), reply_bytes."""

    def __init__(self, limits: Mapping[str, Any]) -> None:
        self._limits = limits
        self._tables: list[dict[str, object]] = []
        self._cut: set[str] = set()
        self._cells = 0
        # Remaining bytes of the answer; half of the limit is reserved for punctuation and numbers.
        self._room = int(limits["reply_bytes"]) // 2

    def document(self, value: object) -> dict[str, object]:
        """The answer of a run without an error: the value, its tables, and what was truncated."""
        encoded = self._value(value, "result", 0)
        return {"value": encoded, "tables": self._tables, "cut": sorted(self._cut), "error": None}

    def _value(self, value: object, name: str, depth: int) -> object:
        if isinstance(value, (pd.DataFrame, pd.Series, pd.Index)):
            return self._table_reference(value, name)
        if isinstance(value, np.ndarray) and value.ndim in {1, 2} and value.dtype.kind in "biufMmUO":
            return self._table_reference(pd.DataFrame(value), name)
        if isinstance(value, (dict, list, tuple, set, frozenset)):
            return self._container(value, name, depth)
        return self._scalar(value)

    def _container(
        self, value: "dict[Any, Any] | list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any]", name: str, depth: int
    ) -> object:
        if depth >= _DEPTH:
            self._cut.add("depth")
            return {"o": self._text(repr(value))}
        if isinstance(value, dict):
            pairs = [(self._label(key), item) for key, item in self._within_limits(value.items())]
            return {"d": [[label, self._value(item, label, depth + 1)] for label, item in pairs]}
        items = enumerate(self._within_limits(value))
        return {"l": [self._value(item, f"{name}_{n}", depth + 1) for n, item in items]}

    def _within_limits(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items up to the limit, and up to the remaining bytes."""
        for number, item in enumerate(items):
            self._room -= 20
            if number >= int(self._limits["items"]) or self._room <= 0:
                self._cut.add("items")
                return
            yield item

    def _scalar(self, value: object) -> object:
        if isinstance(value, np.generic) and not isinstance(value, (np.datetime64, np.timedelta64)):
            value = value.item()
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int) and -_SAFE_INTEGER < value < _SAFE_INTEGER:
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"f": repr(float(value))}
        if isinstance(value, str):
            return self._text(value)
        time = _time_text(value)
        return time if time is not None else {"o": self._text(_repr(value))}

    def _table_reference(self, value: "pd.DataFrame | pd.Series[Any] | pd.Index[Any]", name: str) -> object:
        if len(self._tables) >= int(self._limits["tables"]):
            self._cut.add("tables")
            return {"o": f"a table of {len(value)} rows, left out"}
        self._tables.append(self._table(_as_frame(value), name))
        return {"table": len(self._tables) - 1}

    def _table(self, frame: pd.DataFrame, name: str) -> dict[str, object]:
        width = min(frame.shape[1], int(self._limits["columns"]))
        left = int(self._limits["cells"]) - self._cells
        rows = max(0, min(len(frame), int(self._limits["rows"]), left // max(1, width + frame.index.nlevels)))
        if rows < len(frame):
            self._cut.add("rows")
        if width < frame.shape[1]:
            self._cut.add("columns")
        shown = frame.iloc[:rows, :width]
        columns: list[dict[str, object]] = []
        if not (isinstance(frame.index, pd.RangeIndex) and frame.index.name is None):
            columns += [self._index_level(shown.index, level) for level in range(shown.index.nlevels)]
        columns += [self._column(shown.iloc[:, n], self._label(label)) for n, label in enumerate(shown.columns)]
        self._cells += rows * len(columns)
        return {"name": name, "rows": len(frame), "width": frame.shape[1], "columns": columns}

    def _index_level(self, index: "pd.Index[Any]", level: int) -> dict[str, object]:
        label = index.names[level]
        name = self._label(label) if label is not None else "index" if index.nlevels == 1 else f"level_{level}"
        return self._column(index.get_level_values(level).to_series(), name, index=True)

    def _column(self, column: "pd.Series[Any]", name: str, *, index: bool = False) -> dict[str, object]:
        cells = [self._cell(cell) for cell in column.astype(object).tolist()]
        return {"name": name, "type": str(column.dtype)[:100], "index": index, "cells": cells}

    def _cell(self, cell: object) -> object:
        if cell is None or cell is pd.NaT or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell)):
            return None
        if isinstance(cell, (pd.Period, pd.Interval, decimal.Decimal)):
            return self._text(str(cell))
        encoded = self._scalar(cell)
        return encoded["o"] if isinstance(encoded, dict) and "o" in encoded else encoded

    def _label(self, label: object) -> str:
        text = ".".join(map(str, label)) if isinstance(label, tuple) else str(label)
        return self._text(text, 200)

    def _text(self, text: str, most: int | None = None) -> str:
        most = int(self._limits["text"]) if most is None else most
        kept = text[:most]
        cost = len(json.dumps(kept))
        if len(text) > most or cost > self._room:
            self._cut.add("text")
        if cost > self._room:
            return ""
        self._room -= cost
        return kept


def _as_frame(value: "pd.DataFrame | pd.Series[Any] | pd.Index[Any]") -> pd.DataFrame:
    if isinstance(value, pd.DataFrame):
        return value
    if isinstance(value, pd.Series):
        return value.to_frame(name="value" if value.name is None else value.name)
    return value.to_frame(index=False)


def _time_text(value: object) -> str | None:
    """ISO 8601 for a time or a date, pandas' text for a duration; None for anything else."""
    if isinstance(value, (datetime.timedelta, np.timedelta64)) and not pd.isna(value):
        return str(pd.Timedelta(value))
    if isinstance(value, (datetime.datetime, datetime.date)) and not pd.isna(value):
        return value.isoformat()
    return None


def _repr(value: object) -> str:
    # A categorical dtype's repr lists every category.
    short = isinstance(value, (np.dtype, pd.api.extensions.ExtensionDtype))
    return str(value) if short else repr(value)
