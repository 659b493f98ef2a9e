"""Serializes a frame into a sealed memory file that the zygote maps: numbers unchanged, text dictionary-encoded."""

import datetime
import decimal
import os
import pickle
import uuid
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd

from tsg_agent.sandbox.failures import FrameError

_ALIGNMENT = 64
_PLAIN = {
    *(str, bytes, bool, int, float, complex, decimal.Decimal, uuid.UUID, type(None), type(pd.NaT), type(pd.NA)),
    *(datetime.date, datetime.time, datetime.datetime, datetime.timedelta, pd.Timestamp, pd.Timedelta),
}


class _Packer:
    """Collects the buffers of a frame's columns, and their offsets."""

    def __init__(self) -> None:
        self.buffers: list[tuple[int, np.ndarray[Any, Any]]] = []
        self.size = 0

    def place(self, values: np.ndarray[Any, Any]) -> tuple[str, int, int]:
        values = np.ascontiguousarray(values)
        offset = self.size
        self.buffers.append((offset, values))
        self.size += -(-values.nbytes // _ALIGNMENT) * _ALIGNMENT
        return values.dtype.str, offset, len(values)

    def column(self, values: "pd.Series[Any]") -> dict[str, Any]:
        dtype = values.dtype
        if isinstance(dtype, pd.CategoricalDtype):
            codes = self.place(values.cat.codes.to_numpy())
            categories = self.column(pd.Series(dtype.categories))
            return {"kind": "categories", "codes": codes, "categories": categories, "ordered": dtype.ordered}
        if isinstance(dtype, pd.DatetimeTZDtype):
            moments = self.place(values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
            return {"kind": "moments", "values": moments, "zone": _zone(dtype.tz)}
        if isinstance(dtype, pd.StringDtype):
            return self._text(values, "str" if dtype.na_value is not pd.NA else "string[python]")
        if isinstance(dtype, np.dtype) and dtype.kind in "biufcmM":
            return {"kind": "numbers", "values": self.place(values.to_numpy())}
        return self._other(values)

    def _other(self, values: "pd.Series[Any]") -> dict[str, Any]:
        array = values.array
        if isinstance(array, (pd.arrays.BooleanArray, pd.arrays.IntegerArray, pd.arrays.FloatingArray)):
            mask = np.asarray(array.isna())
            filler = False if array.dtype.kind == "b" else 0
            filled = array.to_numpy(
                dtype=np.dtype(array.dtype.name.lower().replace("boolean", "bool")), na_value=filler
            )
            return {"kind": "masked", "values": self.place(filled), "mask": self.place(mask)}
        if isinstance(array, (pd.arrays.PeriodArray, pd.arrays.IntervalArray)):
            return {"kind": "array", "array": array}
        if pd.api.types.infer_dtype(values, skipna=False) == "string":
            return self._text(values, "")
        return {"kind": "objects", "cells": [_plain(cell) for cell in values.astype(object).tolist()]}

    def _text(self, values: "pd.Series[Any]", dtype: str) -> dict[str, Any]:
        codes, categories = pd.factorize(values)
        width = np.int16 if len(categories) < 2**15 - 1 else np.int32 if len(categories) < 2**31 - 1 else np.int64
        missing = pd.NA if dtype.startswith("string") else np.nan
        return {
            "kind": "text",
            "codes": self.place(codes.astype(width)),
            "categories": [str(text) for text in categories],
            "missing": missing,
            "dtype": dtype,
        }


def pack(frame: pd.DataFrame) -> int:
    """A sealed memory file that holds a copy of `frame`; the caller closes the descriptor. Raises FrameError."""
    if not isinstance(frame, pd.DataFrame):
        raise FrameError(f"A pandas DataFrame was expected, not {type(frame).__name__}.")
    packer = _Packer()
    header: dict[str, Any] = {
        "columns": [packer.column(frame.iloc[:, n]) for n in range(frame.shape[1])],
        "labels": [_plain(label) for label in frame.columns.tolist()],
        "column_names": [_plain(name) for name in frame.columns.names],
        "index_names": [_plain(name) for name in frame.index.names],
        "range": None,
        "index": [],
    }
    if isinstance(frame.index, pd.RangeIndex):
        header["range"] = (frame.index.start, frame.index.stop, frame.index.step)
    else:
        levels = range(frame.index.nlevels)
        header["index"] = [packer.column(pd.Series(frame.index.get_level_values(n))) for n in levels]
    return _write(header, packer)


def _write(header: dict[str, Any], packer: _Packer) -> int:
    import fcntl  # noqa: PLC0415 - not on every platform, and the package can be imported on all

    # Offsets are relative to the first buffer, whose position depends on the header's length.
    head = pickle.dumps(header, protocol=5)
    start = -(-(16 + len(head)) // _ALIGNMENT) * _ALIGNMENT
    descriptor = os.memfd_create("frame", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, start + packer.size)
        _write_at(descriptor, len(head).to_bytes(8, "little") + start.to_bytes(8, "little") + head, 0)
        for offset, values in packer.buffers:
            _write_at(descriptor, values.view(np.uint8).reshape(-1).data, start + offset)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _write_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(descriptor, left, offset)
        left, offset = left[written:], offset + written


def _zone(zone: datetime.tzinfo) -> Any:
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key:
        return zone.key
    offset = zone.utcoffset(None)
    return "UTC" if offset is None else datetime.timezone(offset)


def _plain(cell: Any) -> Any:
    """A cell of an object column as plain types; other objects become their text."""
    if isinstance(cell, (np.generic, np.ndarray)) and cell.dtype.kind not in "mM":
        return _plain(cell.tolist())
    if isinstance(cell, datetime.datetime) and cell.tzinfo is not None and cell is not pd.NaT:
        return cell.astimezone(datetime.UTC)
    if isinstance(cell, dict):
        return {_plain(key): _plain(value) for key, value in cell.items()}
    if isinstance(cell, (list, tuple, set, frozenset)):
        items = [_plain(item) for item in cell]
        return tuple(items) if isinstance(cell, tuple) else items
    return cell if type(cell) in _PLAIN else str(cell)
