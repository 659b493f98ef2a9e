"""A sequential random generator that is stable across numpy releases."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from tsg_agent.simulator.randomness import Floats, Ints, RandomStream

T = TypeVar("T")


class Draws:
    """A random generator seeded by a name. Does not use numpy's distributions, which change between versions."""

    def __init__(self, seed: int, name: str) -> None:
        self._stream = RandomStream(seed, name)
        self._number = 0

    def unit(self) -> float:
        """Uniform on [0, 1)."""
        self._number += 1
        return float(self._stream.uniform(np.array([self._number]))[0])

    def between(self, low: float, high: float) -> float:
        """Uniform."""
        return low + (high - low) * self.unit()

    def size(self, low: float, high: float) -> int:
        """A log-uniform integer, both ends included."""
        return int(low * ((high + 1) / low) ** self.unit())

    def one(self, values: Sequence[T]) -> T:
        """A uniform choice."""
        return values[int(self.unit() * len(values))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.unit() < probability

    def some(self, values: Sequence[T], count: int) -> list[T]:
        """A sample of `count` distinct values, in random order."""
        left = list(values)
        return [left.pop(int(self.unit() * len(left))) for _ in range(min(count, len(values)))]

    def rows(self, name: str, count: int) -> Floats:
        """Uniform on [0, 1), one a row."""
        return self._stream.sub(name).uniform(np.arange(count))

    def shuffled(self, count: int) -> Ints:
        """The numbers below `count` in a random order."""
        return np.array(self.some(range(count), count), dtype=np.int64)
