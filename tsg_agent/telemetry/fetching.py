"""Fetches the result of a DuckDB query."""

import duckdb
import pyarrow as pa

from tsg_agent.telemetry.codes import MANY_ROWS, coded, spelled_out


def fetched(rows: duckdb.DuckDBPyRelation) -> pa.Table:
    """A query's rows; in a large result repetitive text columns are dictionary-encoded."""
    try:
        table = coded(rows.to_arrow_reader()) if "VARCHAR" in map(str, rows.types) else rows.to_arrow_table()
    except (pa.ArrowException, OSError) as error:  # Arrow's stream wraps the engine's error
        text = str(error)
        kinds = {"INTERRUPT Error": duckdb.InterruptException, "Out of Memory Error": duckdb.OutOfMemoryException}
        raise next((kind for said, kind in kinds.items() if said in text), duckdb.Error)(text) from error
    return table if table.num_rows > MANY_ROWS else spelled_out(table)
