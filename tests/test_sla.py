"""What a conclusion opens with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.samples import START, parameters
from tests.verdicts.made import MINUTES, Part, made
from tsg_agent import Request, investigate
from tsg_agent.evidence import Grid, Measurement, measured
from tsg_agent.evidence.requests import REDIRECT
from tsg_agent.models import Start, Status
from tsg_agent.sla import sla_of, with_aside
from tsg_agent.tools import GUIDE

BEGAN = Start(measured=START, reported=START)
GIVEN = parameters(service_name="s")


def counted(*parts: Part, start: datetime | None = START) -> Measurement:
    """Requests over the window of GIVEN, laid by a measured start."""
    begin = GIVEN.start_time.replace(tzinfo=None)
    began = None if start is None else start.replace(tzinfo=None)
    grid = Grid.over((begin, begin + timedelta(minutes=MINUTES)), began, 5)
    return measured(made(*parts), grid, None, GIVEN, GUIDE.dimensions)


def zone(before: float, after: float, per_minute: float = 100, **changes: Any) -> Part:
    return Part({"availability_zone": "a"}, per_minute, before, after, **changes)


SILENT = zone(0.0, 0.0)
"""Falls silent at the start: see `silenced`."""


def silenced(made_: Measurement) -> Measurement:
    """The same without a request since the start."""
    grid, entry = made_.grid, made_.entry
    gone = {measure: k.copy() for measure, k in entry.failures.items()}
    asked = entry.requests.copy()
    for values in (asked, *gone.values()):
        values[:, grid.after] = 0
    return replace(made_, entry=replace(entry, requests=asked, failures=gone))


def test_the_sides_are_those_of_the_measured_start_whatever_was_reported() -> None:
    late = Start(measured=START, reported=START + timedelta(minutes=30))
    state = sla_of(counted(zone(0.001, 0.2)), GIVEN, late)
    assert state.before is not None and state.after is not None
    assert (state.before.requests, state.after.requests) == (100 * 120, 100 * 55)
    assert state.after.availability == pytest.approx(80, abs=0.1)
    assert state.before.availability == pytest.approx(99.9, abs=0.02)
    assert state.breached


def test_without_a_start_there_are_no_sides_and_the_window_decides() -> None:
    state = sla_of(counted(zone(0.2, 0.2), start=None), GIVEN, Start())
    assert (state.before, state.after, state.breached) == (None, None, True)
    assert state.window is not None and state.window.availability == pytest.approx(80, abs=0.1)


def test_redirects_are_in_the_figures_since_a_note_quotes_their_share() -> None:
    state = sla_of(counted(zone(0.1, 0.1, answer=REDIRECT)), GIVEN, BEGAN)
    assert state.window is not None
    assert state.window.redirect_rate == pytest.approx(10, abs=0.1)
    assert state.window.success_rate == pytest.approx(90, abs=0.1)
    assert (state.window.availability, state.status, state.reason) == (100, Status.OK, "")


def test_a_service_that_fell_silent_is_told_from_one_that_was_never_seen() -> None:
    silent = sla_of(silenced(counted(SILENT)), GIVEN, BEGAN)
    assert (silent.status, silent.breached) == (Status.NO_DATA, None)
    assert silent.reason == "no request of s was seen after 14:05 UTC (12,000 before)"
    never = sla_of(counted(zone(0, 0, per_minute=0)), GIVEN, BEGAN)
    assert never.reason.startswith("no request of s in ")


def test_a_service_whose_answers_are_not_known_is_neither_healthy_nor_silent() -> None:
    made_ = silenced(counted(SILENT))
    unknown = np.zeros_like(made_.entry.requests)
    unknown[:, made_.grid.after] = 10.0
    state = sla_of(replace(made_, entry=replace(made_.entry, unknown=unknown)), GIVEN, BEGAN)
    assert (state.status, state.breached) == (Status.NO_DATA, None)
    assert state.after is not None
    assert (
        state.reason
        == f"none of the {state.after.unknown} requests of s that were seen says how it was answered (no status)"
    )


@pytest.mark.parametrize(
    ("before", "after", "kept"), [(0.0, 0.0, True), (0.0, 60.0, None), (60.0, 60.0, True), (0.0, 0.01, True)]
)
def test_the_threshold_is_not_called_kept_where_requests_that_lost_their_status_may_have_broken_it(
    before: float, after: float, kept: bool | None
) -> None:
    """Where as many lacked it before, they are as the others are."""
    made_ = counted(zone(0.0, 2 / 25_000, per_minute=25_000 / 55))
    unknown = np.zeros_like(made_.entry.requests)
    unknown[:, : made_.grid.start], unknown[:, made_.grid.after] = before, after
    state = sla_of(replace(made_, entry=replace(made_.entry, unknown=unknown)), GIVEN, BEGAN)
    assert state.breached is (False if kept else None)
    assert state.status is (Status.OK if kept else Status.INSUFFICIENT_DATA)
    assert bool(state.reason) is not bool(kept)
    if not kept:
        assert state.reason.endswith("so its availability may be anything between 97.2 % and 99.992 %")


@pytest.mark.parametrize(
    ("before", "since", "kept"), [(0, 0, True), (0, 100, False), (240, 100, True), (0, 2, True), (500, 9, True)]
)
def test_the_threshold_is_not_called_kept_where_failed_requests_are_in_no_figure(
    before: int, since: int, kept: bool
) -> None:
    """Where as many failed before, they are no part of the incident."""
    aside = [("requests without a region", before, since)]
    state = with_aside(sla_of(counted(zone(0.0, 0.0)), GIVEN, BEGAN), "s", aside)
    assert state.breached is (False if kept else None)
    assert state.status is (Status.OK if kept else Status.INSUFFICIENT_DATA)
    if not kept:
        assert state.reason.startswith("100 requests without a region failed and may be of s")
        assert state.reason.endswith("between 98.2 % and 100 %")
    broken = sla_of(counted(zone(0.0, 0.5)), GIVEN, BEGAN)
    assert with_aside(broken, "s", aside) == broken


def test_two_requests_that_may_be_the_services_are_no_doubt() -> None:
    strict = GIVEN.model_copy(update={"threshold": 99.999})
    kept = sla_of(counted(zone(0.0, 0.0)), strict, BEGAN)
    assert with_aside(kept, "s", [("requests after 14:00 UTC", 0, 2)]) == kept
    assert with_aside(kept, "s", [("requests after 14:00 UTC", 0, 6)]) != kept


def test_a_window_that_the_telemetry_does_not_cover_is_said_with_what_it_covers() -> None:
    nothing = counted(zone(0, 0, per_minute=0))
    october = (datetime(2026, 10, 3, 11, 50, tzinfo=UTC), datetime(2026, 10, 3, 15, 14, tzinfo=UTC))
    state = sla_of(nothing, GIVEN, BEGAN, october)
    assert state.outside
    assert state.reason.endswith("it covers 2026-10-03 11:50 UTC to 2026-10-03 15:14 UTC")
    within = sla_of(nothing, GIVEN, BEGAN, (START - timedelta(days=1), START))
    assert not within.outside
    assert "covers" not in within.reason


def test_telemetry_that_ends_before_the_incident_shows_nothing_of_it(tmp_path: Path) -> None:
    """Neither that all was well then, nor that nothing changed."""
    rows = ["timestamp,service_name,region,environment,status_code"]
    rows += [f"2026-03-10T12:{n // 20:02}:{n % 20:02}Z,shop,eu,prod,{503 if n % 90 == 0 else 200}" for n in range(600)]
    (tmp_path / "api_gateway_logs.csv").write_text("\n".join(rows))
    text = "shop in eu (prod) is failing since 2026-03-10 14:00 UTC, still ongoing at 15:00 UTC. SLA 99.9 %."
    report = investigate(Request(text=text, telemetry=str(tmp_path)))
    assert report.sla is not None and report.sla.breached is None
    assert "no request of shop was seen after 14:00 UTC (600 before)" in report.headline
    assert not report.onset.doubted
