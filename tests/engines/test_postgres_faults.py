"""What goes wrong with a server is told by type and with its fix; nothing hangs, and no query is left running there."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.engines.postgres import PASSWORD, Server, held
from tests.engines.proxy import Proxy
from tests.tools.made import args_for, plugin, requests, tied, written
from tsg_agent.errors import QueryError, QueryTimeout, TelemetryError, TransientTelemetryError
from tsg_agent.investigation import open_telemetry
from tsg_agent.models import Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools import PLUGINS

SLOW = "SELECT count(*) AS n FROM feature_flags"
"""Over a view that sleeps; see `slowed`."""
LOOK = "SELECT count(*) AS n FROM api_gateway_logs"


@pytest.fixture(scope="module")
def url(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Requests, and flags that take 30 seconds to read."""
    rows = requests(3000, {500: 90}, service_version=["1", "2"] * 1500)
    made = {"api_gateway_logs": rows, "feature_flags": tied(rows, flag_name="f", flag_value="on")}
    server.load("faults", held(str(written(tmp_path_factory.mktemp("faults"), made))))
    with server.owner() as connection:
        connection.execute("ALTER TABLE faults.feature_flags RENAME TO flags")
        connection.execute(
            "CREATE VIEW faults.feature_flags AS SELECT request_id, flag_name, "
            "CASE WHEN pg_sleep(0.1) IS NULL THEN NULL ELSE flag_value END AS flag_value FROM faults.flags "
            "WHERE pg_sleep(0.1) IS NOT NULL; GRANT SELECT ON faults.feature_flags TO tsg_reader"
        )
    return server.url("faults")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    with open_telemetry(url) as opened:
        yield opened


def in_a_thread(engine: Engine, sql: str, timeout: float = 60) -> tuple[threading.Thread, list[BaseException]]:
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


def is_running(server: Server, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not any("pg_sleep" in one or "flags" in one for one in server.running()):
        assert time.monotonic() < until
        time.sleep(0.05)


def none_is_running(server: Server, seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while running := server.running():
        assert time.monotonic() < until, running
        time.sleep(0.05)


def test_a_query_over_its_time_is_ended_at_the_server(server: Server, engine: Engine) -> None:
    began = time.monotonic()
    with pytest.raises(QueryTimeout, match=r"longer than 0\.5 s") as caught:
        engine.run(SLOW, {}, timeout=0.5)
    assert time.monotonic() - began < 5
    assert "TSG_QUERY_TIMEOUT" in caught.value.fix
    none_is_running(server)
    assert engine.run(LOOK, {}, timeout=10)["n"][0].as_py() == 3000


def test_a_cancelled_query_ends_at_the_server(server: Server, engine: Any) -> None:
    thread, raised = in_a_thread(engine, SLOW)
    is_running(server)
    engine.cancel([thread.ident])
    thread.join(5)
    assert not thread.is_alive()
    assert [type(error) for error in raised] == [QueryTimeout]
    assert "was cancelled" in str(raised[0])
    none_is_running(server)
    assert engine.run(LOOK, {}, timeout=10)["n"][0].as_py() == 3000


def test_one_slow_branch_ends_alone(server: Server, engine: Engine) -> None:
    settings = Settings(query_timeout=2)
    found = {one.number: one.run(engine, args_for(one), settings) for one in PLUGINS}
    assert found[2].status is Status.TIMEOUT
    assert "TSG_QUERY_TIMEOUT" in found[2].reason
    assert found[1].status is Status.OK
    assert found[1].rows
    none_is_running(server)


@pytest.mark.usefixtures("server")
def test_a_server_that_is_stopped_and_started_again(tmp_path: Path) -> None:
    """A server of its own: the others' is not to be stopped."""
    own = Server()
    try:
        own.make()
        own.start()
        own.account()
        own.load("public", held(str(written(tmp_path, {"api_gateway_logs": requests(50, {500: 9})}))))
        with own.owner() as connection:
            connection.execute(
                "CREATE VIEW public.feature_flags AS SELECT request_id, 'f' AS flag_name, 'on' AS flag_value "
                "FROM public.api_gateway_logs WHERE pg_sleep(1) IS NOT NULL; "
                "GRANT SELECT ON feature_flags TO tsg_reader"
            )
        with open_telemetry(own.url()) as engine:
            thread, raised = in_a_thread(engine, SLOW)
            is_running(own)
            own.stop()
            thread.join(10)
            assert not thread.is_alive()
            assert [type(error) for error in raised] == [TransientTelemetryError]
            began = time.monotonic()
            with pytest.raises(TransientTelemetryError, match="did not answer") as caught:
                engine.run(LOOK, {}, timeout=10)
            assert time.monotonic() - began < 15
            assert "when the server is up" in caught.value.fix
            own.start()
            assert engine.run(LOOK, {}, timeout=10)["n"][0].as_py() == 50
            none_is_running(own)
    finally:
        own.stop()
        own.remove()


def test_a_connection_that_is_cut(server: Server, url: str) -> None:
    line = Proxy(server.port)
    try:
        with open_telemetry(url.replace(str(server.port), str(line.port))) as engine:
            thread, raised = in_a_thread(engine, SLOW)
            is_running(server)
            line.cut()
            thread.join(10)
            assert not thread.is_alive()
            assert [type(error) for error in raised] == [TransientTelemetryError]
            assert engine.run(LOOK, {}, timeout=10)["n"][0].as_py() == 3000  # over a new one
    finally:
        line.close()


def test_a_server_that_falls_silent_hangs_nothing(server: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsg_agent.telemetry.postgres.GRACE_S", 1.0)
    monkeypatch.setattr("tsg_agent.telemetry.postgres.REACH_S", 2)
    line = Proxy(server.port)
    try:
        with open_telemetry(url.replace(str(server.port), str(line.port))) as engine:
            engine.run(LOOK, {}, timeout=10)
            line.silence()
            thread, raised = in_a_thread(engine, LOOK, timeout=1)
            thread.join(20)
            assert not thread.is_alive()
            assert isinstance(raised[0], QueryTimeout | TransientTelemetryError)
    finally:
        line.close()


def test_a_wrong_password_is_told_and_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "not the one 4711")
    with pytest.raises(TelemetryError, match="password authentication failed") as caught:
        open_telemetry(url)
    assert "PGPASSWORD" in caught.value.fix
    assert "4711" not in str(caught.value)


def test_a_password_in_the_url_is_refused_before_anything_is_sent() -> None:
    for url in ("postgresql://me:4711@127.0.0.1:1/d", "postgresql://127.0.0.1:1/d?password=4711"):
        with pytest.raises(TelemetryError, match="holds a password") as caught:
            open_telemetry(url)
        assert "4711" not in str(caught.value)


def test_a_server_that_is_not_there(server: Server) -> None:
    with pytest.raises(TelemetryError, match="cannot be reached"):
        open_telemetry(server.url(port=1))


def test_a_table_that_the_account_may_not_read(server: Server, tmp_path: Path) -> None:
    rows = requests(50, {500: 9})
    made = {"api_gateway_logs": rows, "feature_flags": tied(rows, flag_name="f", flag_value="on")}
    server.load("denied", held(str(written(tmp_path, made))))
    with server.owner() as connection:
        connection.execute("REVOKE SELECT ON denied.feature_flags FROM tsg_reader")
    with open_telemetry(server.url("denied")) as engine:
        assert "may not read" in engine.tables["feature_flags"].problem
        check = plugin(2)
        assert check.run(engine, args_for(check), Settings()).status is Status.NOT_APPLICABLE
        with server.owner() as connection:
            connection.execute("REVOKE SELECT ON denied.api_gateway_logs FROM tsg_reader")
        with pytest.raises(QueryError, match="permission denied") as caught:
            engine.run(LOOK, {}, timeout=10)
        assert "Grant" in caught.value.fix
    with pytest.raises(TelemetryError, match="may not read it") as refused:
        open_telemetry(server.url("denied"))
    assert "GRANT SELECT" in refused.value.fix


def test_a_grant_on_some_columns_is_enough(server: Server, tmp_path: Path) -> None:
    server.load("partly", held(str(written(tmp_path, {"api_gateway_logs": requests(50, {500: 9})}))))
    with server.owner() as connection:
        connection.execute("REVOKE SELECT ON partly.api_gateway_logs FROM tsg_reader")
        connection.execute("GRANT SELECT (timestamp, status_code, region) ON partly.api_gateway_logs TO tsg_reader")
    with open_telemetry(server.url("partly")) as engine:
        assert engine.tables["api_gateway_logs"].present == {"timestamp", "status_code", "region"}
        assert engine.run(LOOK, {}, timeout=10)["n"][0].as_py() == 50


def test_a_table_that_is_dropped_meanwhile(server: Server, tmp_path: Path) -> None:
    server.load("dropped", held(str(written(tmp_path, {"api_gateway_logs": requests(5)}))))
    with open_telemetry(server.url("dropped")) as engine:
        with server.owner() as connection:
            connection.execute("DROP TABLE dropped.api_gateway_logs")
        with pytest.raises(QueryError, match="has changed since") as caught:
            engine.run(LOOK, {}, timeout=10)
        assert "doctor" in caught.value.fix


def test_a_source_with_none_of_the_tables(server: Server) -> None:
    with pytest.raises(TelemetryError, match="none of the guide's tables") as caught:
        open_telemetry(server.url("nothing_here"))
    assert "GRANT" in caught.value.fix.upper()


def test_doctor_tells_what_the_account_may_see(server: Server, tmp_path: Path) -> None:
    server.load("doctor", held(str(written(tmp_path, {"api_gateway_logs": requests(300, {500: 9})}))))
    url = server.url("doctor")
    ran = subprocess.run(
        [sys.executable, "-m", "tsg_agent", "doctor", "--telemetry", url, "--json"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    tables = {table["name"]: table for table in told["telemetry"]["tables"]}
    assert tables["api_gateway_logs"]["location"] == "doctor.api_gateway_logs"
    assert tables["api_gateway_logs"]["rows"] == 300
    assert PASSWORD not in ran.stdout + ran.stderr
