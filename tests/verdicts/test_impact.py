"""Who is hit, which way it goes, what undoing a cause would bring: against counts that are known."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from tests.verdicts.made import MINUTES, RATE_LIMITED, START, Part, judged, made
from tsg_agent.evidence.requests import Requests
from tsg_agent.models import Effect, Judgement, Trend

QUIET, LOUD = 0.01, 0.5


def shards(after: float = LOUD, **bad: int) -> list[Part]:
    """Shard a fails half of its requests since the start; b and c fail one in a hundred, always."""
    return [
        Part({"shard_id": "a"}, 20, QUIET, after, **bad),
        *(Part({"shard_id": name}, 40, QUIET, QUIET) for name in "bc"),
    ]


def effect_of(found: Judgement, rank: int = 0) -> Effect:
    effect = found.causes[rank].effect
    assert effect is not None
    return effect


def test_without_the_cause_its_requests_fail_like_before() -> None:
    effect = effect_of(judged(made(*shards())))
    assert effect.now.percent == pytest.approx(100 * (20 * LOUD + 80 * QUIET) / 100, abs=0.1)
    assert effect.then.percent == pytest.approx(100 * QUIET, abs=0.1)
    assert effect.then.requests == effect.now.requests == 100 * (MINUTES - START)


def test_another_cause_stays() -> None:
    found = judged(made(*shards(), Part({"shard_id": "d"}, 20, QUIET, 0.3)))
    assert [one.subject["shard_id"] for one in found.causes] == ["a", "d"]
    left = (20 * 0.3 + 100 * QUIET) / 120
    assert effect_of(found).then.percent == pytest.approx(100 * left, abs=0.15)


def test_requests_that_two_causes_have_go_on_failing_by_the_others_share() -> None:
    parts = [
        Part({"service_version": "1", "shard_id": "b"}, 60, QUIET, QUIET),
        Part({"service_version": "1", "shard_id": "a"}, 20, QUIET, 0.3),
        Part({"service_version": "2", "shard_id": "b"}, 20, QUIET, 0.6),
        Part({"service_version": "2", "shard_id": "a"}, 10, QUIET, 0.7),
    ]
    found = judged(made(*parts))
    assert {tuple(one.subject) for one in found.causes} == {("service_version",), ("shard_id",)}
    version = next(rank for rank, one in enumerate(found.causes) if "service_version" in one.subject)
    left = (30 * 0.35 + 80 * QUIET) / 110
    assert effect_of(found, version).then.percent == pytest.approx(100 * left, abs=3)


def test_a_version_that_is_new_would_fail_like_the_others() -> None:
    parts = [
        Part({"service_version": "1"}, 60, QUIET, QUIET),
        Part({"service_version": "2"}, 40, 0, 0.4, since=START),
    ]
    assert effect_of(judged(made(*parts))).then.percent == pytest.approx(100 * QUIET, abs=0.2)


def test_where_calls_are_recorded_the_entry_loses_what_is_passed_on_to_it() -> None:
    parts = [
        Part({"service_component": "shop"}, 60, QUIET, 0.11),
        Part({"service_component": "payments"}, 10, QUIET, 0.6),
        Part({"service_component": "cart"}, 20, QUIET, QUIET),
    ]
    found = judged(made(*parts), service_name="shop")
    assert found.causes[0].subject == {"service_component": "payments"}
    effect = effect_of(found)
    assert effect.now.requests == 60 * (MINUTES - START)
    assert effect.then.percent == pytest.approx(100 * QUIET, abs=0.2)


def test_what_is_limited_is_counted_as_limited() -> None:
    parts = [Part({"shard_id": "a"}, 20, 0, LOUD, answer=RATE_LIMITED), Part({"shard_id": "b"}, 80)]
    effect = effect_of(judged(made(*parts)))
    assert (effect.measure.value, effect.then.failures) == ("rate_limited", 0)


def with_users(requests: Requests, names: int) -> Requests:
    """Each tenth request names nobody."""
    user = np.arange(len(requests)) % names
    return replace(requests, user=pa.chunked_array([pa.array(user, mask=np.arange(len(requests)) % 10 == 0)]))


def test_users_are_counted_once_and_those_of_the_cause_only() -> None:
    requests = made(*shards())
    own = requests.having({"shard_id": "a"})
    user = np.where(own, 1_000 + np.arange(len(requests)) % 7, np.arange(len(requests)) % 50)
    reach = judged(replace(requests, user=pa.chunked_array([user]))).reach
    assert reach is not None
    assert (reach.users_hit, reach.users) == (7, 57)
    assert reach.traffic is not None
    assert reach.traffic.percent == pytest.approx(20, abs=0.1)


def test_where_no_request_names_its_user_nobody_knows() -> None:
    reach = judged(made(*shards())).reach
    assert reach is not None
    assert (reach.users_hit, reach.users) == (None, None)
    reach = judged(with_users(made(*shards()), 5)).reach
    assert reach is not None
    assert reach.users == 5


def test_a_tier_that_fails_more_stands_out() -> None:
    parts = [
        Part({"shard_id": "a", "customer_tier": "FREE"}, 15, QUIET, LOUD),
        Part({"shard_id": "a", "customer_tier": "PREMIUM"}, 5, QUIET, LOUD),
        Part({"shard_id": "b", "customer_tier": "FREE"}, 15, QUIET, QUIET),
        Part({"shard_id": "b", "customer_tier": "PREMIUM"}, 65, QUIET, QUIET),
    ]
    reach = judged(made(*parts)).reach
    assert reach is not None
    assert {one.subject["customer_tier"]: one.stands_out for one in reach.tiers} == {"FREE": True, "PREMIUM": False}


@pytest.mark.parametrize(
    ("parts", "trend"),
    [
        (shards(), Trend.STEADY),
        ([*shards(), Part({"shard_id": "a"}, 40, QUIET, 0.25, start=MINUTES - 15)], Trend.WORSE),
        ([*shards(0.6), Part({"shard_id": "a"}, 40, QUIET, 0.6, end=MINUTES - 15)], Trend.BETTER),
        (shards(end=MINUTES - 30), Trend.OVER),
        (shards(start=MINUTES - 8), Trend.UNKNOWN),
    ],
    ids=lambda value: value.value if isinstance(value, Trend) else "",
)
def test_which_way_it_goes(parts: list[Part], trend: Trend) -> None:
    found = judged(made(*parts))
    assert found.course is not None
    assert found.course.trend is trend


def test_without_a_start_nothing_is_said() -> None:
    quiet = judged(made(*shards(QUIET)), incident_start=None)
    assert (quiet.course, quiet.reach) == (None, None)
