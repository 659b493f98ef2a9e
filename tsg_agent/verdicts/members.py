"""Which requests have which value that may be part of a cause: one bit each. Pure numpy."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsg_agent.evidence.blocks import blocks, in_blocks
from tsg_agent.evidence.requests import DimensionCodes
from tsg_agent.evidence.together import counted
from tsg_agent.models import Subject
from tsg_agent.statistics import Bools, Floats

Key = tuple[int, ...]
"""A description: places in `Members.items`, ascending."""
Bits = NDArray[np.uint64]
"""Some of the requests: (words,), or several such sets, (..., words)."""
Describes = Callable[[DimensionCodes, NDArray[np.intp]], Bools]
"""Which of a column's codes say what failed, not where."""
BEFORE_OK, BEFORE_FAILED, AFTER_OK, AFTER_FAILED = range(4)
TOLD_OK, TOLD_FAILED = 4, 5
"""Counts of a description have six entries: its requests in the four states, then the requests that its share before is
read from, ok and failed. These are its own, unless it is new."""
SUPPORT = 5
"""Failures since the start that a description must hold."""
WHOLE = 0.95
"""From this share of the traffic on, a description is the whole service, not a part of it."""
PRIOR = 20
"""Requests at the service's own rate that are added to a description's time before: a new one has no others."""
NEW = 30
"""A description with fewer requests before than this counts as new."""
MOST_ITEMS, LARGE, FEWER = 120, 200_000, 40
"""Values looked at in conjunctions: those that rose most, in that order; of more requests than LARGE fewer, since more
requests tell them better apart, and have more combinations of them."""
WORD = 64
SPAN, AT_ONCE = 1_000, 60_000
"""Words of a set that are counted in one go, their bits by 16 bits; and words of several sets together: what fits into
a processor's own memory."""
FIRST = 3
"""So many of the values that rose most have their requests in words of their own: those words are all that is counted
of a description with one of them."""
DIGITS = 40
"""Binary digits that a weight which is no whole number is read by."""


@dataclass(frozen=True)
class Span:
    """Words whose requests are in one state and stand for `weight` requests each."""

    words: slice
    state: int
    weight: float


@dataclass(frozen=True)
class Members:
    """The requests that are before or after, as sets of bits: `member[i]` those that have item i, (items, words).

    A set's requests are counted by the processor's own instruction, 64 in one step: no time of more than one core, and
    a fortieth of the memory that a matrix would take. `values`: how many there are in all dimensions together.
    """

    items: list[Subject]
    dimension: NDArray[np.intp]
    member: Bits
    unknown: dict[int, Bits]
    """Dimension -> the requests that do not record it."""
    new: Bools
    """Items without requests before: a description's before is that of its other items."""
    everything: Bits
    spans: list[Span]
    values: int
    left_out: int
    """Values that rose but were not looked at in conjunctions."""

    @classmethod
    def of(
        cls, columns: Sequence[DimensionCodes], state: NDArray[np.integer], weight: Floats | None, describes: Describes
    ) -> "Members":
        """Count `columns` by `state` (BEFORE_OK…, -1 = neither) and keep the values that may be part of a cause."""
        cell = state + 1
        (whole,) = in_blocks(cell.__getitem__, len(cell), [weight], 5)
        everything = whole[1:]
        # The rows of failures are few: what holds too few of them is not looked at further.
        found: list[tuple[float, int, int]] = []
        asked_before: dict[tuple[int, int], float] = {}
        values = 0
        for place, counts in enumerate(each[:, 1:] for (each,) in counted(columns, cell, 5, [weight])):
            if not counts[:, [BEFORE_OK, AFTER_OK]].any():
                continue  # only failures carry it
            values += len(counts)
            k1, n1 = counts[:, AFTER_FAILED], counts[:, AFTER_OK] + counts[:, AFTER_FAILED]
            n0 = counts[:, BEFORE_OK] + counts[:, BEFORE_FAILED]
            base = (counts[:, BEFORE_FAILED] + PRIOR * base_share(everything)) / (n0 + PRIOR)
            z = (k1 - n1 * base) / np.sqrt(n1 * base * (1 - base) + 1)
            wanted = (k1 >= SUPPORT) & (n1 < WHOLE * (everything[AFTER_OK] + everything[AFTER_FAILED])) & (z > -2)
            wanted[wanted] = ~describes(columns[place], np.flatnonzero(wanted))
            found += [(-float(z[code]), place, int(code)) for code in np.flatnonzero(wanted)]
            asked_before |= {(place, int(code)): float(n0[code]) for code in np.flatnonzero(wanted)}
        found.sort()
        chosen = found[: MOST_ITEMS if whole.sum() <= LARGE else FEWER]
        picked = [(place, code) for _, place, code in chosen]
        rows, spans = _laid(state, weight, [columns[place].codes == code for place, code in picked[:FIRST]])
        member, unknown = _bits(columns, picked, rows)
        return cls(
            [columns[place].subject(code) for _, place, code in chosen],
            np.array([place for _, place, _ in chosen], int),
            member,
            unknown,
            np.array([asked_before[place, code] < NEW for _, place, code in chosen], bool),
            _packed(rows >= 0),
            spans,
            values,
            len(found) - len(chosen),
        )

    def subject(self, key: Key) -> Subject:
        """What a description says."""
        return {name: value for item in key for name, value in self.items[item].items()}

    def mask(self, key: Key, *, told: bool = False) -> Bits:
        """The requests of a description; `told`: those that its share before is read from."""
        own = [self.member[item] for item in key if not (told and self.new[item])]
        if len(own) < 2:
            return own[0] if own else self.everything
        rows: Bits = functools.reduce(np.bitwise_and, own)
        return rows

    def each(self, rows: Bits) -> Floats:
        """Every single item's requests among some: (items, 6), see TOLD_OK."""
        counted: Floats = self.longer([()], list(range(len(self.items))), rows)[0]
        return counted

    def longer(self, keys: Sequence[Key], added: Sequence[int], rows: Bits) -> Floats:
        """The requests, among some, of each description with each of some items added: (keys, added, 6)."""
        added = list(added)
        own, new = self._within(keys, rows), self.new[added]
        counts = self._met(own, self.member[added])
        told = counts[..., :AFTER_OK].copy()
        elsewhere = [place for place, key in enumerate(keys) if self.new[list(key)].any()]
        if elsewhere:
            own[elsewhere] = self._within([keys[place] for place in elsewhere], rows, told=True)
            told[elsewhere] = self._met(own[elsewhere], self.member[added])[..., :AFTER_OK]
        if new.any():
            told[:, new] = self.count(own)[:, None, :AFTER_OK]
        return np.concatenate([counts, told], axis=-1)

    def _within(self, keys: Sequence[Key], rows: Bits, *, told: bool = False) -> Bits:
        """The requests of each description among some: (keys, words)."""
        found = np.empty((len(keys), len(rows)), np.uint64)
        for own, key in zip(found, keys, strict=True):
            np.bitwise_and(self.mask(key, told=told), rows, out=own)
        return found

    def _met(self, some: Bits, others: Bits) -> Floats:
        """Requests that are in each of some sets and in each of others, by state: (some, others, 4)."""
        counts = np.zeros((len(some), len(others), 4))
        if not self.spans:
            return counts
        held = np.bitwise_or.reduceat(some, [span.words.start for span in self.spans], axis=1) != 0
        room = np.empty(max(AT_ONCE, len(others) * SPAN), np.uint64)  # fresh memory costs more than the counting
        for span, holding in zip(self.spans, held.T, strict=True):
            words, own = others[:, span.words], np.flatnonzero(holding)
            step = max(1, AT_ONCE // max(words.size, 1))
            for first in range(0, len(own), step):
                places = own[first : first + step]
                mine = some[places, None, span.words]
                both = room[: len(mine) * words.size].reshape(len(mine), *words.shape)
                counts[places, :, span.state] += span.weight * _ones(np.bitwise_and(mine, words, out=both))
        return counts

    def counted(self, key: Key, alive: Bits) -> Floats:
        """A description's requests among some: (6,), see TOLD_OK."""
        own, told = self.count(np.stack([self.mask(key), self.mask(key, told=True)]) & alive)
        return np.concatenate([own, told[:AFTER_OK]])

    def settled(self, key: Key) -> Bits:
        """The requests that a description says anything of: its own, and those that lack one of its dimensions.

        Where a fifth of the requests lack their shard, the partition of a broken shard goes on failing without it.
        """
        return self.mask(key) | self.lacking(key)

    def lacking(self, key: Key) -> Bits:
        """The requests that do not record one of a description's dimensions."""
        rows: Bits = np.bitwise_or.reduce([self.unknown[int(self.dimension[item])] for item in key])
        return rows

    def count(self, rows: Bits) -> Floats:
        """Requests of some sets, by before/after and ok/failed: (..., 4)."""
        counted = np.zeros((*rows.shape[:-1], 4))
        for span in self.spans:
            counted[..., span.state] += span.weight * _ones(rows[..., span.words])
        return counted


def _ones(words: Bits) -> NDArray[np.uint16]:
    """How many bits are set in each row of words, at most SPAN each."""
    result: NDArray[np.uint16] = np.bitwise_count(words).sum(axis=-1, dtype=np.uint16)
    return result


def _packed(rows: Bools) -> Bits:
    return np.packbits(rows).view(np.uint64)


def _bits(
    columns: Sequence[DimensionCodes], chosen: Sequence[tuple[int, int]], rows: NDArray[np.int32]
) -> tuple[Bits, dict[int, Bits]]:
    """Which requests have each of some values (column, code), and which do not record a column."""
    words = len(rows) // WORD
    member = np.zeros((len(chosen), words), np.uint64)
    unknown = {place: np.zeros(words, np.uint64) for place, _ in chosen}
    for some in blocks(len(rows)):
        mine, at = rows[some].astype(np.intp), slice(some.start // WORD, some.stop // WORD)
        padding = np.flatnonzero(mine < 0)
        for place, lacking in unknown.items():
            codes = columns[place].codes.take(mine)
            codes[padding] = -2
            if columns[place].recorded:
                lacking[at] = _packed(codes == -1)
            for item, (of, code) in enumerate(chosen):
                if of == place:
                    member[item, at] = _packed(codes == code)
    return member, unknown


def _laid(
    state: NDArray[np.integer], weight: Floats | None, first: Sequence[Bools]
) -> tuple[NDArray[np.int32], list[Span]]:
    """Which request each bit is about, -1 for none, and the spans: bits of a state and weight fill words of their own.

    Within these, requests of `first` come first, those of its first one ahead of all others. A request that stands for
    several has a bit for each binary digit of their number.
    """
    rows: list[NDArray[np.int32]] = []
    spans: list[Span] = []
    words = 0
    key = state.astype(np.int8) << len(first)
    for rank, holding in enumerate(reversed(first)):
        key += (~holding).view(np.int8) << rank
    order = np.argsort(key, kind="stable").astype(np.int32)
    begins = [np.count_nonzero(state < place) for place in range(5)]
    for place in range(4):
        mine = order[begins[place] : begins[place + 1]]
        for some, value in _digits(mine, weight):
            count = -(-len(some) // WORD)
            rows.append(np.concatenate([some, np.full(count * WORD - len(some), -1, np.int32)]))
            spans += [
                Span(slice(begin, min(begin + SPAN, words + count)), place, value)
                for begin in range(words, words + count, SPAN)
            ]
            words += count
    return np.concatenate(rows) if rows else np.empty(0, np.int32), spans


def _digits(rows: NDArray[np.int32], weight: Floats | None) -> Iterator[tuple[NDArray[np.int32], float]]:
    """The rows that have each binary digit in their weight, and what the digit is worth."""
    if weight is None or not len(rows):
        yield rows, 1.0
        return
    mine = weight[rows]
    unit = 1.0 if (mine == np.rint(mine)).all() else 2.0 ** (np.ceil(np.log2(mine.max())) - DIGITS)
    whole = np.rint(mine / unit).astype(np.int64)
    for digit in range(int(whole.max()).bit_length()):
        yield rows[(whole >> digit) & 1 == 1], float(unit * 2**digit)


def base_share(counts: Floats) -> float:
    """The failing share before, half a failure added."""
    return float((counts[BEFORE_FAILED] + 0.5) / (counts[BEFORE_OK] + counts[BEFORE_FAILED] + 1))
