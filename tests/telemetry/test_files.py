"""Files as people have them: packed, tab-separated, logs; and one that is still being written costs a line."""

import bz2
import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.tools.made import Rows, requests
from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry import files as finding
from tsg_agent.telemetry.duckdb import DuckDB

COLUMNS = ("request_id", "timestamp", "region", "environment", "service_name", "status_code", "service_version")


def cells(rows: Rows, mark: str = ",") -> str:
    return "\n".join([mark.join(COLUMNS), *(mark.join(str(row[name]) for name in COLUMNS) for row in rows)])


def objects(rows: Rows) -> str:
    return "\n".join(json.dumps({name: str(row[name]) for name in COLUMNS}) for row in rows)


def zipped(path: Path, name: str, text: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)


def zstandard(path: Path, text: str) -> None:
    plain = path.with_suffix(".plain")
    plain.write_text(text)
    with duckdb.connect() as connection:
        lines = f"read_csv('{plain}', columns={{'line': 'VARCHAR'}}, header=false, delim='\\x01', quote='', escape='')"
        connection.execute(
            f"COPY (FROM {lines}) TO '{path}' (FORMAT csv, HEADER false, QUOTE '', DELIMITER '\x01', COMPRESSION zstd)"
        )
    plain.unlink()


LOGS = "api_gateway_logs"
WAYS: dict[str, Callable[[Path, Rows], object]] = {
    "tsv": lambda f, r: (f / f"{LOGS}.tsv").write_text(cells(r, "\t")),
    "semicolons": lambda f, r: (f / f"{LOGS}.csv").write_text(cells(r, ";")),
    "log of cells": lambda f, r: (f / f"{LOGS}.log").write_text(cells(r)),
    "log of objects": lambda f, r: (f / f"{LOGS}.log").write_text(objects(r)),
    "log of objects, gz": lambda f, r: (f / f"{LOGS}.log.gz").write_bytes(gzip.compress(objects(r).encode())),
    "csv.bz2": lambda f, r: (f / f"{LOGS}-1.csv.bz2").write_bytes(bz2.compress(cells(r).encode())),
    "jsonl.bz2": lambda f, r: (f / f"{LOGS}.jsonl.bz2").write_bytes(bz2.compress(objects(r).encode())),
    "jsonl.zst": lambda f, r: zstandard(f / f"{LOGS}.jsonl.zst", objects(r)),
    "zip of a table": lambda f, r: zipped(f / f"{LOGS}.zip", "export/part.csv", cells(r)),
    "zip of all": lambda f, r: zipped(f / "telemetry.zip", f"{LOGS}.jsonl", objects(r)),
}


def read(folder: Path, mapping: str = "") -> tuple[list[tuple[Any, ...]], int]:
    path = folder.parent / "mapping.toml"
    path.write_text(mapping)
    with DuckDB(folder, mapping=path) as engine:
        listed = ", ".join(COLUMNS)
        table = engine.run(f"SELECT {listed} FROM api_gateway_logs ORDER BY request_id", {}, timeout=10)
        return [tuple(row.values()) for row in table.to_pylist()], engine.tables[LOGS].unreadable


@pytest.fixture
def held(tmp_path: Path) -> Path:
    folder = tmp_path / "held"
    folder.mkdir()
    return folder


def expected(rows: Rows) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in COLUMNS) for row in sorted(rows, key=lambda row: row["request_id"])]


@pytest.mark.parametrize("way", WAYS)
def test_it_is_read_however_it_is_packed(way: str, held: Path) -> None:
    rows = requests(60, {503: 7}, service_version="3.10")
    WAYS[way](held, rows)
    assert read(held) == (expected(rows), 0)


@pytest.mark.parametrize("write", [cells, objects])
@pytest.mark.parametrize("ending", ["log", ""])
def test_a_half_written_last_line_costs_itself(write: Callable[[Rows], str], ending: str, held: Path) -> None:
    rows = requests(60, {503: 7}, service_version="3.10")
    text = write(rows)
    last = text.rindex("\n")
    name = f"{LOGS}.{ending or ('csv' if write is cells else 'jsonl')}"
    (held / name).write_text(text[: last + 30])
    assert read(held) == (expected(rows[:-1]), 1)


@pytest.mark.parametrize("write", [cells, objects])
def test_many_broken_lines_refuse_the_table(write: Callable[[Rows], str], held: Path) -> None:
    lines = write(requests(60, service_version="3.10")).split("\n")
    broken = [line[:30] if 10 < place < 20 else line for place, line in enumerate(lines)]
    (held / f"{LOGS}.{'csv' if write is cells else 'jsonl'}").write_text("\n".join(broken))
    with pytest.raises(TelemetryError):
        read(held)


def test_a_folder_of_other_files_names_them(held: Path) -> None:
    (held / "requests.xlsx").write_bytes(b"PK")
    with pytest.raises(TelemetryError, match=r"requests\.xlsx"):
        read(held)


def test_what_unpacks_without_end_is_refused(held: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MOST_BYTES", 3_000_000)
    zipped(held / f"{LOGS}.zip", "a.csv", "x" * 5_000_000)
    with pytest.raises(TelemetryError, match="too large"):
        read(held)


def test_a_damaged_archive_is_called_so(held: Path) -> None:
    (held / f"{LOGS}.zip").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(TelemetryError, match="cannot be unpacked"):
        read(held)
    (held / f"{LOGS}.zip").unlink()
    (held / f"{LOGS}.csv.bz2").write_bytes(b"BZh9 nothing")
    with pytest.raises(TelemetryError, match="cannot be unpacked"):
        read(held)


@pytest.mark.parametrize("name", ["access_log", "access.log.1", "access.log-20260310", "error_log", "app.log.2.gz"])
def test_rotated_logs_are_logs(name: str, held: Path) -> None:
    lines = "\n".join(f"2026-03-10T12:00:{n:02}Z 200" for n in range(40))
    (held / name).write_bytes(gzip.compress(lines.encode()) if name.endswith(".gz") else lines.encode())
    mapping = f"[{LOGS}]\nlines = '(?P<at>\\S+) (?P<code>\\d+)'\n"
    mapping += f'[{LOGS}.columns]\ntimestamp = "at"\nstatus_code = "code"\n'
    assert len(read(held, mapping)[0]) == 40
