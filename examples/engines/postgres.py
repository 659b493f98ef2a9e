"""The demonstration incident on PostgreSQL: python -m examples.engines.postgres

It starts a server of its own on a free port (Debian's package `postgresql`), makes the role of least rights of
docs/engines.md, loads the telemetry, investigates there and with the embedded engine, says whether both conclude the
same, and takes all of it away again.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from tsg_agent import Request, investigate
from tsg_agent.investigation import open_telemetry
from tsg_agent.simulator.demos import demo_named, write_demo
from tsg_agent.telemetry.catalog import CATALOG, Kind
from tsg_agent.telemetry.duckdb import DuckDB

OWNER = "owner"
OWNERS = secrets.token_urlsafe()
READER = "tsg_reader"
PASSWORD = secrets.token_urlsafe()
TYPES = {
    Kind.TEXT: "text", Kind.NUMBER: "double precision", Kind.INTEGER: "bigint", Kind.BOOLEAN: "boolean",
    Kind.TIMESTAMP: "timestamp",
}  # fmt: skip


def programs() -> Path | None:
    """Where PostgreSQL's programs are; None where it is not installed."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in reversed(places) if (place / "initdb").exists()), None)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Server:
    """Started by `start`; `stop` ends it, `remove` takes its folder away too."""

    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="tsg-postgres-")))

    def make(self) -> None:
        """initdb refuses root."""
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres" if "postgres" in {one.pw_name for one in pwd.getpwall()} else "nobody")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        secret = self.folder / "secret"
        secret.write_text(f"{OWNERS}\n")
        if os.geteuid() == 0:
            os.chown(secret, account.pw_uid, account.pw_gid)
        self._run("initdb", "-U", OWNER, f"--pwfile={secret}", "-A", "scram-sha-256", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync")  # fmt: skip

    def start(self, *settings: str) -> None:
        """`settings`: further NAME=VALUE of postgresql.conf."""
        more = "".join(f" -c {setting}" for setting in settings)
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off{more}"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def account(self) -> None:
        """The role of least rights of docs/engines.md."""
        with self.owner() as connection:
            quoted = PASSWORD.replace("'", "''")
            connection.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{quoted}'")
            connection.execute(f"ALTER ROLE {READER} SET default_transaction_read_only = on")

    def url(self, schema: str = "public", *, port: int | None = None, account: str = READER) -> str:
        """Of the tables in a schema."""
        at = f"{account}@127.0.0.1:{port or self.port}/postgres"
        return f"postgresql://{at}?sslmode=disable&options=-csearch_path%3D{schema}"

    def owner(self) -> Any:
        return import_module("psycopg").connect(
            host="127.0.0.1", port=self.port, user=OWNER, password=OWNERS, dbname="postgres", autocommit=True
        )

    def load(self, schema: str, tables: dict[str, pa.Table]) -> None:
        """A schema with the guide's tables; the reader may read them."""
        with self.owner() as connection:
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            connection.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO {READER}')
            for name, table in tables.items():
                columns = [one for one in table.column_names if one in CATALOG[name].columns]
                types = ", ".join(f'"{one}" {TYPES[CATALOG[name].columns[one]]}' for one in columns)
                connection.execute(f'CREATE TABLE "{schema}"."{name}" ({types})')
                listed = ", ".join(f'"{one}"' for one in columns)
                with (
                    connection.cursor() as cursor,
                    cursor.copy(f'COPY "{schema}"."{name}" ({listed}) FROM STDIN') as copy,
                ):
                    for batch in table.select(columns).to_batches(max_chunksize=20_000):
                        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                            copy.write_row(row)
                connection.execute(f'GRANT SELECT ON "{schema}"."{name}" TO {READER}')
                connection.execute(f'ANALYZE "{schema}"."{name}"')

    def running(self) -> list[str]:
        """What accounts other than the owner's run at this moment, as the server has it."""
        with self.owner() as connection:
            rows = connection.execute(
                "SELECT query FROM pg_stat_activity WHERE usename = %s AND state <> 'idle'", [READER]
            ).fetchall()
        return [str(row[0]) for row in rows]

    def _run(self, program: str, *arguments: str) -> None:
        """pg_ctl leaves a server behind that keeps the outputs open: they go into a file, never into a pipe."""
        place = programs() or Path()
        account: dict[str, Any] = {}
        if os.geteuid() == 0:
            found = pwd.getpwuid(self.folder.stat().st_uid)
            account = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
        with (self.folder / "out").open("ab") as out:
            subprocess.run(
                [place / program, "-D", str(self.folder / "data"), *arguments],
                stdout=out, stderr=out, stdin=subprocess.DEVNULL, check=True, timeout=60, cwd="/", **account,
            )  # fmt: skip


def held(location: str) -> dict[str, pa.Table]:
    """The guide's tables of a source, as the embedded engine reads them."""
    with DuckDB(location) as engine:
        return {
            name: engine.run(
                f"SELECT {', '.join(one for one in CATALOG[name].columns if one in table.present)} FROM {name}", {},
                timeout=60,
            )
            for name, table in engine.tables.items()
        }  # fmt: skip


def main() -> int:
    if programs() is None:
        print("PostgreSQL is not installed: apt-get install postgresql", file=sys.stderr)
        return 1
    os.environ["PGPASSWORD"] = PASSWORD
    server = Server()
    with tempfile.TemporaryDirectory() as folder:
        incident = write_demo(demo_named("checkout"), Path(folder))
        location, text = str(incident.parent / "telemetry"), incident.read_text("utf-8")
        try:
            server.make()
            server.start()
            server.account()
            server.load("demonstration", held(location))
            reports = []
            for place in (location, server.url("demonstration")):
                with open_telemetry(place) as engine:
                    reports.append(investigate(Request(text=text, telemetry=place), engine=engine))
                print(f"{place}\n  {reports[-1].headline}")
        finally:
            server.stop()
            server.remove()
    same = [report.causes for report in reports[:1]] == [report.causes for report in reports[1:]]
    print("The causes are the same." if same else "The causes DIFFER.")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
