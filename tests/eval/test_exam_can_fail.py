"""A deliberately broken judge lowers the right score."""

from pathlib import Path
from typing import Any

import pytest

from eval.cases import Case
from eval.entrants import Spec
from eval.results import Result
from eval.runner import jobs, run
from eval.summary import scores_of

pytestmark = pytest.mark.slow

NEVER = -1e9
BROKEN: dict[str, dict[str, Any]] = {
    "onset ignored": {
        "verdict": {
            "moment_alpha": 1e9,
            "search_alpha": 1e12,
            "minimum_excess": NEVER,
            "minimum_rise": -100,
            "gate_z": NEVER,
        }
    },
    "contrast ignored": {"verdict": {"contrast_ratio": 0.0, "search_alpha": 1e12}},
    "off by one": {"version": {"regression_points": 11}},
    "zones let off": {"zone": {"degraded": 50}},
    "premium let off": {"product": {"premium_success": 50}},
    "errors all spikes": {"error": {"spike_per_hour": 0}},
}
INCIDENTS = {
    "onset ignored": ("quiet-loud", "quiet-old-trouble"),
    "contrast ignored": ("outage", "shard-strong"),
    "off by one": ("version-at-threshold",),
    "zones let off": ("version-strong",),
    "premium let off": ("version-strong",),
    "errors all spikes": ("version-strong",),
}
LOWERED = {"onset ignored": "false_alarm", "contrast ignored": "wrongful_blame", "off by one": "labels",
           "zones let off": "labels", "premium let off": "labels", "errors all spikes": "labels"}  # fmt: skip


def answers(cases: dict[str, Case], cache: Path, ids: tuple[str, ...], thresholds: dict[str, Any]) -> list[Result]:
    spec = Spec("rules", settings={"thresholds": thresholds})
    return run(spec, jobs([cases[name] for name in ids], [0], 1, cache, None), processes=1)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_judge_is_seen(name: str, cases: dict[str, Case], cache: Path) -> None:
    scores = []
    for thresholds in ({}, BROKEN[name]):
        results = answers(cases, cache, INCIDENTS[name], thresholds)
        assert not [result.error for result in results if result.error]
        scores.append({score.name: score.mean for score in scores_of(results)}[LOWERED[name]])
    whole, broken = scores
    less_is_better = LOWERED[name] != "labels"
    assert whole == (0.0 if less_is_better else 1.0)
    assert broken > whole if less_is_better else broken < whole


def test_the_guide_as_written_raises_a_false_alarm(cases: dict[str, Case], cache: Path) -> None:
    """Labels alone cannot tell what is always broken from what broke."""
    (result,) = run(Spec("guide"), jobs([cases["quiet-old-trouble"]], [0], 1, cache, None), processes=1)
    assert not result.error
    assert result.scores["false_alarm"] == 1.0
    assert result.scores["labels"] == 1.0
