from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tools.made import START, Rows, by, found, workflow
from tsg_agent.models import Finding, Status

FAILING, HEALTHY = "CRITICAL_SCENARIO_FAILING", "NO_CRITICAL_FAILURE"


def scenarios(folder: Path, *made: Rows, **scope: Any) -> Finding:
    return found(folder, 8, {"workflow_tracking": [row for rows in made for row in rows]}, **scope)


@pytest.mark.parametrize(("failed", "expected"), [(9, HEALTHY), (10, HEALTHY), (11, FAILING)])
def test_completion_under_99_percent(failed: int, expected: str, tmp_path: Path) -> None:
    finding = scenarios(tmp_path, workflow(1000, {"FAILED": failed}))
    assert finding.label == expected
    row = finding.rows[0]
    assert row["completion_rate"] == pytest.approx(100 - failed / 10)
    assert row["completion_low"] < row["completion_rate"] < row["completion_high"]


@pytest.mark.parametrize(
    ("criticality", "expected"), [("CRITICAL", FAILING), ("critical", FAILING), ("HIGH", HEALTHY), (None, HEALTHY)]
)
def test_only_a_critical_scenario_fails_the_check(criticality: str | None, expected: str, tmp_path: Path) -> None:
    finding = scenarios(tmp_path, workflow(100, {"FAILED": 50}, business_criticality=criticality))
    assert finding.label == expected


@pytest.mark.parametrize("status", ["FAILED", "TIMEOUT", "PARTIAL", "ABANDONED", "odd"])
def test_every_other_status_is_a_failure(status: str, tmp_path: Path) -> None:
    finding = scenarios(tmp_path, workflow(100, {status: 5}))
    assert finding.rows[0]["failed_runs"] == 5


@pytest.mark.parametrize("status", ["RUNNING", "IN_PROGRESS", "PENDING", "STARTED", "QUEUED", "started"])
def test_running_runs_are_in_no_rate(status: str, tmp_path: Path) -> None:
    row = scenarios(tmp_path, workflow(100, {status: 40, "FAILED": 6})).rows[0]
    assert (row["total_runs"], row["running_runs"], row["completion_rate"]) == (60, 40, pytest.approx(90.0))


def test_nothing_but_running_runs_is_insufficient_data(tmp_path: Path) -> None:
    finding = scenarios(tmp_path, workflow(100, {"RUNNING": 100}))
    assert finding.status is Status.INSUFFICIENT_DATA


def test_the_unit_is_one_run_not_one_step(tmp_path: Path) -> None:
    # Five steps a run, the last of one run in ten fails: 98 % of rows are completed, 90 % of runs.
    rows = [
        {
            **run,
            "workflow_step": f"s{step}",
            "workflow_status": "FAILED" if step == 4 and number % 10 == 0 else "COMPLETED",
        }
        for number, run in enumerate(workflow(100))
        for step in range(5)
    ]
    row = scenarios(tmp_path, rows).rows[0]
    assert (row["total_runs"], row["completion_rate"]) == (100, pytest.approx(90.0))


def test_a_run_whose_last_row_is_running_is_running(tmp_path: Path) -> None:
    made = workflow(10)
    later = [
        {
            **run,
            "workflow_status": "RUNNING",
            "workflow_step": "ship",
            "timestamp": run["timestamp"] + timedelta(seconds=9),
        }
        for run in made[:4]
    ]
    row = scenarios(tmp_path, made, later).rows[0]
    assert (row["completed_runs"], row["running_runs"]) == (6, 4)


def test_a_run_that_started_and_completed_has_completed(tmp_path: Path) -> None:
    made = workflow(10)
    started = [{**run, "workflow_status": "STARTED"} for run in made]
    row = scenarios(tmp_path, made, started).rows[0]
    assert (row["completed_runs"], row["running_runs"]) == (10, 0)


def test_a_failure_stays_one_though_a_later_row_completed(tmp_path: Path) -> None:
    made = workflow(10, {"FAILED": 2})
    later = [
        {**run, "workflow_status": "COMPLETED", "timestamp": run["timestamp"] + timedelta(minutes=1)} for run in made
    ]
    assert scenarios(tmp_path, made, later).rows[0]["failed_runs"] == 2


def test_the_step_where_failures_gather(tmp_path: Path) -> None:
    steps = ["pay"] * 30 + ["ship"] * 3 + ["done"] * 267
    row = scenarios(tmp_path, workflow(300, {"FAILED": 33}, workflow_step=steps)).rows[0]
    assert (row["failing_step"], row["failures_at_step"]) == ("pay", 30)


@pytest.mark.parametrize("failing", [0, 2, 4])
def test_the_failing_step_may_be_any_of_five_the_last_too(failing: int, tmp_path: Path) -> None:
    rows = [
        {**run, "workflow_step": f"s{step}", "workflow_status": "FAILED" if failed and step == failing else "COMPLETED"}
        for number, run in enumerate(workflow(200))
        for failed in [number % 5 == 0]
        for step in range(failing + 1 if failed else 5)
    ]
    row = scenarios(tmp_path, rows).rows[0]
    assert (row["failing_step"], row["failures_at_step"], row["failed_runs"]) == (f"s{failing}", 40, 40)


def test_no_step_is_named_where_all_fail_alike(tmp_path: Path) -> None:
    steps = [f"s{number % 3}" for number in range(300)]
    failed = [state for state in ("FAILED", "COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED") for _ in range(60)]
    row = scenarios(tmp_path, workflow(300, workflow_step=steps, workflow_status=failed)).rows[0]
    assert row["failing_step"] is None


def test_users_and_compensation_of_failed_runs(tmp_path: Path) -> None:
    users = ["a", "a", "b", "c"] + ["x"] * 96
    compensated = [True, False, None, False] + [False] * 96
    row = scenarios(tmp_path, workflow(100, {"FAILED": 4}, user_id=users, has_compensation=compensated)).rows[0]
    assert (row["affected_users"], row["uncompensated_runs"]) == (3, 2)


@pytest.mark.parametrize(("failed", "users"), [(4, None), (0, 0)])
def test_users_that_no_failed_run_names_are_unknown_not_none(failed: int, users: int | None, tmp_path: Path) -> None:
    row = scenarios(tmp_path, workflow(100, {"FAILED": failed}, user_id=None)).rows[0]
    assert row["affected_users"] == users
    assert (row["impact_score"] is None) is (users is None)


def test_unknown_compensation_is_null(tmp_path: Path) -> None:
    row = scenarios(tmp_path, workflow(100, {"FAILED": 4}, has_compensation=None)).rows[0]
    assert row["uncompensated_runs"] is None


def test_a_null_status_says_nothing(tmp_path: Path) -> None:
    made = workflow(100)
    made[0]["workflow_status"] = None
    row = scenarios(tmp_path, made).rows[0]
    assert (row["total_runs"], row["running_runs"], row["failed_runs"]) == (99, 1, 0)


def test_failing_scenarios_come_first_then_impact_then_name(tmp_path: Path) -> None:
    finding = scenarios(
        tmp_path,
        workflow(100, {"FAILED": 90}, scenario_name="loud", business_criticality="LOW"),
        workflow(100, {"FAILED": 2}, scenario_name="b"),
        workflow(100, {"FAILED": 2}, scenario_name="a"),
        workflow(100, scenario_name="fine"),
    )
    assert [row["scenario_name"] for row in finding.rows] == ["a", "b", "loud", "fine"]
    assert finding.groups == 4


def test_window_region_and_test_traffic(tmp_path: Path) -> None:
    made = workflow(100)
    others: Rows = [
        {**made[0], "correlation_id": "1", "workflow_status": "FAILED", "region": "eu"},
        {**made[0], "correlation_id": "2", "workflow_status": "FAILED", "environment": "dev"},
        {**made[0], "correlation_id": "3", "workflow_status": "FAILED", "is_test_traffic": True},
        {**made[0], "correlation_id": "4", "workflow_status": "FAILED", "timestamp": START - timedelta(seconds=1)},
        {**made[0], "correlation_id": "5", "workflow_status": "FAILED", "is_test_traffic": None},
    ]
    assert by(scenarios(tmp_path, made, others), "scenario_name")["checkout"]["failed_runs"] == 1
