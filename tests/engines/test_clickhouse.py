"""ClickHouse's dialect and results, by its own client over chdb (the same engine as a library)."""

import threading
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from examples.engines.postgres import held
from tests.engines.data import MADE
from tests.engines.same import concluded, differences, rows_of
from tests.tools.made import args_for, requests, written
from tests.tools.test_workflows_at_server import steps
from tsg_agent import Request
from tsg_agent.errors import QueryError, QueryTimeout, TelemetryError
from tsg_agent.investigation import open_telemetry
from tsg_agent.models import Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import PLUGINS, plugin_8_workflows
from tsg_agent.tools.plugin_8_workflows import JUDGED_THERE

pytestmark = pytest.mark.skipif(
    find_spec("chdb") is None or find_spec("clickhouse_connect") is None,
    reason="chdb or clickhouse-connect is not installed: make test-engines installs them",
)
URL = "chdb://memory"
_OPEN: list[Any] = []


def load(location: str, folder: Path) -> None:
    """The guide's tables as the embedded engine reads them, in ClickHouse's default database."""
    client = import_module("clickhouse_connect").get_client(dsn=URL)
    _OPEN.append(client)  # the memory is gone with the last that uses it
    for (name,) in client.query("SELECT name FROM system.tables WHERE database = 'default'").result_rows:
        client.command(f"DROP TABLE `{name}`")
    for name, table in held(location).items():
        path = folder / f"loaded-{name}.parquet"
        pq.write_table(table, path)
        client.command(
            f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM file('{path}', Parquet)"
        )


def test_the_demonstration_incident(incident: Request, tmp_path: Path) -> None:
    load(incident.telemetry, tmp_path)
    with DuckDB(incident.telemetry) as own, open_telemetry(URL) as other:
        first, second = (concluded(incident.text, engine, incident.telemetry) for engine in (own, other))
    assert first["causes"]
    assert differences(first, second) == []


@pytest.mark.parametrize("name", MADE)
def test_generated_data(tmp_path: Path, name: str) -> None:
    location = str(written(tmp_path, MADE[name]()))
    load(location, tmp_path)
    with DuckDB(location) as own, open_telemetry(URL) as other:
        assert differences(rows_of(own), rows_of(other)) == []


def test_runs_of_workflows_judged_at_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_8_workflows, "MOST_STEPS", 100)
    location = str(written(tmp_path, {"workflow_tracking": steps(3), "api_gateway_logs": requests(9)}))
    load(location, tmp_path)
    with DuckDB(location) as own, open_telemetry(URL) as other:
        first, second = (PLUGINS[7].run(one, args_for(PLUGINS[7]), Settings()) for one in (own, other))
    assert (first.notes, second.notes, second.reason) == ([], [JUDGED_THERE], "")
    shown = [one.model_dump(mode="json")["rows"] for one in (first, second)]
    assert shown[0]
    assert differences(*shown) == []


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Any]:
    load(str(written(tmp_path, {"api_gateway_logs": requests(3000, {500: 90}, service_version="1")})), tmp_path)
    with open_telemetry(URL) as opened:
        yield opened


SLOW = (
    "SELECT count(*) AS n FROM api_gateway_logs AS a, api_gateway_logs AS b, api_gateway_logs AS c, "
    "api_gateway_logs AS d WHERE a.latency_ms + b.latency_ms + c.latency_ms + d.latency_ms < 0"
)


def running() -> int:
    """Queries at work but this one, as the engine has it."""
    sql = "SELECT count() FROM system.processes WHERE query LIKE '%tsg-agent%' AND query NOT LIKE '%processes%'"
    return int(_OPEN[-1].query(sql).result_rows[0][0])


def test_a_cancelled_query_ends_at_the_engine(engine: Any) -> None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            engine.run(SLOW, {}, timeout=60)
        except TelemetryError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until = time.monotonic() + 20
    while not running():
        assert time.monotonic() < until
    engine.cancel([thread.ident])
    thread.join(20)
    assert not thread.is_alive()
    assert [(type(error), str(error)) for error in raised] == [(QueryTimeout, "The query was cancelled.")]
    assert running() == 0


def test_a_query_over_its_time_is_ended(engine: Any) -> None:
    with pytest.raises(QueryTimeout, match="longer than 1 s"):
        engine.run(SLOW, {}, timeout=1)
    assert running() == 0
    assert engine.run("SELECT count(*) AS n FROM api_gateway_logs", {}, timeout=9)["n"].to_pylist() == [3000]


@pytest.mark.parametrize("text", ["'; DROP TABLE api_gateway_logs; --", "\\' OR 1=1 --", "{p1:String}", "%(x)s", "\\N"])
def test_parameters_are_values(engine: Any, text: str) -> None:
    for check in PLUGINS:
        scope = dict.fromkeys(("region", "environment", "service_name"), text)
        found = check.run(engine, args_for(check, **scope), Settings())
        assert found.status in {Status.NO_DATA, Status.NOT_APPLICABLE, Status.INSUFFICIENT_DATA}
    sql = "SELECT $x AS x, count(*) AS n FROM api_gateway_logs"
    assert engine.run(sql, {"x": text}, timeout=9).to_pylist() == [{"x": text, "n": 3000}]


@pytest.mark.parametrize("sql", [
    "DROP TABLE api_gateway_logs", "SELECT * FROM system.users", "SELECT * FROM file('/etc/passwd', LineAsString)",
    "SELECT * FROM url('http://x', CSV)", "SELECT sleep(3) FROM api_gateway_logs", "SELECT 1; SELECT 2",
    "SELECT file('/etc/passwd')", "INSERT INTO api_gateway_logs SELECT * FROM api_gateway_logs",
])  # fmt: skip
def test_what_does_more_than_read_the_tables_is_refused(engine: Any, sql: str) -> None:
    with pytest.raises(QueryError):
        engine.run(sql, {}, timeout=9)


def test_a_password_in_the_url_is_refused() -> None:
    with pytest.raises(TelemetryError, match="CLICKHOUSE_PASSWORD") as caught:
        open_telemetry("clickhouse://me:4711@127.0.0.1:1/d")
    assert "4711" not in str(caught.value)


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(TelemetryError, match="cannot be reached"):
        open_telemetry("clickhouse://me@127.0.0.1:1/d")
