"""A rule of a guide: which label a row gets. Written once, for one row's columns and for the rates of many values.

Its comparisons are those of SQL's CASE: what is not known (NULL, NaN) is over and under nothing.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tsg_agent.settings import AllThresholds


class Rates:
    """What a rule compares, by column: a number, or an array with one number per value. NaN is not known."""

    def __init__(self, values: Mapping[str, Any], columns: Collection[str] | None = None) -> None:
        """`columns`: those that a row has; the values need not have all of them."""
        self._values, self._columns = values, values.keys() if columns is None else columns

    def __getattr__(self, column: str) -> Any:
        if column not in self._columns:
            raise AttributeError(f"no row has a column {column!r}")
        value = self._values.get(column)
        return math.nan if value is None else value


class Arm(NamedTuple):
    """WHEN … THEN …: a label, and when it holds; `&` and `|` join comparisons, so that they take arrays too.

    `words` say it to people and models; `{group.name}` in them stands for a threshold.
    """

    label: str
    holds: Callable[[Rates, Any], Any]
    words: str = ""


@dataclass(frozen=True)
class Rule:
    """The first arm that holds gives the label, `otherwise` where none does. `group`: the thresholds that arms get."""

    group: str
    arms: tuple[Arm, ...]
    otherwise: str

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label, gravest first."""
        return (*(arm.label for arm in self.arms), self.otherwise)

    def limits(self, thresholds: AllThresholds) -> Any:
        """The rule's own thresholds; all of them where it names no group."""
        return getattr(thresholds, self.group) if self.group else thresholds

    def label(self, row: Any, limits: Any, **known: Any) -> tuple[str, tuple[str, ...]]:
        """A row's label, and the further arms that hold for it. `known`: what is not as the row's columns say."""
        values = row if isinstance(row, Mapping) else vars(row)
        return self.of(Rates({**values, **known}), limits)

    def of(self, rates: Rates, limits: Any) -> tuple[str, tuple[str, ...]]:
        """The label of one row's rates, and the further arms that hold for it."""
        holding = [arm.label for arm in self.arms if arm.holds(rates, limits)]
        return (holding[0], tuple(holding[1:])) if holding else (self.otherwise, ())

    def held(self, rates: Rates, limits: Any) -> list[tuple[str, Any]]:
        """The labels of many values' rates, each with where it holds; the gravest last."""
        return [(self.otherwise, True), *((arm.label, arm.holds(rates, limits)) for arm in reversed(self.arms))]

    def words(self, thresholds: AllThresholds) -> str:
        """What the labels mean, with the thresholds in force."""
        said = [f"{arm.label}: {arm.words}" for arm in self.arms if arm.words]
        return "; ".join(said).format(**dict(thresholds)) if said else ", ".join(self.labels)
