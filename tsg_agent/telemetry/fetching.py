"""Runs a parsed DuckDB query and fetches its rows."""

import warnings
from collections.abc import Mapping

import duckdb
import pyarrow as pa

from tsg_agent.telemetry.codes import MANY_ROWS, coded, spelled_out

warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)  # copies the few rows on purpose


def fetched(
    cursor: duckdb.DuckDBPyConnection, query: duckdb.Statement, bound: Mapping[str, object], *, small: bool = False
) -> pa.Table:
    """A query's rows; in a large result repetitive text columns are dictionary-encoded.

    A query that groups, or reads a `small` source, has few rows: it is executed, and they are copied. A relation
    streams its rows, but is bound twice, which takes longer than all else where the source is small.
    """
    table: pa.Table
    if small or "GROUP BY" in query.query:
        table = cursor.execute(query, dict(bound)).to_arrow_table()
        if table.num_rows > MANY_ROWS:
            table = coded(table.to_reader())
    else:
        table = _streamed(cursor.sql(query, params=dict(bound)))
    return table if table.num_rows > MANY_ROWS else spelled_out(table)


def _streamed(rows: duckdb.DuckDBPyRelation) -> pa.Table:
    try:
        return coded(rows.to_arrow_reader()) if "VARCHAR" in map(str, rows.types) else rows.to_arrow_table()
    except (pa.ArrowException, OSError) as error:  # Arrow's stream wraps the engine's error
        text = str(error)
        kinds = {"INTERRUPT Error": duckdb.InterruptException, "Out of Memory Error": duckdb.OutOfMemoryException}
        raise next((kind for said, kind in kinds.items() if said in text), duckdb.Error)(text) from error
