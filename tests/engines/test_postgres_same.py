"""Every check's rows and the whole conclusion are the embedded engine's, on recorded and on generated data."""

import uuid
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest

from eval.cache import telemetry_of
from examples.engines.postgres import READER, Server, held
from tests.engines.data import MADE
from tests.engines.meanings import TABLE, check
from tests.engines.same import (
    INCIDENTS,
    answers,
    assert_a_mapping_gives_the_same,
    assert_runs_are_judged_there,
    book_of,
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


def test_the_demonstration_incident(server: Server, incident: Request) -> None:
    server.load("demonstration", held(incident.telemetry))
    with DuckDB(incident.telemetry) as own, open_telemetry(server.url("demonstration")) as other:
        first, second = (concluded(incident.text, engine, incident.telemetry) for engine in (own, other))
        assert first["causes"]
        assert differences(first, second) == []
        assert account(other).read == account(own).read


@pytest.mark.skipif(not INCIDENTS, reason="there are no recorded incidents here")
@pytest.mark.parametrize("folder", INCIDENTS, ids=lambda path: path.name)
def test_a_recorded_incident(server: Server, folder: Path) -> None:
    location, text = str(folder / "telemetry"), (folder / "incident.md").read_text("utf-8")
    server.load(folder.name, held(location))
    with DuckDB(location) as own, open_telemetry(server.url(folder.name)) as other:
        first, second = (concluded(text, engine, location) for engine in (own, other))
    assert differences(first, second) == []


@pytest.mark.parametrize("name", MADE)
def test_generated_data(server: Server, tmp_path: Path, name: str) -> None:
    rows = MADE[name]()
    location = str(written(tmp_path, rows))
    # What a file's NULLs and texts become on the way into a typed table is the embedded engine's reading of them.
    server.load(name, held(location))
    text = "shop in us-east, prod fails since 2026-03-10 13:00 UTC, SLA 99.9 %"
    with DuckDB(location) as own, open_telemetry(server.url(name)) as other:
        found = rows_of(own)
        assert differences(found, rows_of(other)) == []
        assert name == "bare" or any(finding["rows"] for finding in found)
        if name != "bare":
            first, second = (concluded(text, engine, location) for engine in (own, other))
            assert differences(first, second) == []


def test_a_row_without_an_id_is_a_request_of_its_own(server: Server, tmp_path: Path) -> None:
    """In a table and in a view, which has no places of rows; also where the account may read some columns only."""
    rows = requests(900, {500: 90}, service_version=["1", "2"] * 450)
    for row in rows[::3]:
        row["request_id"] = None
        row["timestamp"] = START
    location = str(written(tmp_path, {"api_gateway_logs": rows}))
    server.load("nameless", held(location))
    columns = ", ".join(rows[0])
    with server.owner() as connection:
        connection.execute(f"CREATE SCHEMA viewed; GRANT USAGE ON SCHEMA viewed TO {READER}")
        connection.execute("CREATE VIEW viewed.api_gateway_logs AS SELECT * FROM nameless.api_gateway_logs")
        connection.execute(f"GRANT SELECT ON viewed.api_gateway_logs TO {READER}")
    with DuckDB(location) as own:
        found = rows_of(own)
        for schema in ("nameless", "viewed"):
            with open_telemetry(server.url(schema)) as other:
                assert differences(found, rows_of(other)) == []
        with server.owner() as connection:
            connection.execute(f"REVOKE SELECT ON nameless.api_gateway_logs FROM {READER}")
            connection.execute(f"GRANT SELECT ({columns}) ON nameless.api_gateway_logs TO {READER}")
        with open_telemetry(server.url("nameless")) as other:
            assert differences(found, rows_of(other)) == []


def test_runs_of_workflows_judged_at_the_server(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_8_workflows, "MOST_STEPS", 100)
    location = str(written(tmp_path, {"workflow_tracking": steps(3), "api_gateway_logs": requests(9)}))
    server.load("steps", held(location))
    with DuckDB(location) as own, open_telemetry(server.url("steps")) as other:
        assert_runs_are_judged_there(own, other)


def test_times_of_a_zone_are_utc_whatever_the_servers_zone_is(server: Server, tmp_path: Path) -> None:
    rows = requests(3000, {500: 90}, service_version=["1", "2"] * 1500)
    location = str(written(tmp_path, {"api_gateway_logs": rows}))
    server.load("zoned", held(location))
    with server.owner() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("ALTER TABLE zoned.api_gateway_logs ALTER COLUMN timestamp TYPE timestamptz")
        connection.execute("ALTER ROLE tsg_reader SET TimeZone = 'Asia/Kathmandu'")
    try:
        with DuckDB(location) as own, open_telemetry(server.url("zoned")) as other:
            assert differences(rows_of(own), rows_of(other)) == []
            east = timezone(timedelta(hours=5, minutes=45))
            scope = {"start_time": START.replace(tzinfo=UTC).astimezone(east), "end_time": END.replace(tzinfo=UTC)}
            assert differences(rows_of(own), rows_of(other, **scope)) == []
    finally:
        with server.owner() as connection:
            connection.execute("ALTER ROLE tsg_reader RESET TimeZone")


def test_a_mapping_file_gives_the_same(server: Server, tmp_path: Path) -> None:
    rows = own_named(lambda one: {"ver": one})
    files = written(tmp_path / "files", {"http": rows})
    with server.owner() as connection:
        connection.execute("CREATE SCHEMA mapped; GRANT USAGE ON SCHEMA mapped TO tsg_reader")
        connection.execute(
            'CREATE TABLE mapped.http ("Id" text, at timestamp, "Where" text, took_us numeric, code int, ver text, '
            "kind text); GRANT SELECT ON mapped.http TO tsg_reader"
        )
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO mapped.http VALUES (%s, %s, %s, %s, %s, %s, %s)",
                               [tuple(row.values()) for row in rows])  # fmt: skip
    assert_a_mapping_gives_the_same(files, server.url(), "mapped.http", "ver")


def test_questions_are_answered_alike(server: Server, tmp_path: Path) -> None:
    book = book_of("zone")
    location = str(telemetry_of(book.case(), tmp_path / "made"))
    server.load("asked", held(location))
    with DuckDB(location) as own, open_telemetry(server.url("asked")) as other:
        first, second = (answers(book, engine) for engine in (own, other))
    assert len(first) > 20
    assert differences(first, second) == []


def test_columns_of_the_servers_own_kinds_are_read(server: Server, tmp_path: Path) -> None:
    """Enums, domains, CHAR(n) with the blanks that fill it, UUIDs, small and decimal numbers."""
    kinds = {
        "request_id": "uuid", "timestamp": "timestamp", "region": "kinds.place", "environment": "char(9)",
        "service_name": "kinds.named", "service_version": "char(8)", "status_code": "smallint",
        "latency_ms": "numeric(9, 3)", "is_retry": "boolean", "is_test_traffic": "boolean",
    }  # fmt: skip
    made = requests(2400, {500: 90}, service_version=["3.1", "3.2"] * 1200, is_retry=[True, False, None] * 800)
    for place, row in enumerate(made):
        row["request_id"] = str(uuid.UUID(int=place))
    rows = [{name: row[name] for name in kinds} for row in made]
    location = str(written(tmp_path, {"api_gateway_logs": rows}))
    with server.owner() as connection:
        connection.execute(
            "CREATE SCHEMA kinds; GRANT USAGE ON SCHEMA kinds TO tsg_reader; "
            "CREATE TYPE kinds.place AS ENUM ('us-east', 'us-west'); CREATE DOMAIN kinds.named AS text; "
            f"CREATE TABLE kinds.api_gateway_logs ({', '.join(f'{name} {kind}' for name, kind in kinds.items())}); "
            "GRANT SELECT ON kinds.api_gateway_logs TO tsg_reader"
        )
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO kinds.api_gateway_logs VALUES ({', '.join(['%s'] * len(kinds))})",
                               [tuple(row.values()) for row in rows])  # fmt: skip
    with DuckDB(location) as own, open_telemetry(server.url("kinds")) as other:
        found = rows_of(own)
        assert found[0]["rows"]
        assert differences(found, rows_of(other)) == []


REFUSED = (
    "url_decode(t)", "url_decode(replace(t, 'b', '+%2F'))", "strptime('2026-03-1' || n, '%Y-%m-%d')",
    "try_strptime(t, '%Y-%m-%d')", "regexp_extract(t, 'a|ab')", "regexp_replace(t, 'b+?', '')",
    "regexp_replace(t, '(b)', '\\1', 'g')", "regexp_matches(t, 'B', 'i')", "TRY_CAST(t AS TIMESTAMP)",
    "substring(t, n)", "substring(t, -3, 2)", "j -> '$.a'", "strftime(ts, '%A')", "time_bucket(INTERVAL '1 month', ts)",
    "list_extract([t], 1)", "isfinite(d)", "t LIKE 'a$%' ESCAPE '$'", "mode(n > 1)", "first(n)", "last(n)",
    "approx_quantile(d, 0.5)", "epoch_ms(ts)",
)  # fmt: skip
"""What PostgreSQL means another thing by, or has no word for."""


def test_functions_mean_the_same_or_are_refused(server: Server, tmp_path: Path) -> None:
    with server.owner() as connection:
        connection.execute(
            "CREATE SCHEMA words; GRANT USAGE ON SCHEMA words TO tsg_reader; CREATE TABLE words.t (request_id text, "
            "t text, w text, d double precision, n bigint, j text, ts timestamp); GRANT SELECT ON words.t TO tsg_reader"
        )
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO words.t VALUES (%s, %s, %s, %s, %s, %s, %s)",
                               [tuple(row.values()) for row in TABLE.to_pylist()])  # fmt: skip
    check(server.url("words"), "words.t", REFUSED, r"PostgreSQL's SQL|may not be used|refused the query", tmp_path)


def test_the_quantiles_of_postgresql_are_exact(server: Server, tmp_path: Path) -> None:
    rows = requests(7, latency_ms=[1.0, 2.0, 3.5, 10.0, 100.0, 1000.0, 5.25])
    location = str(written(tmp_path, {"api_gateway_logs": rows}))
    server.load("quantiles", held(location))
    sql = "SELECT quantile_cont(latency_ms, 0.95) AS q, stddev_samp(latency_ms) AS s FROM api_gateway_logs"
    with DuckDB(location) as own, open_telemetry(server.url("quantiles")) as other:
        first, second = (engine.run(sql, {}, timeout=9).to_pylist() for engine in (own, other))
    assert differences(first, second) == []
    assert first[0]["q"] == pytest.approx(730.0)
