"""Runs an entrant on incidents, in two processes, and scores its answers."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from eval.answer import Answer, Question
from eval.cache import telemetry_of
from eval.cases import Case
from eval.entrants import Entrant, EntrantError, Spec, entrant_of
from eval.grounding import grounded
from eval.guide_labels import guide_labels
from eval.recorded import expected_of
from eval.results import Result
from eval.scorers import failed, passed, score

NOTHING = Answer()
ROUNDS = 2
"""Most rounds: an entrant may ask once; questions after that count as no answer."""


@dataclass(frozen=True)
class Job:
    """One incident to be answered once."""

    case: Case
    run: int
    cache: Path
    record: Path | None = None

    @property
    def key(self) -> tuple[str, int, int]:
        """The key of the job's result."""
        return self.case.id, self.case.reseed, self.run


def jobs(cases: Iterable[Case], reseeds: list[int], runs: int, cache: Path, record: Path | None) -> list[Job]:
    """Jobs for every incident, seed and run; recorded incidents have no other seeds."""
    return [
        Job(case.reseeded(number), run, cache, record)
        for number in reseeds
        for case in cases
        if not number or case.recipe
        for run in range(runs)
    ]


def run(spec: Spec, work: list[Job], processes: int = 2, done: Callable[[Result], None] | None = None) -> list[Result]:
    """The results in the jobs' order. `done` gets each as it finishes."""
    results: dict[int, Result] = {}
    for number, result in _each(spec, work, processes):
        results[number] = result
        if done:
            done(result)
    return [results[number] for number in range(len(work))]


def _each(spec: Spec, work: list[Job], processes: int) -> Iterator[tuple[int, Result]]:
    if processes <= 1:
        entrant = entrant_of(spec)
        for number, job in enumerate(work):
            yield number, sit(entrant, job)
        return
    entrant_of(spec)  # report a wrong name once
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(spec,)) as pool:
        open_ones: dict[Future[Result], int] = {pool.submit(_sit, job): number for number, job in enumerate(work)}
        try:
            while open_ones:
                ended, _ = wait(open_ones, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield open_ones.pop(future), future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # on an interrupt, do not wait for the rest


_held: list[Entrant] = []
"""This process's entrant, created once."""


def _begin(spec: Spec) -> None:
    _held[:] = [entrant_of(spec)]


def _sit(job: Job) -> Result:
    return sit(_held[0], job)


def sit(entrant: Entrant, job: Job) -> Result:
    """Run an entrant on one incident. Its errors score 0, and never end the exam."""
    case, error, answer, asked = job.case, "", NOTHING, list[str]()
    folder = telemetry_of(case, job.cache)
    began = time.perf_counter()
    try:
        answer, asked = _solved(entrant, case, folder)
    except EntrantError as problem:
        error = str(problem)
    except Exception as problem:  # an entrant may raise anything; the next incident must still run
        error = f"{type(problem).__name__}: {problem}"
    seconds = time.perf_counter() - began
    truth = guide_labels(folder, case, job.cache)
    expected = expected_of(case)
    scores: dict[str, float | None] = {**score(expected, case.text, answer, asked, truth), "seconds": seconds}
    if error:
        scores = failed(scores)
    missing = grounded(answer.prose, answer.evidence, case.text).missing if answer.evidence is not None else ()
    if job.record:
        _record(job.record, job, answer)
    return Result(
        case=case.id,
        title=case.expected.title,
        group=case.expected.group,
        seed=case.recipe.scenario.seed if case.recipe else None,
        reseed=case.reseed,
        run=job.run,
        passed=passed(scores),
        scores=scores,
        error=error,
        asked=asked,
        ungrounded=list(missing)[:20],
        expected=expected.model_dump(mode="json", exclude_defaults=True),
        answer=answer.model_copy(update={"evidence": None}),
    )


def _solved(entrant: Entrant, case: Case, folder: Path) -> tuple[Answer, list[str]]:
    """The answer, and the asked parameters, which the harness answers with the labelled values."""
    known = case.expected.parameters.model_dump(mode="json", exclude_none=True)
    question = Question(incident=case.text, telemetry=str(folder), now=case.now)
    asked: list[str] = []
    for _ in range(ROUNDS):
        answer = entrant(question)
        if not answer.questions:
            return answer, asked
        asked += answer.questions
        told = {name: known[name] for name in asked if known.get(name, "unknown") != "unknown"}
        question = question.model_copy(update={"answers": told})
    open_ones = [name for name in dict.fromkeys(asked) if name not in told]
    why = f"; the label does not say {', '.join(open_ones)}" if open_ones else ""
    raise EntrantError(f"asked again after the answers: {', '.join(answer.questions)}{why}")


def _record(folder: Path, job: Job, answer: Answer) -> None:
    """The whole answer, evidence and prose, for reading or for another harness."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{job.case.id}.{job.case.reseed}.{job.run}.json"
    path.write_text(answer.model_dump_json(indent=1), encoding="utf-8")
