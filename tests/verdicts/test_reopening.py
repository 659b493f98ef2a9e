"""Where the window holds too little of the time before, it opens earlier and all is checked again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.samples import parameters
from tsg_agent import Given, Request, investigate
from tsg_agent.models import Known, Report, Sla, Start
from tsg_agent.reopening import reopened
from tsg_agent.simulator.demos import demo_named
from tsg_agent.simulator.generate import generate, write

BEGUN = datetime(2026, 3, 10, 14, tzinfo=UTC)
DERIVED = "incident_start - 2 h"
SCENARIO = demo_named("bad-shard").scenario.model_copy(
    update={"requests_per_minute": 60.0, "window_start": BEGUN - timedelta(hours=6), "incident_start": BEGUN}
)
SHARD = SCENARIO.faults[0].where


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("telemetry")
    write(generate(SCENARIO), place)
    return place


def told(folder: Path, reported: datetime, *flags: str) -> Report:
    text = f"{SCENARIO.service_name} in {SCENARIO.region} (prod) fails since {reported:%Y-%m-%d %H:%M} UTC."
    given = Given(start_time=flags[0]) if flags else Given()
    return investigate(Request(text=text, telemetry=str(folder), given=given, now=SCENARIO.last.isoformat()))


@pytest.mark.slow
@pytest.mark.parametrize("late", [70, 130], ids=["too little before it", "all of the window fails"])
def test_a_late_report_opens_the_window_earlier_and_the_cause_is_confirmed(folder: Path, late: int) -> None:
    report = told(folder, BEGUN + timedelta(minutes=late))
    assert [(one.subject, one.confidence.value) for one in report.causes] == [(SHARD, "confirmed")]
    assert report.onset.measured is not None
    assert abs(report.onset.measured - BEGUN) <= timedelta(minutes=2)
    assert report.onset.measured - report.parameters.start_time >= timedelta(hours=1)
    assert any(note.startswith("The window opens at") for note in report.notes)
    assert sorted(finding.step for finding in report.findings) == sorted({one.step for one in report.findings})


@pytest.mark.slow
def test_a_window_that_is_given_stays(folder: Path) -> None:
    begin = BEGUN - timedelta(minutes=30)
    report = told(folder, BEGUN + timedelta(minutes=70), begin.isoformat())
    assert report.parameters.start_time == begin
    assert not any(note.startswith("The window opens at") for note in report.notes)


@pytest.mark.parametrize(
    ("start", "breached", "origin", "first", "opened"),
    [
        (Start(measured=BEGUN), True, DERIVED, 9, "12:00"),  # of the window 30 minutes lie before it
        (Start(measured=BEGUN), True, DERIVED, 13, "13:00"),  # no earlier than the telemetry
        (Start(), True, DERIVED, 9, "11:30"),  # nothing changed, and all of it is breached
        (Start(), False, DERIVED, 9, None),
        (Start(), True, f"earlier than 13:30 UTC, since nothing changed in it ({DERIVED})", 9, None),  # once
        (Start(measured=BEGUN), True, "given", 9, None),
        (Start(measured=BEGUN), True, 'text: "from 13:30"', 9, None),
        (Start(measured=BEGUN), True, DERIVED, 14, None),
    ],
)
def test_when_and_how_far(start: Start, breached: bool, origin: str, first: int, opened: str | None) -> None:
    begin = BEGUN - timedelta(minutes=30)
    given = parameters(start_time=begin, origins={"start_time": origin})
    sla = Sla(threshold=99.9, breached=breached, measured_on="all", window=None, before=None, after=None)
    found = reopened(given, start, sla, Known(first=BEGUN.replace(hour=first)), 2.0)
    assert (found and f"{found.start_time:%H:%M}") == opened
