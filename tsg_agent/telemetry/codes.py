"""Dictionary encoding of string columns."""

import pyarrow as pa

MANY_ROWS = 5_000
"""From so many rows on, repetitive texts are dictionary-encoded: plain ones would take ten times the memory."""
REPEATED = 0.25
"""Highest share of distinct values at which a dictionary saves memory."""


def spelled_out(table: pa.Table) -> pa.Table:
    """Decode dictionary-encoded string columns."""
    for position, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(position, column.name, table.column(position).cast(column.type.value_type))
    return table


def coded(batches: pa.RecordBatchReader) -> pa.Table:
    """A result as one table, with repetitive string columns dictionary-encoded: half of the memory, or less.

    Each batch is freed before the next one is read. The first batch decides which columns are encoded.
    """
    names: list[str] | None = None
    parts = []
    for batch in batches:
        if names is None:
            names = [one.name for one in batch.schema if _is_text(one.type) and _repeats(batch[one.name])]
        parts.append(_coded(batch, names) if names else batch)
    table = pa.Table.from_batches(parts, parts[0].schema if parts else batches.schema).unify_dictionaries()
    for name in names or ():
        table = table.set_column(table.column_names.index(name), name, _narrow(table[name]))
    return table


def _coded(batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    columns = [batch[name].dictionary_encode() if name in names else _own(batch[name]) for name in batch.schema.names]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _own(column: pa.Array) -> pa.Array:
    """A copy of the array: a slice keeps the whole batch's memory alive."""
    return pa.concat_arrays([column, column[:0]])


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _repeats(column: pa.Array) -> bool:
    """Told from the first rows: telling a million ids apart takes longer than bringing them."""
    some = column[:MANY_ROWS]
    return bool(len(some.unique()) <= REPEATED * len(some))


def _narrow(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in one chunk, with the smallest index type that holds its dictionary."""
    whole = column.combine_chunks()
    kinds = (kind for kind in (pa.int8(), pa.int16()) if len(whole.dictionary) <= 2 ** (kind.bit_width - 1))
    return pa.chunked_array([whole.cast(pa.dictionary(next(kinds, pa.int32()), whole.type.value_type))])
