"""What a bound is: a name, how it is measured, and the rows of the table that it gives."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from eval.conclusion import each

T = TypeVar("T")
R = TypeVar("R")
SHOWN = 15
"""Incidents that are named where a bound is missed."""


class Earlier(NamedTuple):
    """What version 0.1 reached, and where that stands; "" = nothing is known."""

    figure: str = ""
    source: str = ""


UNKNOWN = Earlier()


def verdicts(figure: str) -> Earlier:
    """A figure of VERDICTS.md."""
    return Earlier(figure, "VERDICTS.md")


def readme(figure: str) -> Earlier:
    """A figure of the localization cases' README."""
    return Earlier(figure, "localization/README.md")


def documented(figure: str) -> Earlier:
    """A figure of version 0.1's docs/evaluation.md."""
    return Earlier(figure, "docs/evaluation.md")


def here(figure: str) -> Earlier:
    """A figure that this command measured on version 0.1."""
    return Earlier(figure, "this command on 0.1")


@dataclass(frozen=True)
class Row:
    """One line of the table. `met` is None where there is no target, or nothing was measured."""

    what: str
    target: str
    measured: str
    met: bool | None = None
    earlier: Earlier = UNKNOWN


def _untold(done: int, total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Setup:
    """What is measured on: `shared` holds recorded incidents (`incidents/`, `localization/`), None = it is not here."""

    shared: Path | None
    cache: Path
    scratch: Path
    processes: int = 2
    quick: bool = False
    seed: int = 1
    reseeds: tuple[int, ...] = (101, 102, 103)
    settings: dict[str, Any] = field(default_factory=dict)
    progress: Callable[[int, int], None] = _untold

    def each(self, work: Sequence[T], put: Callable[[T], R]) -> list[R]:
        """`put` on each, in order; progress is told."""
        ended = 0

        def done(*_: object) -> None:
            nonlocal ended
            ended += 1
            self.progress(ended, len(work))

        return each(work, put, self.processes, done)

    def sample(self, work: Sequence[T], step: int) -> list[T]:
        """All of it; every `step`-th where a sample is asked for."""
        return list(work)[::step] if self.quick else list(work)

    def folder(self, *names: str) -> Path | None:
        """A folder of what is shared, if it is here."""
        path = self.shared.joinpath(*names) if self.shared else None
        return path if path and path.exists() else None


@dataclass(frozen=True)
class Bound:
    """A bound of VERDICTS.md. `reads`: the folder of what is shared that it needs, if any."""

    name: str
    measure: Callable[[Setup], list[Row]]
    reads: tuple[str, ...] = ()

    def rows(self, setup: Setup) -> list[Row]:
        """Its rows; one that says so where what it needs is missing."""
        if self.reads and setup.folder(*self.reads) is None:
            place = "/".join(self.reads)
            return [Row(self.name, "", f"not measured: {place} is not below the folder that --shared names")]
        return self.measure(setup)


def missed(names: Iterable[str]) -> list[Row]:
    """Where a bound's figure is not reached, for who wants to look; no row where it is everywhere."""
    listed = list(names)
    return [Row("  not in", "", ", ".join(listed[:SHOWN]) + (", …" if len(listed) > SHOWN else ""))] if listed else []


def at_least(what: str, value: float | None, target: float, earlier: Earlier = UNKNOWN) -> Row:
    """A share that must reach a target."""
    if value is None:
        return Row(what, f">= {target:g}", "not measured", None, earlier)
    return Row(what, f">= {target:g}", f"{value:.3f}", value >= target, earlier)


def at_most(what: str, value: float | None, target: float, earlier: Earlier = UNKNOWN) -> Row:
    """A share that must not pass a target."""
    if value is None:
        return Row(what, f"<= {target:g}", "not measured", None, earlier)
    return Row(what, f"<= {target:g}", f"{value:.3f}", value <= target, earlier)


def counted(what: str, hits: list[bool], allowed: int = 0, earlier: Earlier = UNKNOWN) -> Row:
    """How many of so many; all but `allowed` must be."""
    found, of = sum(hits), len(hits)
    return Row(what, f">= {of - allowed} of {of}", f"{found} of {of}", found >= of - allowed, earlier)
