"""Counts of several columns' values in one pass over the requests. Pure numpy."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from tsg_agent.evidence.blocks import in_blocks
from tsg_agent.evidence.requests import Codes, DimensionCodes
from tsg_agent.statistics import Floats

MOST = 2**17
"""Counters of one pass: they are to stay in a processor's own memory."""


def counted(columns: Sequence[DimensionCodes], cell: Codes, cells: int, weight: Floats | None) -> Iterator[Floats]:
    """The requests of each column's values by cell (0 to `cells`): (values, cells) each, one after the other.

    Columns of few values are counted as one column of all their combinations, which is then summed up: reading the
    requests is what takes the time.
    """
    for some in _batches(columns, cells):
        yield from _tables(some, cell, cells, weight)


def _batches(columns: Sequence[DimensionCodes], cells: int) -> Iterator[list[DimensionCodes]]:
    """Neighbours whose combinations are few."""
    batch: list[DimensionCodes] = []
    size = cells
    for column in columns:
        if batch and size * (len(column.values) + 1) > MOST:
            yield batch
            batch, size = [], cells
        batch.append(column)
        size *= len(column.values) + 1
    if batch:
        yield batch


def _tables(columns: list[DimensionCodes], cell: Codes, cells: int, weight: Floats | None) -> Iterator[Floats]:
    shape = [*(len(column.values) + 1 for column in columns), cells]

    def place(rows: slice) -> Codes:
        found = np.zeros(len(cell[rows]), np.int64)
        for column, values in zip(columns, shape[:-1], strict=True):
            found *= values
            found += column.codes[rows]
            found += 1  # no value is the first
        found *= cells
        found += cell[rows]
        return found

    both = in_blocks(place, len(cell), weight, math.prod(shape)).reshape(shape)
    if len(columns) == 1:  # which may be large
        yield both[1:]
        return
    for axis in range(len(columns)):
        others = tuple(other for other in range(len(columns)) if other != axis)
        yield both.sum(axis=others)[1:]
