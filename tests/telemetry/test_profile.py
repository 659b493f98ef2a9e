"""What `doctor` says of a source."""

from datetime import UTC, timedelta
from pathlib import Path

from tests.telemetry.sources import parquet
from tests.tools.made import END, START, requests, workflow, written
from tsg_agent.models import Known
from tsg_agent.telemetry.catalog import CATALOG
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.profile import known_values, profile
from tsg_agent.tools import PLUGINS


def test_tables_times_and_values(tmp_path: Path) -> None:
    with DuckDB(parquet(tmp_path)) as engine:
        found = profile(engine, 10, PLUGINS)
    assert {table.name: table.rows for table in found.tables} == {
        "api_gateway_logs": 3000,
        "feature_flags": 3000,
        "infrastructure_metrics": 150,
        "product_metadata": 3000,
        "workflow_tracking": 400,
    }
    logs = found.tables[0]
    assert logs.first == START.replace(tzinfo=UTC)
    assert logs.last is not None
    assert logs.last < END.replace(tzinfo=UTC)
    assert {*logs.columns, *logs.missing} == set(CATALOG["api_gateway_logs"].columns)
    assert "cache_hit" in logs.columns
    assert "session_id" in logs.missing
    assert found.tables[1].first is None
    assert found.absent == ("calls",)
    assert all(check.ready for check in found.checks)
    assert found.known.regions == ("us-east",)


def test_values_are_distinct_busiest_first_and_never_null(tmp_path: Path) -> None:
    rows = [
        *requests(3, region="b"),
        *requests(5, region="a", service_name="other"),
        *requests(4, region=None, environment="dev"),
        *requests(1, timestamp=START + timedelta(days=3)),
    ]
    with DuckDB(written(tmp_path, {"api_gateway_logs": rows})) as engine:
        known = known_values(engine, 10)
    assert known.regions == ("a", "b", "us-east")
    assert known.environments == ("prod", "dev")
    assert known.services == ("shop", "other")
    assert known.last == (START + timedelta(days=3)).replace(tzinfo=UTC)


def test_a_source_of_workflows_only(tmp_path: Path) -> None:
    held = {"workflow_tracking": [*workflow(4), *workflow(2, region="eu")]}
    with DuckDB(written(tmp_path, held)) as engine:
        found = profile(engine, 10, PLUGINS)
    assert (found.known.regions, found.known.environments, found.known.services) == (("us-east", "eu"), ("prod",), ())
    assert [check.tool for check in found.checks if check.ready] == ["plugin_8_tool"]
    assert found.checks[0].missing == ("api_gateway_logs",)


def test_why_a_check_cannot_run(tmp_path: Path) -> None:
    rows = requests(10)
    for row in rows:
        row.pop("status_code")
    with DuckDB(written(tmp_path, {"api_gateway_logs": rows})) as engine:
        checks = {check.tool: check for check in profile(engine, 10, PLUGINS).checks}
    assert checks["plugin_1_tool"].missing == ("api_gateway_logs.status_code", "api_gateway_logs.service_version")
    assert not checks["plugin_3_tool"].ready
    assert checks["plugin_5_tool"].read_as_null[-1] == "infrastructure_metrics"


def test_nothing_known_of_a_source_without_requests_or_workflows(tmp_path: Path) -> None:
    held = {"infrastructure_metrics": [{"instance_id": "i", "timestamp": START, "cpu_utilization": 1.0}]}
    with DuckDB(written(tmp_path, held)) as engine:
        found = profile(engine, 10, PLUGINS)
    assert found.known == Known()
    assert found.tables[0].first == START.replace(tzinfo=UTC)
