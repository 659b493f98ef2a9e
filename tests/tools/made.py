"""Small telemetry made by hand, and the checks run over it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from tsg_agent.models import Finding
from tsg_agent.settings import Settings
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import PLUGINS, Plugin
from tsg_agent.tools.rows import Row, ScopeArgs, WindowArgs

Rows = list[dict[str, Any]]
RowModel = TypeVar("RowModel", bound=Row)
START = datetime(2026, 3, 10, 12)
END = START + timedelta(hours=2)
SCOPE: dict[str, Any] = {
    "start_time": START.replace(tzinfo=UTC),
    "end_time": END.replace(tzinfo=UTC),
    "region": "us-east",
    "environment": "prod",
    "service_name": "shop",
}
_ids: Iterator[int] = count()


def plugin(number: int) -> Plugin[Any]:
    return PLUGINS[number - 1]


def args_for(check: Plugin[Any], **changes: Any) -> WindowArgs:
    values = SCOPE | changes
    if check.args is not ScopeArgs:
        values.pop("service_name")
    return check.args(**values)


def requests(number: int, statuses: dict[int, int] | None = None, **columns: Any) -> Rows:
    """Log rows, evenly over the window. `statuses`: status code -> how many; the others are 200.

    A column given as a list has one value per row, any other value is every row's.
    """
    codes = [code for code, times in (statuses or {}).items() for _ in range(times)]
    codes += [200] * (number - len(codes))
    assert len(codes) == number
    step = (END - START) / max(number, 1)
    rows: Rows = []
    for index, code in enumerate(codes):
        own = {name: value[index] if isinstance(value, list) else value for name, value in columns.items()}
        rows.append(
            {
                "request_id": f"r{next(_ids)}",
                "timestamp": START + index * step,
                "region": "us-east",
                "environment": "prod",
                "service_name": "shop",
                "status_code": code,
                "latency_ms": 100.0,
                "user_id": f"u{index}",
                "is_test_traffic": False,
                **own,
            }
        )
    return rows


def tied(rows: Rows, **columns: Any) -> Rows:
    """One row of another table per request."""
    return [{"request_id": row["request_id"], **columns} for row in rows]


def workflow(number: int, statuses: dict[str, int] | None = None, **columns: Any) -> Rows:
    """Workflow rows, one per run; the others are COMPLETED."""
    states = [state for state, times in (statuses or {}).items() for _ in range(times)]
    states += ["COMPLETED"] * (number - len(states))
    step = (END - START) / max(number, 1)
    rows: Rows = []
    for index, state in enumerate(states):
        own = {name: value[index] if isinstance(value, list) else value for name, value in columns.items()}
        rows.append(
            {
                "correlation_id": f"c{next(_ids)}",
                "timestamp": START + index * step,
                "scenario_name": "checkout",
                "workflow_step": "pay",
                "workflow_status": state,
                "business_criticality": "CRITICAL",
                "total_workflow_time_ms": 900.0,
                "retry_attempts": 0,
                "user_id": f"u{index}",
                "region": "us-east",
                "environment": "prod",
                "is_test_traffic": False,
                "has_compensation": False,
                **own,
            }
        )
    return rows


def written(folder: Path, tables: dict[str, Rows]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        table = pa.table({column: pa.array([row.get(column) for row in rows]) for column in columns})
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


def found(
    folder: Path, number: int, tables: dict[str, Rows], settings: Settings | None = None, **scope: Any
) -> Finding:
    """The finding of a check over these tables."""
    check = plugin(number)
    with DuckDB(written(folder, tables)) as engine:
        return check.run(engine, args_for(check, **scope), settings or Settings())


def by(finding: Finding, column: str) -> dict[Any, dict[str, Any]]:
    """The rows by one of their columns."""
    return {row[column]: row for row in finding.rows}


def blank(model: type[RowModel], **values: Any) -> RowModel:
    """A row of which only `values` are known: the rest is NULL, 0 or empty."""
    known: dict[str, Any] = dict(values)
    for name, field in model.model_fields.items():
        if name in known or not field.is_required():
            continue
        kind = field.annotation
        known[name] = {str: "", int: 0, float: 0.0, bool: False}.get(kind) if isinstance(kind, type) else None
    return model(**known)
