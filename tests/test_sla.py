"""What a conclusion opens with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.samples import parameters
from tests.verdicts.tables import START, measurement, table
from tsg_agent.models import Status
from tsg_agent.sla import sla_of

BEGAN = START.replace(tzinfo=UTC)
GIVEN = parameters(
    start_time=BEGAN - timedelta(hours=2), incident_start=BEGAN, end_time=BEGAN + timedelta(hours=1), service_name="s"
)


def test_redirects_are_in_the_figures_since_a_note_quotes_their_share() -> None:
    made = measurement(table({"a": ((5, 5_000), (60, 2_500)), "b": ((10, 10_000), (5, 5_000))}))
    counted = replace(made.entry, redirects=np.full_like(made.entry.requests, 10.0))
    state = sla_of(replace(made, entry=counted), GIVEN)
    assert state.window is not None
    assert state.window.redirect_rate == pytest.approx(100 * 10 * made.grid.count / state.window.requests)
    assert (state.status, state.reason) == (Status.OK, "")


def test_a_service_that_fell_silent_is_told_from_one_that_was_never_seen() -> None:
    silent = sla_of(measurement(table({"a": ((5, 5_000), (0, 0))})), GIVEN)
    assert (silent.status, silent.breached) == (Status.NO_DATA, None)
    assert silent.reason == "no request of s was seen after 14:00 UTC (5,000 before)"
    never = sla_of(measurement(table({"a": ((0, 0), (0, 0))})), GIVEN)
    assert never.reason.startswith("no request of s in ")


def test_a_service_whose_answers_are_not_known_is_neither_healthy_nor_silent() -> None:
    made = measurement(table({"a": ((5, 5_000), (0, 0))}))
    unknown = np.zeros_like(made.entry.requests)
    unknown[:, made.grid.after] = 10.0
    state = sla_of(replace(made, entry=replace(made.entry, unknown=unknown)), GIVEN)
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
    made = measurement(table({"a": ((5, 50_000), (2, 25_000))}))
    unknown = np.zeros_like(made.entry.requests)
    unknown[:, : made.grid.start], unknown[:, made.grid.after] = before, after
    state = sla_of(replace(made, entry=replace(made.entry, unknown=unknown)), GIVEN)
    assert state.breached is (False if kept else None)
    assert state.status is (Status.OK if kept else Status.INSUFFICIENT_DATA)
    assert bool(state.reason) is not bool(kept)
    if not kept:
        assert state.reason.endswith("so its availability may be anything between 97.4 % and 99.992 %")


def test_a_window_that_the_telemetry_does_not_cover_is_said_with_what_it_covers() -> None:
    nothing = measurement(table({"a": ((0, 0), (0, 0))}))
    october = (datetime(2026, 10, 3, 11, 50, tzinfo=UTC), datetime(2026, 10, 3, 15, 14, tzinfo=UTC))
    state = sla_of(nothing, GIVEN, october)
    assert state.outside
    assert state.reason.endswith("it covers 2026-10-03 11:50 UTC to 2026-10-03 15:14 UTC")
    within = sla_of(nothing, GIVEN, (BEGAN - timedelta(days=1), BEGAN))
    assert not within.outside
    assert "covers" not in within.reason
