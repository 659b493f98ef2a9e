"""Every fault can be found by one who is told where to look: a test on the raw rows, p < 1e-4."""

import numpy as np
import pandas as pd
import pytest

from tsg_agent.simulator.exceptions import BACKGROUND
from tsg_agent.simulator.scenario import DEFAULT_FLAGS, Fault, FaultEffect, FaultKind, Flag, Rollout, Scenario

BASE = Scenario(
    requests=30_000,
    rollout=Rollout(version="3.15.0"),
    flags=(
        *DEFAULT_FLAGS,
        Flag(name="late", values={"on": 0.5, "off": 0.5}, before="off", start=Scenario().incident_start),
    ),
)
SUBJECTS = {
    "version": Fault(kind=FaultKind.VERSION, where={"service_version": "3.15.0"}),
    "flag": Fault(kind=FaultKind.FLAG, where={"flag_name": "new_pricing", "flag_value": "on"}),
    "region": Fault(kind=FaultKind.REGION, where={"region": "eu-central"}),
    "datacenter": Fault(kind=FaultKind.REGION, where={"datacenter": "us-east-dc2"}),
    "shard": Fault(kind=FaultKind.PARTITION, where={"shard_id": "shard-07"}),
    "partition": Fault(kind=FaultKind.PARTITION, where={"partition_id": "partition-2"}),
    "tenant": Fault(kind=FaultKind.PARTITION, where={"tenant_category": "ENTERPRISE"}),
    "zone": Fault(kind=FaultKind.ZONE, where={"availability_zone": "us-east-1b"}),
    "instance type": Fault(kind=FaultKind.ZONE, where={"instance_type": "c5.xlarge"}),
    "load balancer": Fault(kind=FaultKind.ZONE, where={"load_balancer_id": "lb-us-east-2"}),
    "endpoint": Fault(kind=FaultKind.ENDPOINT, where={"endpoint_path": "/search"}),
    "client": Fault(kind=FaultKind.ENDPOINT, where={"client_type": "android"}),
    "endpoint and method": Fault(kind=FaultKind.ENDPOINT, where={"endpoint_path": "/cart", "http_method": "POST"}),
    "product": Fault(kind=FaultKind.PRODUCT, where={"product_id": "prod-03"}),
    "tier": Fault(kind=FaultKind.PRODUCT, where={"customer_tier": "PREMIUM"}),
    "component": Fault(kind=FaultKind.ERROR, where={"service_component": "orders", "dependency_name": "orders-db"}),
    "dependency": Fault(
        kind=FaultKind.ERROR, where={"dependency_name": "event-bus"}, exception_type="TimeoutException"
    ),
    "workflow errors": Fault(kind=FaultKind.WORKFLOW, where={"scenario_name": "account_login"}),
    "outage": Fault(kind=FaultKind.OUTAGE),
    "outside": Fault(kind=FaultKind.OUTSIDE, probability=0.03),
    "slow burn": Fault(kind=FaultKind.PARTITION, where={"partition_id": "partition-1"}, ramp_minutes=60),
}


def subject_rows(tables: dict[str, pd.DataFrame], where: dict[str, str]) -> pd.DataFrame:
    """The log rows of a subject, joined as the guide's steps join."""
    log = tables["api_gateway_logs"]
    rows = log[~log["is_test_traffic"] & (log["environment"] == "prod") & (log["service_name"] == "shop.gateway")]
    rows = rows.merge(tables["product_metadata"], on="request_id", how="left")
    rest = dict(where)
    if "flag_name" in rest:
        flags = tables["feature_flags"]
        chosen = flags[(flags["flag_name"] == rest.pop("flag_name")) & (flags["flag_value"] == rest.pop("flag_value"))]
        rows = rows[rows["request_id"].isin(chosen["request_id"])]
    if "scenario_name" in rest:
        tracked = tables["workflow_tracking"]
        runs = tracked[tracked["scenario_name"] == rest.pop("scenario_name")]["correlation_id"]
        rows = rows[rows["correlation_id"].isin(runs)]
    for column, value in rest.items():
        rows = rows[rows[column] == value]
    return rows


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_subject_fails_from_onset_on_and_only_with_the_fault(frames, rise, name):
    fault = SUBJECTS[name]
    faulty, healthy = (
        subject_rows(frames(BASE.model_copy(update={"faults": faults})), fault.where) for faults in ((fault,), ())
    )
    if name == "version":  # there are none before: against the other versions instead
        others = subject_rows(frames(BASE.model_copy(update={"faults": (fault,)})), {})
        others = others[others["service_version"] != "3.15.0"]
        faulty = pd.concat([faulty, others[others["timestamp"] < pd.Timestamp("2026-03-10 14:00")]])
    assert rise(faulty, faulty["status_code"] >= 500) < 1e-4
    assert rise(healthy, healthy["status_code"] >= 500) > 1e-3


def test_the_rest_does_not_fail_more(frames, rise):
    tables = frames(BASE.model_copy(update={"faults": (SUBJECTS["shard"],)}))
    rest = subject_rows(tables, {})
    rest = rest[rest["shard_id"] != "shard-07"]
    assert rise(rest, rest["status_code"] >= 500) > 1e-3


@pytest.mark.parametrize(
    ("effect", "failing"),
    [
        (FaultEffect.LATENCY, lambda rows: rows["latency_ms"] > 5000),
        (FaultEffect.CLIENT_ERRORS, lambda rows: rows["status_code"].between(400, 499)),
        (FaultEffect.RATE_LIMIT, lambda rows: rows["status_code"] == 429),
        (FaultEffect.RETRIES, lambda rows: rows["is_retry"]),
        (FaultEffect.DEPENDENCY_FAILURES, lambda rows: rows["has_dependency_failure"]),
    ],
)
def test_effects_other_than_errors_show_in_their_own_measure_only(frames, rise, effect, failing):
    fault = Fault(kind=FaultKind.ENDPOINT, where={"endpoint_path": "/search"}, effect=effect, probability=0.4)
    rows = subject_rows(frames(BASE.model_copy(update={"faults": (fault,)})), fault.where)
    assert rise(rows, failing(rows)) < 1e-4
    assert rise(rows, rows["status_code"] >= 500) > 1e-3


def test_resource_pressure_shows_in_the_metrics_of_its_instances_only(frames):
    fault = Fault(
        kind=FaultKind.ZONE, where={"availability_zone": "us-east-1a"}, effect=FaultEffect.RESOURCES, cpu=97, memory=93
    )
    tables = frames(BASE.model_copy(update={"faults": (fault,)}))
    metrics = tables["infrastructure_metrics"].merge(
        tables["api_gateway_logs"][["instance_id", "availability_zone"]].drop_duplicates(), on="instance_id"
    )
    late = metrics["timestamp"] >= pd.Timestamp("2026-03-10 14:02")
    here = metrics["availability_zone"] == "us-east-1a"
    assert metrics[late & here]["cpu_utilization"].mean() > 90
    assert metrics[late & here]["memory_utilization"].mean() > 88
    assert metrics[late & ~here]["cpu_utilization"].mean() < 75
    assert metrics[~late & here]["cpu_utilization"].mean() < 75


def test_existing_trouble_is_the_same_before_and_after(frames, rise):
    fault = Fault(kind=FaultKind.EXISTING, where={"shard_id": "shard-07"})
    rows = subject_rows(frames(BASE.model_copy(update={"faults": (fault,)})), fault.where)
    failed = rows["status_code"] >= 500
    assert failed.mean() > 0.2
    assert rise(rows, failed) > 1e-3


def test_a_slow_burn_grows_and_a_fault_ends(frames):
    until = Scenario().incident_start.replace(hour=15)
    faults = (SUBJECTS["slow burn"].model_copy(update={"until": until, "probability": 0.5}),)
    rows = subject_rows(frames(BASE.model_copy(update={"faults": faults})), faults[0].where)
    minute = (rows["timestamp"] - pd.Timestamp("2026-03-10 14:00")).dt.total_seconds() / 60
    failed = rows["status_code"] >= 500
    early, late, over = (failed[minute.between(*span)].mean() for span in ((0, 15), (45, 60), (60.5, 75)))
    assert early < 0.15
    assert late > 0.35
    assert over < 0.05


def test_a_combination_fails_only_where_all_of_it_holds(frames):
    fault = Fault(kind=FaultKind.ENDPOINT, where={"endpoint_path": "/search", "client_type": "ios"}, probability=0.8)
    rows = subject_rows(frames(BASE.model_copy(update={"faults": (fault,)})), {})
    rows = rows[rows["timestamp"] >= pd.Timestamp("2026-03-10 14:00")]
    failed = rows["status_code"] >= 500
    both = (rows["endpoint_path"] == "/search") & (rows["client_type"] == "ios")
    assert failed[both].mean() > 0.6
    assert failed[~both].mean() < 0.02


def test_an_outage_hits_all_alike_and_uses_no_exception_of_its_own(frames):
    rows = subject_rows(frames(BASE.model_copy(update={"faults": (SUBJECTS["outage"],)})), {})
    rows = rows[rows["timestamp"] >= pd.Timestamp("2026-03-10 14:00")]
    shares = rows.groupby("shard_id")["status_code"].agg(lambda status: (status >= 500).mean())
    assert np.ptp(shares) < 0.12
    assert set(rows["exception_type"].dropna()) <= {profile.exception for profile in BACKGROUND}


def test_the_exception_asked_for_is_the_one_logged(frames):
    fault = Fault(
        kind=FaultKind.ERROR,
        where={"service_component": "orders"},
        exception_type="LeaseLost",
        status=503,
        cascading=0.5,
        error_category="STORAGE",
        exception_message="lease lost",
    )
    rows = subject_rows(frames(BASE.model_copy(update={"faults": (fault,)})), fault.where)
    rows = rows[rows["exception_type"] == "LeaseLost"]
    assert len(rows) > 50
    assert set(rows["status_code"]) == {503}
    assert set(rows["error_code"]) == {"ERR_503"}
    assert set(rows["error_category"]) == {"STORAGE"}
    assert set(rows["exception_message"]) == {"lease lost"}
    assert rows["stack_trace_hash"].notna().all()
    assert 0.3 < rows["is_cascading_failure"].mean() < 0.7
