"""The buckets of a window."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from tsg_agent.evidence import Grid

BEGIN = datetime(2026, 3, 10, 12, 0)
END = BEGIN + timedelta(hours=3)


def over(start: datetime | None, guard: int = 15, **changes: datetime) -> Grid:
    earliest = None if start is None else start - timedelta(minutes=guard)
    return Grid.over((BEGIN, END), start, 5, **({"earliest": earliest} | changes))


def test_the_start_is_an_edge_and_the_time_before_ends_at_its_earliest() -> None:
    grid = over(BEGIN + timedelta(minutes=122))
    assert grid.start is not None
    assert grid.time(grid.start) == BEGIN + timedelta(minutes=122)
    assert grid.time(grid.before.stop) == BEGIN + timedelta(minutes=107)
    assert grid.after == slice(grid.start, grid.count)
    assert Grid.over((BEGIN, END), BEGIN + timedelta(minutes=122), 5).guard == 0


def test_an_incident_that_ended_ends_its_after() -> None:
    grid = over(BEGIN + timedelta(minutes=100), ended=BEGIN + timedelta(minutes=130))
    assert grid.start is not None
    assert grid.after == slice(grid.start, grid.start + 6)
    assert over(BEGIN + timedelta(minutes=100), ended=END).stop is None
    short = over(BEGIN + timedelta(minutes=100), ended=BEGIN + timedelta(minutes=101))
    assert short.after == slice(grid.start, grid.start + 1)


def test_the_buckets_cover_the_window() -> None:
    for minutes in (1, 61, 120, 179):
        grid = over(BEGIN + timedelta(minutes=minutes))
        assert grid.time(0) <= BEGIN < grid.time(1)
        assert grid.time(grid.count - 1) <= END < grid.time(grid.count)


@pytest.mark.parametrize("minutes", [1, 61, 122, 179])
def test_each_second_has_the_bucket_that_its_time_is_in(minutes: int) -> None:
    grid = over(BEGIN + timedelta(minutes=minutes))
    seconds = np.arange(0, 3 * 3600, 7)
    for second, bucket in zip(seconds.tolist(), grid.buckets(seconds).tolist(), strict=True):
        assert grid.time(bucket) <= BEGIN + timedelta(seconds=second) < grid.time(bucket + 1)
    assert grid.buckets(np.array([-50, 10**7])).tolist() == [0, grid.count - 1]


@pytest.mark.parametrize("start", [None, BEGIN, BEGIN - timedelta(hours=1), END + timedelta(minutes=1)])
def test_a_start_outside_the_window_is_no_start(start: datetime | None) -> None:
    grid = over(start)
    assert grid.start is None
    assert (grid.before, grid.after) == (slice(0, 0), slice(0, grid.count))


def test_nothing_is_before_a_start_within_the_guard() -> None:
    assert over(BEGIN + timedelta(minutes=10)).before == slice(0, 0)
