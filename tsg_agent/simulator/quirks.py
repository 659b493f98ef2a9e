"""Data-quality defects applied to finished tables: NULLs, duplicates, order, types, missing columns."""

from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tsg_agent.errors import ParameterError
from tsg_agent.simulator.randomness import RandomStream
from tsg_agent.simulator.scenario import Scenario


def recorded(scenario: Scenario, name: str, columns: dict[str, Any]) -> Any:
    """A pyarrow table of the columns with the scenario's defects. Timestamps are given in microseconds."""
    quirks, stream = scenario.quirks, RandomStream(scenario.seed, f"quirks/{name}")
    table = pa.table({column: pa.array(values) for column, values in columns.items()})
    rows = np.arange(table.num_rows)
    for column in table.column_names:
        if column in quirks.null_columns and quirks.null_share and name == "api_gateway_logs":
            lost = RandomStream(scenario.seed, f"null/{crc32(column.encode())}").chance(rows, quirks.null_share)
            table = _set(table, column, pc.if_else(pa.array(lost), pa.scalar(None, table[column].type), table[column]))
    if quirks.null_test_flag and "is_test_traffic" in table.column_names:
        real = pc.invert(table["is_test_traffic"])
        table = _set(table, "is_test_traffic", pc.if_else(real, pa.scalar(None, pa.bool_()), table["is_test_traffic"]))
    index = rows
    if quirks.duplicate_share:
        twice = rows[stream.sub("duplicate").chance(rows, quirks.duplicate_share)]
        index = np.sort(np.concatenate([rows, twice]))
    if quirks.shuffled:
        index = index[np.argsort(stream.sub("order").uniform(np.arange(len(index))), kind="stable")]
    if index is not rows:
        table = table.take(pa.array(index))
    return _without(scenario, name, _typed(scenario, table))


def _set(table: Any, column: str, values: Any) -> Any:
    return table.set_column(table.column_names.index(column), column, values)


def _typed(scenario: Scenario, table: Any) -> Any:
    quirks = scenario.quirks
    if "timestamp" in table.column_names:
        times = table["timestamp"].cast(pa.timestamp("us"))
        if quirks.timestamps == "aware":
            times = table["timestamp"].cast(pa.timestamp("us", tz=quirks.timezone))
        elif quirks.timestamps == "text":
            times = pc.strftime(times, "%Y-%m-%dT%H:%M:%SZ")
        table = _set(table, "timestamp", times)
    if quirks.booleans == "integer":
        for field in table.schema:
            if field.type == pa.bool_():
                table = _set(table, field.name, table[field.name].cast(pa.int8()))
    return table


def _without(scenario: Scenario, name: str, table: Any) -> Any:
    missing = scenario.quirks.missing_columns.get(name, ())
    unknown = set(missing) - set(table.column_names)
    if unknown:
        known = ", ".join(table.column_names)
        raise ParameterError(f"{name} has no column {sorted(unknown)} to leave out;", fix=f"known: {known}")
    return table.drop_columns(list(missing)) if missing else table
