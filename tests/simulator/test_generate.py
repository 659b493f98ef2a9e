import hashlib
import subprocess
import sys

import pandas as pd
import pytest

from tsg_agent.errors import ParameterError
from tsg_agent.simulator.generate import TABLES, generate, write, write_in_parts
from tsg_agent.simulator.scenario import Fault, FaultEffect, FaultKind, Quirks, Scenario

SMALL = Scenario(requests=6000)
BAD_SHARD = Fault(kind=FaultKind.PARTITION, where={"shard_id": "shard-07"}, probability=0.5)

SCHEMA = {
    "api_gateway_logs": "request_id timestamp region datacenter availability_zone environment service_name"
    " service_version endpoint_path http_method api_version client_type status_code latency_ms backend_latency_ms"
    " connection_time_ms request_size_bytes response_size_bytes user_id session_id correlation_id partition_id shard_id"
    " tenant_category instance_id instance_type load_balancer_id is_test_traffic is_retry cache_hit"
    " has_dependency_failure error_code error_category exception_type exception_message stack_trace_hash"
    " service_component dependency_name is_cascading_failure concurrent_connections data_processed_bytes",
    "feature_flags": "request_id flag_name flag_value",
    "infrastructure_metrics": "instance_id timestamp cpu_utilization memory_utilization",
    "product_metadata": "request_id product_id product_category customer_tier subscription_type",
    "workflow_tracking": "correlation_id timestamp scenario_name workflow_id workflow_step workflow_status"
    " business_criticality total_workflow_time_ms retry_attempts user_id has_compensation region environment"
    " is_test_traffic",
}


def test_tables_and_columns_are_the_guides():
    tables = generate(SMALL)
    assert tuple(tables) == TABLES
    for name, columns in SCHEMA.items():
        assert tables[name].column_names == columns.split(), name


def test_types():
    log = generate(SMALL)["api_gateway_logs"].schema
    numbers = {"status_code": "int32", "latency_ms": "double", "request_size_bytes": "int64", "cache_hit": "bool"}
    for column, kind in {**numbers, "timestamp": "timestamp[us]", "shard_id": "string"}.items():
        assert str(log.field(column).type) == kind, column


def test_same_scenario_same_bytes(tmp_path):
    def digest(folder):
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in write(generate(SMALL), folder)}

    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_another_process_gives_the_same_bytes(tmp_path):
    code = (
        "import sys; from pathlib import Path; from tsg_agent.simulator.generate import generate, write;"
        "from tsg_agent.simulator.scenario import Scenario;"
        "write(generate(Scenario.model_validate_json(sys.argv[1])), Path(sys.argv[2]))"
    )
    scenario = SMALL.model_copy(update={"faults": (BAD_SHARD,)})
    for folder, seed in (("one", "1"), ("two", "2")):
        arguments = [sys.executable, "-c", code, scenario.model_dump_json(), str(tmp_path / folder)]
        subprocess.run(arguments, check=True, env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)})
    for name in TABLES:
        one, two = ((tmp_path / folder / f"{name}.parquet").read_bytes() for folder in ("one", "two"))
        assert one == two, name


def test_another_seed_gives_other_rows():
    one, two = (generate(SMALL.model_copy(update={"seed": seed}))["api_gateway_logs"] for seed in (1, 2))
    assert not set(one["request_id"].to_pylist()) & set(two["request_id"].to_pylist())


@pytest.mark.parametrize("effect", [FaultEffect.ERRORS, FaultEffect.LATENCY, FaultEffect.RATE_LIMIT])
def test_a_fault_leaves_all_other_rows_as_they_were(frames, effect):
    healthy = frames(SMALL)["api_gateway_logs"].set_index("request_id")
    fault = BAD_SHARD.model_copy(update={"effect": effect})
    faulty = frames(SMALL.model_copy(update={"faults": (fault,)}))["api_gateway_logs"].set_index("request_id")
    hit = (healthy["shard_id"] == "shard-07") & (healthy["timestamp"] >= pd.Timestamp("2026-03-10 14:00"))
    untouched = healthy[~hit]
    pd.testing.assert_frame_equal(faulty.loc[untouched.index], untouched)
    new = faulty.loc[faulty.index.difference(healthy.index)]
    assert len(new) or effect is FaultEffect.LATENCY
    assert new["is_retry"].all()
    assert (new["shard_id"] == "shard-07").all()
    both = healthy.index.intersection(faulty.index)
    changed = (healthy.loc[both, "status_code"] != faulty.loc[both, "status_code"]) | (
        healthy.loc[both, "latency_ms"] != faulty.loc[both, "latency_ms"]
    )
    assert changed.sum() > 10


def test_a_request_that_fails_anyway_keeps_its_own_failure(frames):
    rough = SMALL.model_copy(update={"background_errors": 0.05, "workflow_share": 0})
    outage = rough.model_copy(update={"faults": (Fault(kind=FaultKind.OUTAGE, probability=0.9),)})
    healthy, faulty = (frames(scenario)["api_gateway_logs"].set_index("request_id") for scenario in (rough, outage))
    failed = healthy.index[(healthy["status_code"] >= 500) & ~healthy["is_retry"]]
    same = ["status_code", "exception_type", "latency_ms"]
    pd.testing.assert_frame_equal(faulty.loc[failed, same], healthy.loc[failed, same])


def test_test_traffic_changes_nothing_else(frames):
    without = frames(SMALL.model_copy(update={"quirks": Quirks(test_share=0)}))
    with_much = frames(SMALL.model_copy(update={"quirks": Quirks(test_share=0.4)}))
    for name in ("api_gateway_logs", "workflow_tracking"):
        real = with_much[name][~with_much[name]["is_test_traffic"]].reset_index(drop=True)
        pd.testing.assert_frame_equal(real, without[name])


def test_request_ids_are_keys_and_every_row_of_the_other_tables_has_its_request(frames):
    tables = frames(Scenario(requests=6000, faults=(BAD_SHARD,)))
    ids = tables["api_gateway_logs"]["request_id"]
    assert ids.is_unique
    assert set(tables["feature_flags"]["request_id"]) <= set(ids)
    assert tables["product_metadata"]["request_id"].is_unique
    assert set(tables["product_metadata"]["request_id"]) <= set(ids)
    assert not tables["feature_flags"].duplicated(["request_id", "flag_name"]).any()


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(requests=1),
        Scenario(requests=30, workflow_share=0, flaky=None, flags=(), bursts=0, stale_version=None),
        Scenario(requests=50, regions={"us-east": 1.0}, instances=1, users=1),
    ],
)
def test_tiny_scenarios(scenario):
    tables = generate(scenario)
    assert tables["api_gateway_logs"].num_rows >= 1
    assert tuple(tables) == TABLES


def test_faults_about_things_that_do_not_exist_are_refused():
    for where in ({"shard_id": "shard-99"}, {"flag_name": "nope", "flag_value": "on"}):
        kind = FaultKind.PARTITION if "shard_id" in where else FaultKind.FLAG
        with pytest.raises(ParameterError, match=r"simulated service;.*known"):
            generate(SMALL.model_copy(update={"faults": (Fault(kind=kind, where=where),)}))


def test_tables_that_do_not_exist_cannot_be_missing():
    with pytest.raises(ParameterError, match="no such table"):
        generate(SMALL.model_copy(update={"quirks": Quirks(missing_tables=("logs",))}))


def test_a_scenario_in_parts_has_all_its_requests_and_no_id_twice(tmp_path):
    rows = write_in_parts(SMALL, tmp_path, 2500)
    log = pd.read_parquet(tmp_path / "api_gateway_logs.parquet")
    assert len(log) == rows
    assert abs(rows / generate(SMALL)["api_gateway_logs"].num_rows - 1) < 0.02
    assert log.request_id.is_unique
    for table in ("feature_flags", "product_metadata"):
        about = pd.read_parquet(tmp_path / f"{table}.parquet").request_id
        assert set(about) <= set(log.request_id)
    metrics = pd.read_parquet(tmp_path / "infrastructure_metrics.parquet")
    assert len(metrics) == generate(SMALL)["infrastructure_metrics"].num_rows
    assert set(log.instance_id.dropna()) <= set(metrics.instance_id)


def test_parts_need_a_number(tmp_path):
    with pytest.raises(ParameterError, match="needs `requests`"):
        write_in_parts(Scenario(), tmp_path, 2500)
