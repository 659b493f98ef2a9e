"""How a check ends: "nothing found" and "nothing looked at" never look alike."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.tools.made import Rows, args_for, found, requests, tied, workflow, written
from tsg_agent.errors import QueryError, QueryTimeout, TransientTelemetryError
from tsg_agent.models import Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import CATALOG, SourceTable
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import PLUGINS, Plugin

CHECKS = [pytest.param(check, id=check.name) for check in PLUGINS]
DIMENSIONS = {
    "service_version": ["1.0.0", "1.1.0"],
    "datacenter": "dc1",
    "availability_zone": "az1",
    "instance_type": "m5",
    "partition_id": "p1",
    "shard_id": "s1",
    "endpoint_path": "/pay",
    "http_method": "POST",
}


def tables(number: int) -> dict[str, Rows]:
    versions = [DIMENSIONS["service_version"][index % 2] for index in range(number)]
    rows = requests(number, **(DIMENSIONS | {"service_version": versions}))
    return {
        "api_gateway_logs": rows,
        "feature_flags": tied(rows, flag_name="f", flag_value="on"),
        "product_metadata": tied(rows, product_id="p"),
        "workflow_tracking": workflow(number),
    }


class Fails:
    """An engine whose every query ends the same way."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.asked = 0

    @property
    def tables(self) -> dict[str, SourceTable]:
        return {name: SourceTable(name, "memory", frozenset(table.columns)) for name, table in CATALOG.items()}

    def run(self, sql: str, parameters: Any, *, timeout: float) -> pa.Table:
        self.asked += 1
        raise self.errors[min(self.asked, len(self.errors)) - 1]

    def close(self) -> None:
        pass


@pytest.mark.parametrize("check", CHECKS)
def test_ok_without_an_abnormal_row(check: Plugin[Any], tmp_path: Path) -> None:
    finding = found(tmp_path, check.number, tables(2400))
    assert (finding.status, finding.reason) == (Status.OK, "")
    assert finding.label == check.labels[-1]
    assert finding.groups > 0 or check.number == 9


@pytest.mark.parametrize("check", CHECKS)
def test_no_row_in_the_scope_is_no_data(check: Plugin[Any], tmp_path: Path) -> None:
    finding = found(tmp_path, check.number, tables(2400), region="nowhere", environment="none")
    assert (finding.status, finding.rows, finding.label) == (Status.NO_DATA, [], "")


@pytest.mark.parametrize("check", [check for check in CHECKS if check.values[0].number not in (8, 9)])
def test_rows_under_the_minimum_traffic_are_insufficient_data(check: Plugin[Any], tmp_path: Path) -> None:
    finding = found(tmp_path, check.number, tables(60))
    assert (finding.status, finding.label) == (Status.INSUFFICIENT_DATA, "")
    assert finding.groups > 0
    assert finding.reason


@pytest.mark.parametrize("check", CHECKS)
def test_a_missing_table_is_named(check: Plugin[Any], tmp_path: Path) -> None:
    held = tables(60)
    table = check.needs[-1].table if check.needs[-1].required else check.needs[0].table
    del held[table]
    finding = found(tmp_path, check.number, held)
    assert finding.status is Status.NOT_APPLICABLE
    assert table in finding.reason


@pytest.mark.parametrize("check", CHECKS)
def test_each_missing_required_column_is_named(check: Plugin[Any], tmp_path: Path) -> None:
    for needs in check.needs:
        for column in needs.required:
            if column == "request_id" and needs.table == "api_gateway_logs":
                continue  # made where a source has none
            held = tables(60)
            for row in held[needs.table]:
                row.pop(column)
            finding = found(tmp_path / column, check.number, held)
            assert finding.status is Status.NOT_APPLICABLE
            assert f"{needs.table}.{column}" in finding.reason


@pytest.mark.parametrize("check", CHECKS)
def test_missing_optional_columns_read_as_null_and_are_named(check: Plugin[Any], tmp_path: Path) -> None:
    held = tables(2400)
    expected = set()
    for needs in check.needs:
        if needs.table not in held:
            expected.add(needs.table)
            continue
        for column in needs.optional:
            expected.add(f"{needs.table}.{column}")
            for row in held[needs.table]:
                row.pop(column, None)
    finding = found(tmp_path, check.number, held)
    assert finding.status is Status.OK
    assert set(finding.missing_columns) == expected
    assert finding.label == check.labels[-1]


@pytest.mark.parametrize("check", CHECKS)
def test_all_null_columns_trigger_nothing(check: Plugin[Any], tmp_path: Path) -> None:
    held = tables(2400)
    keys = ("request_id", "timestamp", "region", "environment", "service_name", "correlation_id", "service_version")
    keys += ("status_code",)  # without an answer nothing is known: the next test
    for rows in held.values():
        for row in rows:
            for column in row:
                if column not in keys:
                    row[column] = None
    finding = found(tmp_path, check.number, held)
    assert finding.status in (Status.OK, Status.INSUFFICIENT_DATA)
    assert not set(finding.labels) - {check.labels[-1]}


@pytest.mark.parametrize("check", [check for check in CHECKS if check.values[0].number != 8])
def test_requests_whose_status_is_never_filled_are_not_healthy(check: Plugin[Any], tmp_path: Path) -> None:
    held = tables(2400)
    for row in held["api_gateway_logs"]:
        row["status_code"] = None
    finding = found(tmp_path, check.number, held)
    assert (finding.status, finding.label) == (Status.NOT_APPLICABLE, "")
    assert "api_gateway_logs.status_code (it holds nothing)" in finding.reason


@pytest.mark.parametrize("check", CHECKS)
def test_an_empty_table_is_no_data(check: Plugin[Any], tmp_path: Path) -> None:
    folder = written(tmp_path, tables(3))
    with DuckDB(folder) as engine:
        early = args_for(check, start_time="2020-01-01T00:00:00Z", end_time="2020-01-02T00:00:00Z")
        assert check.run(engine, early, Settings()).status is Status.NO_DATA


@pytest.mark.parametrize("check", CHECKS)
def test_a_timeout_and_an_error_end_in_the_finding(check: Plugin[Any]) -> None:
    timeout = check.run(Fails(QueryTimeout("too long")), args_for(check), Settings())
    assert (timeout.status, timeout.reason) == (Status.TIMEOUT, "too long")
    error = check.run(Fails(QueryError("broken")), args_for(check), Settings())
    assert (error.status, error.reason) == (Status.ERROR, "broken")
    assert error.sql
    assert error.sql_parameters["environment"] == "prod"


def test_only_a_transient_error_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsg_agent.tools.plugin.RETRY_WAIT_S", 0.0)
    check = PLUGINS[0]
    gone = Fails(TransientTelemetryError("away"))
    assert check.run(gone, args_for(check), Settings()).status is Status.ERROR
    assert gone.asked == 3
    broken = Fails(QueryError("broken"))
    check.run(broken, args_for(check), Settings())
    assert broken.asked == 1


def test_test_traffic_null_counts_as_real(tmp_path: Path) -> None:
    for column, expected in ((None, 2400), (False, 2400), (True, 0)):
        rows = requests(2400, availability_zone="az1", is_test_traffic=column)
        finding = found(tmp_path / str(column), 3, {"api_gateway_logs": rows})
        assert sum(row["total_count"] for row in finding.rows) == expected


@pytest.mark.parametrize("number", [3, 4, 5, 6, 7, 2])
def test_redirects_over_half_a_percent_are_noted(number: int, tmp_path: Path) -> None:
    for redirects, noted in ((12, False), (13, True)):
        rows = requests(2400, {302: redirects}, availability_zone="az1", partition_id="p", endpoint_path="/")
        flags, products = tied(rows, flag_name="f", flag_value="on"), tied(rows, product_id="p")
        finding = found(
            tmp_path / str(redirects),
            number,
            {"api_gateway_logs": rows, "feature_flags": flags, "product_metadata": products},
        )
        assert any("redirects" in note for note in finding.notes) is noted
        assert all("redirects" not in row for row in finding.rows)


def test_groups_over_the_maximum_are_cut_and_said_so(tmp_path: Path) -> None:
    rows = [row for zone in range(5) for row in requests(1200, availability_zone=f"az{zone}")]
    finding = found(tmp_path, 3, {"api_gateway_logs": rows}, Settings(maximum_groups=3))
    assert (finding.row_count, finding.truncated) == (3, True)
    assert any("TSG_MAXIMUM_GROUPS" in note for note in finding.notes)
