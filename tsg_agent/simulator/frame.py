"""Columns of generated rows: numbers as arrays, text dictionary-encoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tsg_agent.simulator.randomness import Bools, Ints, Keys


@dataclass(frozen=True)
class Text:
    """A text column as codes into `values`; -1 is NULL."""

    codes: Ints
    values: tuple[str, ...]

    def take(self, index: NDArray[Any]) -> "Text":
        """The rows of an index or a mask."""
        return Text(self.codes[index], self.values)

    def equals(self, value: str) -> Bools:
        """Mask of the rows with this value; all False if `values` lacks it."""
        code = self.values.index(value) if value in self.values else -2
        return np.asarray(self.codes == code, dtype=np.bool_)

    def lookup(self, values: Sequence[str | None]) -> "Text":
        """A column derived from this one: this one's codes into other `values`."""
        words = tuple(dict.fromkeys(value for value in values if value is not None))
        codes = np.array([-1 if value is None else words.index(value) for value in values] + [-1], dtype=np.int64)
        return Text(codes[self.codes], words)

    def arrow(self) -> Any:
        """A pyarrow string array."""
        indices = pa.array(self.codes.astype(np.int32), mask=self.codes < 0)
        return pa.DictionaryArray.from_arrays(indices, pa.array(self.values, pa.string())).dictionary_decode()


Column: TypeAlias = Text | NDArray[Any]


class Frame:
    """Named columns of one length."""

    def __init__(self, columns: dict[str, Column]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        first = next(iter(self.columns.values()))
        return len(first.codes) if isinstance(first, Text) else len(first)

    def text(self, name: str) -> Text:
        """A text column."""
        column = self.columns[name]
        if not isinstance(column, Text):
            raise TypeError(f"{name} is a column of numbers")
        return column

    def array(self, name: str) -> NDArray[Any]:
        """A column of numbers."""
        column = self.columns[name]
        if isinstance(column, Text):
            raise TypeError(f"{name} is a column of text")
        return column

    def take(self, index: NDArray[Any]) -> "Frame":
        """The rows of an index or a mask."""
        taken: dict[str, Column] = {}
        for name, column in self.columns.items():
            taken[name] = column.take(index) if isinstance(column, Text) else column[index]
        return Frame(taken)

    def replaced(self, columns: dict[str, Column]) -> "Frame":
        """The same rows with columns added or changed."""
        return Frame({**self.columns, **columns})


def concat(frames: Sequence[Frame]) -> Frame:
    """Concatenate frames with the same columns and vocabularies."""
    columns: dict[str, Column] = {}
    for name, column in frames[0].columns.items():
        if isinstance(column, Text):
            codes = np.concatenate([frame.text(name).codes for frame in frames])
            columns[name] = Text(codes, column.values)
        else:
            columns[name] = np.concatenate([frame.array(name) for frame in frames])
    return Frame(columns)


def constant(value: str, rows: int, values: tuple[str, ...]) -> Text:
    """The same value in every row."""
    return Text(np.full(rows, values.index(value), dtype=np.int64), values)


def hex_ids(prefix: str, keys: Keys, missing: Bools | None = None) -> Any:
    """A pyarrow string array of `prefix` and 16 hexadecimal digits per key; NULL where `missing`."""
    head = np.frombuffer(prefix.encode(), dtype=np.uint8)
    shifts = np.arange(60, -1, -4, dtype=np.uint64)
    digits = ((keys[:, None] >> shifts) & np.uint64(15)).astype(np.uint8)
    letters = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[digits]
    width = len(head) + 16
    data = np.empty((len(keys), width), dtype=np.uint8)
    data[:, : len(head)] = head
    data[:, len(head) :] = letters
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(keys), [None, pa.py_buffer(data.tobytes())])
    ids = fixed.cast(pa.binary()).cast(pa.string())
    return ids if missing is None else pa.compute.if_else(pa.array(~missing), ids, pa.scalar(None, pa.string()))
