"""What the guide asks for, by queries that share nothing with the checks; and by the specification, where it is."""

import importlib.util
import math
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tsg_agent.models import Finding
from tsg_agent.settings import Settings
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import PLUGINS
from tsg_agent.tools.plugin_8_workflows import in_the_guides_order
from tsg_agent.tools.rows import ScopeArgs, naive_utc

SHARED = Path(__file__).parents[2].parent / "shared"
ORACLE = SHARED / "oracle" / "guide_sql.py"
QUERIES = Path(__file__).parent / "guide_queries"
GATEWAY = SHARED / "incidents" / "gateway-700000001" / "telemetry"
KEYS = {
    1: ("service_version",),
    2: ("flag_name", "flag_value"),
    3: ("region", "datacenter", "availability_zone"),
    4: ("partition_id", "shard_id", "tenant_category"),
    5: ("availability_zone", "instance_type"),
    6: ("endpoint_path", "http_method", "api_version", "client_type"),
    7: ("product_id", "product_category", "customer_tier", "subscription_type"),
    9: ("error_category", "exception_type", "service_component", "dependency_name"),
}
RANKS = {2: "severity_rank", 4: "severity_rank", 5: "priority", 6: "impact_rank", 7: "priority", 9: "rank"}
Row = dict[str, Any]


def specified_rows(folder: Path, number: int, scope: Row) -> list[Row]:
    """The rows of the specification's own text, least repaired; skips where it is not beside the repository."""
    if not ORACLE.exists():
        pytest.skip(f"the specification's queries are not there: {ORACLE}")
    with opened(folder) as connection:
        return _rows(connection, specified_query(number, scope), {})


def specified_query(number: int, scope: Row) -> str:
    """A step's query, the specification's own text."""
    spec = importlib.util.spec_from_file_location("guide_sql", ORACLE)
    assert spec is not None
    assert spec.loader is not None
    guide = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(guide)
    texts = {
        name: value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value
        for name, value in scope.items()
    }
    return str(guide.query(number, texts))


def guide_rows(folder: Path, number: int, scope: Row) -> list[Row]:
    """The rows that the guide asks for, by queries of our own that share nothing with the checks."""
    values = {name: naive_utc(value) if isinstance(value, datetime) else value for name, value in scope.items()}
    sql = guide_query(number)
    named = {name: value for name, value in values.items() if f"${name}" in sql}
    with opened(folder) as connection:
        return _rows(connection, sql, named)


def opened(folder: Path) -> duckdb.DuckDBPyConnection:
    """A database with a view of each Parquet file of a folder."""
    connection = duckdb.connect()
    for path in sorted(folder.glob("*.parquet")):
        connection.execute(f"CREATE VIEW {path.stem} AS FROM '{path}'")
    return connection


def guide_query(number: int) -> str:
    """A step's query as the guide means it; a query that goes on with a comma begins with the requests it reads."""
    own = (QUERIES / f"plugin_{number}.sql").read_text("utf-8")
    head, _, body = own.partition("\n")
    requests = (QUERIES / "requests.sql").read_text("utf-8").rstrip()
    return f"{head}\nWITH {requests}\n{body}" if body.startswith(",") else own


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, values: Row) -> list[Row]:
    connection.execute("SET TimeZone = 'UTC'")
    cursor = connection.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def our_rows(folder: Path, number: int, scope: Row) -> tuple[Finding, list[Row]]:
    check = PLUGINS[number - 1]
    values = scope if check.args is ScopeArgs else {k: v for k, v in scope.items() if k != "service_name"}
    with DuckDB(folder) as engine:
        finding, table, _ = check.run_with_table(engine, check.args(**values), Settings())
    assert table is not None
    return finding, in_the_guides_order(table).to_pylist() if number == 8 else finding.rows


def differences(number: int, guide: list[Row], ours: list[Row], leave_out: tuple[str, ...] = ()) -> list[str]:
    """Where our rows are not the guide's, column by column; rows are paired by their key."""
    if len(guide) != len(ours):
        return [f"{len(guide)} rows of the guide, {len(ours)} of ours"]
    pairs = zip(_in_order(number, guide), _in_order(number, ours), strict=True)
    return [
        f"row {index}, {column}: {wanted[column]!r} of the guide, {got[column]!r} of ours"
        for index, (wanted, got) in enumerate(pairs)
        for column in wanted
        if column not in leave_out and not _equal(wanted[column], got[column])
    ]


def _in_order(number: int, rows: list[Row]) -> list[Row]:
    keys = KEYS.get(number) or tuple(rows[0] if rows else ())
    return sorted(rows, key=lambda row: [str(row[key]) for key in sorted(keys)])


def _equal(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, int | float | Decimal) and isinstance(got, int | float) and not isinstance(wanted, bool):
        return math.isclose(float(wanted), got, rel_tol=1e-9, abs_tol=1e-9)
    return bool(wanted == got)
