"""A question counts as an investigation does: copies once, weights as so many requests."""

from datetime import timedelta
from pathlib import Path

from tests.tools.made import SCOPE, START, Rows, args_for, plugin, requests, written
from tsg_agent.ask.compiling import counted_rows
from tsg_agent.ask.typed import TypedQuery
from tsg_agent.models import Parameters
from tsg_agent.settings import Settings
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import GUIDE

PARAMETERS = Parameters(**{**SCOPE, "end_time": SCOPE["end_time"] + timedelta(minutes=1)})


def figures(folder: Path, rows: Rows) -> tuple[int, int, int]:
    """Requests and failures of a question, and requests of the check of regions."""
    with DuckDB(written(folder, {"api_gateway_logs": rows})) as engine:
        query = TypedQuery(measures=("requests", "failures"))
        [asked] = counted_rows(engine, query, PARAMETERS, Settings(), GUIDE).rows
        [row] = plugin(3).run(engine, args_for(plugin(3)), Settings()).rows
    return asked["requests"], asked["failures"], row["total_count"]


def test_rows_delivered_several_times_count_once(tmp_path: Path) -> None:
    rows = requests(2400, {503: 240}, availability_zone="z")
    assert figures(tmp_path, rows + rows[:200] + rows[:100]) == (2400, 240, 2400)


def test_rows_without_an_id_are_no_copies(tmp_path: Path) -> None:
    rows = [
        {**row, "request_id": None, "timestamp": START} for row in requests(2400, {503: 240}, availability_zone="z")
    ]
    assert figures(tmp_path, rows) == (2400, 240, 2400)


def test_a_row_that_stands_for_several_counts_so(tmp_path: Path) -> None:
    rows = [
        {**row, "weight": 1 if row["status_code"] == 503 else 9}
        for row in requests(2400, {503: 240}, availability_zone="z")
    ]
    assert figures(tmp_path, rows + rows[:50]) == (240 + 2160 * 9, 240, 240 + 2160 * 9)
