"""The bound on the measured start: incidents moved to a random time, that end a random time after their start."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from eval.bounds.bound import Bound, Row, Setup, at_least, here, missed
from eval.cache import telemetry_of
from eval.cases import Case, Recipe, load_all
from eval.conclusion import concluded
from eval.drafts.moving import shifted
from eval.draws import Draws
from eval.rows import UNSEEN, Rows, before_and_after, sudden_start, z_of_a_rise
from tsg_agent.simulator.incident import incident_text
from tsg_agent.simulator.scenario import Scenario

CLEAR = 8.0
"""z of the service's own outcome from which a gate is clear."""
LATEST = 30.0
"""The start is reported up to so many minutes late: what is merely repeated is wrong."""


@dataclass(frozen=True)
class Moved:
    """An incident at another time."""

    case: Case
    cache: Path


@dataclass(frozen=True)
class Error:
    """How far the measured start is from the true one, minutes; None = it was not measured."""

    case: str
    clear: bool
    minutes: float | None


def onset(setup: Setup) -> list[Row]:
    """Measured start within 2 and 5 minutes of the true one, in sudden incidents whose gate is clear."""
    cases = [moved(case, setup.seed) for case in load_all() if case.recipe and sudden_start(case.recipe.scenario)]
    work = [Moved(case, setup.cache) for case in setup.sample(cases, 8)]
    errors = setup.each(work, partial(_error, settings=setup.settings))
    clear = [error for error in errors if error.clear]
    known = [abs(error.minutes) for error in clear if error.minutes is not None]
    rows = []
    for minutes, target in ((2, 0.85), (5, 0.95)):
        share = sum(error <= minutes for error in known) / len(clear) if known else None
        what = f"measured start within {minutes} minutes ({len(clear)} sudden, clear)"
        rows.append(at_least(what, share, target, here("repeats the text")))
    far = [one.case for one in clear if one.minutes is not None and abs(one.minutes) > 5]
    rows += missed(far)
    if known:
        median = sorted(known)[len(known) // 2]
        rows.append(
            Row("measured start: median error, minutes", "", f"{median:.2f} ({len(clear) - len(known)} not measured)")
        )
    return rows


def moved(case: Case, seed: int) -> Case:
    """The same incident at a random time of the day, for a random time, reported late by random minutes."""
    if case.recipe is None:
        raise ValueError(f"{case.id} is recorded: it cannot be moved")
    draws = Draws(seed, f"moved/{case.id}")
    by = timedelta(seconds=round(draws.between(-6, 6) * 3600))
    data = shifted(case.recipe.scenario.model_dump(), by)
    data["end"] = data["incident_start"] + timedelta(seconds=draws.size(15 * 60, 150 * 60))
    scenario = Scenario(**data)
    report = case.recipe.report.model_copy(
        update={"start_error_minutes": round(draws.between(0, LATEST)), "window": False}
    )
    recipe = Recipe(scenario=scenario, report=report)
    return Case(case.id, incident_text(scenario, report), case.expected, scenario.last, recipe)


def _error(job: Moved, settings: dict[str, Any]) -> Error:
    if job.case.recipe is None:
        raise ValueError(f"{job.case.id} is recorded")
    scenario = job.case.recipe.scenario
    folder = telemetry_of(job.case, job.cache)
    true = sudden_start(scenario)
    found = concluded(job.case.text, folder, job.case.now, settings).onset.measured
    minutes = (found - true).total_seconds() / 60 if found and true else None
    return Error(job.case.id, gate_of(Rows(folder, scenario), scenario) > CLEAR, minutes)


def gate_of(rows: Rows, scenario: Scenario) -> float:
    """z of the service's own outcome rising at the first fault's onset, of the outcome that the fault is about."""
    zs = [
        z_of_a_rise(*before_and_after(rows, fault, {}, []))
        for fault in scenario.faults
        if scenario.onset_of(fault) == sudden_start(scenario) and fault.effect not in UNSEEN
    ]
    return max((z for z in zs if z is not None), default=0.0)


BOUNDS = (Bound("onset", onset),)
