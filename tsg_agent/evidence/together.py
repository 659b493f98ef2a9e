"""Histograms of several columns in one pass over the requests. Pure numpy."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tsg_agent.evidence.blocks import in_blocks
from tsg_agent.evidence.requests import Codes, DimensionCodes
from tsg_agent.statistics import Floats

MOST = 2**17
"""Most counters of one pass: they must fit into the processor's cache."""
LEAST = 2**13
"""Fewer are not worth a further pass; of more there are no more than requests: adding them up would take longer."""


def counted(
    columns: Sequence[DimensionCodes], cell: Codes, cells: int, weights: Sequence[Floats | None]
) -> Iterator[Floats]:
    """Counts of each column's values by cell, shape (weights, values, cells), in the order of the columns.

    `cell`: each request's cell, 0 to `cells` - 1. Low-cardinality columns are counted together, as one column of their
    combinations, which is then marginalized: passes over the requests dominate the time.
    """
    for some in _batches(columns, cells, min(MOST, max(LEAST, len(cell)))):
        yield from _tables(some, cell, cells, weights)


def _batches(columns: Sequence[DimensionCodes], cells: int, most: int) -> Iterator[list[DimensionCodes]]:
    """Groups of consecutive columns whose combinations fit into `most` counters."""
    batch: list[DimensionCodes] = []
    size = cells
    for column in columns:
        if batch and size * (len(column.values) + 1) > most:
            yield batch
            batch, size = [], cells
        batch.append(column)
        size *= len(column.values) + 1
    if batch:
        yield batch


def _tables(
    columns: list[DimensionCodes], cell: Codes, cells: int, weights: Sequence[Floats | None]
) -> Iterator[Floats]:
    shape = [*(len(column.values) + 1 for column in columns), cells]
    places = math.prod(shape)
    kind: type[np.signedinteger[Any]] = np.int32 if places <= np.iinfo(np.int32).max else np.int64
    valued = sum(math.prod(shape[axis + 1 :]) for axis in range(len(columns)))  # index 0 is "no value"

    def place(rows: slice) -> Codes:
        found: Codes = columns[0].codes[rows].astype(kind)
        for column, values in zip(columns[1:], shape[1:], strict=False):
            found *= values
            found += column.codes[rows]
        found *= cells
        found += cell[rows]
        found += valued
        return found

    both = in_blocks(place, len(cell), weights, places).reshape(-1, *shape)
    if len(columns) == 1:  # free the large array early
        yield both[:, 1:]
        return
    for axis in range(1, len(columns) + 1):
        others = tuple(other for other in range(1, len(columns) + 1) if other != axis)
        yield both.sum(axis=others)[:, 1:]
