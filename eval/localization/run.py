"""Runs the agent on localization cases through its public interface."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from eval.conclusion import concluded, each
from eval.localization.case import LocalizationCase, load, write
from eval.localization.make import make
from eval.localization.score import Named


@dataclass(frozen=True)
class Recorded:
    """A job: a case on disk."""

    folder: Path


@dataclass(frozen=True)
class Generated:
    """A job: a case that is generated in a temporary folder."""

    seed: int
    number: int
    quiet: bool = False

    @property
    def name(self) -> str:
        """Name in results and folders."""
        return f"{'quiet' if self.quiet else 'made'}-{self.seed}-{self.number:03d}"


Job: TypeAlias = Recorded | Generated


@dataclass(frozen=True)
class Spec:
    """The agent's settings, nested."""

    settings: dict[str, Any] = field(default_factory=dict)


def localized(case: LocalizationCase, spec: Spec) -> Named:
    """Investigate one case. A question or an error of the agent counts as no answer (`error`)."""
    began = time.perf_counter()
    found = concluded(case.text, case.telemetry, case.now, spec.settings)
    return Named(
        case=case.name,
        group=case.label.group,
        noise=case.label.noise,
        true=list(case.label.root_cause),
        named=found.subjects,
        confirmed=len(found.confirmed),
        actions=found.actions,
        error=found.error,
        seconds=round(time.perf_counter() - began, 3),
    )


def put(job: Job, spec: Spec) -> Named:
    """Run one job; a generated case lies in a folder whose name reveals nothing."""
    if isinstance(job, Recorded):
        return localized(load(job.folder), spec)
    with tempfile.TemporaryDirectory(prefix="localize-") as scratch:
        case = write(make(job.seed, job.number, quiet=job.quiet), Path(scratch) / "case", job.number)
        return localized(case, spec).model_copy(update={"case": job.name})


def localize(
    work: list[Job], spec: Spec, processes: int = 2, done: Callable[[int, Named], None] | None = None
) -> list[Named]:
    """Results in the jobs' order. `done` is called with each as it completes."""
    return each(work, partial(put, spec=spec), processes, done)
