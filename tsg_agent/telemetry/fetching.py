"""What comes of a query at the embedded engine."""

import duckdb
import pyarrow as pa

from tsg_agent.telemetry.codes import MANY_ROWS, coded, spelled_out


def fetched(rows: duckdb.DuckDBPyRelation) -> pa.Table:
    """A query's rows; of many those texts that repeat as codes."""
    try:
        table = coded(rows.to_arrow_reader()) if "VARCHAR" in map(str, rows.types) else rows.to_arrow_table()
    except (pa.ArrowException, OSError) as error:  # as a stream tells what the engine raises
        text = str(error)
        kinds = {"INTERRUPT Error": duckdb.InterruptException, "Out of Memory Error": duckdb.OutOfMemoryException}
        raise next((kind for said, kind in kinds.items() if said in text), duckdb.Error)(text) from error
    return table if table.num_rows > MANY_ROWS else spelled_out(table)
