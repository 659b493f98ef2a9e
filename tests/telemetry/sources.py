"""The same small telemetry in every shape that the engine reads."""

import gzip
from collections.abc import Callable
from pathlib import Path

import duckdb

from tests.tools.made import Rows, requests, tied, workflow, written
from tsg_agent.telemetry.duckdb import DuckDB


def said_of(engine: DuckDB) -> str:
    """All that an engine says of how the requests were read."""
    logs = engine.tables["api_gateway_logs"]
    return " ".join([*logs.notes, *logs.readings])


def tables() -> dict[str, Rows]:
    """Enough for each check to find something."""
    own = {
        "service_version": ["1.0.0", "1.1.0"] * 1500,
        "datacenter": "dc",
        "availability_zone": "z",
        "instance_type": "m",
        "instance_id": "i",
        "partition_id": "p",
        "endpoint_path": "/",
        "exception_type": "e",
        "cache_hit": True,
        "is_retry": False,
    }
    rows = requests(3000, {500: 600, 429: 30}, **own)
    samples = [
        {"instance_id": "i", "timestamp": row["timestamp"], "cpu_utilization": 91.5, "memory_utilization": 40.0}
        for row in rows[::20]
    ]
    return {
        "api_gateway_logs": rows,
        "feature_flags": tied(rows, flag_name="f", flag_value="on"),
        "infrastructure_metrics": samples,
        "product_metadata": tied(rows, product_id="p", customer_tier="FREE"),
        "workflow_tracking": workflow(400, {"FAILED": 40}),
    }


def parquet(folder: Path) -> str:
    return str(written(folder, tables()))


def _copied(folder: Path, ending: str, options: str) -> str:
    source = written(folder / "parquet", tables())
    target = folder / "out"
    target.mkdir()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for path in source.glob("*.parquet"):
            connection.execute(f"COPY (FROM '{path}') TO '{target / path.stem}{ending}' ({options})")
    return str(target)


def csv(folder: Path) -> str:
    return _copied(folder, ".csv", "FORMAT csv, HEADER")


def csv_gz(folder: Path) -> str:
    target = Path(csv(folder))
    for path in target.glob("*.csv"):
        path.with_suffix(".csv.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    return str(target)


def jsonl(folder: Path) -> str:
    return _copied(folder, ".jsonl", "FORMAT json")


def glob(folder: Path) -> str:
    return f"{written(folder, tables())}/*.parquet"


def parts(folder: Path) -> str:
    """A folder per table, several files in each."""
    for name, rows in tables().items():
        for number, start in enumerate(range(0, len(rows), 700)):
            written(folder / name / f"day={number}", {"part": rows[start : start + 700]})
    return str(folder)


def database(folder: Path) -> str:
    source = written(folder / "parquet", tables())
    path = folder / "source.duckdb"
    with duckdb.connect(str(path)) as connection:
        for table in source.glob("*.parquet"):
            connection.execute(f"CREATE TABLE {table.stem} AS FROM '{table}'")
    return str(path)


SHAPES: dict[str, Callable[[Path], str]] = {
    "csv": csv, "csv.gz": csv_gz, "jsonl": jsonl, "glob": glob, "parts": parts, "duckdb": database,
}  # fmt: skip
