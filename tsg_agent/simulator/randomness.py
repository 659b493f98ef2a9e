"""Counter-based random numbers: a row's draws do not depend on the order of drawing."""

from collections.abc import Sequence
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Ints: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]


def mix(keys: Keys) -> Keys:
    """Scramble 64-bit keys, one to one (the finaliser of SplitMix64, Steele et al. 2014)."""
    mixed = keys + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


class RandomStream:
    """A named random stream: a pure function of (seed, name, key).

    A row's numbers do not depend on other rows, streams or faults, so adding a fault leaves the healthy traffic
    unchanged. numpy's own distributions are not used: they may change between its versions.
    """

    def __init__(self, seed: int, name: str) -> None:
        self.seed = seed
        self.name = name
        self.root = np.random.SeedSequence([seed, crc32(name.encode())]).generate_state(2, np.uint64)

    def sub(self, name: str) -> "RandomStream":
        """An independent stream of the same seed."""
        return RandomStream(self.seed, f"{self.name}/{name}")

    def bits(self, keys: NDArray[Any]) -> Keys:
        """64 random bits per key; distinct keys give distinct bits."""
        return mix(mix(keys.astype(np.uint64) ^ self.root[0]) ^ self.root[1])

    def uniform(self, keys: NDArray[Any]) -> Floats:
        """Uniform on [0, 1)."""
        return (self.bits(keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def normal(self, keys: NDArray[Any]) -> Floats:
        """Standard normal."""
        return np.asarray(ndtri(self.uniform(keys) + 2.0**-54), dtype=np.float64)

    def lognormal(self, keys: NDArray[Any], median: float | Floats, sigma: float | Floats) -> Floats:
        """Log-normal with this median, and this standard deviation of the logarithm."""
        return np.asarray(median * np.exp(sigma * self.normal(keys)), dtype=np.float64)

    def choice(self, keys: NDArray[Any], weights: Sequence[float] | Floats) -> Ints:
        """An index into `weights`, with probability in proportion to its weight."""
        cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
        index = np.searchsorted(cumulative, self.uniform(keys) * cumulative[-1], side="right")
        return np.asarray(np.minimum(index, len(cumulative) - 1), dtype=np.int64)

    def chance(self, keys: NDArray[Any], probability: float | Floats) -> Bools:
        """True with this probability."""
        return np.asarray(self.uniform(keys) < probability, dtype=np.bool_)
