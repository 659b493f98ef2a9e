"""TLS to PostgreSQL: certificates are looked at, and beyond this machine nothing goes without it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.engines.postgres import OWNER, OWNERS, READER, Server, held
from tests.tools.made import requests, written
from tsg_agent.errors import TelemetryError
from tsg_agent.investigation import open_telemetry

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: make test-engines installs it")
trustme = pytest.importorskip("trustme", reason="trustme is not installed: make test-engines installs it")
HOST = "localhost"


@pytest.fixture(scope="module")
def authority() -> "trustme.CA":
    return trustme.CA()


@pytest.fixture(scope="module")
def secured(
    request: pytest.FixtureRequest, authority: "trustme.CA", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server of its own that takes accounts over TLS only, but the owner."""
    request.getfixturevalue("server")  # it skips where PostgreSQL is missing, and sets the password
    made = Server()
    try:
        made.make()
        data, certificate = made.folder / "data", authority.issue_cert(HOST)
        certificate.private_key_pem.write_to_path(data / "server.key")
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(data / "server.crt", append=True)
        (data / "server.key").chmod(0o600)
        if os.geteuid() == 0:
            for name in ("server.key", "server.crt"):
                shutil.chown(data / name, data.stat().st_uid, data.stat().st_gid)
        (data / "pg_hba.conf").write_text(
            f"host all {OWNER} 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
        )
        made.start("ssl=on")
        made.account()
        made.load(
            "tls", held(str(written(tmp_path_factory.mktemp("tls"), {"api_gateway_logs": requests(300, {500: 9})})))
        )
        yield made
        made.stop()
    finally:
        made.remove()


def url(server: Server, mode: str, host: str = HOST) -> str:
    at = f"{READER}@{host}:{server.port}/postgres"
    return f"postgresql://{at}?options=-csearch_path%3Dtls{f'&sslmode={mode}' if mode else ''}"


@pytest.fixture
def trusted(authority: "trustme.CA", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("PGSSLROOTCERT", str(tmp_path / "authority.pem"))


@pytest.mark.usefixtures("trusted")
def test_queries_run_over_tls_with_a_certificate_that_was_looked_at(secured: Server) -> None:
    with open_telemetry(url(secured, "verify-full")) as engine:
        assert engine.run("SELECT count(*) AS n FROM api_gateway_logs", {}, timeout=20).to_pylist() == [{"n": 300}]
        with secured.owner() as connection:
            lines = connection.execute(
                "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = %s", [READER]
            ).fetchall()
    assert lines
    assert all(encrypted for (encrypted,) in lines)


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_host_is_refused(secured: Server) -> None:
    with pytest.raises(TelemetryError, match="does not match host name") as caught:
        open_telemetry(url(secured, "verify-full", "127.0.0.1"))
    assert "PGSSLMODE" in str(caught.value.fix)


def test_a_certificate_of_another_authority_is_refused(
    secured: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "another.pem")
    monkeypatch.setenv("PGSSLROOTCERT", str(tmp_path / "another.pem"))
    with pytest.raises(TelemetryError, match="certificate verify failed") as caught:
        open_telemetry(url(secured, "verify-full"))
    assert "PGSSLROOTCERT" in str(caught.value.fix)


def test_a_server_that_takes_tls_only_says_so_to_a_plain_line(secured: Server) -> None:
    with pytest.raises(TelemetryError, match="no encryption"):
        open_telemetry(url(secured, "disable"))


@pytest.mark.parametrize("said", ["", "disable"])
def test_beyond_this_machine_a_plain_line_must_be_asked_for(
    server: Server, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """`hostaddr` is what is connected to: the name of the host is another machine's."""
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    place = f"postgresql://{OWNER}@db.example:{server.port}/postgres" + (f"?sslmode={said}" if said else "")
    monkeypatch.setenv("PGPASSWORD", OWNERS)
    with pytest.raises(TelemetryError, match="none of the guide's tables" if said else "does not support SSL"):
        open_telemetry(place)
