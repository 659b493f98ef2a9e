"""A file that is replaced while an investigation reads it: its results are no part of a conclusion, and it is said."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.telemetry.sources import SHAPES, parquet, tables
from tests.tools.made import written
from tsg_agent import Given, Report, Request, Settings, TelemetryError, investigate
from tsg_agent.errors import QueryError
from tsg_agent.events import Event
from tsg_agent.investigation import Watch
from tsg_agent.telemetry.duckdb import DuckDB

LOGS = "api_gateway_logs"
COUNT = f"SELECT count(*) AS n FROM {LOGS}"


def appended(path: Path) -> None:
    with path.open("ab") as opened:
        opened.write(b"more")


def written_over(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data)
    os.utime(path, ns=(1, 1))


def moved_over(path: Path) -> None:
    """Another file in its place, of the same size and time."""
    before = path.stat()
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


CHANGES = {"appended": appended, "written over": written_over, "moved over": moved_over, "taken away": Path.unlink}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_that_changed_gives_no_more_results(change: Callable[[Path], None], tmp_path: Path) -> None:
    folder = Path(parquet(tmp_path))
    with DuckDB(folder) as engine:
        assert engine.run(COUNT, {}, timeout=20).num_rows == 1
        change(folder / f"{LOGS}.parquet")
        for ask in (lambda: engine.run(COUNT, {}, timeout=20), lambda: engine.run_apart(COUNT, timeout=20, most=10**6)):
            with pytest.raises(QueryError, match=rf"{LOGS}\.parquet was changed or replaced while it was read"):
                ask()
        assert engine.run("SELECT count(*) AS n FROM feature_flags", {}, timeout=20).num_rows == 1
        assert "was changed or replaced" in engine.tables[LOGS].problem
        assert not engine.tables["feature_flags"].problem
        assert str(tmp_path) not in engine.tables[LOGS].problem


def test_a_file_that_was_loaded_may_change(tmp_path: Path) -> None:
    folder = Path(SHAPES["csv"](tmp_path))
    with DuckDB(folder) as engine:
        appended(folder / f"{LOGS}.csv")
        assert engine.run(COUNT, {}, timeout=20).num_rows == 1
        assert not engine.tables[LOGS].problem


def investigated(folder: Path, at: str, change: Callable[[], None]) -> Report:
    """An investigation in which a file is replaced when a check begins, or ends."""
    rows = tables()[LOGS]
    times = sorted(row["timestamp"] for row in rows)
    given = Given.model_validate(
        {"region": rows[0]["region"], "service_name": rows[0]["service_name"], "environment": rows[0]["environment"]}
        | {"start_time": f"{times[0]:%Y-%m-%dT%H:%M:%S}Z", "end_time": f"{times[-1]:%Y-%m-%dT%H:%M:%S}Z"}
    )
    done: list[str] = []

    def hear(event: Event) -> None:
        if not done and event.kind == f"check {at}":
            done.append(at)
            change()

    request = Request(text="", telemetry=str(folder), given=given)
    return investigate(request, settings=Settings(threads=1), watch=Watch(logged=hear))


@pytest.mark.parametrize("at", ["began", "ended"])
def test_an_investigation_says_so(at: str, tmp_path: Path) -> None:
    folder = Path(parquet(tmp_path / "old"))
    other = written(tmp_path / "new", {LOGS: [{**row, "status_code": 500} for row in tables()[LOGS]]})

    def change() -> None:
        (other / f"{LOGS}.parquet").replace(folder / f"{LOGS}.parquet")

    try:
        report = investigated(folder, at, change)
    except TelemetryError as error:
        assert "was changed or replaced while it was read" in str(error)
        return
    assert any("was changed or replaced while it was read" in note for note in report.notes)
