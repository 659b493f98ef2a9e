"""Writes and reads query results as Arrow files. A file is untrusted, and must not expand when it is read."""

import io
import struct

import pyarrow as pa
import pyarrow.ipc

from tsg_agent.recording.archive import MEGABYTE, MOST_RESULT, Unfit

MOST_CELLS = 10_000_000
"""Most cells of one result, including list elements: a NULL takes no byte in the file, but some in memory."""
_MAGIC = b"ARROW1"
_PLAIN = (
    pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal,
    pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_date,
    pa.types.is_time, pa.types.is_timestamp, pa.types.is_duration, pa.types.is_interval,
)  # fmt: skip
_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_map)
_HEADER, _COMPRESSION = 2, 3
"""Flatbuffers field numbers in Arrow's Message, and in its RecordBatch."""


def written(table: pa.Table) -> bytes:
    """The table as an Arrow file. Raises Unfit if it would not be readable."""
    _check_types(table.schema)
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    _check_size(table)
    return sink.getvalue()


def table_in(data: bytes) -> pa.Table:
    """The table in an Arrow file, fully validated. Raises Unfit.

    Reads the messages sequentially and ignores the file's footer: compressed messages, and offsets to elsewhere, are
    refused before they take memory.
    """
    if not (data.startswith(_MAGIC + b"\0\0") and data.endswith(_MAGIC)):
        raise Unfit("a result is no Arrow file")
    try:
        messages = pa.ipc.MessageReader.open_stream(pa.py_buffer(data).slice(8))
        schema = pa.ipc.read_schema(messages.read_next_message())
        _check_types(schema)
        batches: list[pa.RecordBatch] = []
        for message in messages:
            if message.type != "record batch" or _is_packed(message.metadata.to_pybytes()):
                raise Unfit("a result is packed in an unusual way")
            batches.append(pa.ipc.read_record_batch(message, schema))
        table = pa.Table.from_batches(batches, schema).replace_schema_metadata(None)
        _check_size(table)
        table.validate(full=True)
    except (pa.ArrowException, StopIteration, OSError, ValueError, TypeError, struct.error) as error:
        raise Unfit("a result is damaged, or no Arrow file") from error
    return table


def _check_types(schema: pa.Schema) -> None:
    for field in schema:
        if not _is_known(field.type):
            raise Unfit(f"a result has a column of type {str(field.type)[:60]}, which no recording keeps")


def _is_known(kind: pa.DataType) -> bool:
    if any(holds(kind) for holds in _LISTS) or (pa.types.is_struct(kind) and kind.num_fields):
        return all(_is_known(kind.field(n).type) for n in range(kind.num_fields))
    return any(holds(kind) for holds in _PLAIN)


def _check_size(table: pa.Table) -> None:
    """Check the size by columns: several may share one buffer. Raises Unfit."""
    if sum(_cells(chunk) for column in table.columns for chunk in column.chunks) > MOST_CELLS:
        raise Unfit(f"a result has more than {MOST_CELLS:,} cells")
    if sum(_buffers(chunk) for column in table.columns for chunk in column.chunks) > 2 * MOST_RESULT:
        raise Unfit(f"a result has more than {MOST_RESULT // MEGABYTE} MB")


def _cells(array: pa.Array) -> int:
    if pa.types.is_struct(array.type):
        return len(array) + sum(_cells(array.field(n)) for n in range(array.type.num_fields))
    return len(array) + (_cells(array.values) if any(holds(array.type) for holds in _LISTS) else 0)


def _buffers(array: pa.Array) -> int:
    return sum(buffer.size for buffer in array.buffers() if buffer is not None)


def _is_packed(metadata: bytes) -> bool:
    """True if a record batch's buffers are compressed: Arrow decompresses to any size they state."""
    header = _field(metadata, _indirect(metadata, 0), _HEADER)
    return header is None or _field(metadata, _indirect(metadata, header), _COMPRESSION) is not None


def _indirect(data: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", data, at)[0])


def _field(data: bytes, table: int, number: int) -> int | None:
    """Offset of a field in a flatbuffers table; None if it is absent."""
    fields = table - int(struct.unpack_from("<i", data, table)[0])
    place = 4 + 2 * number
    if place >= struct.unpack_from("<H", data, fields)[0]:
        return None
    offset = int(struct.unpack_from("<H", data, fields + place)[0])
    return table + offset if offset else None
