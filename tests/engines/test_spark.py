"""Spark, on a server of the tests' own: its rows and conclusions are the embedded engine's, and so are its words."""

from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from examples.engines.postgres import held
from examples.engines.spark import Cluster
from tests.engines.data import MADE
from tests.engines.meanings import TABLE, check
from tests.engines.same import (
    assert_a_mapping_gives_the_same,
    assert_runs_are_judged_there,
    concluded,
    differences,
    own_named,
    rows_of,
)
from tests.tools.made import END, START, requests, written
from tests.tools.test_workflows_at_server import steps
from tsg_agent import Request
from tsg_agent.investigation import open_telemetry
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import plugin_8_workflows
from tsg_agent.tools.account import account

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")


def test_the_demonstration_incident(spark: Cluster, incident: Request) -> None:
    spark.load("demonstration", held(incident.telemetry))
    with DuckDB(incident.telemetry) as own, open_telemetry(spark.url("demonstration")) as other:
        first, second = (concluded(incident.text, engine, incident.telemetry) for engine in (own, other))
        assert first["causes"]
        assert differences(first, second) == []
        assert account(other).read == account(own).read


@pytest.mark.parametrize("name", ["weighted", "edges", "bare"])
def test_generated_data(spark: Cluster, tmp_path: Path, name: str) -> None:
    location = str(written(tmp_path, MADE[name]()))
    spark.load(name, held(location))
    with DuckDB(location) as own, open_telemetry(spark.url(name)) as other:
        found = rows_of(own)
        assert differences(found, rows_of(other)) == []
        assert name == "bare" or any(finding["rows"] for finding in found)


def test_a_conclusion_from_generated_data(spark: Cluster, tmp_path: Path) -> None:
    """With all checks' rows. The data `repeated` hold those of `mixed`."""
    location = str(written(tmp_path, MADE["repeated"]()))
    spark.load("repeated", held(location))
    text = "shop in us-east, prod fails since 2026-03-10 13:00 UTC, SLA 99.9 %"
    with DuckDB(location) as own, open_telemetry(spark.url("repeated")) as other:
        first, second = (concluded(text, engine, location) for engine in (own, other))
    assert any(finding["rows"] for finding in first["findings"])
    assert differences(first, second) == []


def test_runs_of_workflows_judged_at_the_server(
    spark: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_8_workflows, "MOST_STEPS", 100)
    location = str(written(tmp_path, {"workflow_tracking": steps(3), "api_gateway_logs": requests(9)}))
    spark.load("steps", held(location))
    with DuckDB(location) as own, open_telemetry(spark.url("steps")) as other:
        assert_runs_are_judged_there(own, other)


def test_times_of_a_zone_are_utc_and_leave_files_out(spark: Cluster, tmp_path: Path) -> None:
    """The server's own zone is another: see `Cluster`."""
    rows = requests(3000, {500: 90}, service_version=["1", "2"] * 1500)
    location = str(written(tmp_path, {"api_gateway_logs": rows}))
    table = held(location)["api_gateway_logs"]
    place = table.column_names.index("timestamp")
    zoned = table.set_column(place, "timestamp", table["timestamp"].cast(pa.timestamp("us", "UTC")))
    spark.load("zoned", {"api_gateway_logs": zoned})
    spark.load("plain", {"api_gateway_logs": table})
    east = timezone(timedelta(hours=5, minutes=45))
    scope = {"start_time": START.replace(tzinfo=UTC).astimezone(east), "end_time": END.replace(tzinfo=UTC)}
    sql = "SELECT count(*) AS n FROM api_gateway_logs WHERE timestamp BETWEEN $start AND $end"
    with DuckDB(location) as own:
        found = rows_of(own)
        for schema in ("zoned", "plain"):
            with open_telemetry(spark.url(schema)) as other:
                assert differences(found, rows_of(other, **(scope if schema == "zoned" else {}))) == []
                engine: Any = other
                query = engine._translator.translated(sql)
                plan = engine._connected().sql(f"EXPLAIN {query.sql}", args={"p1": str(START), "p2": str(END)})
                assert "GreaterThanOrEqual(timestamp," in plan.collect()[0][0]  # among PushedFilters


def test_a_mapping_file_gives_the_same(spark: Cluster, tmp_path: Path) -> None:
    files = written(tmp_path / "files", {"http": own_named(lambda one: {"attributes": {"ver.sion": one}})})
    spark.load("mapped", {"http": pq.read_table(files / "http.parquet")})
    assert_a_mapping_gives_the_same(files, spark.url(), "mapped.http", "attributes['ver.sion']")


REFUSED = (
    "regexp_replace(t, 'b', 'x')", "regexp_replace(t, '(b)', '\\1', 'g')", "regexp_matches(t, 'B', 'i')",
    "ts AT TIME ZONE 'Asia/Tokyo'", "timezone('Asia/Tokyo', ts)", "date_part('dow', ts)",
    "extract(millisecond FROM ts)", "date_diff('month', ts, ts)", "j -> '$.a'", "isfinite(d)", "epoch_ns(ts)",
    "list_extract([t], 1)", "try_strptime(t, '%Y-%m-%d')", "CAST(n > 1 AS INTEGER)", "regexp_replace(t, 'b+', '')",
    "quantile_disc(d, 0.5)", "quantile(d, 0.5)", "quantile(CASE WHEN n < 4 THEN d END, 0.5)", "strftime(ts, '%A')",
    "time_bucket(INTERVAL '1 month', ts)", "epoch_ms(ts)",
)  # fmt: skip


def test_functions_mean_the_same_or_are_refused(spark: Cluster, tmp_path: Path) -> None:
    spark.load("words", {"t": TABLE})
    check(spark.url(), "words.t", REFUSED, r"Spark's SQL|may not be used|refused the query", tmp_path)


def test_the_quantiles_of_spark_are_exact(spark: Cluster, tmp_path: Path) -> None:
    rows = requests(7, latency_ms=[1.0, 2.0, 3.5, 10.0, 100.0, 1000.0, 5.25])
    location = str(written(tmp_path, {"api_gateway_logs": rows}))
    spark.load("quantiles", held(location))
    sql = "SELECT quantile_cont(latency_ms, 0.95) AS q, stddev_samp(latency_ms) AS s FROM api_gateway_logs"
    with DuckDB(location) as own, open_telemetry(spark.url("quantiles")) as other:
        first, second = (engine.run(sql, {}, timeout=60).to_pylist() for engine in (own, other))
    assert differences(first, second) == []
    assert first[0]["q"] == pytest.approx(730.0)
