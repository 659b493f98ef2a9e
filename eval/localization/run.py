"""Puts localization cases before the agent, through its public interface, in at most two processes."""

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeAlias

from eval.localization.case import LocalizationCase, load, write
from eval.localization.make import make
from eval.localization.score import Named
from tsg_agent import QuestionError, Report, Request, Settings, TsgError, investigate


@dataclass(frozen=True)
class Recorded:
    """A folder to be localized."""

    folder: Path


@dataclass(frozen=True)
class Generated:
    """A case to be made, and forgotten afterwards."""

    seed: int
    number: int
    quiet: bool = False


Job: TypeAlias = Recorded | Generated


@dataclass(frozen=True)
class Spec:
    """How the agent is asked: `settings` of ours, nested."""

    settings: dict[str, Any] = field(default_factory=dict)


def localized(case: LocalizationCase, spec: Spec) -> Named:
    """What the agent names for one case. A question or an error of its own is no answer, and said."""
    settings = Settings(**{"model": {"name": ""}, **spec.settings})
    label = case.label
    named = Named(case=case.name, group=label.group, noise=label.noise, true=list(label.root_cause))
    began = time.perf_counter()
    try:
        report = investigate(
            Request(text=case.text, telemetry=str(case.telemetry), now=case.now), settings=settings, model=None
        )
    except QuestionError as error:
        named.error = f"asked for {', '.join(name for name, _, _ in error.questions)}"
    except TsgError as error:
        named.error = f"{type(error).__name__}: {error}"
    else:
        _fill(named, report)
    named.seconds = round(time.perf_counter() - began, 3)
    return named


def _fill(named: Named, report: Report) -> None:
    named.named = [dict(cause.subject) for cause in report.causes]
    named.confirmed = sum(cause.confidence.value == "confirmed" for cause in report.causes)


def put(job: Job, spec: Spec) -> Named:
    """One case: read, or made in a scratch folder whose name says nothing."""
    if isinstance(job, Recorded):
        return localized(load(job.folder), spec)
    with tempfile.TemporaryDirectory(prefix="localize-") as scratch:
        made = make(job.seed, job.number, quiet=job.quiet)
        case = write(made, Path(scratch) / "case", job.number)
        named = localized(case, spec)
    kind = "quiet" if job.quiet else "made"
    return named.model_copy(
        update={"case": f"{kind}-{job.seed}-{job.number:03d}", "dimensions": len(made.requests.dimensions)}
    )


def localize(
    work: list[Job], spec: Spec, processes: int = 2, done: Callable[[Named], None] | None = None
) -> list[Named]:
    """All jobs' answers in the jobs' order. `done` is told of each as it comes."""
    results: dict[int, Named] = {}
    for number, named in _each(work, spec, processes):
        results[number] = named
        if done:
            done(named)
    return [results[number] for number in range(len(work))]


def _each(work: list[Job], spec: Spec, processes: int) -> Iterator[tuple[int, Named]]:
    if processes <= 1 or len(work) <= 1:
        for number, job in enumerate(work):
            yield number, put(job, spec)
        return
    with ProcessPoolExecutor(min(processes, 2), mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(put, job, spec): number for number, job in enumerate(work)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
