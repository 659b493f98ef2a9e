"""Times, numbers and yes-or-no as people's systems write them are read; else the error has the line that reads them."""

import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.made import requests, written
from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.profile import known_values

BEGIN = datetime(2025, 11, 24, 22, 58, 7, 250_000, tzinfo=UTC)
TIMES = [BEGIN + timedelta(seconds=37 * n) for n in range(400)]
"""Over midnight; the 24th and 25th are no months."""
DIGITS = ("digits alone", "digits as text")
TOKYO = timedelta(hours=9)


def log(folder: Path, **columns: Any) -> Path:
    return written(folder, {"api_gateway_logs": requests(400, **columns)})


def column(folder: Path, name: str, mapping: str = "") -> list[Any]:
    (folder / "mapping.toml").write_text(f"[api_gateway_logs.columns]\n{mapping}\n")
    with DuckDB(folder, mapping=folder / "mapping.toml") as engine:
        found = engine.run(f"SELECT {name} FROM api_gateway_logs", {}, timeout=10)
    return list(found[name].to_pylist())


WRITERS = {
    "iso": lambda t: t.isoformat(),
    "comma": lambda t: f"{t:%Y-%m-%d %H:%M:%S},{t.microsecond // 1000:03}",
    "offset after a space": lambda t: f"{t + TOKYO:%Y-%m-%d %H:%M:%S}.{t.microsecond // 1000:03} +0900",
    "utc after a space": lambda t: f"{t:%Y-%m-%d %H:%M:%S.%f} UTC",
    "basic": lambda t: f"{t:%Y%m%dT%H%M%S.%f}Z",
    "slashes": lambda t: f"{t:%Y/%m/%d %H:%M:%S.%f}",
    "kibana": lambda t: f"{t:%b %d, %Y @ %H:%M:%S.%f}"[:-3],
    "web server, in a zone": lambda t: f"{t + TOKYO:%d/%b/%Y:%H:%M:%S} +0900",
    "mail": lambda t: f"{t:%a, %d %b %Y %H:%M:%S} GMT",
    "c": lambda t: f"{t:%a %b %d %H:%M:%S %Y}",
    "database": lambda t: f"{t:%d-%b-%Y %H:%M:%S}",
    "excel's days": lambda t: 25569 + t.timestamp() / 86400,
    "excel's days as text": lambda t: f"{25569 + t.timestamp() / 86400:.13f}",
    "digits alone": lambda t: int(f"{t:%Y%m%d%H%M%S}"),
    "digits as text": lambda t: f"{t:%Y%m%d%H%M%S}",
    "seconds": lambda t: round(t.timestamp(), 3),
    "whole seconds": lambda t: int(t.timestamp()),
    "milliseconds": lambda t: round(t.timestamp() * 1000),
    "microseconds": lambda t: round(t.timestamp() * 1_000_000),
    "nanoseconds": lambda t: round(t.timestamp() * 1_000_000) * 1000,
    "seconds as text": lambda t: f"{t.timestamp():.3f}",
    "nanoseconds as text": lambda t: f"{round(t.timestamp() * 1_000_000)}000",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_time_is_read_however_it_is_written(writer: str, tmp_path: Path) -> None:
    folder = log(tmp_path, timestamp=[WRITERS[writer](time) for time in TIMES])
    whole = writer in {
        "web server, in a zone",
        "mail",
        "c",
        "database",
        "whole seconds",
        "digits alone",
        "digits as text",
    }
    expected = [time.replace(tzinfo=None, microsecond=0 if whole else time.microsecond) for time in TIMES]
    assert column(folder, "timestamp") == expected


def test_a_time_that_no_rule_reads_is_read_by_a_line_like_the_one_in_the_error(tmp_path: Path) -> None:
    folder = log(tmp_path, timestamp=[f"on {time:%Y-%m-%d} at {time:%H:%M:%S}" for time in TIMES])
    with pytest.raises(TelemetryError, match="no one way to read it") as caught:
        DuckDB(folder)
    assert 'timestamp = "' in caught.value.fix
    read = column(folder, "timestamp", "timestamp = \"strptime(timestamp, 'on %Y-%m-%d at %H:%M:%S')\"")
    assert read[0] == BEGIN.replace(tzinfo=None, microsecond=0)


@pytest.mark.parametrize(("form", "missing"), [("%b %d %H:%M:%S", "year"), ("%H:%M:%S", "day")])
def test_a_time_that_names_no_year_or_day_is_asked_about_and_the_line_reads_it(
    form: str, missing: str, tmp_path: Path
) -> None:
    folder = log(tmp_path, timestamp=[f"{time:{form}}" for time in TIMES])
    with pytest.raises(TelemetryError, match=f"names no {missing}") as caught:
        DuckDB(folder)
    [line] = re.findall(r'timestamp = "[^"]*"', caught.value.fix)
    assert all(time is not None for time in column(folder, "timestamp", line))


@pytest.mark.parametrize(("form", "month_first"), [("%m/%d/%Y %I:%M:%S %p", True), ("%d/%m/%Y %H:%M", False)])
@pytest.mark.parametrize("why", ["a day over 12", "in order", "of few days", "the incident"])
def test_the_order_of_day_and_month_is_what_the_rows_bear_out(
    why: str, form: str, month_first: bool, tmp_path: Path
) -> None:
    """Each reason alone: the 13th; a month's turn; days that follow one another; and at last what it is asked about."""
    begin, step = {
        "a day over 12": (datetime(2026, 3, 13, 2, tzinfo=UTC), timedelta(minutes=1)),
        "in order": (datetime(2026, 1, 12, tzinfo=UTC), timedelta(hours=1)),
        "of few days": (datetime(2026, 3, 9, tzinfo=UTC), timedelta(minutes=9)),
        "the incident": (datetime(2026, 3, 10, 2, tzinfo=UTC), timedelta(minutes=1)),
    }[why]
    times = [begin + n * step for n in range(400)]
    if why == "in order":  # of two months, on their first days
        times = [begin.replace(month=month, day=day) for month in (1, 2) for day in (2, 3) for _ in range(100)]
    folder = log(tmp_path, timestamp=[f"{time:{form}}" for time in times])
    about = [begin] if why == "the incident" else []
    with DuckDB(folder, about=about) as engine:
        found = [row["timestamp"] for row in engine.run("FROM api_gateway_logs", {}, timeout=10).to_pylist()]
        said, noted = engine.tables["api_gateway_logs"].readings, engine.tables["api_gateway_logs"].notes
    assert [time.date() for time in found] == [time.date() for time in times]
    told = " ".join(noted if about else said)
    assert ("the month comes first" if month_first else "the day comes first") in told
    assert about or why in told or why == "a day over 12"
    if about:
        with pytest.raises(TelemetryError, match="whether the day or the month comes first"):
            DuckDB(folder)


def test_a_number_that_no_rule_reads_is_read_by_the_line_in_the_error(tmp_path: Path) -> None:
    folder = log(tmp_path, latency_ms=[f"about {n} or so" for n in range(400)])
    with pytest.raises(TelemetryError) as caught:
        DuckDB(folder)
    [line] = re.findall(r'latency_ms = "[^"]*"', caught.value.fix)
    assert column(folder, "latency_ms", line) == list(range(400))


@pytest.mark.parametrize("factor", [1_000, 1_000_000])
def test_a_time_of_no_likely_year_is_told_what_it_counts(factor: int, tmp_path: Path) -> None:
    """Counted in units so much smaller than the mapping says."""
    folder = log(tmp_path, timestamp=[round(time.timestamp() * 1000) * factor for time in TIMES])
    wrong = 'timestamp = "to_timestamp(timestamp / 1000.0)"'
    with pytest.raises(TelemetryError, match="not between the years") as caught:
        column(folder, "timestamp", wrong)
    [line] = re.findall(r'timestamp = "[^"]*"', caught.value.fix)
    read = column(folder, "timestamp", line)
    assert abs(read[0] - BEGIN.replace(tzinfo=None)) < timedelta(milliseconds=1)


NUMBERS = {
    "decimal comma": (lambda v: f"{v:.2f}".replace(".", ","), 1.0),
    "grouped": (lambda v: f"{v:,.2f}", 1.0),
    "ms": (lambda v: f"{v:.2f}ms", 1.0),
    "ms after a blank": (lambda v: f"{v:.2f} ms", 1.0),
    "seconds": (lambda v: f"{v:.2f}s", 1000.0),
    "go": (lambda v: f"{v:.2f}ms" if v < 1000 else f"{v / 1000:.5f}s" if v < 3000 else f"0m{v / 1000:.5f}s", 1.0),
    "minutes": (lambda v: f"{v // 10:.0f}m{v % 10 * 6:.1f}s", 6000.0),
    "mixed": (lambda v: f"{v:.2f}ms" if v < 1000 else f"{v / 1000:.5f}s", 1.0),
}


@pytest.mark.parametrize("writer", NUMBERS)
def test_a_number_is_read_however_it_is_written(writer: str, tmp_path: Path) -> None:
    write, factor = NUMBERS[writer]
    values = [17.25 + 10.5 * n for n in range(398)]
    folder = log(tmp_path, latency_ms=[*map(write, values), "-", ""])
    read = column(folder, "latency_ms")
    assert read[:-2] == pytest.approx([value * factor for value in values])
    assert read[-2:] == [None, None]


def test_a_number_with_a_comma_that_may_be_two_things_is_asked_about(tmp_path: Path) -> None:
    folder = log(tmp_path, latency_ms=["1,250"] * 400)
    with pytest.raises(TelemetryError, match=r"latency_ms holds '1,250'") as caught:
        DuckDB(folder)
    lines = re.findall(r'latency_ms = "[^"]*"', caught.value.fix)
    assert {column(folder, "latency_ms", line)[0] for line in lines} >= {1.25, 1250.0}


def test_yes_and_no_are_read(tmp_path: Path) -> None:
    folder = log(tmp_path, is_test_traffic=["yes", "No", "Y", "off"] * 100)
    assert column(folder, "is_test_traffic")[:4] == [True, False, True, False]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3), st.datetimes(datetime(1995, 1, 1), datetime(2090, 1, 1)))
def test_the_unit_of_a_count_since_1970_changes_no_time(unit: int, first: datetime) -> None:
    first = first.replace(microsecond=0)
    counts = [int((first.replace(tzinfo=UTC) + timedelta(seconds=n)).timestamp()) * 1000**unit for n in range(20)]
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), {"api_gateway_logs": requests(20, timestamp=counts)})
        with DuckDB(path) as engine:
            assert known_values(engine, 10).first == first.replace(tzinfo=UTC)
