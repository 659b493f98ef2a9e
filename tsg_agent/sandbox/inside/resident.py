"""Rebuilds frames in the zygote from sealed memory files, which `frame_memory.py` writes in the parent."""

import mmap
import pickle
from typing import Any

import numpy as np
import pandas as pd
from pandas.arrays import BooleanArray, FloatingArray, IntegerArray

from tsg_agent.sandbox.inside import remember

_MASKED = {"b": BooleanArray, "i": IntegerArray, "u": IntegerArray, "f": FloatingArray}


def load(descriptor: int) -> pd.DataFrame:
    """The frame in the memory file. Its numbers stay there: pages are copied on write.

    The header is a pickle written by the parent; nothing here comes from untrusted code.
    """
    pages = mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY)
    length, start = int.from_bytes(pages[:8], "little"), int.from_bytes(pages[8:16], "little")
    header: dict[str, Any] = pickle.loads(pages[16 : 16 + length])  # noqa: S301 - see above
    buffers = memoryview(pages)[start:]
    columns = {n: _array(column, buffers) for n, column in enumerate(header["columns"])}
    index = _index(header, buffers)
    frame = pd.DataFrame(columns, index=index, copy=False)
    names = header["column_names"]
    labels = header["labels"]
    if len(names) > 1:
        frame.columns = pd.MultiIndex.from_tuples(labels, names=names)
    else:
        frame.columns = pd.Index(labels, name=names[0])
    return frame


def _index(header: dict[str, Any], buffers: memoryview) -> "pd.Index[Any]":
    if header["range"] is not None:
        start, stop, step = header["range"]
        return pd.RangeIndex(start, stop, step, name=header["index_names"][0])
    levels = [_array(level, buffers) for level in header["index"]]
    if len(levels) == 1:
        index: pd.Index[Any] = pd.Index(levels[0], name=header["index_names"][0])
        return index
    return pd.MultiIndex.from_arrays(levels, names=header["index_names"])


def _array(column: dict[str, Any], buffers: memoryview) -> Any:
    return _BUILDERS[column["kind"]](column, buffers)


def _numbers(column: dict[str, Any], buffers: memoryview) -> Any:
    return _buffer(column["values"], buffers)


def _moments(column: dict[str, Any], buffers: memoryview) -> Any:
    moments = pd.Series(_buffer(column["values"], buffers), copy=False)
    return moments.dt.tz_localize("UTC").dt.tz_convert(column["zone"])


def _masked(column: dict[str, Any], buffers: memoryview) -> Any:
    values, mask = _buffer(column["values"], buffers), _buffer(column["mask"], buffers)
    return _MASKED[values.dtype.kind](values, mask)


def _text(column: dict[str, Any], buffers: memoryview) -> Any:
    categories = np.array([*column["categories"], column["missing"]], dtype=object)  # code -1 selects the last one
    codes = _buffer(column["codes"], buffers)
    cells = categories.take(codes, mode="wrap")
    if not column["dtype"]:
        return cells
    array = pd.array(cells, dtype=column["dtype"])
    remember.remember(array, codes, pd.array(categories[:-1], dtype=column["dtype"]))
    return array


def _categories(column: dict[str, Any], buffers: memoryview) -> Any:
    codes = _buffer(column["codes"], buffers)
    return pd.Categorical.from_codes(codes, _array(column["categories"], buffers), ordered=column["ordered"])


def _objects(column: dict[str, Any], _: memoryview) -> Any:
    return np.fromiter(column["cells"], dtype=object, count=len(column["cells"]))


def _ready_made(column: dict[str, Any], _: memoryview) -> Any:
    return column["array"]


_BUILDERS = {
    "numbers": _numbers,
    "moments": _moments,
    "masked": _masked,
    "text": _text,
    "categories": _categories,
    "objects": _objects,
    "array": _ready_made,
}


def _buffer(place: tuple[str, int, int], buffers: memoryview) -> Any:
    dtype, offset, count = place
    if count == 0:
        return np.empty(0, dtype=dtype)  # frombuffer rejects empty buffers
    return np.frombuffer(buffers, dtype=dtype, count=count, offset=offset)
