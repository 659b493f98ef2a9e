"""Results as JSON lines: the first is the run's metadata, each further one an answer with its scores."""

import platform
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import tsg_agent
from eval.answer import Answer
from eval.cache import simulator_version

M = TypeVar("M", bound=BaseModel)
PACKAGES = ("duckdb", "langgraph", "langchain", "numpy", "pandas", "pyarrow")
RESUMABLE = ("entrant", "settings", "runs", "reseeds", "versions")
"""Metadata that must be equal to resume a run."""


WRITTEN_BY = "Give a file that `python -m eval run` wrote (--output; eval-results/ENTRANT.jsonl where none is named)."


class ResultsError(ValueError):
    """A file of results is missing or invalid."""


class Head(BaseModel):
    """A run's metadata."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["head"] = "head"
    entrant: str
    settings: dict[str, Any] = Field(default_factory=dict)
    runs: int
    reseeds: list[int]
    started: str
    versions: dict[str, str]


class Result(BaseModel):
    """One incident, answered once."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["result"] = "result"
    case: str
    title: str
    group: str
    seed: int | None
    reseed: int
    run: int
    passed: bool
    scores: dict[str, float | None]
    error: str = ""
    asked: list[str] = Field(default_factory=list)
    ungrounded: list[str] = Field(default_factory=list)
    expected: dict[str, Any] = Field(default_factory=dict)
    answer: Answer | None = None


@dataclass(frozen=True)
class Run:
    """A file of results."""

    head: Head
    results: list[Result]

    def of(self, *, fresh: bool | None = None, reseed: int | None = None) -> list[Result]:
        """The results of the fixed seeds, of all fresh seeds, or of one reseed number."""
        if reseed is not None:
            return [r for r in self.results if r.reseed == reseed]
        return [r for r in self.results if fresh is None or bool(r.reseed) == fresh]


def head(entrant: str, settings: dict[str, Any], runs: int, reseeds: list[int]) -> Head:
    """The metadata of a run that starts now."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    versions |= {
        "tsg-agent": tsg_agent.__version__,
        "simulator": simulator_version(),
        "python": platform.python_version(),
    }
    return Head(
        entrant=entrant,
        settings=settings,
        runs=runs,
        reseeds=reseeds,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions,
    )


def begin(path: Path, first: Head, *, resume: bool = False, overwrite: bool = False) -> list[Result]:
    """Prepare the file for `add`; returns its results if an earlier run is resumed.

    Raises ValueError if the file is not empty and neither `resume` nor `overwrite` is set, or its metadata differs.
    """
    kept: list[Result] = []
    if path.exists() and path.stat().st_size and not overwrite:
        if not resume:
            raise ValueError(
                f"{path} holds results already: --resume runs what is missing there, --overwrite starts anew, "
                "--output names another file"
            )
        earlier = read(path)
        other = [name for name in RESUMABLE if getattr(earlier.head, name) != getattr(first, name)]
        if other:
            raise ValueError(f"{path} was begun with other {', '.join(other)}: --overwrite starts anew")
        first, kept = earlier.head, earlier.results
    write(path, first, kept)
    return kept


def write(path: Path, first: Head, results: Iterable[Result]) -> None:
    """Write a run atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_text("".join([first.model_dump_json() + "\n", *(_line(result) for result in results)]), encoding="utf-8")
    new.replace(path)


def add(path: Path, result: Result) -> None:
    """Append one answer as soon as it is scored."""
    with path.open("a", encoding="utf-8") as file:
        file.write(_line(result))


def _line(result: Result) -> str:
    """A result as JSON, without the answer's evidence, which is scored already."""
    return result.model_dump_json(exclude={"answer": {"evidence", "prose"}}) + "\n"


def read(path: Path) -> Run:
    """A run, sorted by seed, incident and run. Raises ResultsError for an invalid file.

    Ignores a truncated last line, which an interrupted run leaves behind.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    except FileNotFoundError as error:
        raise ResultsError(f"{path} does not exist. {WRITTEN_BY}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path} cannot be read: {reason(error)}. {WRITTEN_BY}") from error
    head = _parsed(Head, lines[0] if lines else "", path, 1)
    results = [_parsed(Result, line, path, number) for number, line in enumerate(lines[1:], 2) if line]
    return Run(head, sorted(results, key=lambda one: (one.reseed, one.case, one.run)))


def reason(error: Exception) -> str:
    """Why a file cannot be read or written, without the errno."""
    return (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())


def _parsed(model: type[M], line: str, path: Path, number: int) -> M:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        what = "a run's head" if model is Head else "a result"
        raise ResultsError(f"{path}: line {number} is not {what} of this version. {WRITTEN_BY}") from error


def failures(results: Iterable[Result]) -> str:
    """How many answers failed, in words."""
    every = list(results)
    return f"{sum(bool(result.error) for result in every)} of {len(every)} answers failed"


def by_case(results: Iterable[Result]) -> dict[tuple[str, int], list[Result]]:
    """(case, reseed) -> its runs."""
    grouped: dict[tuple[str, int], list[Result]] = defaultdict(list)
    for result in results:
        grouped[result.case, result.reseed].append(result)
    return dict(grouped)
