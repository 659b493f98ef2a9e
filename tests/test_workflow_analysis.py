"""Step 9's analysis: runs, rates, failing steps, users."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from tsg_agent.settings import WorkflowThresholds
from tsg_agent.tools.plugin_8_workflows import RULE
from tsg_agent.workflow_analysis import analyse, failing_step, step_that_fails

LIMITS = WorkflowThresholds()
FAILING, HEALTHY = RULE.labels
T0 = datetime(2026, 3, 10, 14, 0)


def row(
    run: str | None, status: str | None = "COMPLETED", step: str = "pay", minute: float = 0, **changes: Any
) -> dict[str, Any]:
    return {
        "correlation_id": run, "scenario_name": "payment", "workflow_id": "wf", "workflow_step": step,
        "workflow_status": status, "business_criticality": "CRITICAL", "total_workflow_time_ms": 100.0,
        "retry_attempts": 0, "user_id": f"user-{run}", "has_compensation": None,
        "timestamp": T0 + timedelta(minutes=minute), **changes,
    }  # fmt: skip


def analysed(*rows: dict[str, Any]) -> dict[str, Any]:
    (scenario,) = analyse(pd.DataFrame(list(rows)), LIMITS).scenarios
    return scenario


def test_a_run_has_failed_if_any_of_its_rows_did() -> None:
    """Five rows a run, one of which failed: 50 % of two runs, not 10 % of ten rows."""
    steps = ("cart", "total", "pay", "capture", "confirm")
    rows = [row("a", "FAILED" if step == "pay" else "COMPLETED", step, place) for place, step in enumerate(steps)]
    rows += [row("b", "COMPLETED", step, place) for place, step in enumerate(steps)]
    found = analysed(*rows)
    assert (found["total_runs"], found["failed_runs"], found["completion_rate"]) == (2, 1, 50.0)


def test_runs_still_going_count_in_no_rate() -> None:
    found = analysed(row("a"), row("b", "IN_PROGRESS"), row("c", None), row("d", "queued"))
    assert (found["total_runs"], found["running_runs"], found["completion_rate"]) == (1, 3, 100.0)


@pytest.mark.parametrize("status", ["FAILED", "PARTIAL", "TIMEOUT", "unheard of", "COMPENSATED"])
def test_every_other_status_is_a_failure(status: str) -> None:
    assert analysed(row("a"), row("b", status))["failed_runs"] == 1


def test_a_row_without_a_correlation_is_a_run_of_its_own() -> None:
    assert analysed(row(None), row(None, "FAILED"), row("a"))["total_runs"] == 3


@pytest.mark.parametrize(
    ("failed", "criticality", "label"),
    [
        (1, "CRITICAL", HEALTHY),
        (2, "CRITICAL", FAILING),
        (2, "critical", FAILING),
        (2, "HIGH", HEALTHY),
        (2, None, HEALTHY),
    ],
)
def test_the_guides_label_at_its_boundary(failed: int, criticality: str | None, label: str) -> None:
    """99 % exactly is no failure; 98 % is."""
    rows = [row(str(n), "FAILED" if n < failed else "COMPLETED", business_criticality=criticality) for n in range(100)]
    assert RULE.label(analysed(*rows), LIMITS)[0] == label


def test_the_interval_is_wilsons_in_percent() -> None:
    found = analysed(*[row(str(n), "FAILED" if n < 2 else "COMPLETED") for n in range(40)])
    assert 80 < found["completion_low"] < 95.0 < found["completion_high"] < 99.5


def test_users_and_compensation_of_failed_runs() -> None:
    found = analysed(
        row("a", "FAILED", user_id="u", has_compensation=False),
        row("b", "FAILED", user_id="u", has_compensation=True),
        row("c", "FAILED", user_id="v"),
        row("d", user_id="w"),
    )
    assert (found["affected_users"], found["uncompensated_runs"]) == (2, 1)
    assert analysed(row("a", "FAILED"))["uncompensated_runs"] is None


def test_the_failing_step_is_where_failures_gather() -> None:
    passed = {"cart": 90, "pay": 10}
    assert failing_step(pd.Series(["cart"] * 2 + ["pay"] * 30), passed)[:2] == ("pay", 30)
    assert failing_step(pd.Series(["cart"] * 9 + ["pay"]), passed)[0] is None
    assert failing_step(pd.Series([], dtype="object"), passed)[0] is None


def test_the_only_step_fails_though_other_workflows_have_steps_too() -> None:
    """Plugin 8's rows keep each text once, for all workflows."""
    steps = pd.Series(["send"] * 3, dtype=pd.CategoricalDtype(["cart", "pay", "send"]))
    assert failing_step(steps, {"send": 6})[:2] == ("send", 3)


def test_the_last_step_is_named_where_each_step_has_its_row() -> None:
    """A completed run has passed the first step too, so the few failures there are not where they gather."""
    rows = [row(f"c{i}", step=step) for i in range(40) for step in ("cart", "pay")]
    rows += [r for i in range(20) for r in (row(f"f{i}", step="cart"), row(f"f{i}", "FAILED", "pay", 1))]
    rows += [row(f"g{i}", "FAILED", "cart") for i in range(3)]
    assert step_that_fails(pd.DataFrame(rows), LIMITS) == "pay"


def test_the_runs_that_verdicts_count() -> None:
    rows = pd.DataFrame([row("a", minute=3), row("a", "FAILED", minute=9), row("b"), row("c", "RUNNING")])
    runs = analyse(rows, LIMITS).runs.set_index("correlation_id")
    assert runs["failed"].to_dict() == {"a": True, "b": False}
    assert runs.loc["a", "timestamp"] == T0 + timedelta(minutes=3)


def test_the_order_of_rows_does_not_matter() -> None:
    steps = ("cart", "pay", "confirm")
    rows = pd.DataFrame(
        [
            row(str(n), "FAILED" if n == 3 and s == "pay" else "COMPLETED", s, k)
            for n in range(9)
            for k, s in enumerate(steps)
        ]
    )
    usual = analyse(rows, LIMITS).scenarios
    for seed in range(3):
        assert analyse(rows.sample(frac=1, random_state=seed), LIMITS).scenarios == usual


def test_rows_of_one_instant_stand_for_their_run_whatever_order_they_come_in() -> None:
    """All that tells them apart is who and how long; the run's row is one of them, always the same."""
    rows = pd.DataFrame(
        [
            row(str(n), "FAILED", user_id=f"{who}-{n}", total_workflow_time_ms=float(ms), has_compensation=bool(k % 2))
            for n in range(9)
            for k, (who, ms) in enumerate([("b", 70), ("a", 300), ("a", 20), ("c", 5)])
        ]
    )
    usual = analyse(rows, LIMITS).scenarios
    assert usual[0]["uncompensated_runs"] == 0, "one of a run's rows says that it was compensated"
    for seed in range(5):
        assert analyse(rows.sample(frac=1, random_state=seed), LIMITS).scenarios == usual


def test_rows_thousands_of_years_apart_stand_for_their_runs_too() -> None:
    """Run, time and the rest of the order do not fit into one number then."""
    rows = [
        row(str(n), "FAILED" if k == 1 and n % 3 == 0 else "COMPLETED", step, minute=(7 * k + n) % 5)
        for n in range(90)
        for k, step in enumerate(("cart", "pay", "confirm"))
    ]
    usual = analyse(pd.DataFrame(rows), LIMITS).runs
    far = analyse(pd.DataFrame([*rows, row("late", minute=60 * 24 * 365 * 7_000)]), LIMITS).runs
    assert usual["failed"].sum() == 30
    pd.testing.assert_frame_equal(far[far["correlation_id"] != "late"].reset_index(drop=True), usual)


def test_texts_kept_once_in_any_order_say_nothing() -> None:
    """As plugin 8's rows come: codes of texts, numbered as they were met."""
    rows = pd.DataFrame(
        [row(str(n), "FAILED", step, user_id=f"{step}-{n}") for n in range(4) for step in ("pay", "cart")]
    )
    found = [
        analyse(rows.assign(workflow_step=pd.Categorical(rows["workflow_step"], steps)), LIMITS).scenarios
        for steps in (["pay", "cart"], ["cart", "pay"])
    ]
    assert found[0] == found[1]
    assert found[0][0]["failures_at_step"] == 4


def test_nothing_is_nothing() -> None:
    empty = pd.DataFrame([row("a")]).iloc[:0]
    assert analyse(empty, LIMITS).scenarios == []
