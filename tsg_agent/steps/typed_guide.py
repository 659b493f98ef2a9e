"""A guide whose steps are typed checks: what runs, in which order, and what is said of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from tsg_agent.columns import DEPTH, SUBJECTS
from tsg_agent.models import Parameter, Subject
from tsg_agent.steps.dimension import Dimension
from tsg_agent.steps.remedy import Remedy
from tsg_agent.steps.step import Step

S_co = TypeVar("S_co", bound=Step, covariant=True)


class Section(NamedTuple):
    """A heading of the conclusion, and the steps it is about."""

    title: str
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Guide(Generic[S_co]):
    """The guide as data. Its numbering is its own: it says nothing of how many checks there are."""

    steps: tuple[S_co, ...]
    """The checks, in the guide's order."""
    parameters: tuple[Parameter, ...]
    """What the first step settles."""
    edges: tuple[tuple[int, int], ...]
    """A step, and one that follows it. A check without any follows the first step, and the last follows it."""
    asks: int = 1
    """The number of the step that settles the parameters."""
    concludes: int = 11
    """The number of the step that concludes."""
    concludes_by: tuple[str, ...] = ("threshold",)
    """The parameters that the last step reads."""

    def __post_init__(self) -> None:
        """Raises ValueError: a number twice, an edge to none, a parameter unbound or unused, a column of no nature."""
        numbers = [self.asks, *(step.step for step in self.steps), self.concludes]
        if len(set(numbers)) != len(numbers):
            raise ValueError(f"Two steps of the guide have one number: {', '.join(map(str, numbers))}.")
        if lost := {number for edge in self.edges for number in edge} - set(numbers):
            raise ValueError(f"Edges of the guide name steps that there are not: {', '.join(map(str, lost))}.")
        collected, bound = {one.name for one in self.parameters}, {name for step in self.steps for name in step.takes}
        if unbound := bound - collected:
            raise ValueError(f"Steps of the guide take what it does not collect: {', '.join(sorted(unbound))}.")
        named = {column for step in self.steps for dimension in step.about for column in dimension.columns}
        if plain := named - SUBJECTS.keys():
            raise ValueError(f"Causes are named by {', '.join(sorted(plain))}: give it a nature in columns.toml.")
        if unused := collected - bound - {*self.concludes_by}:
            raise ValueError(f"The guide collects what no step takes: {', '.join(sorted(unused))}.")

    def bound_in(self, parameter: str) -> tuple[int, ...]:
        """The steps that a parameter's value is bound in."""
        last = (self.concludes,) if parameter in self.concludes_by else ()
        return (*(step.step for step in self.steps if parameter in step.takes), *last)

    @cached_property
    def by_number(self) -> Mapping[int, S_co]:
        """The checks by their number in the guide."""
        return {step.step: step for step in self.steps}

    def after(self, number: int) -> tuple[int, ...]:
        """The steps that follow one: the last where none is named."""
        return tuple(to for one, to in self.edges if one == number) or (self.concludes,)

    def before(self, number: int) -> tuple[int, ...]:
        """The steps that one follows: the first where none is named."""
        return tuple(one for one, to in self.edges if to == number) or (self.asks,)

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What causes may be named by. Of two that name the same requests the first is said.

        Of two steps that are about the same values the later has them: a check of one's own goes first.
        """
        found = {one.columns: one for step in self.steps for one in step.about}
        return tuple(sorted(found.values(), key=lambda one: DEPTH.index(one.nature)))

    def dimension(self, column: str) -> Dimension | None:
        """The dimension of a column."""
        return next((one for one in self.dimensions if column in one.columns), None)

    def leading(self, subject: Subject) -> Dimension:
        """The dimension that a description is filed under: the first that it names."""
        return next(one for one in self.dimensions if set(one.columns) <= subject.keys())

    def looks_at(self, step: int | None) -> bool:
        """Whether a number is a check's: the first step asks, the last concludes."""
        return step in self.by_number

    @cached_property
    def harmless(self) -> frozenset[str]:
        """Labels that call for nothing, "" for none among them."""
        return frozenset({""}).union(*(step.harmless for step in self.steps))

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The conclusion's headings, in the order of the first step of each."""
        found: dict[str, tuple[int, ...]] = {}
        for step in self.steps:
            found[step.heading] = (*found.get(step.heading, ()), step.step)
        return tuple(Section(title, steps) for title, steps in found.items())

    def remedies(self, more: Iterable[Remedy] = ()) -> list[tuple[Remedy, tuple[str, ...]]]:
        """Every remedy with the columns that call for it, in the order to try them. `more`: those of no step."""
        found: dict[Remedy, tuple[str, ...]] = dict.fromkeys(more, ())
        for step in self.steps:
            taken = {
                name for one in step.about if one not in self.dimensions for name in one.columns
            }  # by a later step
            for remedy, columns in step.remedies.items():
                found[remedy] = (*found.get(remedy, ()), *(name for name in columns if name not in taken))
        return sorted(found.items(), key=lambda one: one[0].order)
