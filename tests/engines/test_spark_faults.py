"""What goes wrong with Spark is told by type and with its fix; nothing hangs, no query is left running, none is ours
that was not parsed."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from examples.engines import spark as sparks
from examples.engines.postgres import held
from examples.engines.spark import Cluster
from tests.engines.proxy import Proxy
from tests.engines.same import assert_a_mapping_is_refused
from tests.tools.made import args_for, requests, written
from tsg_agent import Request, investigate
from tsg_agent.errors import QueryError, QueryTimeout, TelemetryError, TransientTelemetryError
from tsg_agent.investigation import open_telemetry
from tsg_agent.models import Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import QUERIES, Engine
from tsg_agent.tools import PLUGINS

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
SLOW = "SELECT count(*) AS n FROM feature_flags"
"""Over a view that takes hours; see `slowed`."""
LOOK = "SELECT count(*) AS n FROM api_gateway_logs"
TEXT = "shop in us-east, prod fails since 2026-03-10 13:00 UTC, SLA 99.9 %"
HOSTILE = (
    "'; DROP TABLE faults.api_gateway_logs; --", "' OR '1'='1", ":p1", "\\' OR 1=1 --", "`", "${spark.app.name}",
    '"; SELECT 1; --', "\\", "us-east\u2019 OR TRUE",
)  # fmt: skip


def slowed(cluster: Cluster, schema: str, folder: Path) -> str:
    """Requests, and flags that take hours to read, in one job: Spark does not cancel one that begins in that moment."""
    rows = requests(3000, {500: 90}, service_version=["1", "2"] * 1500)
    cluster.load(schema, held(str(written(folder, {"api_gateway_logs": rows}))))
    session = cluster.session()
    session.sql(
        f"CREATE VIEW {schema}.feature_flags AS "
        "SELECT CAST(id AS STRING) AS request_id, 'f' AS flag_name, 'on' AS flag_value FROM range(1000000000000)"
    )
    session.stop()
    return cluster.url(schema)


@pytest.fixture(scope="module")
def url(spark: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    return slowed(spark, "faults", tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[Any]:
    with open_telemetry(url) as opened:
        yield opened


def in_a_thread(engine: Engine, sql: str, timeout: float = 120) -> tuple[threading.Thread, list[BaseException]]:
    """A query that runs while the test does something else, and what it raises."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            engine.run(sql, {}, timeout=timeout)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, raised


def running(cluster: Cluster) -> int:
    """Jobs at work, as the server has it."""

    def told(place: str) -> Any:
        with closing(HTTPConnection("127.0.0.1", cluster.ui, timeout=30)) as line:
            line.request("GET", f"/api/v1/applications{place}")
            return json.load(line.getresponse())

    return len(told(f"/{told('')[0]['id']}/jobs?status=running"))


def until(cluster: Cluster, wanted: bool, seconds: float = 60) -> None:
    """Until something runs, or nothing does."""
    end = time.monotonic() + seconds
    while bool(running(cluster)) is not wanted:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_query_over_its_time_is_ended_at_the_server(spark: Cluster, engine: Any) -> None:
    began = time.monotonic()
    with pytest.raises(QueryTimeout, match=r"longer than 4 s and was cancelled") as caught:
        engine.run(SLOW, {}, timeout=4)
    assert time.monotonic() - began < 12
    assert "TSG_QUERY_TIMEOUT" in caught.value.fix
    until(spark, False)
    assert engine.run(LOOK, {}, timeout=60)["n"][0].as_py() == 3000


def test_a_cancelled_query_ends_at_the_server(spark: Cluster, engine: Any) -> None:
    thread, raised = in_a_thread(engine, SLOW)
    until(spark, True)
    engine.cancel([thread.ident])
    thread.join(15)
    assert not thread.is_alive()
    assert [(type(error), str(error)) for error in raised] == [(QueryTimeout, "The query was cancelled.")]
    until(spark, False)


def test_one_slow_branch_ends_alone(spark: Cluster, engine: Engine) -> None:
    slow, quick = (PLUGINS[1], 10), (PLUGINS[0], 120)
    found = [check.run(engine, args_for(check), Settings(query_timeout=limit)) for check, limit in (slow, quick)]
    assert [one.status for one in found] == [Status.TIMEOUT, Status.OK]
    assert "TSG_QUERY_TIMEOUT" in found[0].reason
    assert found[1].rows
    until(spark, False)


def test_a_server_that_falls_silent_hangs_nothing(spark: Cluster, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsg_agent.telemetry.spark.GRACE_S", 1.0)
    line = Proxy(spark.port)
    try:
        with open_telemetry(url.replace(str(spark.port), str(line.port))) as engine:
            engine.run(LOOK, {}, timeout=60)
            line.silence()
            began = time.monotonic()
            with pytest.raises(QueryTimeout, match="did not answer within 1 s"):
                engine.run(LOOK, {}, timeout=1)
            assert time.monotonic() - began < 10
    finally:
        line.close()
    assert time.monotonic() - began < 20


def test_a_wrong_token_is_told_and_not_shown(spark: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sparks.VARIABLE, "not the one 4711")
    with pytest.raises(TelemetryError, match="cannot be reached") as caught:
        open_telemetry(spark.url("faults"))
    assert sparks.VARIABLE in caught.value.fix
    assert "4711" not in str(caught.value)


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("url", ["sc://127.0.0.1:1/;token=4711", "sc://me:4711@127.0.0.1:1", "sc://h:1/;Token=4711"])
def test_a_token_in_the_url_is_refused(url: str) -> None:
    with pytest.raises(TelemetryError, match="holds a token") as caught:
        open_telemetry(url)
    assert "4711" not in str(caught.value)


def test_a_server_that_is_not_there(spark: Cluster) -> None:
    began = time.monotonic()
    with pytest.raises(TelemetryError, match="cannot be reached"):
        open_telemetry(spark.url(port=1))
    assert time.monotonic() - began < 10


def test_tables_that_are_not_there(spark: Cluster, tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match="none of the guide's tables"):
        open_telemetry(spark.url("nothing_here"))
    mapping = tmp_path / "m.toml"
    mapping.write_text('[api_gateway_logs]\nfrom = "no_catalog.x.y"\n')
    with pytest.raises(TelemetryError, match="does not hold"):
        open_telemetry(spark.url(), mapping=mapping)
    spark.load("dropped", held(str(written(tmp_path / "d", {"api_gateway_logs": requests(5)}))))
    with open_telemetry(spark.url("dropped")) as engine:
        session = spark.session()
        session.sql("DROP TABLE dropped.api_gateway_logs")
        session.stop()
        with pytest.raises(QueryError, match="has changed since") as caught:
            engine.run(LOOK, {}, timeout=60)
        assert "doctor" in caught.value.fix


def test_doctor_tells_what_is_there_and_what_is_wrong(spark: Cluster, tmp_path: Path) -> None:
    spark.load("doctor", held(str(written(tmp_path, {"api_gateway_logs": requests(300, {500: 9})}))))
    mapping = tmp_path / "m.toml"
    mapping.write_text('[api_gateway_logs.columns]\nregion = "sqrt(timestamp)"\n')
    command = [sys.executable, "-m", "tsg_agent", "doctor", "--telemetry", spark.url("doctor")]
    well, ill = (
        subprocess.run([*command, *more], capture_output=True, text=True, timeout=120, check=False)
        for more in (["--json"], ["--mapping", mapping])
    )
    assert well.returncode == 0, well.stderr
    assert not well.stderr
    tables = {table["name"]: table for table in json.loads(well.stdout)["telemetry"]["tables"]}
    assert tables["api_gateway_logs"]["location"] == "doctor.api_gateway_logs"
    assert tables["api_gateway_logs"]["rows"] == 300
    assert sparks.TOKEN not in well.stdout
    told = ill.stdout + ill.stderr
    assert 'SQRT("timestamp")' in told
    assert "org.apache.spark" not in told  # the server's stack


def test_every_parameter_is_a_value(engine: Any) -> None:
    columns = ", ".join(f"$x{place} AS c{place}" for place in range(len(HOSTILE)))
    sql = f"SELECT {columns}, count(*) AS n FROM api_gateway_logs WHERE region IN ($x0, $x1, 'us-east')"
    found = engine.run(sql, {f"x{place}": text for place, text in enumerate(HOSTILE)}, timeout=60)
    assert [*found.to_pylist()[0].values()] == [*HOSTILE, 3000]
    check = PLUGINS[0]
    scope = dict.fromkeys(("region", "environment", "service_name"), HOSTILE[0])
    assert check.run(engine, args_for(check, **scope), Settings()).status is Status.NO_DATA


@pytest.mark.parametrize("sql", [
    "DROP TABLE api_gateway_logs", "SELECT * FROM faults.api_gateway_logs", "SELECT 1; SELECT 2",
    "SELECT reflect('java.lang.System', 'exit', 1) FROM api_gateway_logs", "SELECT * FROM parquet.`/etc/passwd`",
    "INSERT OVERWRITE DIRECTORY 'x' SELECT * FROM api_gateway_logs", "CREATE TABLE x AS SELECT 1",
    "SELECT java_method('java.lang.System', 'exit', 1)", "SELECT * FROM read_files('/etc/passwd')", "SET x = 1",
    "SELECT * FROM range(9)", "SELECT secret('a', 'b')", "SELECT current_user()",
    "SELECT version() FROM api_gateway_logs",
    "SELECT TRANSFORM(request_id) USING 'cat' FROM api_gateway_logs", "ADD JAR 'x.jar'",
])  # fmt: skip
def test_what_does_more_than_read_the_tables_is_refused(engine: Any, sql: str) -> None:
    with pytest.raises(QueryError):
        engine.run(sql, {}, timeout=60)


@pytest.mark.parametrize("expression", [
    "(SELECT max(x) FROM faults.y)", "reflect('java.lang.System', 'exit', 1)", "region; DROP TABLE x", "current_user()",
    "region) FROM y --", "input_file_name()", ":p1", "$1", "repeat('x', 1000000000)",
    "no_such_column || 'x'",
])  # fmt: skip
def test_expressions_of_a_mapping_only_look_at_columns(url: str, tmp_path: Path, expression: str) -> None:
    assert_a_mapping_is_refused(url, tmp_path, expression)


@pytest.mark.parametrize("name", ["x; DROP TABLE t; --", "a b", "ü", "select", ":p1", "A", "it's"])
def test_the_servers_own_names_are_names(spark: Cluster, tmp_path: Path, name: str) -> None:
    session = spark.session()
    session.sql("CREATE SCHEMA IF NOT EXISTS named")
    session.sql(
        f"CREATE OR REPLACE VIEW named.select AS SELECT '1' AS request_id, 'us-east' AS `{name}`, 500 AS status_code"
    )
    session.stop()
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        f'[api_gateway_logs]\nfrom = \'`select`\'\n[api_gateway_logs.columns]\nregion = """\\"{name}\\""""\n', "utf-8"
    )
    with open_telemetry(spark.url("named"), mapping=mapping) as engine:
        assert engine.run("SELECT region FROM api_gateway_logs", {}, timeout=60)["region"].to_pylist() == ["us-east"]


def test_a_server_that_is_stopped_in_a_query_and_started_again(
    spark: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The last of all: it takes the others' tables away."""
    caplog.set_level("INFO", QUERIES.name)
    url = slowed(spark, "gone", tmp_path)
    with open_telemetry(url) as engine:
        ended: list[Any] = []

        def work() -> None:
            try:
                ended.append(investigate(Request(text=TEXT, telemetry=url), engine=engine))
            except TelemetryError as error:
                ended.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        while "FROM feature_flags" not in caplog.text:  # the check whose query takes hours
            assert thread.is_alive()
            time.sleep(0.1)
        waiting, raised = in_a_thread(engine, SLOW)
        until(spark, True)
        spark.kill()
        waiting.join(20)
        assert not waiting.is_alive()
        assert [type(error) for error in raised] == [TransientTelemetryError]
        assert "did not answer" in str(raised[0])
        thread.join(60)
        assert not thread.is_alive()
        assert "did not answer" in str(ended[0])
        spark.start_alone()
        slowed(spark, "gone", tmp_path)
        assert engine.run(LOOK, {}, timeout=60)["n"][0].as_py() == 3000
