"""Intervals and paired tests, against scipy and by hand."""

import pytest
from scipy import stats

from eval.intervals import bootstrap, mcnemar, mean_interval, pass_hat, sign_flip, wilson


@pytest.mark.parametrize(("k", "n"), [(0, 10), (9, 10), (57, 60), (60, 60)])
def test_wilson(k: int, n: int) -> None:
    theirs = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson(k, n) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (1, 0), (5, 1), (0, 8), (3, 3)])
def test_mcnemar(won: int, lost: int) -> None:
    theirs = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert mcnemar(won, lost) == pytest.approx(theirs)


def test_means() -> None:
    assert mean_interval([1.0] * 9 + [0.0]) == wilson(9, 10)
    low, high = mean_interval([0.2, 0.4, 0.6, 0.8])
    assert low < 0.5 < high
    assert bootstrap([0.5, 0.5]) == (0.5, 0.5)
    assert bootstrap([0.1, 0.9]) == bootstrap([0.1, 0.9])
    assert wilson(0, 0) == bootstrap([]) == (0.0, 1.0)


def test_paired_differences() -> None:
    assert sign_flip([0.0, 0.0]) == 1.0
    assert sign_flip([0.1] * 12) < 0.01
    assert sign_flip([0.1, -0.1] * 6) > 0.5


def test_pass_hat() -> None:
    assert pass_hat(3, 4, 2) == 0.5
    assert pass_hat(4, 4, 4) == 1.0
    assert pass_hat(3, 4, 4) == 0.0
