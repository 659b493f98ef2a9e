"""Bound, Row and Setup: a named measurement, the table rows that it yields, and what it is measured on."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from eval.conclusion import each

T = TypeVar("T")
R = TypeVar("R")
SHOWN = 15
"""Maximum number of failing incidents to list per row."""


class Earlier(NamedTuple):
    """Version 0.1's figure and its source; "" if unknown."""

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
    """One table row. `met` is None without a target or a measurement."""

    what: str
    target: str
    measured: str
    met: bool | None = None
    earlier: Earlier = UNKNOWN


def _untold(done: int, total: int) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Setup:
    """Inputs of all measurements. `shared`: folder with `incidents/` and `localization/`; None if absent."""

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
        """Apply `put` to each item, in `processes`; results in order."""
        ended = 0

        def done(*_: object) -> None:
            nonlocal ended
            ended += 1
            self.progress(ended, len(work))

        return each(work, put, self.processes, done)

    def sample(self, work: Sequence[T], step: int) -> list[T]:
        """All items; with `quick` every `step`-th."""
        return list(work)[::step] if self.quick else list(work)

    def folder(self, *names: str) -> Path | None:
        """A folder below `shared`; None if it does not exist."""
        path = self.shared.joinpath(*names) if self.shared else None
        return path if path and path.exists() else None


@dataclass(frozen=True)
class Bound:
    """A bound of VERDICTS.md. `reads`: path of the folder below `shared` that it needs; () if none."""

    name: str
    measure: Callable[[Setup], list[Row]]
    reads: tuple[str, ...] = ()

    def rows(self, setup: Setup) -> list[Row]:
        """Measure; a single "not measured" row if its folder is missing."""
        if self.reads and setup.folder(*self.reads) is None:
            place = "/".join(self.reads)
            return [Row(self.name, "", f"not measured: {place} is not below the folder that --shared names")]
        return self.measure(setup)


def missed(names: Iterable[str]) -> list[Row]:
    """A row that lists the failing incidents; no row if there are none."""
    listed = list(names)
    return [Row("  not in", "", ", ".join(listed[:SHOWN]) + (", …" if len(listed) > SHOWN else ""))] if listed else []


def at_least(what: str, value: float | None, target: float, earlier: Earlier = UNKNOWN) -> Row:
    """A share (0-1) with a lower bound."""
    if value is None:
        return Row(what, f">= {target:g}", "not measured", None, earlier)
    return Row(what, f">= {target:g}", f"{value:.3f}", value >= target, earlier)


def at_most(what: str, value: float | None, target: float, earlier: Earlier = UNKNOWN) -> Row:
    """A share (0-1) with an upper bound."""
    if value is None:
        return Row(what, f"<= {target:g}", "not measured", None, earlier)
    return Row(what, f"<= {target:g}", f"{value:.3f}", value <= target, earlier)


def counted(what: str, hits: list[bool], allowed: int = 0, earlier: Earlier = UNKNOWN) -> Row:
    """A count of successes; at most `allowed` failures are tolerated."""
    found, of = sum(hits), len(hits)
    return Row(what, f">= {of - allowed} of {of}", f"{found} of {of}", found >= of - allowed, earlier)
