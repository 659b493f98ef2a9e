"""Writes `eval/incidents/` from the drafts: `python -m eval.author`.

The labels follow from the faults of the scenario, which are the truth, and from the guide's thresholds; other names
of the same requests are found by comparing rows. No agent takes part.
"""

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

import yaml

from eval.cache import default_cache, telemetry_of
from eval.cases import INCIDENTS, Case, Expected, ExpectedCause, ExpectedParameters, Recipe
from eval.drafts import DRAFTS, Draft
from eval.rows import UNSEEN, Rows, same_requests, sudden_start
from eval.suspicions import suspected, told
from tsg_agent.simulator.incident import IncidentReport, incident_text
from tsg_agent.simulator.scenario import FLAG_DIMENSIONS, WORKFLOW_DIMENSIONS, Fault, FaultEffect, FaultKind, Scenario

DIMENSIONS_OF = {
    FaultKind.VERSION: ("service_version",),
    FaultKind.FLAG: FLAG_DIMENSIONS,
    FaultKind.WORKFLOW: WORKFLOW_DIMENSIONS,
}
"""The columns that name a cause, for faults that are narrower than their cause (one component of a bad version)."""
NOBODYS = (FaultKind.OUTAGE, FaultKind.EXISTING, FaultKind.OUTSIDE)
PLACES = ("region", "datacenter", "availability_zone")
DRAINABLE = ("partition_id", "shard_id", "tenant_category", "load_balancer_id")


def true_faults(draft: Draft) -> list[tuple[Fault, dict[str, str]]]:
    """The faults that are causes within the guide, unique, with the subject of each."""
    found: list[tuple[Fault, dict[str, str]]] = []
    for fault in draft.faults:
        names = tuple(fault.where) if draft.exact else DIMENSIONS_OF.get(fault.kind, tuple(fault.where))
        subject = {name: value for name, value in fault.where.items() if name in names}
        if fault.kind in NOBODYS or fault.effect in UNSEEN or any(subject == other for _, other in found):
            continue
        worse = any(other.items() < subject.items() for _, other in found)  # a subset of another cause that fails more
        if draft.exact or not worse:
            found.append((fault, subject))
    return found


def expected_of(draft: Draft, scenario: Scenario, rows: Rows) -> Expected:
    """The true answer."""
    causes = []
    for number, (fault, subject) in enumerate(true_faults(draft)):
        names = [subject, *same_requests(rows, subject), *(draft.also if number == 0 else ())]
        where = fault.where if fault.where != subject else {}
        actions = draft.actions[number] if draft.actions else _actions(fault)
        tier = draft.tiers[number] if draft.tiers else _tier(fault)
        steps = (fault.step,) if fault.step else ()
        exactly = tuple([where, *same_requests(rows, where)] if where else [])
        causes.append(ExpectedCause(any_of=tuple(names), exactly=exactly, steps=steps, tier=tier, actions=actions))
    return Expected(
        title=draft.title,
        group=draft.group,
        tags=draft.tags,
        incident=draft.incident,
        parameters=parameters_of(scenario, draft.told(), draft.parameters),
        asked=draft.asked,
        causes=tuple(causes),
        innocent=draft.innocent,
        gaps=draft.gaps,
        suspected=suspected(draft, [subject for _, subject in true_faults(draft)]).replies,
        began=sudden_start(scenario),
        says=draft.says,
        never_says=draft.never_says,
    )


def _actions(fault: Fault) -> tuple[str, ...]:
    """The action for a confirmed cause of this kind, independent of the guide's thresholds."""
    if fault.effect is FaultEffect.RATE_LIMIT:
        return ("relieve_rate_limiting",)
    usual = {
        FaultKind.VERSION: ("roll_back",),
        FaultKind.FLAG: ("set_flag",),
        FaultKind.ENDPOINT: ("fix_endpoint",),
        FaultKind.PRODUCT: ("act_for_tier",),
        FaultKind.WORKFLOW: ("mitigate_workflow",),
        FaultKind.ERROR: ("fix_error",),
    }
    if fault.kind in usual:
        return usual[fault.kind]
    drain = ("drain",) if set(fault.where) & set(DRAINABLE) else ()
    redirect = ("redirect_traffic",) if set(fault.where) & set(PLACES) else ()
    return (*drain, *redirect) or ("look",)


def _tier(fault: Fault) -> str:
    if fault.kind is FaultKind.WORKFLOW:
        return "definitive"
    return "potential" if fault.kind in (FaultKind.VERSION, FaultKind.FLAG) else "symptom"


def parameters_of(scenario: Scenario, report: IncidentReport, changes: dict[str, Any]) -> ExpectedParameters:
    """Step 1's answer: what the report says; the window opens two hours before the start that it gives."""
    start = scenario.incident_start + timedelta(minutes=report.start_error_minutes)
    values: dict[str, Any] = {
        "region": scenario.region,
        "service_name": scenario.service_name,
        "environment": scenario.environment,
        "start_time": start - timedelta(hours=2),
        "end_time": scenario.last,
        "incident_start": start,
        "threshold": scenario.threshold,
    }
    return ExpectedParameters(**(values | changes))


def files_of(draft: Draft, cache: Path) -> dict[str, str]:
    """The three files of an incident."""
    scenario = draft.made(crc32(draft.id.encode()) % 100_000)
    report = told(draft, [subject for _, subject in true_faults(draft)])
    recipe = Recipe(scenario=scenario, report=report)
    text = incident_text(scenario, report)
    case = Case(draft.id, text, Expected(title="", group=""), scenario.last, recipe)
    rows = Rows(telemetry_of(case, cache), scenario)
    return {
        "incident.md": text,
        "expected.yaml": _yaml(expected_of(draft, scenario, rows).model_dump(mode="json", exclude_defaults=True)),
        "scenario.yaml": _yaml(recipe.model_dump(mode="json", exclude_defaults=True)),
    }


def _yaml(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, width=110, allow_unicode=True, default_flow_style=None)


def write_all(root: Path, cache: Path) -> None:
    """Write every incident; folders without a draft stay unchanged."""
    for draft in DRAFTS:
        folder = root / draft.id
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files_of(draft, cache).items():
            (folder / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{draft.id}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        write_all(INCIDENTS, default_cache() if "--cache" in sys.argv else Path(scratch))
