"""Runs the checks that verdicts lean on, the measurement and the judge, over a folder of telemetry."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tsg_agent.evidence import Measurer, calls_of, read_requests
from tsg_agent.models import Confidence, Judgement, Parameters, Subject, Verdict
from tsg_agent.settings import Settings
from tsg_agent.simulator.scenario import Scenario
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import GUIDE, PLUGINS
from tsg_agent.tools.plugin_8_workflows import frame_of
from tsg_agent.tools.rows import ScopeArgs, WindowArgs
from tsg_agent.verdicts import Evidence, judge
from tsg_agent.workflow_analysis import analyse

SETTINGS = Settings()
LEANED_ON = (5, 8, 9)
"""Plugins whose rows verdicts use: zones, workflows, errors."""
POOL = ThreadPoolExecutor(4)


def judgement_of(
    folder: Path | str, given: Parameters, settings: Settings = SETTINGS, *, mapping: Path | None = None
) -> Judgement:
    """The verdicts over a folder of telemetry."""
    with DuckDB(str(folder), mapping=mapping, threads=2) as engine:
        findings, steps, runs = [], None, None
        window = {"start_time": given.start_time, "end_time": given.end_time, "region": given.region}
        window |= {"environment": given.environment}
        for plugin in PLUGINS:
            if plugin.number not in LEANED_ON:
                continue
            args = (
                WindowArgs(**window)
                if plugin.args is WindowArgs
                else ScopeArgs(**window, service_name=given.service_name)
            )
            finding, table, _ = plugin.run_with_table(engine, args, settings)
            findings.append(finding)
            if plugin.number == 8 and table is not None and table.num_rows:
                steps = partial(frame_of, table)
                runs = analyse(steps(), settings.thresholds.workflow).runs
        tables = Measurer(engine, given, settings, POOL, GUIDE.dimensions).fetch()
    evidence = Evidence(
        read_requests(tables, GUIDE.dimensions), tables.get("regions"), calls_of(tables.get("calls")), steps, runs,
        findings, given, settings.thresholds, GUIDE,
    )  # fmt: skip
    return judge(evidence).judgement


def parameters_of(scenario: Scenario, *, minutes: float = 0, known: bool = True, **changes: Any) -> Parameters:
    """What an incident report of the scenario would say; its start `minutes` late."""
    start = scenario.incident_start + timedelta(minutes=minutes)
    values: dict[str, Any] = {
        "region": scenario.region,
        "service_name": scenario.service_name,
        "environment": scenario.environment,
        "start_time": start - timedelta(hours=2),
        "end_time": scenario.last,
        "incident_start": start if known else None,
        "threshold": scenario.threshold,
    }
    return Parameters(**(values | changes))


def holds(subject: Subject, expected: Subject) -> bool:
    """Whether a subject says at least what is expected of it."""
    return expected.items() <= subject.items()


def names_of(cause: Verdict) -> Subject:
    """All that is told of exactly a cause's requests: its description, and other values that they all have."""
    return {
        name: value for one in (cause.subject, *cause.detail.get("same_requests", ())) for name, value in one.items()
    }


def confirmed(judgement: Judgement) -> list[Verdict]:
    return [cause for cause in judgement.causes if cause.confidence is Confidence.CONFIRMED]


def rejected_as(judgement: Judgement, subject: Subject) -> str:
    """The code with which a subject was dismissed; "" if it is not among the rejected."""
    return next((item.dismissal for item in judgement.rejected if holds(item.subject, subject)), "")


def shadows(cause: Verdict) -> list[Subject]:
    return [item.subject for item in cause.also_visible_in]
