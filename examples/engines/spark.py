"""The demonstration incident on Spark: python -m examples.engines.spark

It starts a master, two workers and a Connect server on loopback from the package `pyspark` (Java 17 is needed), makes
tables of the telemetry, investigates there and with the embedded engine, says whether both conclude the same, and takes
all of it away again.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from examples.engines.postgres import free_port, held
from tsg_agent import Request, investigate
from tsg_agent.service import open_telemetry
from tsg_agent.simulator.demos import demo_named, write_demo

WAIT_S = 120
LOOPBACK = "127.0.0.1"


def missing() -> str:
    """What is needed and not there."""
    if find_spec("pyspark") is None or not (home() / "jars").is_dir():
        return "the package pyspark is not installed (pip install 'pyspark[connect]')"
    return "" if shutil.which("java") else "Java is not installed (apt-get install default-jre-headless)"


def home() -> Path:
    spec = find_spec("pyspark")
    return Path(spec.origin).parent if spec and spec.origin else Path()


@dataclass
class Cluster:
    """Started by `start`; `stop` ends it and takes its folder away."""

    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="tsg-spark-")))
    _processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"sc://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        master = free_port()
        place = f"spark://{LOOPBACK}:{master}"
        deploy = "org.apache.spark.deploy"
        self._run("spark-class", f"{deploy}.master.Master", "--host", LOOPBACK, "--port", str(master),
                  "--webui-port", "0", daemon="256m")  # fmt: skip
        _until_open(master)
        for _ in range(2):
            self._run("spark-class", f"{deploy}.worker.Worker", "--host", LOOPBACK, "--cores", "1", "--memory", "900m",
                      "--webui-port", "0", "--work-dir", str(self.folder / "work"), place, daemon="256m")  # fmt: skip
        settings = {
            "spark.connect.grpc.binding.address": LOOPBACK,
            "spark.connect.grpc.binding.port": self.port,
            "spark.driver.host": LOOPBACK,
            "spark.driver.bindAddress": LOOPBACK,
            "spark.driver.memory": "900m",
            "spark.executor.memory": "700m",
            "spark.sql.shuffle.partitions": 2,
            "spark.ui.enabled": "false",
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.warehouse.dir": self.folder / "warehouse",
        }
        given = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
        self._run("spark-submit", "--master", place, *given, "--class",
                  "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal")  # fmt: skip
        _until_open(self.port)

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            if process.poll() is None:
                process.kill()
                process.wait()
        self._processes.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def load(self, schema: str, tables: dict[str, pa.Table]) -> None:
        """A schema with the guide's tables."""
        from pyspark.sql.connect.session import SparkSession  # noqa: PLC0415 - an extra

        session = SparkSession.builder.remote(self.url).create()
        session.sql(f"CREATE SCHEMA {schema}").collect()
        for name, table in tables.items():
            path = self.folder / "tables" / schema / name
            path.mkdir(parents=True)
            pq.write_table(table, path / "part.parquet", coerce_timestamps="us")
            session.sql(f"CREATE TABLE {schema}.{name} USING parquet LOCATION '{path}'").collect()
        session.stop()

    def _run(self, program: str, *arguments: str, daemon: str = "") -> None:
        around = {
            **os.environ,
            "SPARK_HOME": str(home()),
            "SPARK_LOCAL_IP": LOOPBACK,
            "SPARK_NO_DAEMONIZE": "1",
            # The Connect server would take it over its own: only master and workers get it.
            **({"SPARK_DAEMON_MEMORY": daemon} if daemon else {}),
        }
        with (self.folder / f"{len(self._processes)}.log").open("wb") as log:
            made = subprocess.Popen(
                [str(home() / "bin" / program), *arguments],
                env=around, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
            )  # fmt: skip
        self._processes.append(made)


def _until_open(port: int) -> None:
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        with suppress(OSError):
            socket.create_connection((LOOPBACK, port), 1).close()
            return
        time.sleep(0.3)
    raise TimeoutError(f"Nothing listens on {port} after {WAIT_S} s.")


MAPPED = "\n".join(
    f'[{name}]\nfrom = "{{schema}}.{name}"'
    for name in ("api_gateway_logs", "feature_flags", "infrastructure_metrics", "product_metadata", "workflow_tracking")
)
"""A mapping file that says where the tables are."""


def main() -> int:
    if problem := missing():
        print(f"It cannot run: {problem}.", file=sys.stderr)
        return 1
    cluster = Cluster()
    with tempfile.TemporaryDirectory() as folder:
        incident = write_demo(demo_named("checkout"), Path(folder))
        location, text = str(incident.parent / "telemetry"), incident.read_text("utf-8")
        mapping = Path(folder) / "mapping.toml"
        mapping.write_text(MAPPED.format(schema="demonstration"))
        try:
            cluster.start()
            cluster.load("demonstration", held(location))
            reports = []
            for place, file in ((location, None), (cluster.url, mapping)):
                with open_telemetry(place, mapping=file) as engine:
                    reports.append(investigate(Request(text=text, telemetry=place), engine=engine))
                print(f"{place}\n  {reports[-1].headline}")
        finally:
            cluster.stop()
    same = reports[0].causes == reports[1].causes
    print("The causes are the same." if same else "The causes DIFFER.")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
