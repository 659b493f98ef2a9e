"""One investigation through the public interface, and its conclusion in a picklable form."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from eval.answer import Measured
from tsg_agent import Given, QuestionError, Report, Request, Settings, TsgError, investigate

T = TypeVar("T")
R = TypeVar("R")


class Step(BaseModel):
    """One action."""

    kind: str
    now: bool
    target: dict[str, str] = Field(default_factory=dict)


class Concluded(BaseModel):
    """An investigation's conclusion. `error`: why there is no report; then all other fields are empty."""

    subjects: list[dict[str, str]] = Field(default_factory=list, description="of the causes, in rank order")
    confirmed: list[dict[str, str]] = Field(default_factory=list, description="those stated without reserve")
    actions: list[Step] = Field(default_factory=list)
    dismissed: list[tuple[dict[str, str], str]] = Field(default_factory=list, description="subject, statement")
    onset: Measured = Measured()
    availability: tuple[float | None, float | None] = Field((None, None), description="before and after, percent")
    error: str = ""

    @property
    def first(self) -> dict[str, str]:
        """The first cause's subject; {} if there is none."""
        return self.subjects[0] if self.subjects else {}


def concluded(
    text: str, telemetry: Path, now: datetime | None, settings: dict[str, Any], given: dict[str, Any] | None = None
) -> Concluded:
    """Investigate without a model. Open questions, and the agent's own errors, are returned as `error`."""
    request = Request(text=text, telemetry=str(telemetry), now=now, given=Given(**(given or {})))
    try:
        report = investigate(request, settings=Settings(**{"model": {"name": ""}, **settings}))
    except QuestionError as error:
        return Concluded(error=f"asked for {', '.join(name for name, _, _ in error.questions)}")
    except TsgError as error:
        return Concluded(error=f"{type(error).__name__}: {error}")
    return Concluded(
        subjects=[dict(cause.subject) for cause in report.causes],
        confirmed=[dict(cause.subject) for cause in report.causes if cause.confidence.value == "confirmed"],
        actions=[
            Step(kind=a.kind, now=a.urgency == "now", target={name: str(value) for name, value in a.target.items()})
            for a in report.actions
        ],
        dismissed=[(dict(one.subject), one.statement) for one in report.rejected],
        onset=onset_of(report),
        availability=_availability(report),
    )


def _availability(report: Report) -> tuple[float | None, float | None]:
    before, after = (
        None if part is None or part.availability is None else round(part.availability, 6)
        for part in (report.sla.before, report.sla.after)
    )
    return before, after


def onset_of(report: Report) -> Measured:
    """The report's measured start; reports of releases before 0.2 have none."""
    onset = getattr(report, "onset", None)
    return Measured(**{name: getattr(onset, name, None) for name in Measured.model_fields})


def each(
    work: Sequence[T], put: Callable[[T], R], processes: int = 2, done: Callable[[int, R], None] | None = None
) -> list[R]:
    """Run `put` on each item in at most two processes; results in the order of `work`. `done` gets each one early."""
    results: dict[int, R] = {}
    for number, result in _each(work, put, processes):
        results[number] = result
        if done:
            done(number, result)
    return [results[number] for number in range(len(work))]


def _each(work: Sequence[T], put: Callable[[T], R], processes: int) -> Iterator[tuple[int, R]]:
    if processes <= 1 or len(work) <= 1:
        for number, one in enumerate(work):
            yield number, put(one)
        return
    with _pool(processes) as pool:
        futures = {pool.submit(put, one): number for number, one in enumerate(work)}
        for future in as_completed(futures):
            yield futures[future], future.result()


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of spawned processes; on an interrupt, pending jobs are cancelled."""
    with ProcessPoolExecutor(min(processes, 2), mp_context=get_context("spawn")) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
