"""A healthy service is not a flat one."""

import pandas as pd

from tsg_agent.simulator.scenario import Flag, Rollout, Scenario

BASE = Scenario(requests=60_000)
START = pd.Timestamp("2026-03-10 14:00")


def test_error_rates(frames, real):
    log = real(frames(BASE)["api_gateway_logs"])
    other = log[log["service_component"] != "recommendations"]
    assert 0.0012 < (other["status_code"] >= 500).mean() < 0.0035
    assert 0.005 < log["status_code"].between(400, 499).mean() < 0.03
    assert 0.001 < log["status_code"].between(300, 399).mean() < 0.005
    assert (log["latency_ms"] > 5000).mean() < 0.001


def test_one_component_always_fails_a_little_and_tops_the_raw_counts(frames, real, rise):
    log = real(frames(BASE)["api_gateway_logs"])
    errors = log[log["status_code"] >= 500]
    assert errors.groupby(["service_component", "dependency_name"]).size().idxmax() == (
        "recommendations",
        "vendor-feed",
    )
    calls = log[log["service_component"] == "recommendations"]
    failed = calls["status_code"] >= 500
    assert 0.2 < failed.mean() < 0.4
    assert rise(calls, failed) > 1e-3
    assert len(calls) < 0.02 * len(log)


def test_test_traffic_fails_more_and_is_in_the_same_place(frames):
    log = frames(BASE)["api_gateway_logs"]
    test = log[log["is_test_traffic"]]
    assert 0.02 < len(test) / len(log) < 0.06
    assert (test["status_code"] >= 500).mean() > 0.2


def test_other_environments_and_services_are_there_too(frames):
    log = frames(BASE)["api_gateway_logs"]
    assert set(log["environment"]) == {"prod", "staging"}
    assert log["service_name"].nunique() == 2


def test_the_load_follows_the_day(frames, real):
    night = Scenario(
        requests=20_000,
        window_start="2026-03-10T00:00:00Z",
        incident_start="2026-03-10T14:00:00Z",
        end="2026-03-11T00:00:00Z",
    )
    hours = real(frames(night)["api_gateway_logs"])["timestamp"].dt.hour.value_counts()
    assert hours[15] > 1.6 * hours[3]


def test_latencies_have_a_long_tail_and_differ_by_endpoint(frames, real):
    log = real(frames(BASE)["api_gateway_logs"])
    latency = log["latency_ms"]
    assert latency.quantile(0.99) > 6 * latency.median()
    assert 0.0005 < (latency[log["status_code"] < 400] > 2000).mean() < 0.003
    medians = log.groupby("endpoint_path")["latency_ms"].median()
    assert medians["/payments"] > 4 * medians["/images"]
    assert (log["backend_latency_ms"] + log["connection_time_ms"] <= log["latency_ms"] + 0.2).all()


def test_users_have_a_heavy_tail_and_keep_their_shard(frames, real):
    log = real(frames(BASE)["api_gateway_logs"])
    counts = log["user_id"].value_counts()
    assert counts.head(len(counts) // 10).sum() > 0.25 * len(log)
    assert counts.iloc[0] < 0.03 * len(log)
    assert (log.groupby("user_id")["shard_id"].nunique() == 1).all()
    assert (log.groupby("shard_id")["partition_id"].nunique() == 1).all()
    assert log["shard_id"].nunique() == 16


def test_instances_belong_to_one_zone_and_zones_to_one_region(frames, real):
    log = real(frames(BASE)["api_gateway_logs"])
    assert (log.groupby("instance_id")["availability_zone"].nunique() == 1).all()
    assert (log.groupby("availability_zone")["region"].nunique() == 1).all()
    assert log["instance_id"].nunique() == 36
    assert (log.groupby("availability_zone")["instance_type"].nunique() == 3).all()


def test_retries_share_user_and_correlation(frames):
    log = frames(BASE)["api_gateway_logs"]
    retries = log[log["is_retry"] & log["correlation_id"].notna()]
    assert len(retries) > 100
    originals = log[(log["status_code"] >= 500) & ~log["is_retry"]]
    pairs = retries.merge(originals, on=["correlation_id", "endpoint_path", "user_id"], suffixes=("", "_first"))
    later = pairs[pairs["timestamp"] > pairs["timestamp_first"]]["request_id"].nunique()
    assert later > 0.8 * len(retries)


def test_some_correlations_are_missing(frames):
    share = frames(BASE)["api_gateway_logs"]["correlation_id"].isna().mean()
    assert 0.01 < share < 0.06


def test_errors_say_what_they_are_and_successes_do_not(frames):
    log = frames(BASE)["api_gateway_logs"]
    failed = log["status_code"] >= 500
    columns = ["error_code", "error_category", "exception_type", "exception_message", "stack_trace_hash"]
    assert log.loc[failed, columns].notna().all().all()
    assert log.loc[log["status_code"] < 400, columns].isna().all().all()


def test_an_older_version_runs_beside_the_newer_and_a_rollout_takes_over_by_instance(frames, real):
    log = real(frames(BASE.model_copy(update={"rollout": Rollout(version="3.15.0", share=0.5)}))["api_gateway_logs"])
    late = log[log["timestamp"] >= START + pd.Timedelta("11min")]
    assert set(log["service_version"]) == {"3.14.1", "3.14.2", "3.15.0"}
    assert 0.4 < (late["service_version"] == "3.15.0").mean() < 0.6
    assert not (log[log["timestamp"] < START]["service_version"] == "3.15.0").any()
    assert (late.groupby("instance_id")["service_version"].nunique() == 1).all()


def test_flags_several_a_request_by_random_shares(frames):
    flags = frames(BASE)["feature_flags"]
    assert flags.groupby("request_id").size().max() == 3
    shares = flags[flags["flag_name"] == "new_pricing"]["flag_value"].value_counts(normalize=True)
    assert abs(shares["on"] - 0.5) < 0.02


def test_a_flag_can_change_and_can_stick_to_users(frames):
    changed = Flag(name="f", values={"on": 0.5, "off": 0.5}, before="off", start=BASE.incident_start, sticky=True)
    tables = frames(BASE.model_copy(update={"flags": (changed,)}))
    rows = tables["feature_flags"].merge(tables["api_gateway_logs"][["request_id", "timestamp", "user_id"]])
    assert set(rows[rows["timestamp"] < START]["flag_value"]) == {"off"}
    late = rows[rows["timestamp"] >= START]
    assert (late.groupby("user_id")["flag_value"].nunique() == 1).all()
    assert late["flag_value"].nunique() == 2


def test_metrics_are_sampled_each_minute_per_instance(frames):
    metrics = frames(BASE)["infrastructure_metrics"]
    gaps = metrics.sort_values("timestamp").groupby("instance_id")["timestamp"].diff().dropna()
    assert (gaps == pd.Timedelta("1min")).all()
    assert metrics["instance_id"].nunique() == 36
    assert metrics["cpu_utilization"].between(1, 80).all()


def test_rows_are_in_order_of_time(frames):
    for name in ("api_gateway_logs", "workflow_tracking", "infrastructure_metrics"):
        assert frames(BASE)[name]["timestamp"].is_monotonic_increasing, name
