"""The demonstration incident on Spark: python -m examples.engines.spark

It starts a master, two workers and a Connect server on loopback from the package `pyspark[connect]` (Java 17 is
needed), makes tables of the telemetry, investigates there and with the embedded engine, says whether both conclude the
same, and takes all of it away again.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from examples.engines.postgres import free_port, held
from tsg_agent import Request, investigate
from tsg_agent.investigation import open_telemetry
from tsg_agent.simulator.demos import demo_named, write_demo

WAIT_S = 240
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""It lives too briefly for what takes Java long to prepare."""
LOOPBACK = "127.0.0.1"
INTERPRETED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": 100_000,
}
TOKEN = secrets.token_urlsafe()
VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN"


def missing() -> str:
    """What is needed and not there."""
    if find_spec("pyspark") is None or find_spec("grpc") is None or not (home() / "jars").is_dir():
        return "the package pyspark is not installed: pip install 'pyspark[connect]'"
    return "" if shutil.which("java") else "Java is not installed: apt-get install openjdk-17-jre-headless"


def home() -> Path:
    spec = find_spec("pyspark")
    return Path(spec.origin).parent if spec and spec.origin else Path()


@dataclass
class Cluster:
    """Started by `start`; `stop` ends it and takes its folder away. `ui`: the port of the owner's look at it."""

    port: int = field(default_factory=free_port)
    ui: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="tsg-spark-")))
    _processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def url(self, schema: str = "default", *, port: int | None = None) -> str:
        """Of the tables in a schema. A token is for TLS, or for `localhost`."""
        return f"sc://localhost:{port or self.port}/;schema={schema}"

    def start(self) -> None:
        port = free_port()
        master = f"spark://{LOOPBACK}:{port}"
        deploy = "org.apache.spark.deploy"
        self._run("spark-class", f"{deploy}.master.Master", "--host", LOOPBACK, "--port", str(port),
                  "--webui-port", "0", daemon="256m")  # fmt: skip
        for _ in range(2):
            self._run("spark-class", f"{deploy}.worker.Worker", "--host", LOOPBACK, "--cores", "1", "--memory", "900m",
                      "--webui-port", "0", "--work-dir", str(self.folder / "work"), master, daemon="256m")  # fmt: skip
        self._serve(master)

    def start_alone(self) -> None:
        """A server that does its work itself, without master and workers, and prepares little: for few rows."""
        self._serve("local[2]", **INTERPRETED)

    def _serve(self, master: str, **more: str | int) -> None:
        settings: dict[str, str | int | Path] = {
            "spark.connect.grpc.binding.address": LOOPBACK,
            "spark.connect.grpc.binding.port": self.port,
            "spark.connect.authenticate.token": TOKEN,
            "spark.driver.host": LOOPBACK,
            "spark.driver.bindAddress": LOOPBACK,
            "spark.driver.memory": "900m",
            "spark.driver.extraJavaOptions": QUICK,
            "spark.executor.memory": "700m",
            "spark.executor.extraJavaOptions": QUICK,
            "spark.sql.shuffle.partitions": 2,
            "spark.sql.session.timeZone": "Asia/Kathmandu",  # which no answer may depend on
            "spark.ui.port": self.ui,
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.warehouse.dir": self.folder / "warehouse",
            **more,
        }
        given = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
        self._run("spark-submit", "--master", master, *given, "--class",
                  "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal")  # fmt: skip
        self._wait()

    def kill(self) -> None:
        for process in reversed(self._processes):
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes.clear()

    def stop(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def session(self) -> Any:
        """The owner's, who may do all."""
        builder = import_module("pyspark.sql.connect.session").SparkSession.builder
        return builder.remote(f"sc://localhost:{self.port}/;token={TOKEN}").create()

    def load(self, schema: str, tables: dict[str, pa.Table]) -> None:
        """A schema with the guide's tables."""
        session = self.session()
        session.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for name, table in tables.items():
            path = self.folder / "tables" / schema / name
            path.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path / "part.parquet", coerce_timestamps="us")
            session.sql(f"CREATE TABLE {schema}.{name} USING parquet LOCATION '{path}'")
        session.stop()

    def _wait(self) -> None:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until and all(process.poll() is None for process in self._processes):
            with suppress(OSError), socket.create_connection((LOOPBACK, self.port), 1):
                return
            time.sleep(0.2)
        told = "\n".join(log.read_text("utf-8", "replace")[-2000:] for log in sorted(self.folder.glob("*.log")))
        raise RuntimeError(f"Spark did not start:\n{told}")

    def _run(self, program: str, *arguments: str, daemon: str = "") -> None:
        around = {
            **os.environ,
            "SPARK_HOME": str(home()),
            "SPARK_LOCAL_IP": LOOPBACK,
            # The Connect server would take it over its own: only master and workers get it.
            **({"SPARK_DAEMON_MEMORY": daemon} if daemon else {}),
        }
        with (self.folder / f"{len(self._processes)}.log").open("wb") as log:
            made = subprocess.Popen(
                [str(home() / "bin" / program), *arguments],
                env=around, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
            )  # fmt: skip
        self._processes.append(made)


def main() -> int:
    if problem := missing():
        print(f"It cannot run: {problem}.", file=sys.stderr)
        return 1
    os.environ[VARIABLE] = TOKEN
    cluster = Cluster()
    with tempfile.TemporaryDirectory() as folder:
        incident = write_demo(demo_named("checkout"), Path(folder))
        location, text = str(incident.parent / "telemetry"), incident.read_text("utf-8")
        try:
            cluster.start()
            cluster.load("demonstration", held(location))
            reports = []
            for place in (location, cluster.url("demonstration")):
                with open_telemetry(place) as engine:
                    reports.append(investigate(Request(text=text, telemetry=place), engine=engine))
                print(f"{place}\n  {reports[-1].headline}")
        finally:
            cluster.stop()
    same = reports[0].causes == reports[1].causes
    print("The causes are the same." if same else "The causes DIFFER.")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
