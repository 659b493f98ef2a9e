"""ClickHouse's dialect and results, by its own client over chdb (the same engine as a library)."""

import json
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval.cache import telemetry_of
from examples.engines.postgres import held
from tests.engines.data import MADE
from tests.engines.meanings import TABLE, check
from tests.engines.same import (
    INCIDENTS,
    answers,
    assert_a_mapping_gives_the_same,
    assert_a_mapping_is_refused,
    book_of,
    concluded,
    differences,
    own_named,
    rows_of,
)
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
    load_tables(held(location), folder)


def load_tables(tables: dict[str, pa.Table], folder: Path) -> None:
    """Tables of their own names in ClickHouse's default database, and no others."""
    client = import_module("clickhouse_connect").get_client(dsn=URL)
    _OPEN.append(client)  # the memory is gone with the last that uses it
    for (name,) in client.query("SELECT name FROM system.tables WHERE database = 'default'").result_rows:
        client.command(f"DROP TABLE {quoted(name)}")
    for place, (name, table) in enumerate(tables.items()):
        path = folder / f"loaded-{place}.parquet"
        pq.write_table(table, path)
        kind = "ENGINE = MergeTree ORDER BY tuple()"
        client.command(f"CREATE TABLE {quoted(name)} {kind} AS SELECT * FROM file('{path}', Parquet)")


def quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


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


@pytest.mark.skipif(not INCIDENTS, reason="there are no recorded incidents here")
@pytest.mark.parametrize("folder", INCIDENTS, ids=lambda path: path.name)
def test_a_recorded_incident(tmp_path: Path, folder: Path) -> None:
    location, text = str(folder / "telemetry"), (folder / "incident.md").read_text("utf-8")
    load(location, tmp_path)
    with DuckDB(location) as own, open_telemetry(URL) as other:
        first, second = (concluded(text, engine, location) for engine in (own, other))
    assert differences(first, second) == []


def test_a_mapping_file_gives_the_same(tmp_path: Path) -> None:
    files = written(tmp_path / "files", {"http": own_named(lambda one: {"attributes": json.dumps({"ver.sion": one})})})
    load_tables({"http": pq.read_table(files / "http.parquet")}, tmp_path)
    assert_a_mapping_gives_the_same(files, URL, "http", "attributes ->> '$.\"ver.sion\"'")


def test_questions_are_answered_alike(tmp_path: Path) -> None:
    book = book_of("zone")
    location = str(telemetry_of(book.case(), tmp_path / "made"))
    load(location, tmp_path)
    with DuckDB(location) as own, open_telemetry(URL) as other:
        first, second = (answers(book, engine) for engine in (own, other))
    assert len(first) > 20
    assert differences(first, second) == []


SPANS = """[api_gateway_logs]
from = "{source}"
where = "ParentSpanId = ''"
[api_gateway_logs.columns]
request_id = "SpanId"
timestamp = "Timestamp"
region = "'us-east'"
environment = "'prod'"
service_name = "ServiceName"
endpoint_path = "SpanAttributes['http.route']"
status_code = "TRY_CAST(SpanAttributes['http.status_code'] AS INTEGER)"
latency_ms = "Duration / 1000000.0"
"""


def test_spans_with_maps_as_a_collector_writes_them(tmp_path: Path) -> None:
    """A key that is not there is NULL, and a status of "-" none."""
    rows = requests(2400, {500: 90})
    table = pa.table(
        {
            "Timestamp": pa.array([row["timestamp"] for row in rows], pa.timestamp("ns")),
            "SpanId": [row["request_id"] for row in rows],
            "ParentSpanId": ["" if place % 9 else "s" for place in range(2400)],
            "ServiceName": ["shop"] * 2400,
            "SpanAttributes": pa.array(
                [
                    [("http.status_code", str(row["status_code"]) if place % 50 else "-"),
                     *([("http.route", "/pay" if place % 3 else "/cart")] if place % 4 else [])]
                    for place, row in enumerate(rows)
                ],
                pa.map_(pa.string(), pa.string()),
            ),
            "Duration": pa.array([1_000_000 + place for place in range(2400)], pa.uint64()),
        }
    )  # fmt: skip
    (tmp_path / "files").mkdir()
    pq.write_table(table, tmp_path / "files" / "spans.parquet")
    load_tables({"spans": table}, tmp_path)
    own_map, map_there = tmp_path / "own.toml", tmp_path / "there.toml"
    own_map.write_text(SPANS.format(source="spans.parquet"))
    map_there.write_text(SPANS.format(source="spans"))
    with (
        DuckDB(str(tmp_path / "files"), mapping=own_map) as own,
        open_telemetry(URL, mapping=map_there) as other,
    ):
        assert differences(rows_of(own), rows_of(other)) == []
        text = "shop in us-east, prod fails since 2026-03-10 13:00 UTC, SLA 99.9 %"
        first, second = (concluded(text, engine, str(tmp_path / "files")) for engine in (own, other))
        assert first["sla"]["window"]["unknown"] > 0
        assert differences(first, second) == []


REFUSED = (
    "strptime('2026-03-1' || n, '%Y-%m-%d')", "try_strptime(t, '%Y-%m-%d')", "regexp_replace(t, '(b)', '\\1', 'g')",
    "regexp_matches(t, 'B', 'i')", "ts AT TIME ZONE 'Asia/Tokyo'", "timezone('Asia/Tokyo', ts)", "date_part('dow', ts)",
    "extract(millisecond FROM ts)", "j -> '$.a'", "isfinite(d)", "list_extract([t], 1)", "strftime(ts, '%A')",
    "time_bucket(INTERVAL '1 month', ts)", "t LIKE 'a$%' ESCAPE '$'", "mode(n > 1)", "quantile(d, 0.5)",
    "quantile_disc(d, 0.5)", "quantile(CASE WHEN n < 4 THEN d END, 0.5)", "first(n)", "last(n)",
    "approx_quantile(d, 0.5)", "epoch_ms(ts)",
)  # fmt: skip
"""What ClickHouse means another thing by, or has no word for."""


def test_functions_mean_the_same_or_are_refused(tmp_path: Path) -> None:
    load_tables({"words": TABLE}, tmp_path)
    check(URL, "words", REFUSED, r"ClickHouse's SQL|may not be used|refused the query", tmp_path)


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
    for plugin in PLUGINS:
        scope = dict.fromkeys(("region", "environment", "service_name"), text)
        found = plugin.run(engine, args_for(plugin, **scope), Settings())
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


@pytest.mark.parametrize("expression", [
    "(SELECT name FROM system.users LIMIT 1)", "file('/etc/passwd')", "sleep(3)", "region; DROP TABLE x",
    "currentUser()", "region) FROM system.users --", "getSetting('readonly')", "$1", "{p1:String}",
    "dictGet('d', 'a', 1)", "repeat('x', 1000000000)",
    "no_such_column || 'x'", "hostName()",
])  # fmt: skip
@pytest.mark.usefixtures("engine")
def test_expressions_of_a_mapping_only_look_at_columns(tmp_path: Path, expression: str) -> None:
    assert_a_mapping_is_refused(URL, tmp_path, expression)


@pytest.mark.parametrize(
    "name",
    ['a"b', "x`; DROP TABLE t; --", "a b", "ü", "select", "{p1:String}", "%s", "A", "it's"],
)
def test_the_servers_own_names_are_names(tmp_path: Path, name: str) -> None:
    row = {"request_id": ["1"], name: ["us-east"], "status_code": [500]}
    table = "named" if "{" in name else name  # the client itself takes braces for a parameter, when it is made
    load_tables({table: pa.table(row)}, tmp_path)
    mapping = tmp_path / "m.toml"
    source, column = (json.dumps('"' + one.replace('"', '""') + '"') for one in (table, name))
    columns = f"[api_gateway_logs.columns]\nregion = {column}\n"
    mapping.write_text(f"[api_gateway_logs]\nfrom = {source}\n{columns}", "utf-8")
    with open_telemetry(URL, mapping=mapping) as engine:
        assert engine.run("SELECT region FROM api_gateway_logs", {}, timeout=9)["region"].to_pylist() == ["us-east"]


@pytest.mark.parametrize("name", ["a.b.c", "x; DROP TABLE y", "(SELECT 1)", "numbers(9)", "system.users", "a'b"])
@pytest.mark.usefixtures("engine")
def test_a_table_of_a_mapping_is_a_name(tmp_path: Path, name: str) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(f'[feature_flags]\nfrom = "{name}"\n')
    with pytest.raises(TelemetryError):
        open_telemetry(URL, mapping=mapping)


def test_a_password_in_the_url_is_refused() -> None:
    with pytest.raises(TelemetryError, match="CLICKHOUSE_PASSWORD") as caught:
        open_telemetry("clickhouse://me:4711@127.0.0.1:1/d")
    assert "4711" not in str(caught.value)


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(TelemetryError, match="cannot be reached"):
        open_telemetry("clickhouse://me@127.0.0.1:1/d")
