"""A guide whose steps are typed checks: what runs, in which order, and what is said of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from tsg_agent.steps.step import Step

S_co = TypeVar("S_co", bound=Step, covariant=True)


@dataclass(frozen=True)
class TypedGuide(Generic[S_co]):
    """The guide as data. A guide's numbering is its own: it says nothing of how many checks there are."""

    steps: tuple[S_co, ...]
    """The checks, in the guide's order."""

    def __post_init__(self) -> None:
        """Raises ValueError for two steps of one number."""
        if len(self.by_number) != len(self.steps):
            raise ValueError(f"Two steps of the guide have one number: {[step.step for step in self.steps]}.")

    @cached_property
    def by_number(self) -> Mapping[int, S_co]:
        """The checks by their number in the guide."""
        return {step.step: step for step in self.steps}

    @cached_property
    def harmless(self) -> frozenset[str]:
        """Labels that call for nothing, "" for none among them."""
        return frozenset({""}).union(*(step.harmless for step in self.steps))
