import pandas as pd
import pyarrow as pa
import pytest

from tsg_agent.errors import ParameterError
from tsg_agent.simulator.generate import generate
from tsg_agent.simulator.scenario import Quirks, Scenario

SMALL = Scenario(requests=5000)


def made(**quirks):
    return generate(SMALL.model_copy(update={"quirks": Quirks(**quirks)}))


def test_missing_tables_and_columns():
    tables = made(missing_tables=("feature_flags",), missing_columns={"api_gateway_logs": ("cache_hit", "shard_id")})
    assert "feature_flags" not in tables
    assert not {"cache_hit", "shard_id"} & set(tables["api_gateway_logs"].column_names)


def test_a_column_that_is_not_there_cannot_be_missing():
    with pytest.raises(ParameterError, match="no column"):
        made(missing_columns={"feature_flags": ("nope",)})


def test_duplicates_are_whole_rows():
    log = made(duplicate_share=0.1)["api_gateway_logs"].to_pandas()
    twice = log.duplicated()
    assert 0.07 < twice.mean() < 0.12
    pd.testing.assert_frame_equal(log[~twice].reset_index(drop=True), made()["api_gateway_logs"].to_pandas())


def test_nulls():
    log = made(null_share=0.2, null_columns=("shard_id", "latency_ms"))["api_gateway_logs"].to_pandas()
    for column in ("shard_id", "latency_ms"):
        assert 0.17 < log[column].isna().mean() < 0.23
    assert log["region"].notna().all()


def test_late_rows_and_skewed_clocks_move_timestamps_only():
    plain = made()["api_gateway_logs"].to_pandas().set_index("request_id")
    for quirk, low, high in (({"late_share": 0.1}, 0.07, 0.13), ({"clock_skew_seconds": 20}, 0.9, 1.0)):
        log = made(**quirk)["api_gateway_logs"].to_pandas().set_index("request_id").loc[plain.index]
        assert low < (log["timestamp"] != plain["timestamp"]).mean() <= high
        pd.testing.assert_frame_equal(log.drop(columns="timestamp"), plain.drop(columns="timestamp"))


def test_shuffled_rows_are_the_same_rows():
    plain, shuffled = (made(shuffled=value)["api_gateway_logs"].to_pandas() for value in (False, True))
    assert not shuffled["timestamp"].is_monotonic_increasing
    pd.testing.assert_frame_equal(
        shuffled.sort_values("request_id").reset_index(drop=True),
        plain.sort_values("request_id").reset_index(drop=True),
    )


def test_timestamps_aware_or_text():
    aware = made(timestamps="aware", timezone="America/New_York")["workflow_tracking"]["timestamp"]
    assert aware.type == pa.timestamp("us", tz="America/New_York")
    plain = made()["workflow_tracking"]["timestamp"]
    assert aware.cast(pa.int64()).equals(plain.cast(pa.int64()))
    text = made(timestamps="text")["workflow_tracking"]["timestamp"]
    assert text.type == pa.string()
    assert pd.Timestamp(text[0].as_py()) == pd.Timestamp(plain[0].as_py(), tz="UTC")


def test_booleans_as_numbers_and_test_flag_null():
    log = made(booleans="integer", null_test_flag=True)["api_gateway_logs"].to_pandas()
    assert set(log["is_retry"]) == {0, 1}
    assert set(log["is_test_traffic"].dropna()) == {1}
    assert log["is_test_traffic"].isna().mean() > 0.9


def test_resources_in_the_log():
    log = made(resources_in_log=True)["api_gateway_logs"].to_pandas()
    assert log["cpu_utilization"].between(1, 100).all()
    assert log["memory_utilization"].between(1, 100).all()
