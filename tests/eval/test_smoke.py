"""The floor: what the agent must always reach on the smoke incidents, without a model."""

import re

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


def test_no_screen_says_a_thing_twice(smoke: list[Result]) -> None:
    """No clause stands in it twice, and who is hit most is not seen once more because of it."""
    for result in smoke:
        assert result.answer is not None
        said = answers(result.answer.screen)
        clauses = [clause for label, text in said.items() if label != "Now" for clause in clauses_of(text)]
        assert [one for one in set(clauses) if clauses.count(one) > 1] == [], result.case
        most = re.search(r"most of all customer tiers? ([^;]*)", said.get("Who is hit", ""))
        hit = re.findall(r"([A-Z]\w+) \(", most.group(1)) if most else []
        assert [one for one in hit if f"tier {one} " in said.get("Also seen", "")] == [], result.case


def answers(screen: str) -> dict[str, str]:
    """A screen's answers by their labels, each in one line."""
    found: dict[str, str] = {}
    label = ""
    for row in screen.splitlines()[1:]:
        label = row[:13].strip() or label
        found[label] = f"{found.get(label, '')} {row[13:]}"
    return {label: " ".join(text.split()) for label, text in found.items()}


def clauses_of(text: str) -> list[str]:
    return [part.strip(" .").lower() for part in re.split(r"[;:]|\. ", text) if len(part) > 12]
