"""The change point of series made by hand or drawn with a seed: 100 requests a minute, the start at minute 120."""

import numpy as np
import pytest

from tsg_agent.statistics import Floats
from tsg_agent.verdicts.onset import ChangePoint, change_point

BEGAN, MINUTES, ASKED = 120, 180, 100.0
Series = tuple[Floats, Floats]


def drawn(before: float, after: float, *, seed: int = 1, until: int = MINUTES, asked: float = ASKED) -> Series:
    requests = np.full(MINUTES, asked)
    share = np.full(MINUTES, before)
    share[BEGAN:until] = after
    return np.random.default_rng(seed).binomial(requests.astype(int), share).astype(float), requests


def found(series: Series, reported: float | None = None) -> ChangePoint:
    one = change_point(*series, reported)
    assert one is not None
    return one


@pytest.mark.parametrize("seed", range(5))
def test_the_start_is_found_by_the_minute(seed: int) -> None:
    one = found(drawn(0.01, 0.2, seed=seed))
    assert abs(one.start - BEGAN) <= 1
    assert one.earliest <= BEGAN <= one.latest
    assert one.latest - one.earliest <= 3
    assert one.end is None
    assert one.clear


@pytest.mark.parametrize("reported", [90, 110, 130, 150, 165, None, -400, 900])
def test_a_start_reported_late_early_or_not_at_all_moves_nothing(reported: float | None) -> None:
    series = drawn(0.01, 0.1)
    assert found(series, reported).start == found(series, BEGAN).start


@pytest.mark.parametrize("reported", [20, 60, 178])
def test_a_wrong_report_costs_little_of_what_the_series_says(reported: float) -> None:
    """Half of the belief is spread evenly: a start far from what was reported loses a factor of two and no more."""
    series = drawn(0.01, 0.04)
    assert found(series, reported).gain >= found(series).gain - np.log(2) - 0.01


def test_where_the_series_says_little_the_report_decides() -> None:
    """Two spans fail alike, one minute each apart from the other: half of the belief lies near what was reported."""
    failures, requests = np.full(MINUTES, 1.0), np.full(MINUTES, ASKED)
    failures[40:45] = failures[140:145] = 6.0
    assert (found((failures, requests), 40).start, found((failures, requests), 140).start) == (40, 140)


@pytest.mark.parametrize("seed", range(12))
def test_a_quiet_series_shows_no_start(seed: int) -> None:
    for reported in (None, BEGAN):
        one = change_point(*drawn(0.01, 0.01, seed=seed), reported)
        assert one is None or not one.clear


def test_where_nothing_failed_nothing_changed() -> None:
    assert change_point(np.zeros(MINUTES), np.full(MINUTES, ASKED)) is None
    assert change_point(np.zeros(0), np.zeros(0)) is None
    assert change_point(np.array([1.0, 5.0]), np.array([9.0, 9.0])) is None


def test_what_failed_alike_from_the_first_minute_has_no_start() -> None:
    """Without a before nothing shows that it ever was better."""
    requests = np.concatenate([np.zeros(BEGAN), np.full(MINUTES - BEGAN, ASKED)])
    one = change_point(0.3 * requests, requests)
    assert one is None or not one.clear


def test_a_fall_is_no_start() -> None:
    failures, requests = drawn(0.3, 0.01)
    one = change_point(failures, requests)
    assert one is None or one.start < 5 or not one.clear


def test_a_recovery_within_the_window_is_its_end() -> None:
    one = found(drawn(0.01, 0.2, until=150), BEGAN)
    assert (abs(one.start - BEGAN) <= 1, one.end is not None and abs(one.end - 150) <= 1) == (True, True)


def test_an_end_must_pay_for_being_chosen() -> None:
    """Three last minutes in which less fails are likelier outside than inside, by less than the choice of an end."""
    failures, requests = np.full(MINUTES, 1.0), np.full(MINUTES, ASKED)
    failures[BEGAN:], failures[177:] = 12.0, 4.0
    assert found((failures, requests)).end is None
    failures[165:] = 4.0
    assert found((failures, requests)).end == 165


def test_a_few_bad_buckets_before_hide_no_start() -> None:
    failures, requests = drawn(0.01, 0.03)
    failures[[20, 60, 95]] = 20.0
    one = found((failures, requests))
    assert abs(one.start - BEGAN) <= 3
    assert one.phi < 2
    assert one.clear


def test_a_bad_minute_that_outshines_the_incident_hides_no_start() -> None:
    """Its own likelihood is the highest."""
    failures, requests = drawn(0.01, 0.05)
    failures[60] = 80.0
    one = found((failures, requests))
    assert abs(one.start - BEGAN) <= 2
    assert one.clear


def test_a_slow_ramp_begins_near_its_first_minutes() -> None:
    """Over an hour the share climbs to 40 %; the interval tells how little a ramp says of its first minute."""
    share = np.full(MINUTES, 0.01)
    share[BEGAN - 20 :] = np.linspace(0.01, 0.4, MINUTES - BEGAN + 20)
    failures = np.random.default_rng(2).binomial(100, share).astype(float)
    one = found((failures, np.full(MINUTES, ASKED)))
    assert BEGAN - 20 <= one.start <= BEGAN + 5


def test_a_long_ramp_begins_before_its_steepest_part() -> None:
    """Three hours: quiet for one, then a share that climbs evenly; before it nothing is of the ramp."""
    share = np.concatenate([np.full(60, 0.005), np.linspace(0.005, 0.5, 120)])
    requests = np.full(len(share), 60.0)
    one = found((np.random.default_rng(4).binomial(60, share).astype(float), requests))
    assert 60 <= one.start <= 80


def test_a_drift_before_is_no_beginning() -> None:
    """Somewhat more fails for an hour than before, and then far more."""
    requests = np.full(MINUTES, 1000.0)
    failures = np.concatenate([np.full(BEGAN - 60, 20.0), np.full(60, 27.0), np.full(MINUTES - BEGAN, 60.0)])
    assert abs(found((failures, requests)).start - BEGAN) <= 1


def test_a_burst_that_was_over_is_no_part_of_what_came_later() -> None:
    failures, requests = drawn(0.01, 0.2)
    failures[40:50] = 30.0
    one = found((failures, requests))
    assert abs(one.start - BEGAN) <= 1


def test_bursts_make_a_change_less_certain() -> None:
    """As many failures before, once evenly and once in bursts of five minutes, which go on through the incident."""
    requests = np.full(MINUTES, ASKED)
    even = np.full(MINUTES, 2.0)
    bursts = np.zeros(MINUTES)
    for minute in range(0, MINUTES, 25):
        bursts[minute : minute + 5] = 10.0
    for series in (even, bursts):
        series[BEGAN:] += 1.5
    calm, restless = found((even, requests), BEGAN), found((bursts, requests), BEGAN)
    assert (calm.phi, calm.clear) == (1.0, True)
    assert restless.phi > 3
    assert not restless.clear


@pytest.mark.parametrize("end", [2400, 2880])
def test_a_window_of_two_days_is_looked_at_by_the_minute_too(end: int) -> None:
    share = np.full(2880, 0.01)
    share[2002:end] = 0.2
    failures = np.random.default_rng(3).binomial(40, share).astype(float)
    one = found((failures, np.full(2880, 40.0)))
    assert abs(one.start - 2002) <= 1
    assert one.end is None if end == 2880 else one.end is not None and abs(one.end - end) <= 4


def test_minutes_without_requests_say_nothing() -> None:
    failures, requests = drawn(0.01, 0.2)
    silent = np.arange(MINUTES) % 3 == 0
    failures[silent] = requests[silent] = 0
    assert abs(found((failures, requests)).start - BEGAN) <= 2


def test_the_order_within_the_time_before_matters_not_to_how_much_it_explains() -> None:
    failures, requests = drawn(0.01, 0.2)
    doubled = found((2 * failures, 2 * requests))
    assert doubled.start == found((failures, requests)).start
    assert doubled.gain > found((failures, requests)).gain


def test_the_time_before_ends_a_guard_before_the_earliest_start_and_keeps_half() -> None:
    one = ChangePoint(120, 118, 121, None, 9.0, 1.0)
    assert one.before(15) == 103
    early = ChangePoint(20, 20, 21, None, 9.0, 1.0)
    assert early.before(15) == 10
    assert early.before(0) == 20
