import pandas as pd
import pytest

from tsg_agent.errors import ParameterError
from tsg_agent.simulator.demos import BAD_SHARD, CHECKOUT, DEMOS, OUTAGE, QUIET, demo_named, write_demo
from tsg_agent.simulator.generate import TABLES

START = pd.Timestamp("2026-03-10 14:00")


def incident_rows(log: pd.DataFrame, real) -> pd.DataFrame:
    rows = real(log)
    return rows[rows["region"] == "us-east"]


def test_names_are_unique_and_found():
    assert [demo_named(demo.name) for demo in DEMOS] == list(DEMOS)
    with pytest.raises(ParameterError, match="known: checkout"):
        demo_named("nope")


def test_a_demonstration_is_written_as_a_folder(tmp_path):
    path = write_demo(QUIET, tmp_path / "quiet")
    assert path.read_text(encoding="utf-8").startswith("# Availability drop")
    assert sorted(file.stem for file in (tmp_path / "quiet" / "telemetry").iterdir()) == sorted(TABLES)


def test_the_loudest_symptoms_of_checkout_are_not_its_cause(frames, real):
    tables = frames(CHECKOUT.scenario)
    rows = incident_rows(tables["api_gateway_logs"], real)
    errors = rows[rows["status_code"] >= 500]
    pattern = ["error_category", "exception_type", "service_component", "dependency_name"]
    assert errors.groupby(pattern).size().idxmax()[2] == "recommendations"
    after = rows[rows["timestamp"] >= START]
    failed = (after["status_code"] >= 500).groupby(after["endpoint_path"]).agg(["mean", "size"])
    changed = failed.drop(index="/recommendations")["mean"]
    assert changed.idxmax().startswith("/payments")
    tracked = tables["workflow_tracking"]
    tracked = tracked[~tracked["is_test_traffic"] & (tracked["timestamp"] >= START)]
    bad = tracked["workflow_status"] != "COMPLETED"
    assert bad.groupby(tracked["scenario_name"]).mean().idxmax() == "payment_processing"


def test_the_cause_of_checkout_is_in_the_data(frames, real):
    rows = incident_rows(frames(CHECKOUT.scenario)["api_gateway_logs"], real)
    after = rows[rows["timestamp"] >= START]
    failed = (after["status_code"] >= 500) & (after["service_component"] != "recommendations")
    new = after["service_version"] == "3.15.0"
    assert failed[new].mean() > 0.12
    assert failed[~new].mean() < 0.01


def test_the_innocent_of_bad_shard_is_innocent(frames, real):
    rows = incident_rows(frames(BAD_SHARD.scenario)["api_gateway_logs"], real)
    after = rows[rows["timestamp"] >= START + pd.Timedelta("6min")]
    failed = after["status_code"] >= 500
    shard = after["shard_id"] == "shard-07"
    assert failed[shard].mean() > 0.25
    new = after["service_version"] == "3.15.0"
    assert abs(failed[new].mean() - failed[~new].mean()) < 0.012


def test_an_outage_is_an_outage_and_a_quiet_day_is_quiet(frames, real, rise):
    outage, quiet = (incident_rows(frames(demo.scenario)["api_gateway_logs"], real) for demo in (OUTAGE, QUIET))
    late = outage[outage["timestamp"] >= START]
    assert (late["status_code"] >= 500).mean() > 0.4
    assert rise(quiet, quiet["status_code"] >= 500) > 0.01


def test_a_demonstration_has_the_size_to_be_made_while_one_waits(frames):
    for demo in DEMOS:
        assert 50_000 < len(frames(demo.scenario)["api_gateway_logs"]) < 110_000, demo.name
