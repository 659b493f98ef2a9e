"""Every row is accounted for once, and what is in no figure is said where it may be the incident's."""

import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.made import END, SCOPE, START, Rows, requests, written
from tsg_agent.models import Parameters
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools.account import Account, Why, account

BEGAN = START + timedelta(hours=1)
PARAMETERS = Parameters(**SCOPE, incident_start=BEGAN.replace(tzinfo=UTC))


def accounted(folder: Path, rows: Rows, parameters: Parameters | None = PARAMETERS) -> Account:
    with DuckDB(written(folder, {"api_gateway_logs": rows})) as engine:
        return account(engine, parameters)


ODD: dict[str, list[Any]] = {
    "region": ["us-east", "us-west", None, "US-East "],
    "service_name": ["shop", "bank", None],
    "environment": ["prod", "test", None],
    "status_code": [200, 503, None, 999],
    "is_test_traffic": [False, True, None],
    "weight": [1.0, 0.0, -2.0, None],
    "timestamp": [BEGAN, START, START - timedelta(days=1), None],
}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.booleans())
def test_the_parts_add_up_to_the_rows(seed: int, number: int, scoped: bool) -> None:
    pick = random.Random(seed)
    rows = requests(number, **{name: [pick.choice(values) for _ in range(number)] for name, values in ODD.items()})
    rows += [pick.choice(rows) for _ in range(number // 3)]
    with tempfile.TemporaryDirectory() as folder:
        found = accounted(Path(folder), rows, PARAMETERS if scoped else None)
    assert found.read == len(rows) == sum(part.rows for part in found.parts)
    assert all(part.before >= 0 and part.since >= 0 for part in found.parts)


def test_each_row_is_where_it_belongs(tmp_path: Path) -> None:
    rows = requests(100, {503: 40})
    rows += [{**row, "region": None, "request_id": f"n{n}"} for n, row in enumerate(rows[:30])]
    rows += rows[50:60]
    rows += [{**rows[0], "request_id": f"t{n}", "is_test_traffic": True} for n in range(7)]
    rows += [{**rows[0], "request_id": f"o{n}", "timestamp": START - timedelta(hours=3)} for n in range(5)]
    found = accounted(tmp_path, rows)
    assert {part.why: part.rows for part in found.parts} == {
        Why.COUNTED: 100, Why.COPY: 10, Why.OUTSIDE: 5, Why.TEST_TRAFFIC: 7, Why.NO_REGION: 30,
    }  # fmt: skip
    assert found.part(Why.NO_REGION).failures == 30
    assert found.part(Why.COUNTED).before + found.part(Why.COUNTED).since == 100


def test_failed_rows_that_lack_a_name_are_told_on_both_sides_of_the_start(tmp_path: Path) -> None:
    for column, word in (("region", "a region"), ("service_name", "a service"), ("environment", "an environment")):
        rows = requests(2000)
        for row in rows[600:640]:
            row.update({"status_code": 502, column: None})
        for row in rows[1200:1300]:
            row.update({"status_code": 502, column: ""})
        notes = accounted(tmp_path / column, rows).notes()
        assert [note for note in notes if f"140 rows without {word}" in note and "100 of 100 failed" in note], notes
        assert any("40 of 40 before" in note for note in notes)


def test_a_few_well_rows_without_a_name_are_not_told(tmp_path: Path) -> None:
    rows = requests(2000, region=["us-east"] * 1996 + [None] * 4)
    assert accounted(tmp_path, rows).notes() == []


def spread(service: str, minutes: range, rate: int = 30) -> Rows:
    times = [START + timedelta(minutes=m, seconds=s * 60 / rate) for m in minutes for s in range(rate)]
    return requests(len(times), timestamp=times, service_name=service)


def test_a_time_without_rows_is_told_and_whether_it_is_everyones(tmp_path: Path) -> None:
    own = [*spread("shop", range(40)), *spread("shop", range(60, 121))]
    [quiet] = accounted(tmp_path / "own", [*own, *spread("bank", range(121))]).quiet
    assert (quiet.start, quiet.end) == (utc(START + timedelta(minutes=40)), utc(START + timedelta(minutes=60)))
    assert not quiet.everyone
    assert quiet.expected == 600
    found = accounted(tmp_path / "all", own)
    assert found.quiet[0].everyone
    lost = found.lost(utc(END))
    assert lost is not None
    assert (lost.since, lost.until, lost.before, lost.after) == (found.quiet[0].start, found.quiet[0].end, 30, 0)
    assert any("the telemetry has a hole there" in note for note in found.notes())
    ended = accounted(tmp_path / "end", spread("shop", range(80)))
    assert ended.quiet[0].end == utc(END)
    assert ended.lost(utc(END)) is None
    assert not accounted(tmp_path / "none", spread("shop", range(121))).quiet
    assert not accounted(tmp_path / "few", spread("shop", range(0, 121, 12), 1)).quiet


def test_telemetry_that_begins_within_the_window_has_no_hole_before(tmp_path: Path) -> None:
    rows = spread("shop", range(30, 121))
    begun = accounted(tmp_path / "begun", rows)
    assert (begun.begins, begun.quiet) == (utc(START + timedelta(minutes=30)), ())
    assert any("The telemetry begins at" in note for note in begun.notes())
    assert not any("hole" in note for note in begun.notes())
    older = requests(1, timestamp=START - timedelta(hours=3), service_name="bank")
    held = accounted(tmp_path / "held", [*older, *rows])
    assert held.begins is None
    assert any("hole" in note for note in held.notes())
    others = accounted(tmp_path / "others", [*rows, *spread("bank", range(121))])
    assert others.begins is None
    assert not others.quiet[0].everyone


def test_without_an_investigation_the_holes_of_all_rows_are_told(tmp_path: Path) -> None:
    rows = [*spread("shop", range(40)), *spread("bank", range(70, 121))]
    [quiet] = accounted(tmp_path, rows, None).quiet
    assert (quiet.start, quiet.end) == (utc(START + timedelta(minutes=40)), utc(START + timedelta(minutes=70)))


def test_rows_that_thin_out_at_the_very_end_may_be_late(tmp_path: Path) -> None:
    rates = {113: 40, 115: 30, 117: 14, 118: 9, 119: 4, 120: 1}
    ramp = [row for minute, rate in rates.items() for row in spread("shop", range(minute, minute + 1), rate)]
    rows = [*spread("shop", range(113), 40), *spread("bank", range(117), 40), *ramp]
    found = accounted(tmp_path / "late", rows)
    assert found.late_since == utc(START + timedelta(minutes=117))
    assert found.late is not None and found.late.rows == 28
    assert any(
        "may still be on their way, and the 28 requests since then are in no verdict" in n for n in found.notes()
    )
    step = [*spread("shop", range(112), 40), *spread("bank", range(112), 40), *spread("shop", range(112, 121), 12)]
    assert accounted(tmp_path / "step", step).late_since is None, "as many in each minute: lost, not late"
    outage = [*spread("shop", range(112), 40), *spread("bank", range(121), 40)]
    assert accounted(tmp_path / "outage", outage).late_since is None


def utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC)
