"""Bounds on the exam's incidents: accuracy as they are, with a misreported start, and with small or weak causes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from eval.bounds.bound import Bound, Row, Setup, at_least, at_most, counted, documented, here, missed, verdicts
from eval.cache import telemetry_of
from eval.cases import Case, Expected, Recipe, load_all
from eval.conclusion import Concluded, concluded
from eval.drafts import FIRST_EDITION
from eval.entrants import Spec
from eval.entrants.rules import rules
from eval.results import Result
from eval.runner import Job, jobs, sit
from tsg_agent.simulator.incident import IncidentReport, incident_text
from tsg_agent.simulator.scenario import Fault, FaultKind, Rollout, Scenario

FIRST_IDS = frozenset(draft.id for draft in FIRST_EDITION)
STARTS: tuple[float | None, ...] = (-30, 10, 20, 30, 45, None)
"""Error of the reported start, minutes late; None: not reported."""
EARLIER: dict[float | None, str] = {-30: "1.00", 10: "1.00", 20: "0.81", 30: "0.50", 45: "0.06", None: "0"}
"""Share of 16 sampled incidents for which version 0.1 named the same first cause."""
NEW = "3.15.0"
TIMES = 10
"""Number of seeds per scenario."""


def _sit(job: Job, settings: dict[str, Any]) -> Result:
    return sit(rules(Spec("rules", settings=settings)), job)


def exam(setup: Setup) -> list[Row]:
    """Accuracy over the exam with fixed and fresh seeds; targets apply to the first edition only."""
    cases = setup.sample(load_all(), 6)
    rows = []
    for reseed in (0, *setup.reseeds[: 1 if setup.quick else None]):
        work = jobs(cases, [reseed], 1, setup.cache, None)
        results = setup.each(work, partial(_sit, settings=setup.settings))
        seeds = f"fresh seeds {reseed}" if reseed else "fixed seeds"
        rows += _solved(f"exam, {seeds}", [r for r in results if r.case in FIRST_IDS], True)
        rows += _solved(f"exam's second edition, {seeds}", [r for r in results if r.case not in FIRST_IDS], False)
    return rows


def _solved(name: str, results: list[Result], judged: bool) -> list[Row]:
    """Rows for cause@1, false alarms and wrongful blame; without targets unless `judged`."""
    if not results:
        return []
    name = f"{name} ({len(results)})"
    rows = [
        (at_least(f"{name}: cause first", _mean(results, "cause_at_1"), 0.97, verdicts("1.00")), "cause_at_1", 1.0),
        (at_most(f"{name}: false alarms", _mean(results, "false_alarm"), 0, documented("0")), "false_alarm", 0.0),
        (
            at_most(f"{name}: wrongful blame", _mean(results, "wrongful_blame"), 0, documented("0 to 0.011")),
            "wrongful_blame",
            0.0,
        ),
    ]
    found = []
    for row, score, right in rows:
        found.append(row if judged else Row(row.what, "", row.measured))
        found += missed(result.case for result in results if result.scores.get(score) not in (None, right))
    return found


def _mean(results: Sequence[Result], score: str) -> float | None:
    values = [value for result in results if (value := result.scores.get(score)) is not None]
    return sum(values) / len(values) if values else None


@dataclass(frozen=True)
class Told:
    """An incident, and by how many minutes its reported start is late; None: not reported."""

    case: Case
    late: float | None
    cache: Path


def _told(job: Told, settings: dict[str, Any]) -> Concluded:
    recipe = job.case.recipe
    if recipe is None:
        raise ValueError(f"{job.case.id} is recorded: its report cannot be written again")
    told = recipe.report.model_dump() | {"start_error_minutes": job.late or 0, "window": False}
    omit = tuple(part for part in recipe.report.omit if part != "start") + (("start",) if job.late is None else ())
    text = incident_text(recipe.scenario, IncidentReport(**(told | {"omit": omit})))
    return concluded(text, telemetry_of(job.case, job.cache), job.case.now, settings)


def starts(setup: Setup) -> list[Row]:
    """Share with the same first cause under the true start and under an early, late or missing one."""
    cases = [case for case in load_all() if case.expected.causes and not case.expected.asked]
    cases = setup.sample(cases, 8)
    work = [Told(case, late, setup.cache) for late in (0.0, *STARTS) for case in cases]
    answers = setup.each(work, partial(_told, settings=setup.settings))
    rounds = [answers[at : at + len(cases)] for at in range(0, len(answers), len(cases))]
    rows = []
    for late, others in zip(STARTS, rounds[1:], strict=True):
        same = [alike(true, other, case.expected) for case, true, other in zip(cases, rounds[0], others, strict=True)]
        name = "not given" if late is None else f"{abs(late):g} minutes {'late' if late > 0 else 'early'}"
        before = here(f"{EARLIER[late]} of 16")
        what = f"start {name} ({len(cases)}): the same first cause"
        rows.append(at_least(what, sum(same) / len(same), 0.95, before))
        rows += missed(case.id for case, equal in zip(cases, same, strict=True) if not equal)
    return rows


def alike(one: Concluded, other: Concluded, expected: Expected) -> bool:
    """True if both first causes are equal, or are two accepted subjects of the same expected cause."""
    if not one.first or not other.first:
        return False
    both = any(cause.any_of and cause.holds(one.first) and cause.holds(other.first) for cause in expected.causes)
    return both or one.first == other.first


def _weak(job: Scenario, cache: Path, settings: dict[str, Any]) -> Concluded:
    case = Case("version", incident_text(job), Expected(title="", group=""), job.last, Recipe(scenario=job))
    return concluded(case.text, telemetry_of(case, cache), case.now, settings)


def versions(setup: Setup) -> list[Row]:
    """A canary with 300 requests at 35 % errors, and a version at 8 % against 0.8 %: confirmed and rolled back."""
    rows = []
    for name, made, before in (
        ("canary of 300 requests failing 35 %", canary, "suspected, action look"),
        ("version at 8 % against 0.8 %", weak_version, "confirmed, not rolled back"),
    ):
        work = [made(seed) for seed in range(setup.seed, setup.seed + (3 if setup.quick else TIMES))]
        answers = setup.each(work, partial(_weak, cache=setup.cache, settings=setup.settings))
        sure = [{"service_version": NEW} in answer.confirmed[:1] for answer in answers]
        back = [any(_rolled_back(answer)) for answer in answers]
        rows.append(counted(f"{name}: confirmed, and first", sure, 0, verdicts(before)))
        rows.append(counted(f"{name}: rolled back now", back, 0, verdicts(before)))
    return rows


def _rolled_back(answer: Concluded) -> list[bool]:
    return [step.kind == "roll_back" and step.now and NEW in step.target.values() for step in answer.actions]


def canary(seed: int) -> Scenario:
    """The new version on 1 of 50 instances: about 300 of the region's requests after the start."""
    return Scenario(
        seed=seed,
        instances=50,
        requests_per_minute=400,
        rollout=Rollout(version=NEW, ramp_minutes=0, share=0.02),
        faults=(Fault(kind=FaultKind.VERSION, where={"service_version": NEW}, probability=0.35),),
    )


def weak_version(seed: int) -> Scenario:
    """A new version on half of the instances; error rate 8 % against 0.8 %, below the guide's threshold."""
    return Scenario(
        seed=seed,
        requests_per_minute=400,
        background_errors=0.008,
        flaky=None,
        bursts=0,
        rollout=Rollout(version=NEW, ramp_minutes=2, share=0.5),
        faults=(Fault(kind=FaultKind.VERSION, where={"service_version": NEW}, probability=0.072),),
    )


BOUNDS = (Bound("exam", exam), Bound("starts", starts), Bound("versions", versions))
