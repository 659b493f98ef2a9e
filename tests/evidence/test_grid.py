"""The buckets of a window."""

from datetime import datetime, timedelta

import pytest

from tsg_agent.evidence import Grid

BEGIN = datetime(2026, 3, 10, 12, 0)
END = BEGIN + timedelta(hours=3)


def over(start: datetime | None) -> Grid:
    return Grid.over((BEGIN, END), start, 5, 15)


def test_the_start_is_an_edge_and_the_guard_before_it_is_left_out() -> None:
    grid = over(BEGIN + timedelta(minutes=122))
    assert grid.start is not None
    assert grid.time(grid.start) == BEGIN + timedelta(minutes=122)
    assert grid.time(grid.before.stop) == BEGIN + timedelta(minutes=107)
    assert grid.after == slice(grid.start, grid.count)


def test_the_buckets_cover_the_window() -> None:
    for minutes in (1, 61, 120, 179):
        grid = over(BEGIN + timedelta(minutes=minutes))
        assert grid.time(0) <= BEGIN < grid.time(1)
        assert grid.time(grid.count - 1) <= END < grid.time(grid.count)


@pytest.mark.parametrize("start", [None, BEGIN, BEGIN - timedelta(hours=1), END + timedelta(minutes=1)])
def test_a_start_outside_the_window_is_no_start(start: datetime | None) -> None:
    grid = over(start)
    assert grid.start is None
    assert (grid.before, grid.after) == (slice(0, 0), slice(0, grid.count))


def test_nothing_is_before_a_start_within_the_guard() -> None:
    assert over(BEGIN + timedelta(minutes=10)).before == slice(0, 0)
