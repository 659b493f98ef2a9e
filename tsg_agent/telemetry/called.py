"""Spans: the service in which a request's failing calls end, and its parent request, found through inner spans."""

from collections.abc import Collection
from importlib.resources import files

import duckdb

from tsg_agent.telemetry.catalog import LOGS
from tsg_agent.telemetry.shape import Shaped, first_fitting
from tsg_agent.telemetry.values import any_row

SPAN, PARENT, CALLED = "span_id", "parent_span_id", "dependency_name"
NEEDED = {SPAN, PARENT, "service_name", "status_code"}
TABLE = f"called_{LOGS.name}"


def is_span(columns: Collection[str]) -> bool:
    """True if these columns are those of spans."""
    return set(columns) >= NEEDED


def with_called(
    connection: duckdb.DuckDBPyConnection, shape: Shaped, columns: dict[str, str], called: tuple[str, ...]
) -> str:
    """The spans as a FROM clause; adds their caller and callee to `columns`: see called.sql.

    `called`: the expression by which a span that is no request names the service it calls.
    """
    span = {
        "trace": f"coalesce(CAST({columns.get('trace_id', 'NULL')} AS VARCHAR), '')",
        "span": f"CAST({columns[SPAN]} AS VARCHAR)",
        "parent": f"CAST({columns[PARENT]} AS VARCHAR)",
        "kept": f"coalesce({shape.where}, false)",
        "service": columns["service_name"],
        "status": columns["status_code"],
        "ms": columns.get("latency_ms", "NULL::DOUBLE"),
        "called": f"CAST({first_fitting(connection, shape.everything, (*called, 'NULL'))} AS VARCHAR)",
    }
    columns |= {PARENT: f"coalesce(caller_, {span['parent']})"}
    spans = ", ".join(f"{expression} AS {name}" for name, expression in span.items())
    spans = f"(SELECT {spans} FROM {shape.everything})"  # noqa: S608 - checked expressions
    query = files("tsg_agent.telemetry").joinpath("called.sql").read_text("utf-8")
    connection.execute(query.replace("{name}", TABLE).replace("{spans}", spans))
    if any_row(connection, f"{TABLE} WHERE ended IS NOT NULL"):
        columns[CALLED] = f"coalesce(ended_, {columns.get(CALLED, 'NULL')})"
    beside = f"SELECT *, {span['trace']} AS trace_, {span['span']} AS span_ FROM {shape.source}"  # noqa: S608 - checked expressions
    return (
        f"(SELECT rows_.*, caller AS caller_, ended AS ended_ FROM ({beside}) AS rows_ "  # noqa: S608 - our own names
        f"LEFT JOIN {TABLE} ON {TABLE}.trace = trace_ AND {TABLE}.span = span_)"
    )
