"""Step 9 where a server holds too many steps to bring: its runs say the same."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.at_server import AtServer
from tests.engines.same import concluded, differences
from tests.tools.made import START, args_for, plugin, workflow, written
from tsg_agent import Request
from tsg_agent.settings import Settings, WorkflowThresholds
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import plugin_8_workflows
from tsg_agent.tools.plugin import CheckRun
from tsg_agent.tools.plugin_8_workflows import JUDGED_THERE, MOST_STATUSES, frame_of
from tsg_agent.workflow_analysis import step_that_fails

pytestmark = pytest.mark.slow


def steps(seed: int, number: int = 500) -> list[dict[str, Any]]:
    """Runs of several steps, with whatever a source may hold: nothing, ties, copies, other spellings."""
    rng = random.Random(seed)
    statuses = ("COMPLETED", " completed ", "FAILED", "TIMEOUT", "running", "QUEUED", "ÄRGER", "", None)
    rows = workflow(number, {})
    for row in rows:
        row |= {
            "correlation_id": rng.choice([None, *(f"c{place}" for place in range(number // 4))]),
            "scenario_name": rng.choice(["pay", "Übertrag", "a", None]),
            "business_criticality": rng.choice(["CRITICAL", "low", None]),
            "workflow_step": rng.choice(["cart", "pay", "Zahl", "ä", None]),
            "workflow_status": rng.choices(statuses, [60, 5, 8, 3, 6, 4, 1, 1, 4])[0],
            "timestamp": START + timedelta(seconds=20 * rng.randrange(40)),
            "user_id": rng.choice([None, "u", "v", "w"]),
            "total_workflow_time_ms": rng.choice([None, 1.0, 2.5, 900.0]),
            "retry_attempts": rng.choice([None, 0, 3]),
            "has_compensation": rng.choice([None, True, False]),
        }
    return [*rows, *rows[:20]]


def ran(folder: Path, rows: list[dict[str, Any]]) -> tuple[CheckRun, CheckRun]:
    """Of the steps, and of the runs that a server makes of them."""
    check = plugin(8)
    with DuckDB(written(folder, {"workflow_tracking": rows})) as engine:
        args = args_for(check)
        return check.run_with_table(engine, args, Settings()), check.run_with_table(AtServer(engine), args, Settings())


def plain(one: CheckRun) -> dict[str, Any]:
    return one.finding.model_dump(mode="json", exclude={"sql", "sql_parameters", "milliseconds", "notes"})


def runs_of(one: CheckRun) -> list[tuple[Any, ...]]:
    assert one.kept is not None
    return sorted((tuple(map(str, row.values())) for row in one.kept.to_pylist()), key=str)


@pytest.mark.parametrize("seed", range(8))
def test_runs_judged_there_are_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(plugin_8_workflows, "MOST_STEPS", 100)
    own, other = ran(tmp_path, steps(seed))
    assert own.finding.rows
    assert differences(plain(own), plain(other)) == []
    assert runs_of(own) == runs_of(other)
    assert (own.finding.notes, other.finding.notes) == ([], [JUDGED_THERE])
    assert own.table is not None and other.table is not None
    assert (other.table["passed"].null_count, len(own.table)) == (len(runs(own.table)), 520)


def runs(table: Any) -> set[tuple[Any, ...]]:
    """The runs that rows are of; a row without a correlation is one of its own."""
    return {
        (row["scenario_name"], row["business_criticality"], row["correlation_id"] or place)
        for place, row in enumerate(table.to_pylist())
    }


def test_the_step_that_fails_since_a_minute_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_8_workflows, "MOST_STEPS", 100)
    rows = workflow(600, {})
    for place, row in enumerate(rows):
        run, step = divmod(place, 3)
        bad = run >= 100 and step == 1 and run % 2 == 0
        row |= {
            "correlation_id": f"c{run}", "scenario_name": "pay", "workflow_step": f"s{step}",
            "workflow_status": "FAILED" if bad else "COMPLETED", "timestamp": START + timedelta(seconds=9 * run + step),
        }  # fmt: skip
    own, other = (frame_of(one.table) for one in ran(tmp_path, rows))
    for minutes in (0, 10, 20):
        since = START + timedelta(minutes=minutes)
        mine, theirs = own[own["timestamp"] >= since], other[other["timestamp"] >= since]
        assert [step_that_fails(frame, LIMITS) for frame in (mine, theirs)] == ["s1", "s1"]
        assert theirs["passed"].sum() == (mine["workflow_status"] == "COMPLETED").sum()
        assert (theirs["workflow_status"] == "FAILED").sum() == (mine["workflow_status"] == "FAILED").sum()


def test_few_steps_come_as_they_are_and_so_do_those_of_very_many_statuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ran(tmp_path / "few", steps(1))[1]
    monkeypatch.setattr(plugin_8_workflows, "MOST_STEPS", 100)
    rows = steps(2)
    for place, row in enumerate(rows[: MOST_STATUSES + 9]):
        row["workflow_status"] = f"status {place}"
    many = ran(tmp_path / "many", rows)[1]
    for one in (few, many):
        assert one.table is not None and "passed" not in one.table.column_names
        assert one.finding.notes == []


def test_a_conclusion_is_the_same(incident: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_8_workflows, "MOST_STEPS", 100)
    with DuckDB(incident.telemetry) as engine:
        first, second = (concluded(incident.text, one, incident.telemetry) for one in (engine, AtServer(engine)))
    told = [one for one in second["findings"] if JUDGED_THERE in one["notes"]]
    assert [one["plugin"] for one in told] == [8]
    told[0]["notes"].remove(JUDGED_THERE)
    assert [one for one in differences(first, second) if "sql_parameters" not in one] == []


LIMITS = WorkflowThresholds()
