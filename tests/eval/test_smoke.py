"""The floor: what the agent must always reach on the smoke incidents, without a model."""

import pytest

from eval.results import Result
from eval.summary import scores_of

pytestmark = pytest.mark.slow

FLOOR = {
    "parameters": 1.0,
    "questions": 1.0,
    "checks": 1.0,
    "labels": 1.0,
    "gaps": 1.0,
    "cause_at_1": 0.95,
    "cause_at_3": 0.9,
    "tier": 0.9,
    "actions": 0.9,
    "grounded": 0.99,
}


def test_no_entrant_error(smoke: list[Result]) -> None:
    assert [(result.case, result.error) for result in smoke if result.error] == []


@pytest.mark.parametrize("name", FLOOR)
def test_the_score_is_at_least_its_floor(smoke: list[Result], name: str) -> None:
    means = {score.name: score.mean for score in scores_of(smoke)}
    assert means[name] >= FLOOR[name], [(r.case, r.scores[name]) for r in smoke if r.scores[name] not in (None, 1.0)]


def test_no_false_alarm_and_no_decoy_blamed(smoke: list[Result]) -> None:
    assert [r.case for r in smoke if r.scores["false_alarm"] or r.scores["innocent_blamed"]] == []
