"""A .duckdb file is SQL of whoever made it: its views are held to a list, and nothing else of it runs."""

from pathlib import Path

import duckdb
import pytest

from tests.telemetry.sources import parquet
from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.profile import known_values

COLUMNS = "request_id, timestamp, region, environment, service_name, status_code, latency_ms"


def made(folder: Path, *statements: str) -> Path:
    """A database with a table `raw` of requests, and what else the statements make."""
    source = Path(parquet(folder / "parquet")) / "api_gateway_logs.parquet"
    path = folder / "made.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE raw AS FROM '{source}'")
        for statement in statements:
            connection.execute(statement)
    return path


GOOD = {
    "columns": f"CREATE VIEW api_gateway_logs AS SELECT {COLUMNS} FROM raw",
    "expressions": "CREATE VIEW api_gateway_logs AS SELECT r.* REPLACE (lower(r.region) AS region) FROM main.raw AS r "
    "WHERE r.status_code IS NOT NULL",
    "its own names": f"CREATE VIEW api_gateway_logs({COLUMNS}) AS SELECT {COLUMNS} FROM raw",
    "a view of a view": f"CREATE VIEW v AS SELECT {COLUMNS} FROM raw; CREATE VIEW api_gateway_logs AS FROM v",
    "with": f"CREATE VIEW api_gateway_logs AS WITH w AS (SELECT {COLUMNS} FROM raw) SELECT w.* FROM w",
    "a join": f"CREATE TABLE names AS SELECT DISTINCT region AS name FROM raw; CREATE VIEW api_gateway_logs AS "
    f"SELECT {COLUMNS} FROM raw JOIN names ON raw.region = names.name",
    "another schema": f"CREATE SCHEMA s; CREATE VIEW s.api_gateway_logs AS SELECT {COLUMNS} FROM raw; "
    "CREATE VIEW api_gateway_logs AS FROM s.api_gateway_logs",
    "a union": f"CREATE VIEW api_gateway_logs AS (SELECT {COLUMNS} FROM raw LIMIT 10) UNION ALL "
    f"(SELECT {COLUMNS} FROM raw OFFSET 10)",
}
VIEW = "CREATE VIEW api_gateway_logs AS "
REPLACED = "SELECT raw.* REPLACE ({0} AS region) FROM raw"
BAD = {
    "a setting": VIEW + REPLACED.format("current_setting('memory_limit')"),
    "paths": VIEW + "SELECT path AS region, 200 AS status_code FROM duckdb_databases()",
    "paths by a name": VIEW + "SELECT database_name AS region, 200 AS status_code FROM duckdb_databases",
    "the catalogue": VIEW + "SELECT table_name AS region, 200 AS status_code FROM information_schema.tables",
    "the environment": VIEW + REPLACED.format("getvariable('x')"),
    "a long text": VIEW + REPLACED.format("repeat(raw.region, 1000000000)"),
    "a filled text": VIEW + REPLACED.format("lpad(raw.region, 1000000000, 'x')"),
    "what sqlglot cannot write": VIEW + REPLACED.format("json_extract_string(raw.region, '$..*')"),
    "a list": VIEW + REPLACED.format("CAST(list_value(raw.region, raw.region) AS VARCHAR)"),
    "many": VIEW + "SELECT arg_max(region, latency_ms, 90000)[1] AS region, 200 AS status_code FROM raw",
    "endless": VIEW + "SELECT 'a' AS region, CAST(range AS BIGINT) AS status_code FROM range(1000000000000000)",
    "recursion": VIEW + "WITH RECURSIVE r AS (SELECT 1 AS status_code UNION ALL SELECT status_code FROM r) FROM r",
    "a macro": "CREATE MACRO lower(x) AS current_setting('memory_limit'); CREATE MACRO m(x) AS repeat(x, 1000000000); "
    + VIEW + REPLACED.format("m(raw.region)"),
    "a generated column": "CREATE TABLE api_gateway_logs (status_code INTEGER, request_id VARCHAR, region VARCHAR "
    "GENERATED ALWAYS AS (current_setting('memory_limit')))",
    "a generated column of another": "CREATE TABLE g (a VARCHAR, b VARCHAR AS (repeat(a, 1000000000))); "
    + VIEW + "SELECT b AS region, 200 AS status_code FROM g",
    "views that double": "CREATE VIEW v0 AS SELECT region AS t FROM raw; "
    + "; ".join(f"CREATE VIEW v{n + 1} AS SELECT t || t AS t FROM v{n}" for n in range(20))
    + f"; {VIEW} SELECT t AS region, 200 AS status_code FROM v20",
    "views that fan out": "CREATE VIEW v0 AS SELECT region FROM raw; "
    + "; ".join(f"CREATE VIEW v{n + 1} AS SELECT a.region FROM v{n} AS a, v{n} AS b" for n in range(6))
    + f"; {VIEW} SELECT region, 200 AS status_code FROM v6",
    "a name of the engine's": VIEW + "SELECT relname AS region, 200 AS status_code FROM pg_catalog.pg_class",
    "one hidden by its own": VIEW + "WITH pg_class AS (SELECT 1) SELECT relname AS region, 200 AS status_code "
    "FROM pg_catalog.pg_class",
}  # fmt: skip


@pytest.mark.parametrize("sql", GOOD.values(), ids=GOOD)
def test_a_plain_view_is_read_as_a_table(sql: str, tmp_path: Path) -> None:
    with DuckDB(made(tmp_path, sql)) as engine, DuckDB(tmp_path / "parquet") as other:
        asked = "SELECT region, count(*) AS n, sum(latency_ms) AS t FROM api_gateway_logs GROUP BY region ORDER BY 1"
        ours, theirs = (one.run(asked, {}, timeout=20) for one in (engine, other))
        assert ours["n"].equals(theirs["n"])
        assert known_values(engine, 20).regions == known_values(other, 20).regions


@pytest.mark.parametrize("sql", BAD.values(), ids=BAD)
def test_any_other_sql_of_the_file_does_not_run(sql: str, tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match="is not read: ") as caught:
        DuckDB(made(tmp_path, sql))
    assert "GiB" not in str(caught.value)
    assert "Parquet" in caught.value.fix


def test_a_macro_of_a_known_name_is_not_what_a_view_calls(tmp_path: Path) -> None:
    sql = f"CREATE MACRO lower(x) AS current_setting('memory_limit'); {VIEW}{REPLACED.format('lower(raw.region)')}"
    with DuckDB(made(tmp_path, sql)) as engine:
        assert known_values(engine, 20).regions == ("us-east",)


def test_a_view_of_another_table_costs_what_is_about_it(tmp_path: Path) -> None:
    sql = f"{VIEW}FROM raw; CREATE VIEW feature_flags AS SELECT repeat(region, 1000000000) AS flag_name FROM raw"
    with DuckDB(made(tmp_path, sql)) as engine:
        assert "repeat may not be used" in engine.tables["feature_flags"].problem
        assert str(tmp_path) not in engine.tables["feature_flags"].problem
        assert known_values(engine, 20).regions


def test_a_join_of_everything_ends_with_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of its SQL is forbidden: there are only too many rows of no status."""
    monkeypatch.setattr("tsg_agent.telemetry.duckdb.LOOK", 0.5)
    rows = "FROM raw AS a, raw AS b, raw AS c, raw AS d, raw AS e"
    never = "concat(a.request_id, b.request_id) = c.request_id"
    view = f"{VIEW}SELECT a.region, CASE WHEN {never} THEN 200 END AS status_code {rows}"
    with pytest.raises(TelemetryError, match="could not be opened within"):
        DuckDB(made(tmp_path, view))
