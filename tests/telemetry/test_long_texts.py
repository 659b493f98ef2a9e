"""Whole texts in columns about errors are read as their beginnings, in as many groups."""

from pathlib import Path

import pytest

from tests.telemetry.sources import SHAPES
from tests.tools.made import requests, written
from tsg_agent.telemetry.conversion import LONGEST, WORDY
from tsg_agent.telemetry.duckdb import DuckDB

LOGS = "api_gateway_logs"


def long_texts(count: int, length: int) -> list[dict[str, object]]:
    """Requests whose texts about errors are long, and each another one at its end."""
    middle = "\u00e9" * length
    own = {name: [f"{name} {middle} {number}" for number in range(count)] for name in WORDY}
    return requests(count, {500: count // 10}, **own)


def test_a_long_text_is_its_beginning_and_a_mark_of_the_whole(tmp_path: Path) -> None:
    with DuckDB(written(tmp_path, {LOGS: long_texts(1500, 400)})) as engine:
        for name in WORDY:
            sql = f"SELECT count(DISTINCT {name}) AS n, max(length({name})) AS longest, min({name}) AS one FROM {LOGS}"
            (row,) = engine.run(sql, {}, timeout=20).to_pylist()
            assert row["n"] == 1500
            assert row["longest"] <= LONGEST
            assert row["one"].startswith(f"{name} \u00e9\u00e9") and "\u2026 " in row["one"]


@pytest.mark.parametrize("shape", SHAPES)
def test_others_are_read_whole(shape: str, tmp_path: Path) -> None:
    with DuckDB(SHAPES[shape](tmp_path)) as engine:
        sql = f"SELECT DISTINCT exception_type AS t, exception_message AS m FROM {LOGS}"
        assert engine.run(sql, {}, timeout=20).to_pylist() == [{"t": "e", "m": None}]
    rows = requests(30, {}, error_code="x" * LONGEST)
    with DuckDB(written(tmp_path / "edge", {LOGS: rows})) as engine:
        found = engine.run(f"SELECT DISTINCT error_code AS c FROM {LOGS}", {}, timeout=20).to_pylist()
        assert found == [{"c": "x" * LONGEST}]
