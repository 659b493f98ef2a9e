import pandas as pd

from tsg_agent.simulator.scenario import Fault, FaultEffect, FaultKind, Quirks, Rollout, Scenario

BASE = Scenario(requests=40_000, rollout=Rollout(version="3.15.0"))
START = pd.Timestamp("2026-03-10 14:00")


def runs_of(tracked: pd.DataFrame) -> pd.DataFrame:
    """One row a run of real traffic: its scenario, when it began, whether a step failed."""
    tracked = tracked[~tracked["is_test_traffic"]].assign(failed=lambda rows: rows["workflow_status"] != "COMPLETED")
    grouped = tracked.groupby(["scenario_name", "business_criticality", "correlation_id"], as_index=False)
    return grouped.agg(timestamp=("timestamp", "min"), failed=("failed", "any"), steps=("timestamp", "size"))


def completion(runs: pd.DataFrame) -> float:
    return 100 * float((~runs["failed"]).mean())


def test_critical_scenarios_complete_when_healthy(frames):
    runs = runs_of(frames(BASE)["workflow_tracking"])
    assert runs["scenario_name"].nunique() == 9
    critical = runs[runs["business_criticality"] == "CRITICAL"]
    assert completion(critical) > 99.6
    assert set(runs["business_criticality"]) == {"CRITICAL", "HIGH", "MEDIUM", "LOW"}


def test_every_step_is_served_by_a_request_with_its_correlation(frames):
    tables = frames(BASE)
    tracked, log = tables["workflow_tracking"], tables["api_gateway_logs"]
    first = log[~log["is_retry"]]["correlation_id"].value_counts()
    steps = tracked["correlation_id"].value_counts()
    joined = pd.concat([first, steps], axis=1, keys=["requests", "steps"]).dropna()
    assert len(joined) > 0.95 * len(steps)
    assert (joined["requests"] == joined["steps"]).mean() > 0.97  # some correlation ids are lost, some steps under way


def test_a_step_waits_for_the_answer_to_the_one_before(frames):
    fault = Fault(kind=FaultKind.OUTAGE, effect=FaultEffect.LATENCY, probability=0.5)
    tables = frames(BASE.model_copy(update={"faults": (fault,)}))
    log, tracked = tables["api_gateway_logs"], tables["workflow_tracking"]
    rows = log[log["correlation_id"].isin(tracked["correlation_id"])].sort_values(["correlation_id", "timestamp"])
    answered = rows["timestamp"] + pd.to_timedelta(rows["latency_ms"], unit="ms")
    same = rows["correlation_id"] == rows["correlation_id"].shift()
    assert (rows["timestamp"][same] >= answered.shift()[same] - pd.Timedelta("1ms")).all()


def test_a_run_ends_at_its_first_failed_step(frames):
    fault = Fault(kind=FaultKind.OUTAGE, probability=0.5)
    tracked = frames(BASE.model_copy(update={"faults": (fault,)}))["workflow_tracking"]
    ordered = tracked.sort_values(["correlation_id", "timestamp"])
    failed = ordered["workflow_status"] != "COMPLETED"
    last = ordered["correlation_id"] != ordered["correlation_id"].shift(-1)
    assert failed.sum() > 500
    assert last[failed].all()


def test_a_bad_version_lowers_workflows_through_shared_ids(frames, rise):
    fault = Fault(kind=FaultKind.VERSION, where={"service_version": "3.15.0"}, probability=0.3)
    tables = frames(BASE.model_copy(update={"faults": (fault,)}))
    runs = runs_of(tables["workflow_tracking"])
    for name, rows in runs.groupby("scenario_name"):
        assert rise(rows, rows["failed"]) < 0.01, name
    assert rise(runs, runs["failed"]) < 1e-4
    log = tables["api_gateway_logs"]
    bad = log[(log["service_version"] == "3.15.0") & (log["status_code"] >= 500)]["correlation_id"]
    late = runs[runs["timestamp"] >= START]
    touched = late["correlation_id"].isin(bad)
    assert late[touched]["failed"].mean() > 0.3
    assert late[~touched]["failed"].mean() < 0.05
    products = log.merge(tables["product_metadata"], on="request_id")
    assert rise(products, products["status_code"] >= 500) < 1e-4


def test_a_retry_can_rescue_a_step(frames):
    fault = Fault(kind=FaultKind.OUTAGE, probability=0.3)
    tables = frames(BASE.model_copy(update={"faults": (fault,)}))
    retried = tables["workflow_tracking"].query("retry_attempts > 0 and timestamp >= @START")
    assert 0.5 < (retried["workflow_status"] == "COMPLETED").mean() < 0.9


def test_a_step_can_fail_behind_answers_of_200(frames, rise):
    where = {"scenario_name": "payment_processing", "workflow_step": "payment_authorization"}
    fault = Fault(
        kind=FaultKind.WORKFLOW, where=where, effect=FaultEffect.WORKFLOW_FAILURE, probability=0.4, compensation=0.2
    )
    tables = frames(BASE.model_copy(update={"faults": (fault,)}))
    runs = runs_of(tables["workflow_tracking"])
    hit = runs[runs["scenario_name"] == "payment_processing"]
    assert rise(hit, hit["failed"]) < 1e-4
    others = runs[runs["scenario_name"] != "payment_processing"]
    assert completion(others) > 99.5
    log = tables["api_gateway_logs"]
    assert rise(log, log["status_code"] >= 500) > 1e-3
    failed = tables["workflow_tracking"].query("workflow_status != 'COMPLETED' and timestamp >= @START")
    failed = failed[failed["workflow_step"] == "payment_authorization"]
    assert len(failed) > 30
    assert failed["has_compensation"].mean() < 0.45
    assert failed["retry_attempts"].max() >= 2


def test_completed_rows_have_no_compensation_and_time_grows_with_the_steps(frames):
    tracked = frames(BASE)["workflow_tracking"]
    assert not tracked[tracked["workflow_status"] == "COMPLETED"]["has_compensation"].any()
    ordered = tracked.sort_values(["correlation_id", "timestamp"])
    same = ordered["correlation_id"] == ordered["correlation_id"].shift()
    assert (ordered["total_workflow_time_ms"].diff()[same] > 0).all()


def test_test_runs_fail_often_and_are_marked(frames):
    tracked = frames(BASE)["workflow_tracking"]
    test = tracked[tracked["is_test_traffic"]]
    assert (test["workflow_status"] != "COMPLETED").mean() > 0.05


def test_runs_can_be_still_running(frames):
    tracked = frames(BASE.model_copy(update={"quirks": Quirks(running_share=0.2)}))["workflow_tracking"]
    running = tracked[tracked["workflow_status"] == "IN_PROGRESS"]
    assert 0.15 < len(running) / tracked["correlation_id"].nunique() < 0.25
    assert running["correlation_id"].is_unique
