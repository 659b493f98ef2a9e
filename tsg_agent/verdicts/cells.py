"""Requests that agree in every value that may be part of a cause, counted as one. Pure numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsg_agent.evidence.requests import Column
from tsg_agent.models import Subject
from tsg_agent.statistics import Bools, Floats

Key = tuple[int, ...]
"""A description: places in `Cells.items`, ascending."""
BEFORE_OK, BEFORE_FAILED, AFTER_OK, AFTER_FAILED = range(4)
TOLD_OK, TOLD_FAILED = 4, 5
"""Counts of a description have six entries: its requests in the four states, then the requests that its share before is
read from, ok and failed. These are its own, unless it is new."""
SUPPORT = 5
"""Failures since the start that a description must hold."""
WHOLE = 0.95
"""What has this share of the traffic is the service, not a part of it."""
PRIOR = 20
"""Requests of the service's own rate that are added to a description's before: a new one has nothing else."""
NEW = 30
"""What has fewer requests before than this is new."""
MOST_ITEMS, LARGE, FEWER = 120, 200_000, 40
"""Values looked at in conjunctions: those that rose most, in that order; of more requests than LARGE fewer, since more
requests tell them better apart, and have more combinations of them."""


@dataclass(frozen=True)
class Cells:
    """Requests that agree in every candidate value, as one row: `counts` by before/after and ok/failed, shape (U, 4).

    `member[i, u]`: whether row u has item i. `unknown[i, u]`: whether item i's dimension is not recorded in row u.
    `values`: how many values there are in all dimensions together.
    """

    items: list[Subject]
    dimension: NDArray[np.intp]
    member: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    new: NDArray[np.bool_]
    """Items without requests before: a description's before is that of its other items."""
    counts: Floats
    values: int
    left_out: int
    """Values that rose but were not looked at in conjunctions."""

    @classmethod
    def of(cls, columns: Sequence[Column], state: NDArray[np.integer], weight: Floats | None) -> "Cells":
        """Count `columns` by `state` (BEFORE_OK…, -1 = neither) and keep the values that may be part of a cause."""
        kept = state >= 0
        everything = np.bincount(state[kept], None if weight is None else weight[kept], 4).astype(float)
        # The rows of failures are few: what holds too few of them is not looked at further.
        found: list[tuple[float, int, int]] = []
        asked_before: dict[tuple[int, int], float] = {}
        values = 0
        for place, column in enumerate(columns):
            counted = marginal(column, state, weight)
            if not counted[:, [BEFORE_OK, AFTER_OK]].any():
                continue  # only failures carry it: it says what failed, not where
            values += len(counted)
            k1, n1 = counted[:, AFTER_FAILED], counted[:, AFTER_OK] + counted[:, AFTER_FAILED]
            n0 = counted[:, BEFORE_OK] + counted[:, BEFORE_FAILED]
            base = (counted[:, BEFORE_FAILED] + PRIOR * base_share(everything)) / (n0 + PRIOR)
            z = (k1 - n1 * base) / np.sqrt(n1 * base * (1 - base) + 1)
            wanted = (k1 >= SUPPORT) & (n1 < WHOLE * (everything[AFTER_OK] + everything[AFTER_FAILED])) & (z > -2)
            found += [(-float(z[code]), place, int(code)) for code in np.flatnonzero(wanted)]
            asked_before |= {(place, int(code)): float(n0[code]) for code in np.flatnonzero(wanted)}
        found.sort()
        chosen = found[: MOST_ITEMS if len(state) <= LARGE else FEWER]
        row, counts = _compact(columns, state, weight, chosen)
        member, unknown = np.zeros((2, len(chosen), len(counts)), bool)
        for item, (_, place, code) in enumerate(chosen):
            member[item] = columns[place].codes[row] == code
            unknown[item] = columns[place].codes[row] < 0 if columns[place].recorded else False
        items = [columns[place].subjects[code] for _, place, code in chosen]
        dimension = np.array([place for _, place, _ in chosen], int)
        new = np.array([asked_before[place, code] < NEW for _, place, code in chosen], bool)
        return cls(items, dimension, member, unknown, new, counts, values, len(found) - len(chosen))

    def subject(self, key: Key) -> Subject:
        """What a description says."""
        return {name: value for item in key for name, value in self.items[item].items()}

    def mask(self, key: Key, *, told: bool = False) -> Bools:
        """The rows of a description; `told`: those that its share before is read from."""
        rows: Bools = np.logical_and.reduce((self.told if told else self.member)[list(key)], axis=0)
        return rows

    def met(self, index: list[int], anchors: int, alive: Bools) -> Floats:
        """How many requests each of the first items has together with each: (anchors, items, 6), see TOLD_OK."""
        parts = [self._pairwise(self._dense, index, anchors, self.counts[:, state] * alive) for state in range(4)]
        if not self.new.any():
            return np.stack([*parts, *parts[:2]], axis=-1)
        told = [self._pairwise(self._dense_told, index, anchors, self.counts[:, state] * alive) for state in range(2)]
        return np.stack([*parts, *told], axis=-1)

    @staticmethod
    def _pairwise(dense: NDArray[np.float32], index: list[int], anchors: int, weight: Floats) -> Floats:
        rows = np.flatnonzero(weight)  # most rows are in one of the four states only
        some = dense[index][:, rows]
        result: Floats = ((some[:anchors] * weight[rows].astype(np.float32)) @ some.T).astype(float)
        return result

    @cached_property
    def told(self) -> Bools:
        """Whose before is an item's: its own requests', for a new one everybody's. Shape of `member`."""
        result: Bools = self.member | self.new[:, None]
        return result

    def each(self, rows: Bools) -> Floats:
        """Every single item's requests among some rows: (items, 6), see TOLD_OK."""
        return self.within(rows, rows)

    def within(self, rows: Bools, before: Bools) -> Floats:
        """Every single item's requests among some rows, its before told by others: (items, 6), see TOLD_OK."""
        own = self._product(self._dense, rows, self.counts)
        if not self.new.any() and before is rows:
            return np.concatenate([own, own[:, :2]], axis=1)
        return np.concatenate([own, self._product(self._dense_told, before, self.counts[:, :2])], axis=1)

    @staticmethod
    def _product(dense: NDArray[np.float32], rows: Bools, counts: Floats) -> Floats:
        """Products of whole numbers in single precision are exact up to 16 million, and many times as fast."""
        there = np.flatnonzero(rows)
        some = dense if len(there) == len(rows) else dense[:, there]
        result: Floats = (some @ counts[there].astype(np.float32)).astype(float)
        return result

    @cached_property
    def _dense(self) -> NDArray[np.float32]:
        return self.member.astype(np.float32)

    @cached_property
    def _dense_told(self) -> NDArray[np.float32]:
        return self.told.astype(np.float32) if self.new.any() else self._dense

    def counted(self, key: Key, alive: Bools) -> Floats:
        """A description's requests among some rows: (6,), see TOLD_OK."""
        own = self.count(self.mask(key) & alive)
        return np.concatenate([own, self.count(self.mask(key, told=True) & alive)[:2]])

    def settled(self, key: Key) -> Bools:
        """The rows that a description says anything of: its own, and those that lack one of its dimensions.

        Where a fifth of the rows lack their shard, the partition of a broken shard goes on failing without it.
        """
        rows: Bools = self.mask(key) | np.logical_or.reduce(self.unknown[list(key)], axis=0)
        return rows

    def count(self, rows: Bools) -> Floats:
        """Requests of some rows, by before/after and ok/failed."""
        counted: Floats = self.counts[rows].sum(axis=0)
        return counted


def marginal(column: Column, state: NDArray[np.integer], weight: Floats | None) -> Floats:
    """Requests of each value, by before/after and ok/failed: (values, 4)."""
    kept = (state >= 0) & (column.codes >= 0)
    cell = column.codes[kept].astype(np.int64) * 4 + state[kept]
    counted = np.bincount(cell, None if weight is None else weight[kept], 4 * len(column.subjects))
    return counted.astype(float).reshape(-1, 4)


def base_share(counts: Floats) -> float:
    """The failing share before, half a failure added."""
    return float((counts[BEFORE_FAILED] + 0.5) / (counts[BEFORE_OK] + counts[BEFORE_FAILED] + 1))


def _compact(
    columns: Sequence[Column],
    state: NDArray[np.integer],
    weight: Floats | None,
    chosen: Sequence[tuple[float, int, int]],
) -> tuple[NDArray[np.intp], Floats]:
    """One row of each kind that the chosen values tell apart, and its counts."""
    rows = np.flatnonzero(state >= 0)
    kind, kinds = np.zeros(len(rows), np.int64), 1
    for place in sorted({place for _, place, _ in chosen}):
        column = columns[place]
        code = np.zeros(len(column.subjects) + 1, np.int64)  # the code of NULL is -1, the last
        wanted = [value for _, other, value in chosen if other == place]
        code[[*wanted, -1]] = np.arange(1, len(wanted) + 2)
        kind = kind * (len(wanted) + 2) + code[column.codes[rows]]
        kinds *= len(wanted) + 2
        if kinds > 2**40:
            kind, found = pd.factorize(kind)
            kinds = len(found)
    kind, found = pd.factorize(kind)
    counts = np.bincount(kind * 4 + state[rows], None if weight is None else weight[rows], 4 * len(found))
    first = np.zeros(len(found), np.intp)
    first[kind[::-1]] = rows[::-1]
    return first, counts.astype(float).reshape(-1, 4)
