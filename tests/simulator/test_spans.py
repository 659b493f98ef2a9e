"""Traces: each hop has a row, a failure is seen by its callers and not behind it; and requests that never arrive."""

import pandas as pd
import pytest

from tsg_agent.simulator.generate import generate
from tsg_agent.simulator.scenario import Fault, FaultEffect, FaultKind, Quirks, Scenario
from tsg_agent.simulator.shop import ENDPOINTS

START = pd.Timestamp("2026-03-10 14:00")
TRACED = Scenario(requests=12_000, flaky=None, bursts=0, background_errors=0, quirks=Quirks(spans=True, calls=True))


def log_of(frames, *faults: Fault, base: Scenario = TRACED) -> pd.DataFrame:
    return frames(base.model_copy(update={"faults": faults}))["api_gateway_logs"]


def failing(log: pd.DataFrame) -> pd.Series:
    """Share of each component's rows that fail after the start, of the service itself."""
    real = log[(log["timestamp"] >= START) & (log["environment"] == "prod") & ~log["is_test_traffic"]]
    real = real[real["service_name"] == "shop.gateway"]
    return (real["status_code"] >= 500).groupby(real["service_component"]).mean()


@pytest.fixture
def traced(frames) -> pd.DataFrame:
    return log_of(frames)


def test_every_request_has_a_row_for_each_hop(frames, traced):
    plain = log_of(frames, base=TRACED.model_copy(update={"quirks": Quirks()}))
    entries = traced[traced["parent_span_id"].isna()]
    assert sorted(entries["request_id"]) == sorted(plain["request_id"])
    assert (entries["service_component"] == entries["service_name"]).all()
    assert traced["request_id"].is_unique
    assert traced["span_id"].is_unique
    assert traced["timestamp"].is_monotonic_increasing
    calls = traced.merge(traced, left_on="parent_span_id", right_on="span_id", suffixes=("", "_caller"))
    assert len(calls) == len(traced) - len(entries)
    assert (calls["trace_id"] == calls["trace_id_caller"]).all()
    assert (calls["timestamp"] >= calls["timestamp_caller"]).all()
    assert (calls["latency_ms"] <= calls["latency_ms_caller"]).all()


def test_the_map_of_calls_is_that_of_the_spans(frames, traced):
    table = frames(TRACED)["calls"]
    own = traced[traced["service_name"] == "shop.gateway"]
    calls = own.merge(own, left_on="parent_span_id", right_on="span_id", suffixes=("", "_caller"))
    seen = set(zip(calls["service_component_caller"], calls["service_component"], strict=True))
    mapped = set(zip(table["caller"], table["callee"], strict=True))
    assert seen <= mapped
    assert len(seen) > 0.9 * len(mapped)


def test_a_dependency_fails_with_its_callers_and_nothing_else(frames):
    share = failing(
        log_of(frames, Fault(kind=FaultKind.ERROR, where={"dependency_name": "identity-db"}, probability=0.5))
    )
    assert share["identity-db"] > 0.4
    assert 0.2 < share["identity"] <= share["identity-db"]
    assert 0 < share["shop.gateway"] < 0.1
    assert 0 < share["accounts"] <= share["identity-db"]
    assert not share.drop(["identity-db", "identity", "accounts", "shop.gateway"]).any()


def test_a_component_fails_and_what_it_calls_is_well(frames):
    share = failing(log_of(frames, Fault(kind=FaultKind.ERROR, where={"service_component": "orders"}, probability=0.5)))
    assert share["orders"] > 0.4
    assert share["orders-db"] == share["event-bus"] == 0


def test_a_zone_fails_at_the_entry(frames):
    fault = Fault(kind=FaultKind.ZONE, where={"availability_zone": "us-east-1b"}, probability=0.5)
    share = failing(log_of(frames, fault))
    assert share["shop.gateway"] > 0.05
    assert not share.drop("shop.gateway").any()


def test_what_is_slow_is_slow_from_there_on_upwards(frames):
    log = log_of(frames, Fault(kind=FaultKind.ENDPOINT, where={"endpoint_path": "/login"}, effect=FaultEffect.LATENCY))
    slow = log[log["latency_ms"] > 5000]["service_component"].value_counts()
    assert slow["identity"] > 50
    assert slow.drop(["shop.gateway", "identity"]).max() < 10
    assert (log[log["service_component"] == "identity-db"]["latency_ms"] < 5000).all()


LOST = Fault(kind=FaultKind.ENDPOINT, where={"client_type": "web"}, effect=FaultEffect.LOST, probability=0.9)


def test_lost_requests_have_no_row_and_all_others_keep_theirs(frames):
    plain = Scenario(requests=12_000)
    healthy, faulty = frames(plain), frames(plain.model_copy(update={"faults": (LOST,)}))
    before, after = healthy["api_gateway_logs"], faulty["api_gateway_logs"]
    assert set(after["request_id"]) < set(before["request_id"])
    web = before["client_type"] == "web"
    gone = ~before["request_id"].isin(after["request_id"])
    single = ~before["correlation_id"].isin(healthy["workflow_tracking"]["correlation_id"])
    assert not gone[before["timestamp"] < START - pd.Timedelta(minutes=1)].any()
    assert not gone[~web & single].any()
    assert 0.85 < gone[web & single & (before["timestamp"] >= START) & (before["environment"] == "prod")].mean() <= 1


def test_a_run_ends_before_its_lost_step(frames):
    plain = Scenario(requests=12_000)
    tables = frames(plain.model_copy(update={"faults": (LOST.model_copy(update={"probability": 1.0}),)}))
    log, steps = tables["api_gateway_logs"], tables["workflow_tracking"]
    real = log[(log["environment"] == "prod") & (log["service_name"] == "shop.gateway") & (log["client_type"] == "web")]
    assert real["timestamp"].max() < START + pd.Timedelta(minutes=1)
    late = steps[steps["timestamp"] >= START + pd.Timedelta(minutes=1)]
    assert not late["correlation_id"].isin(real["correlation_id"]).any()


def test_without_spans_no_column_and_no_table_is_added():
    tables = generate(Scenario(requests=2000))
    assert "trace_id" not in tables["api_gateway_logs"].column_names
    assert "calls" not in tables
    assert len({item.component for item in ENDPOINTS}) > 10
