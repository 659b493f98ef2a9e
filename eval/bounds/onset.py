"""The bound on the measured onset, over incidents moved to a random time of day and with a random duration."""

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
"""z-score of the service's own rise above which the onset counts as measurable."""
LATEST = 30.0
"""Maximum delay of the reported start, minutes: an agent that repeats it is wrong."""


@dataclass(frozen=True)
class Moved:
    """A moved incident."""

    case: Case
    cache: Path


@dataclass(frozen=True)
class Error:
    """Measured minus true start, minutes; None if not measured. `clear`: z above CLEAR."""

    case: str
    clear: bool
    minutes: float | None


def onset(setup: Setup) -> list[Row]:
    """Share of clear, sudden incidents whose measured start is within 2 and 5 minutes of the true one."""
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
    """Move an incident by up to 6 h, with a random duration and a random delay of its report. Raises ValueError."""
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
    """Largest z-score of the service's rise at the first onset, over the outcomes of the faults that begin then."""
    zs = [
        z_of_a_rise(*before_and_after(rows, fault, {}, []))
        for fault in scenario.faults
        if scenario.onset_of(fault) == sudden_start(scenario) and fault.effect not in UNSEEN
    ]
    return max((z for z in zs if z is not None), default=0.0)


BOUNDS = (Bound("onset", onset),)
