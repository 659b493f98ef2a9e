"""Texts that are kept as codes of a dictionary."""

import pyarrow as pa


def spelled_out(table: pa.Table) -> pa.Table:
    """Codes of texts as texts."""
    for position, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(position, column.name, table.column(position).cast(column.type.value_type))
    return table
