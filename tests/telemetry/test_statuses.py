"""How a request was answered is read as the HTTP status that is its equal; what is none is unknown, and named."""

from pathlib import Path
from typing import Any

import pytest

from tests.tools.made import Rows, requests, written
from tsg_agent.telemetry.duckdb import DuckDB


def read(folder: Path, values: list[Any], mapping: str = "", **columns: Any) -> tuple[list[Any], str]:
    """The statuses in their order, and what is said of them."""
    columns = {name: value * 10 if isinstance(value, list) else value for name, value in columns.items()}
    rows: Rows = requests(len(values) * 10, status_code=values * 10, **columns)
    (folder / "mapping.toml").write_text(mapping)
    with DuckDB(written(folder, {"api_gateway_logs": rows}), mapping=folder / "mapping.toml") as engine:
        found = engine.run("SELECT status_code AS s FROM api_gateway_logs ORDER BY timestamp", {}, timeout=10)
        return found["s"].to_pylist()[: len(values)], " ".join(engine.tables["api_gateway_logs"].notes)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([200, 404, 503, 100, None], [200, 404, 503, 100, None]),
        ([0, 14, 7, 16, 8, 4, 5, 1, 13, None], [200, 503, 403, 401, 429, 504, 404, 499, 500, None]),
        (["OK", "UNAVAILABLE", "DeadlineExceeded".upper(), "Resource Exhausted"], [200, 503, None, 429]),
        (["2xx", "4xx", "5XX", "3xx"], [200, 400, 500, 300]),
        (["200 OK", "HTTP/1.1 502 Bad Gateway", "HTTP 404", "-"], [200, 502, 404, None]),
        (["200", "503", "", "429.0"], [200, 503, None, 429]),
        (["success", "Error", "timeout", "cancelled"], [200, 500, 504, 499]),
        ([200, 0, 503], [200, 503, 503]),
        ([200.0, 503.0, float("nan")], [200, 503, None]),
        ([True, False, None], [200, 500, None]),
        (["STATUS_CODE_OK", "STATUS_CODE_ERROR", "STATUS_CODE_UNSET"], [200, 500, 200]),
        ([200, 999, -1], [200, None, None]),
        ([0, 1], [200, 500]),
        (["0", "1", "14"], [200, 499, 503]),
    ],
)
def test_a_status_is_read(values: list[Any], expected: list[Any], tmp_path: Path) -> None:
    assert read(tmp_path, values)[0] == expected


def test_what_is_read_and_what_is_not_is_said(tmp_path: Path) -> None:
    _, said = read(tmp_path, [0, 13, 2])
    assert "gRPC codes in 30 rows" in said
    assert "'13' as 500" in said
    (tmp_path / "odd").mkdir()
    _, said = read(tmp_path / "odd", ["200", "weird"])
    assert "'weird' in 10 rows, which is no status" in said
    (tmp_path / "plain").mkdir()
    assert not read(tmp_path / "plain", [200, 500])[1]


def test_the_mapping_may_say_what_numbers_are(tmp_path: Path) -> None:
    exits = '[api_gateway_logs]\nstatus = "exit"\n'
    assert read(tmp_path, [0, 1, 124, 137], exits)[0] == [200, 500, 504, 500]
    named = '[api_gateway_logs.columns]\nstatus_code = "exit_code"\n'
    assert read(tmp_path, [200] * 4, named, exit_code=[0, 2, 124, 16])[0] == [200, 500, 504, 500]


def test_a_zero_is_what_its_flags_say(tmp_path: Path) -> None:
    flags = ["-", "DC", "UC", "UF,URX", "RL", "UT"]
    statuses, said = read(tmp_path, [200, 0, 0, 0, 0, 0], response_flags=flags)
    assert statuses == [200, None, 503, 503, 429, 504]  # DC: the client went first
    assert "by response_flags" in said


def test_a_column_that_says_whether_it_failed(tmp_path: Path) -> None:
    mapping = '[api_gateway_logs.columns]\nstatus_code = "is_error"\n'
    assert read(tmp_path, [200] * 3, mapping, is_error=[True, False, None])[0] == [500, 200, None]
