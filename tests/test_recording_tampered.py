"""A recording may come from anybody: whatever is in it, a replay ends in a report or in a RecordError."""

import io
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.edited import edited
from tsg_agent import Request
from tsg_agent.errors import RecordError
from tsg_agent.recording import archive, arrow, differences, record, replay
from tsg_agent.recording.archive import INDEX, Unfit
from tsg_agent.recording.arrow import table_in, written
from tsg_agent.recording.file import read, write

KEY = "0123456789abcdef" * 2
MEMBER = f"results/{KEY}.arrow"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, incident: Request) -> Path:
    """An investigation by rules alone."""
    file = tmp_path_factory.mktemp("recordings") / "run.tsgr"
    record(incident, file)
    return file


def test_what_was_written_is_read_and_gives_the_same(recorded: Path) -> None:
    assert differences(recorded) == []


def _first(index: dict[str, Any], name: str, **more: Any) -> None:
    index[name][0].update(more)


INDEXES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a table without its name": (lambda index: index.update(tables={"api_gateway_logs": {}}), "tables.*name"),
    "a table's columns a number": (
        lambda index: index["tables"]["api_gateway_logs"].update(present=5), "tables.*present",
    ),
    "a table of no guide": (
        lambda index: index.update(tables={"x": {"name": "x", "location": "", "present": []}}), "none of the guide's",
    ),
    "a column of no guide": (lambda index: index["tables"]["api_gateway_logs"].update(present=["x"]), "no column x"),
    "a table under another name": (
        lambda index: index["tables"].update(feature_flags=index["tables"]["api_gateway_logs"]), "another one's name",
    ),
    "a query without an end": (lambda index: _first(index, "queries", file="", error=""), "a result or an error"),
    "a query with two ends": (lambda index: _first(index, "queries", error="QueryError"), "a result or an error"),
    "an error that is none": (lambda index: _first(index, "queries", file="", error="SystemExit"), "SystemExit"),
    "another query's result": (
        lambda index: _first(index, "queries", file=index["queries"][1]["file"]), "another query's name",
    ),
    "a query twice": (lambda index: index["queries"].append(index["queries"][0]), "is there twice"),
    "an answer to no question": (lambda index: index.update(answers=[{"x": 1}]), r"answers\.0\.x"),
    "an answer that is no time": (lambda index: index.update(answers=[{"end_time": "soon"}]), "answers.*end_time"),
    "a tool without a name": (
        lambda index: index["calls"].append({"key": "", "messages": [], "tool_calls": [{"args": 7}]}), "tool_calls",
    ),
    "tokens without end": (
        lambda index: index["calls"].append({"key": "", "messages": [], "input_tokens": 10**300}), "input_tokens",
    ),
    "neither report nor answers": (lambda index: index.update(report=None), "either a report"),
    "a field too many": (lambda index: index.update(more=1), "more"),
    "another format": (lambda index: index.update(format=99), "the format 99; this version reads 1"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), INDEXES.values(), ids=INDEXES.keys())
def test_a_changed_index_is_refused_by_what_is_wrong(
    recorded: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    with pytest.raises(RecordError, match=f"no recording that can be read: .*{said}.*record it again"):
        replay(edited(recorded, tmp_path / "x", change))


@pytest.mark.parametrize("raw", ["[" * 100_000, "\0", "{}", '{"version": "\\ud800"}', '{"format": ' + "9" * 5000 + "}"])
def test_an_index_that_is_none_is_refused(recorded: Path, tmp_path: Path, raw: str) -> None:
    with pytest.raises(RecordError, match=INDEX):
        replay(_with(recorded, tmp_path / "x", {INDEX: raw.encode()}))


def test_results_of_other_queries_are_an_error(recorded: Path, tmp_path: Path) -> None:
    other = written(pa.table({"value": [1.5]}))
    names = {name: other for name in zipfile.ZipFile(recorded).namelist() if name != INDEX}
    with pytest.raises(RecordError, match=r"does not fit the queries .*record it again"):
        replay(_with(recorded, tmp_path / "x", names))


def test_a_result_that_is_not_there_is_named(recorded: Path, tmp_path: Path) -> None:
    name = zipfile.ZipFile(recorded).namelist()[1]
    with pytest.raises(RecordError, match=f"it lacks {name}"):
        replay(_with(recorded, tmp_path / "x", {name: None}))


def _with(file: Path, to: Path, members: dict[str, bytes | None]) -> Path:
    """A copy with other members; None leaves one out."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(to, "w") as new:
        for name in dict.fromkeys([*old.namelist(), *members]):
            data = members.get(name, old.read(name) if name in old.namelist() else None)
            if data is not None:
                new.writestr(name, data)
    return to


def _zip(*names: str, **how: Any) -> bytearray:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", **how) as new:
        for name in names:
            new.writestr(name, b"{}" * 400)
    return bytearray(held.getvalue())


def _set(data: bytearray, *places: tuple[int, int], record: bytes = b"PK\x01\x02") -> bytearray:
    """With bytes of the first record of a kind changed."""
    at = data.find(record)
    for offset, value in places:
        data[at + offset] = value
    return data


def _end(**fields: int) -> bytearray:
    """A zip whose last record lies."""
    data = _zip(INDEX)
    for offset, form, value in ((10, "<H", fields.get("entries")), (12, "<I", fields.get("directory"))):
        if value is not None:
            struct.pack_into(form, data, len(data) - 22 + offset, value)
    return data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (_set(_zip(INDEX), (8, 1)), "encrypted"),
        (_set(_zip(INDEX), (8, 0x20)), "encrypted"),
        (_set(_zip(INDEX), (10, 99)), "unusual way"),
        (_zip(INDEX, compression=zipfile.ZIP_LZMA), "unusual way"),
        (_zip(INDEX, "recording.twin").replace(b"twin", b"json"), "two members"),
        (_zip(INDEX, "../results/x.arrow"), "a member that no recording has"),
        (_zip(INDEX, "results/"), "a member that no recording has"),
        (_zip(INDEX, "__main__.py"), "a member that no recording has"),
        (_zip(MEMBER), f"no {INDEX}"),
        (_set(_zip(INDEX), (27, 1)), "size that it names|damaged"),
        (_set(_zip(INDEX), (24, 7), (25, 0)), "damaged"),
        (_set(_zip(INDEX), (6, 200)), "damaged"),
        (_set(_zip(INDEX), (9, 8), (46, 0xFF)), "damaged"),
        (_set(_zip(INDEX, compression=zipfile.ZIP_DEFLATED), (50, 0xFF), record=b"PK\x03\x04"), "damaged"),
        (_end(entries=60_000), "members"),
        (_end(directory=2**31), "members"),
        (_zip(INDEX) + b"more", "damaged"),
        (_zip(INDEX)[:-30], "damaged"),
        (b"PK\x05\x06", "damaged"),
    ],
)  # fmt: skip
def test_a_zip_that_no_recording_is(tmp_path: Path, data: bytearray, said: str) -> None:
    file = tmp_path / "x"
    file.write_bytes(data)
    with pytest.raises(RecordError, match=f"no recording that can be read: .*(?:{said})"):
        read(file)


def test_a_folder_or_a_pipe_is_no_recording(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(RecordError, match="no such file"):
            read(file)


def test_any_byte_may_be_another(recorded: Path, tmp_path: Path) -> None:
    """Over the zip's own records, and here and there in between."""
    whole = recorded.read_bytes()
    file = tmp_path / "x"
    for place in [*range(64), *range(64, len(whole) - 1500, len(whole) // 60), *range(len(whole) - 300, len(whole), 3)]:
        data = bytearray(whole)
        data[place] ^= 0xA5
        file.write_bytes(data)
        try:
            read(file)
        except RecordError:
            continue


BOMB = """
import pathlib, resource, sys
from tsg_agent.errors import RecordError
from tsg_agent.recording.file import read
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read(pathlib.Path(sys.argv[1]))
except RecordError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""


def _bomb(file: Path, *, honest: bool) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new, new.open(INDEX, "w", force_zip64=True) as member:
        for _ in range(300):
            member.write(b" " * 2**20)
    if not honest:
        data = bytearray(file.read_bytes())
        struct.pack_into("<I", data, data.rfind(b"PK\x01\x02") + 24, 1000)
        file.write_bytes(data)


@pytest.mark.parametrize("honest", [True, False])
def test_a_bomb_takes_no_memory(tmp_path: Path, honest: bool) -> None:
    """300 MB in 300 kB: as it says itself, and as one that says it has a thousand bytes."""
    file = tmp_path / "x"
    _bomb(file, honest=honest)
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(file)], capture_output=True, text=True, check=True, timeout=60
    )
    kilobytes, said = done.stdout.split(" ", 1)
    assert "no recording" in said
    assert int(kilobytes) < 40_000


def _ipc(table: pa.Table, **how: Any) -> bytes:
    held = io.BytesIO()
    with pa.ipc.new_file(held, table.schema, options=pa.ipc.IpcWriteOptions(**how)) as new:
        new.write_table(table)
    return held.getvalue()


ZEROS = pa.table({"a": pa.array([0] * 1_000_000, pa.int64())})
TEXT = pa.table({"a": ["x" * 100, "y"]})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no Arrow file"),
        (b"ARROW1\0\0ARROW1", "damaged"),
        (_ipc(TEXT)[:300] + b"ARROW1", "damaged"),
        (_ipc(TEXT).replace(b"x" * 100, b"\xff" * 100), "damaged"),
        (_ipc(ZEROS, compression="zstd"), "packed"),
        (_ipc(ZEROS, compression="lz4"), "packed"),
        (_ipc(pa.table({"a": pa.array(["x"]).dictionary_encode()})), "type dictionary"),
        (_ipc(pa.table({"a": pa.array(["x"], pa.string_view())})), "type string_view"),
        (_ipc(pa.table({"a": pa.RunEndEncodedArray.from_arrays([2**30], [1])})), "type run_end_encoded"),
        (_ipc(pa.table({"a": pa.array([{}], pa.struct([]))})), "type struct"),
        (_ipc(pa.table({"a": pa.nulls(arrow.MOST_CELLS + 1)})), "cells"),
        (_ipc(pa.table({"a": pa.ListArray.from_arrays([0, 2**30], pa.nulls(2**30))})), "cells"),
    ],
)
def test_a_result_that_is_not_what_it_claims(data: bytes, said: str) -> None:
    before = pa.total_allocated_bytes()
    with pytest.raises(Unfit, match=said):
        table_in(data)
    assert pa.total_allocated_bytes() - before < 2**20


def test_columns_that_share_their_bytes_count_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "MOST_RESULT", 4 * 2**20)
    long = pa.array(["x" * 2**20])
    with pytest.raises(Unfit, match="more than 4 MB"):
        written(pa.table({str(n): long for n in range(9)}))


def test_plain_values_of_every_kind_come_back() -> None:
    held = pa.table({
        "none": pa.nulls(2), "flag": [True, None], "whole": [1, 2], "part": [0.5, None], "text": ["ä", None],
        "list": [[1, 2], []], "empty": pa.array([[None], []], pa.list_(pa.null())), "object": [{"a": 1}, {"a": 2}],
        "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int32())), "bytes": [b"a", b""],
        "pair": pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2)),
        "time": pa.array([0, 1], pa.timestamp("us", "UTC")), "day": pa.array([0, 1], pa.date32()),
    })  # fmt: skip
    assert table_in(written(held)).equals(held)
    assert table_in(written(held.slice(0, 0))).equals(held.slice(0, 0))


def test_what_could_not_be_read_again_is_not_written(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, results = read(recorded)
    monkeypatch.setattr(archive, "MOST_INDEX", 1000)
    with pytest.raises(RecordError, match=f"not written: {INDEX} has more"):
        write(tmp_path / "x", held, results)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "most"), [("MOST_MEMBERS", 2), ("MOST_BYTES", 10_000), ("MOST_RESULT", 10)])
def test_sizes_are_bounded(recorded: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    monkeypatch.setattr(archive, name, most)
    with pytest.raises(RecordError, match="more than"):
        read(recorded)
