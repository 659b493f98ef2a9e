"""How sure a description is, on series made by hand: the incident begins at minute 120 of 175."""

import math
import re

import numpy as np
import pytest

from tests.verdicts.made import LIMITS, MINUTES, START, spread
from tsg_agent.models import Confidence, Measure, OnsetKind
from tsg_agent.verdicts.confidence import NO_BEFORE, NO_CONTRAST, NO_ONSET, MinuteSeries, Sides, Weighed, weigh
from tsg_agent.verdicts.gates import gate_of
from tsg_agent.verdicts.onset import ChangePoint

V = LIMITS.verdict
PROMISED = 1.25
"""Slack of a forecast: the time before grows no longer."""
MOMENT = ChangePoint(START, START, START, None, 50.0, 1.0)
NATS = math.log(1000) + math.log(100)
"""What a description of one value is up against, where there are a hundred values."""


def series(
    before: float, after: float, per_minute: float = 20.0, *, since: int = 0, minutes: int = MINUTES
) -> MinuteSeries:
    minute = np.arange(minutes)
    asked = spread(np.where(minute >= since, per_minute, 0.0))
    return MinuteSeries(np.minimum(spread(asked * np.where(minute < START, before, after)), asked), asked)


HEALTHY = series(0.005, 0.005, 100)


def weighed(
    own: MinuteSeries,
    rest: MinuteSeries = HEALTHY,
    *,
    change: bool = False,
    whole: MinuteSeries | None = None,
    nats: float = NATS,
) -> Weighed:
    return weigh(Sides(own, rest, own if whole is None else whole), MOMENT, nats, V, change=change)


def codes(one: Weighed) -> list[str]:
    return [code for code, _ in one.shortfalls]


def words(one: Weighed) -> str:
    ((_, said),) = one.shortfalls
    return said


def test_a_clear_rise_over_the_rest_is_confirmed_and_falls_short_of_nothing() -> None:
    one = weighed(series(0.01, 0.3))
    assert (one.confidence, one.shortfalls) == (Confidence.CONFIRMED, ())
    assert one.onset.before is not None and one.onset.before.requests == 20 * (START - V.guard_minutes)
    assert one.onset.after is not None and one.onset.after.requests == 20 * (MINUTES - START)
    assert one.contrast.rest is not None and one.contrast.rest.requests == 100 * (MINUTES - START)
    assert one.contrast.difference == pytest.approx(29, abs=0.5)


def test_the_guides_thresholds_and_its_minimum_of_requests_are_no_part_of_it() -> None:
    """A canary of 300 requests failing 35 % where 0.5 % did; a version at 8 %, of which the guide wants ten points."""
    canary = series(0.0, 0.35, 300 / (MINUTES - START), since=START)
    service = series(0.005, 0.005, 100)
    assert weighed(canary, change=True, whole=service).confidence is Confidence.CONFIRMED
    assert weighed(series(0.008, 0.08, 30)).confidence is Confidence.CONFIRMED


def test_new_is_what_hardly_failed_before() -> None:
    kinds = [weighed(series(before, 0.3)).onset.kind for before in (0.01, 0.055, 0.1)]
    assert kinds == [OnsetKind.NEW, OnsetKind.NEW, OnsetKind.WORSE]


def promised(one: Weighed) -> tuple[int, int]:
    """Requests and minutes more that would confirm it, by its words."""
    said = re.search(r"([\d,]+) more requests at this rate, about (\d+) minutes, would confirm it", words(one))
    assert said is not None
    return int(said[1].replace(",", "")), int(said[2])


def test_what_chance_could_do_is_suspected_and_says_how_much_more_would_settle_it() -> None:
    one = weighed(series(0.02, 0.08, 5), nats=14)
    assert (one.confidence, codes(one)) == (Confidence.SUSPECTED, [NO_ONSET])
    more, minutes = promised(one)
    assert more > 100
    assert more / 5 == pytest.approx(minutes, abs=1)


def test_what_would_confirm_it_does() -> None:
    """Going on at this rate for as long as it asks for, it is confirmed."""
    _, minutes = promised(weighed(series(0.02, 0.08, 5), nats=14))
    longer = series(0.02, 0.08, 5, minutes=MINUTES + round(PROMISED * minutes))
    assert weighed(longer, nats=14).confidence is Confidence.CONFIRMED


def test_the_more_was_looked_at_the_more_is_needed() -> None:
    own = series(0.01, 0.05, 8)
    assert weighed(own, nats=math.log(100)).confidence is Confidence.CONFIRMED
    assert weighed(own, nats=math.log(100) + 3 * math.log(10_000)).confidence is Confidence.SUSPECTED


def test_four_failures_more_than_expected_are_too_few_for_anything() -> None:
    own = series(0.0, 4 / (20 * (MINUTES - START)), 20)
    one = weighed(own, nats=1)
    assert (one.confidence, codes(one)) == (Confidence.SUSPECTED, [NO_ONSET])
    assert words(one) == "the rise is small: 0.36 % (4 of 1,100)" or words(one).startswith("the rise is small")


def test_a_rise_of_less_than_half_a_point_is_small() -> None:
    own = series(0.001, 0.004, 2_000)
    one = weighed(own, nats=1)
    assert one.onset.z is not None and one.onset.z > 8
    assert codes(one) == [NO_ONSET]
    assert words(one).startswith("the rise is small: 0.4 %")


def test_what_did_not_rise_says_so() -> None:
    one = weighed(series(0.05, 0.02), series(0.005, 0.0, 100))
    assert NO_ONSET in codes(one)
    assert dict(one.shortfalls)[NO_ONSET] == "its own failures did not rise"


@pytest.mark.parametrize(("rest", "short"), [(0.15, True), (0.30, True), (0.09, False)])
def test_a_rise_must_be_half_as_high_again_as_the_rests(rest: float, short: bool) -> None:
    """20 points against what the rest rose by: beyond all chance, and still no answer in an outage."""
    one = weighed(series(0.01, 0.21, 200), series(0.01, 0.01 + rest, 200))
    assert codes(one) == ([NO_CONTRAST] if short else [])
    assert one.contrast.significant is not short
    if short:
        assert words(one) == "it rose less than 1.5 times as much as the rest"


def test_a_rest_that_fell_is_no_reason_to_blame_less() -> None:
    assert weighed(series(0.01, 0.1), series(0.05, 0.01, 100)).confidence is Confidence.CONFIRMED


def test_what_has_all_of_the_traffic_has_no_contrast() -> None:
    nothing = MinuteSeries(np.zeros(MINUTES), np.zeros(MINUTES))
    one = weighed(series(0.01, 0.3), nothing)
    assert (one.contrast.method, one.contrast.reason) == ("none", "it has all of the traffic: there is no rest")


def test_what_appeared_has_no_before_unless_somebody_changed_it() -> None:
    """A version that is new has the other versions' before; a zone that is new shows nothing."""
    own = series(0.0, 0.3, since=START)
    service = series(0.01, 0.01, 100)
    zone, version = (weighed(own, change=change, whole=service) for change in (False, True))
    assert (zone.confidence, codes(zone)) == (Confidence.SUSPECTED, [NO_BEFORE])
    assert words(zone) == "it had no requests before to compare with: nothing shows that it ever worked"
    assert version.confidence is Confidence.CONFIRMED
    assert version.onset.kind is OnsetKind.APPEARED
    assert version.onset.before is not None
    assert version.onset.before.requests == 100 * (START - V.guard_minutes)


def test_what_is_new_and_no_worse_than_all_were_is_not_confirmed() -> None:
    one = weighed(series(0.0, 0.02, since=START), change=True, whole=series(0.02, 0.02, 100))
    assert one.confidence is Confidence.SUSPECTED


def bursts(share: float) -> MinuteSeries:
    """Failures that come in bursts of five minutes, 20 minutes apart, all through the window; then `share` on top."""
    own = series(0.0, share)
    own.failures[np.arange(MINUTES) % 20 < 5] += 4.0
    return own


def test_bursts_before_make_a_rise_less_certain() -> None:
    """As many failures before in bursts as evenly."""
    even = MinuteSeries(series(0.0, 0.06).failures + spread(np.full(MINUTES, 1.0)), series(0.0, 0.0).requests)
    assert weighed(even).confidence is Confidence.CONFIRMED
    assert codes(weighed(bursts(0.06))) == [NO_ONSET]


def test_one_bad_bucket_before_does_not_hide_a_rise() -> None:
    own = series(0.01, 0.1)
    own.failures[50:55] = 15.0
    assert weighed(own).confidence is Confidence.CONFIRMED


def test_an_ended_incident_is_measured_to_its_end() -> None:
    own = series(0.01, 0.3)
    own.failures[150:] = 0
    ended = ChangePoint(START, START, START, 150, 50.0, 1.0)
    one = weigh(Sides(own, HEALTHY, own), ended, NATS, V, change=False)
    assert one.onset.after is not None
    assert one.onset.after.percent == pytest.approx(30, abs=0.5)


def test_a_shortfall_more_makes_a_suspect_of_what_was_confirmed() -> None:
    one = weighed(series(0.01, 0.3)).short_of("x", "for a reason")
    assert (one.confidence, one.shortfalls) == (Confidence.SUSPECTED, (("x", "for a reason"),))


@pytest.mark.parametrize(
    ("before", "after", "moment", "open_"),
    [(0.01, 0.2, MOMENT, True), (0.01, 0.2, None, False), (0.01, 0.0101, MOMENT, False), (0.2, 0.01, MOMENT, False)],
    ids=["rose", "no moment", "hardly", "fell"],
)
def test_the_gate_asks_whether_the_service_itself_rose(
    before: float, after: float, moment: ChangePoint | None, open_: bool
) -> None:
    gate = gate_of(Measure.SERVER_ERRORS, series(before, after, 100), moment, V, 5_000)
    assert gate.open is open_
    assert (gate.onset.kind is OnsetKind.UNKNOWN) is (moment is None)
    if open_:
        assert gate.reason == "20 % of requests failed (5xx) against 1 % before"


def test_a_gate_says_what_did_not_change() -> None:
    gate = gate_of(Measure.SLOW, series(0.02, 0.02, 100), None, V, 5_000)
    assert gate.reason.startswith("nothing changed in the window: 2 % ")
    assert gate.onset.after is not None and gate.onset.after.requests == 100 * MINUTES


def test_a_restless_service_needs_more_to_open_its_gate() -> None:
    """As many failures before and after, once evenly, once in bursts."""
    even = MinuteSeries(series(0.0, 0.04).failures + spread(np.full(MINUTES, 1.0)), series(0.0, 0.0).requests)
    assert gate_of(Measure.SERVER_ERRORS, even, MOMENT, V, 5_000).open
    assert not gate_of(Measure.SERVER_ERRORS, bursts(0.04), MOMENT, V, 5_000).open
