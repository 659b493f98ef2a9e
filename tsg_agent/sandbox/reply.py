"""Decodes the child's answer: untrusted bytes -> typed data, or SandboxViolation.

Validates everything: sizes, nesting, types, numbers that Python would read as infinite, references.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from tsg_agent.escape import utf8
from tsg_agent.sandbox.failures import SandboxViolation
from tsg_agent.sandbox.limits import Limits
from tsg_agent.sandbox.result import Cell, FrameColumn, FrameExcerpt, Opaque, Value

_SPECIAL_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_CUT = {"rows", "columns", "tables", "items", "depth", "text", "output"}
_DEPTH = 8
_CELLS: tuple[tuple[re.Pattern[str], tuple[type, ...], str], ...] = (
    (re.compile(r"float\d+"), (int, float), "numbers"),
    (re.compile(r"u?int(?:8|16|32)|int64"), (int,), "whole numbers"),
    (re.compile(r"bool"), (bool,), "truth values"),
    (re.compile(r"(?:datetime|timedelta)64\[.*"), (str,), "times as text"),
)
"""numpy dtype kind -> the JSON types of its cells, as `inside/encode.py` writes them; uint64 may be text."""


@dataclass(frozen=True)
class ChildReply:
    """The child's answer: a value and tables, or an error's type, text and line."""

    value: Value
    tables: tuple[FrameExcerpt, ...]
    cut: tuple[str, ...]
    error: tuple[str, str, int | None] | None


def read(data: bytes, limits: Limits) -> ChildReply:
    """The answer in `data`. Raises SandboxViolation for anything outside the schema of `inside/encode.py`."""
    try:
        document = json.loads(data, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise SandboxViolation(f"the answer is no JSON: {error}") from error
    fields = _object(document, {"value", "tables", "cut", "error"})
    tables = tuple(_table(table, limits) for table in _list(fields["tables"], limits.tables))
    if sum(table.shown * len(table.columns) for table in tables) > limits.cells + limits.columns:
        raise SandboxViolation("the tables have more cells than the limit")
    return ChildReply(
        _value(fields["value"], dict(enumerate(tables)), limits, 0),
        tables,
        tuple(_one_of(word, _CUT) for word in _list(fields["cut"], len(_CUT))),
        None if fields["error"] is None else _error(fields["error"]),
    )


def _error(data: object) -> tuple[str, str, int | None]:
    fields = _object(data, {"type", "message", "line"})
    line = fields["line"]
    if line is not None and (isinstance(line, bool) or not isinstance(line, int)):
        raise SandboxViolation("an error's line is a number")
    return _text(fields["type"], 100), _text(fields["message"], 2000), line


def _value(data: object, tables: dict[int, FrameExcerpt], limits: Limits, depth: int) -> Value:
    """Decode a value. `tables`: those not referenced yet; each may be referenced once, which limits the size."""
    if not isinstance(data, dict):
        return _scalar(data, limits)
    if depth > _DEPTH or len(data) != 1:
        raise SandboxViolation("a value is nested too deep or has no single tag")
    ((tag, content),) = data.items()
    if tag == "f":
        return _SPECIAL_FLOATS[_one_of(content, set(_SPECIAL_FLOATS))]
    if tag == "o":
        return Opaque(_text(content, limits.text))
    if tag == "table":
        if isinstance(content, bool) or not isinstance(content, int) or content not in tables:
            raise SandboxViolation("a value refers to a table that is not there, or twice to one")
        return tables.pop(content)
    if tag == "l":
        return [_value(item, tables, limits, depth + 1) for item in _list(content, limits.items)]
    if tag == "d":
        pairs = [_list(pair, 2, exactly=True) for pair in _list(content, limits.items)]
        return {_text(key, 1000): _value(item, tables, limits, depth + 1) for key, item in pairs}
    raise SandboxViolation("a value has an unknown tag")


def _table(data: object, limits: Limits) -> FrameExcerpt:
    fields = _object(data, {"name", "rows", "width", "columns"})
    columns = tuple(_column(column, limits) for column in _list(fields["columns"], limits.columns + 20))
    if len({len(column.cells) for column in columns}) > 1:
        raise SandboxViolation("a table's columns differ in length")
    return FrameExcerpt(_text(fields["name"], 1000), columns, _count(fields["rows"]), _count(fields["width"]))


def _column(data: object, limits: Limits) -> FrameColumn:
    fields = _object(data, {"name", "type", "index", "cells"})
    cells = tuple(_cell(cell, limits) for cell in _list(fields["cells"], limits.rows))
    dtype = _text(fields["type"], 100)
    for pattern, kinds, words in _CELLS:
        if pattern.fullmatch(dtype) and not all(_is_one(cell, kinds) for cell in cells):
            raise SandboxViolation(f"the cells of a column of {dtype} are {words}")
    return FrameColumn(_text(fields["name"], 1000), dtype, cells, fields["index"] is True)


def _is_one(cell: Cell, kinds: tuple[type, ...]) -> bool:
    """True if a cell is missing, or of one of the types. Unlike in Python, a bool is no number."""
    return cell is None or (isinstance(cell, kinds) and isinstance(cell, bool) == (bool in kinds))


def _cell(data: object, limits: Limits) -> Cell:
    if isinstance(data, dict):
        return _SPECIAL_FLOATS[_one_of(_object(data, {"f"})["f"], set(_SPECIAL_FLOATS))]
    return _scalar(data, limits)


def _scalar(data: object, limits: Limits) -> Cell:
    if data is None or isinstance(data, (bool, float)):
        return data
    if isinstance(data, int) and -(2**63) < data < 2**63:
        return data
    return _text(data, limits.text)


def _text(data: object, most: int) -> str:
    if not isinstance(data, str) or len(data) > most:
        raise SandboxViolation("a text was expected, within its limit")
    return utf8(data)


def _count(data: object) -> int:
    if isinstance(data, bool) or not isinstance(data, int) or not 0 <= data < 2**63:
        raise SandboxViolation("a count was expected")
    return data


def _object(data: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(data, dict) or set(data) != names:
        raise SandboxViolation(f"an object with {sorted(names)} was expected")
    return data


def _list(data: object, most: int, *, exactly: bool = False) -> list[Any]:
    if not isinstance(data, list) or len(data) > most or (exactly and len(data) != most):
        raise SandboxViolation(f"a list of at most {most} was expected")
    return data


def _one_of(data: object, words: set[str]) -> str:
    if not isinstance(data, str) or data not in words:
        raise SandboxViolation(f"one of {sorted(words)} was expected")
    return data


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number
