"""No parameter, mapping expression or identifier becomes SQL of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.engines.postgres import READER, Server, held
from tests.engines.same import assert_a_mapping_is_refused
from tests.tools.made import args_for, requests, tied, workflow, written
from tsg_agent.errors import QueryError, TelemetryError
from tsg_agent.investigation import open_telemetry
from tsg_agent.models import Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools import PLUGINS
from tsg_agent.tools.plugin import load_sql, run_query, sql_parameters

HOSTILE = (
    "'; DROP TABLE hostile.api_gateway_logs; --", "' OR '1'='1", "$1", "%s", "%(x)s", "\\' OR 1=1 --",
    "x'||pg_sleep(9)||'",
    '"; SELECT 1; --', "/*", "${jndi:x}", "E'\\\\x27'", "us-east\u2019 OR TRUE",
)  # fmt: skip


@pytest.fixture(scope="module")
def engine(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    rows = requests(120, {500: 30}, service_version="1")
    made = {
        "api_gateway_logs": rows,
        "feature_flags": tied(rows, flag_name="f", flag_value="on"),
        "product_metadata": tied(rows, product_id="p"),
        "workflow_tracking": workflow(20, {"FAILED": 4}),
    }
    server.load("hostile", held(str(written(tmp_path_factory.mktemp("hostile"), made))))
    with open_telemetry(server.url("hostile")) as opened:
        yield opened


@pytest.mark.parametrize("text", HOSTILE)
def test_every_parameter_of_every_check_is_a_value(engine: Engine, text: str) -> None:
    for check in PLUGINS:
        sql = load_sql(check.key)
        parameters = sql_parameters(sql, args_for(check), Settings())
        for name in (name for name, value in parameters.items() if isinstance(value, str)):
            table = run_query(engine, sql, {**parameters, name: text}, 10)
            # Nothing is so named: no row, or the row of plugin 9 that says there was nothing.
            assert table.num_rows == 0 or table["total_requests"].to_pylist() == [0]
        scope = dict.fromkeys(("region", "environment", "service_name"), text)
        assert check.run(engine, args_for(check, **scope), Settings()).status in {
            Status.NO_DATA, Status.NOT_APPLICABLE, Status.INSUFFICIENT_DATA,
        }  # fmt: skip
    assert engine.run("SELECT count(*) AS n FROM api_gateway_logs", {}, timeout=9)["n"][0].as_py() == 120


def test_numbers_and_times_are_values_too(engine: Engine) -> None:
    sql = load_sql(PLUGINS[0].key)
    parameters = sql_parameters(sql, args_for(PLUGINS[0]), Settings())
    for name in parameters:
        with pytest.raises(QueryError) if not isinstance(parameters[name], str) else _Nothing():
            engine.run(sql, {**parameters, name: "1; DROP TABLE hostile.api_gateway_logs"}, timeout=9)
    assert engine.run("SELECT count(*) AS n FROM api_gateway_logs", {}, timeout=9)["n"][0].as_py() == 120


@pytest.mark.parametrize("sql", [
    "DROP TABLE api_gateway_logs",
    "SELECT 1; DROP TABLE hostile.api_gateway_logs",
    "SELECT * FROM pg_shadow",
    "SELECT * FROM pg_catalog.pg_user",
    "SELECT * FROM hostile.api_gateway_logs",
    "SELECT pg_read_file('/etc/passwd') FROM api_gateway_logs",
    "SELECT pg_sleep(9) FROM api_gateway_logs",
    "SELECT set_config('transaction_read_only', 'off', false) FROM api_gateway_logs",
    "SELECT current_setting('is_superuser')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "WITH gone AS (DELETE FROM api_gateway_logs RETURNING *) SELECT * FROM gone",
    "SELECT * INTO other FROM api_gateway_logs",
    "SELECT request_id FROM api_gateway_logs FOR UPDATE",
    "COPY api_gateway_logs TO PROGRAM 'id'",
    "SELECT dblink('host=x', 'SELECT 1')",
    "SELECT CAST('pg_shadow' AS regclass) FROM api_gateway_logs",
    "SELECT query_to_xml('SELECT 1', true, true, '')",
])  # fmt: skip
def test_what_does_more_than_read_the_tables_is_refused(engine: Engine, sql: str) -> None:
    with pytest.raises(QueryError):
        engine.run(sql, {}, timeout=9)


@pytest.mark.parametrize("name", ['a"b', 'x"; DROP TABLE t; --', "a b", "ü", "select", "$1", "%s", "A"])
def test_the_servers_own_names_are_names(server: Server, tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    with server.owner() as connection:
        connection.execute(
            f"DROP SCHEMA IF EXISTS named CASCADE; CREATE SCHEMA named; GRANT USAGE ON SCHEMA named TO {READER}; "
            f"CREATE TABLE named.{quoted} (request_id text, timestamp timestamp, {quoted} text, status_code int); "
            f"INSERT INTO named.{quoted} VALUES ('1', '2026-03-10 12:00', 'us-east', 500); "
            f"GRANT SELECT ON named.{quoted} TO {READER}".encode()
        )
    mapping = tmp_path / "m.toml"
    as_toml = quoted.replace("\\", "\\\\").replace('"', '\\"')
    mapping.write_text(
        f'[api_gateway_logs]\nfrom = "{as_toml}"\n[api_gateway_logs.columns]\nregion = "{as_toml}"\n', "utf-8"
    )
    with open_telemetry(server.url("named"), mapping=mapping) as engine:
        assert engine.run("SELECT region FROM api_gateway_logs", {}, timeout=9)["region"].to_pylist() == ["us-east"]


@pytest.mark.parametrize("expression", [
    "(SELECT passwd FROM pg_shadow LIMIT 1)", "pg_read_file('/etc/passwd')", "pg_sleep(9)", "region; DROP TABLE x",
    "region) FROM pg_shadow --", "current_setting('data_directory')", "$1", "set_config('a.b', 'c', false)",
    "CAST('pg_shadow' AS regclass)", "lo_import('/etc/passwd')", "repeat('x', 1000000000)",
])  # fmt: skip
@pytest.mark.usefixtures("engine")
def test_expressions_of_a_mapping_only_look_at_columns(server: Server, tmp_path: Path, expression: str) -> None:
    assert_a_mapping_is_refused(server.url("hostile"), tmp_path, expression)


@pytest.mark.parametrize("name", ["a.b.c.d", "x; DROP TABLE y", "(SELECT 1)", "generate_series(1,9)", "", "a'b"])
@pytest.mark.usefixtures("engine")
def test_a_table_of_a_mapping_is_a_name(server: Server, tmp_path: Path, name: str) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(f'[feature_flags]\nfrom = "{name}"\n')
    if name:
        with pytest.raises(TelemetryError):
            open_telemetry(server.url("hostile"), mapping=mapping)
    else:
        with open_telemetry(server.url("hostile"), mapping=mapping) as opened:  # as if it were not there
            assert "feature_flags" in opened.tables


def test_the_session_writes_nothing_even_where_the_account_could(server: Server) -> None:
    """Beside the grants: a role of too many rights, over the engine's own connection."""
    with server.owner() as connection:
        connection.execute("CREATE SCHEMA writable; GRANT ALL ON SCHEMA writable TO tsg_reader")
        connection.execute("CREATE TABLE writable.api_gateway_logs (request_id text, status_code int)")
        connection.execute("GRANT ALL ON writable.api_gateway_logs TO tsg_reader")
        connection.execute("ALTER ROLE tsg_reader RESET default_transaction_read_only")
    with open_telemetry(server.url("writable")) as engine:
        own: Any = engine
        with pytest.raises(QueryError, match="read-only transaction"):
            own._select("INSERT INTO writable.api_gateway_logs VALUES ('x', 1)", [], 9)
        with pytest.raises(QueryError, match="multiple commands"):
            own._select("SELECT 1; SELECT 2", [], 9)


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None
