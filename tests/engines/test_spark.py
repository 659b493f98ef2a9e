"""Spark's dialect and results on a cluster of the tests' own, its time limit, and what is told when it goes."""

import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from examples.engines.postgres import held
from examples.engines.spark import MAPPED, Cluster, missing
from tests.engines.data import MADE
from tests.engines.same import concluded, differences, rows_of
from tests.tools.made import requests, written
from tsg_agent import Request
from tsg_agent.errors import QueryError, QueryTimeout, TelemetryError, TransientTelemetryError
from tsg_agent.service import open_telemetry
from tsg_agent.telemetry.duckdb import DuckDB

pytestmark = [
    pytest.mark.skipif(find_spec("grpc") is None or bool(missing()), reason=f"Spark cannot run: {missing()}"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    try:
        made.start()
        yield made
    finally:
        made.stop()


def opened(cluster: Cluster, schema: str, tables: dict[str, Any], folder: Path) -> Any:
    cluster.load(schema, tables)
    mapping = folder / "mapping.toml"
    lines = MAPPED.format(schema=schema).split("\n")
    pairs = zip(lines[::2], lines[1::2], strict=True)
    mapping.write_text("\n".join(f"{head}\n{line}" for head, line in pairs if head.strip("[]") in tables))
    return open_telemetry(cluster.url, mapping=mapping)


def test_the_demonstration_incident(cluster: Cluster, incident: Request, tmp_path: Path) -> None:
    with (
        DuckDB(incident.telemetry) as own,
        opened(cluster, "demonstration", held(incident.telemetry), tmp_path) as other,
    ):
        first, second = (concluded(incident.text, engine, incident.telemetry) for engine in (own, other))
    assert first["causes"]
    assert differences(first, second) == []


@pytest.mark.parametrize("name", ["weighted", "edges"])
def test_generated_data(cluster: Cluster, tmp_path: Path, name: str) -> None:
    location = str(written(tmp_path, MADE[name]()))
    with DuckDB(location) as own, opened(cluster, name, held(location), tmp_path) as other:
        assert differences(rows_of(own), rows_of(other)) == []


SLOW = (
    "SELECT count(*) AS n FROM api_gateway_logs AS a, api_gateway_logs AS b, api_gateway_logs AS c "
    "WHERE a.latency_ms + b.latency_ms + c.latency_ms < 0"
)


def test_time_limits_cancelling_refusals_and_a_server_that_goes(cluster: Cluster, tmp_path: Path) -> None:
    """The last of the module: it ends the cluster."""
    location = str(written(tmp_path, {"api_gateway_logs": requests(3000, {500: 90})}))
    with opened(cluster, "faults", held(location), tmp_path) as engine:
        with pytest.raises(QueryTimeout, match="longer than 3 s"):
            engine.run(SLOW, {}, timeout=3)
        raised: list[BaseException] = []

        def work() -> None:
            try:
                engine.run(SLOW, {}, timeout=60)
            except TelemetryError as error:
                raised.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(3)
        engine.cancel([thread.ident])
        thread.join(20)
        assert [str(error) for error in raised] == ["The query was cancelled."]
        hostile = "'; DROP TABLE faults.api_gateway_logs; --"
        found = engine.run("SELECT $x AS x, count(*) AS n FROM api_gateway_logs", {"x": hostile}, timeout=60)
        assert found.to_pylist() == [{"x": hostile, "n": 3000}]
        for sql in (
            "DROP TABLE api_gateway_logs", "SELECT * FROM faults.api_gateway_logs", "SELECT 1; SELECT 2",
            "SELECT reflect('java.lang.System', 'exit') FROM api_gateway_logs", "SELECT * FROM parquet.`/etc/passwd`",
            "INSERT OVERWRITE DIRECTORY '/tmp/x' SELECT * FROM api_gateway_logs",
        ):  # fmt: skip
            with pytest.raises(QueryError):
                engine.run(sql, {}, timeout=9)
        cluster.stop()
        began = time.monotonic()
        with pytest.raises(TransientTelemetryError, match="cannot be reached"):
            engine.run("SELECT count(*) AS n FROM api_gateway_logs", {}, timeout=30)
        assert time.monotonic() - began < 20


def test_a_token_in_the_url_is_refused() -> None:
    with pytest.raises(TelemetryError, match="SPARK_CONNECT_TOKEN") as caught:
        open_telemetry("sc://127.0.0.1:1/;token=4711")
    assert "4711" not in str(caught.value)
