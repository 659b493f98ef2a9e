"""The statistics, against scipy's where it has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tsg_agent.statistics import (
    _left_by_trimming,
    difference_interval,
    g2_z,
    robust_dispersion,
    share,
    significant,
    unevenness,
    upper_p,
    wilson_interval,
)

TABLES = [(3, 700, 40, 300), (0, 3000, 4, 700), (50, 100, 5, 100), (1, 31, 30, 30), (10, 1000, 10, 1000)]
counts = st.tuples(st.integers(0, 60), st.integers(1, 500)).map(lambda pair: (min(pair), pair[1]))


@pytest.mark.parametrize(("k0", "n0", "k1", "n1"), TABLES)
def test_g2_is_the_log_likelihood_ratio_with_the_sign_of_the_change(k0: int, n0: int, k1: int, n1: int) -> None:
    expected = stats.chi2_contingency(
        [[k0, n0 - k0], [k1, n1 - k1]], correction=False, lambda_="log-likelihood"
    ).statistic
    z = float(g2_z(k0, n0, k1, n1))
    assert z**2 == pytest.approx(expected, abs=1e-9)
    assert np.sign(z) == np.sign(k1 / n1 - k0 / n0)


def test_g2_is_zero_where_a_side_is_empty_or_nothing_failed() -> None:
    assert g2_z([0, 5, 0], [0, 10, 10], [5, 0, 0], [10, 0, 10]).tolist() == [0, 0, 0]


@given(counts, counts)
def test_g2_is_antisymmetric_and_finite(before: tuple[int, int], after: tuple[int, int]) -> None:
    forth, back = float(g2_z(*before, *after)), float(g2_z(*after, *before))
    assert np.isfinite(forth)
    assert forth == pytest.approx(-back, abs=1e-6)


def binomials(groups: int, buckets: int = 24, asked: int = 200, share_: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    requests = np.full((groups, buckets), float(asked))
    return np.random.default_rng(4).binomial(asked, share_, (groups, buckets)).astype(float), requests


def plain(failures: np.ndarray, requests: np.ndarray) -> np.ndarray:
    """chi2 over its degrees of freedom: what a trimmed dispersion is compared with."""
    tables = (stats.chi2_contingency([k, n - k], correction=False) for k, n in zip(failures, requests, strict=True))
    return np.array([table.statistic / table.dof for table in tables])


def dispersions(failures: np.ndarray, requests: np.ndarray) -> np.ndarray:
    return np.array([robust_dispersion(k, n) for k, n in zip(failures, requests, strict=True)])


def test_robust_dispersion_of_binomials_is_one() -> None:
    """What trimming takes from a chi2 is put right; under one it is never called."""
    phi = dispersions(*binomials(400))
    assert phi.min() == 1
    assert 1.0 <= np.median(phi) < 1.15
    assert np.mean(phi) == pytest.approx(np.mean(np.maximum(plain(*binomials(400)), 1)), abs=0.1)


def test_robust_dispersion_is_not_decided_by_one_bad_bucket_but_by_many() -> None:
    failures, requests = binomials(50)
    one = failures.copy()
    one[:, 3] = 150
    assert (plain(one, requests) > 20).all()
    assert np.median(dispersions(one, requests)) < 1.5
    many = failures.copy()
    many[:, ::4] += 60
    assert (dispersions(many, requests) > 5).all()


def test_robust_dispersion_of_little_is_one() -> None:
    assert robust_dispersion(np.zeros(0), np.zeros(0)) == 1
    assert robust_dispersion(np.zeros(2), np.array([5.0, 5.0])) == 1
    assert robust_dispersion(np.array([3.0, 0.0]), np.array([9.0, 0.0])) == 1


@pytest.mark.parametrize("expected", [0.1, 0.3, 1.0, 3.0])
def test_robust_dispersion_sees_sparse_failures_that_come_in_pairs(expected: float) -> None:
    """Half of the buckets, or nearly all of them, are empty: the trimmed tenth holds what there is."""
    pairs = 2.0 * np.random.default_rng(3).poisson(expected / 2, (400, 40))
    assert dispersions(pairs, np.full(pairs.shape, 500.0)).mean() > 1.7


@pytest.mark.parametrize("expected", [0.3, 1.0, 3.0, 10.0])
def test_robust_dispersion_doubles_where_every_request_is_there_twice(expected: float) -> None:
    """Else what is beyond chance depends on how often the same is told. Where it is 1, half of it cannot be seen."""
    bursts = np.random.default_rng(5).negative_binomial(expected / 2, 1 / 3, (400, 40)).astype(float)
    requests = np.full(bursts.shape, 500.0)
    once, twice = dispersions(bursts, requests), dispersions(2 * bursts, 2 * requests)
    assert np.mean(np.abs(twice[once > 1] / once[once > 1] - 2) < 1e-9) > 0.99


@pytest.mark.parametrize("expected", [0.3, 1.0, 3.0, 10.0])
def test_robust_dispersion_of_sparse_failures_by_chance_is_hardly_more_than_one(expected: float) -> None:
    alone = np.random.default_rng(3).poisson(expected, (400, 40)).astype(float)
    assert dispersions(alone, np.full(alone.shape, 500.0)).mean() < 1.2


@pytest.mark.parametrize("size", [1, 2, 5, 20])
@pytest.mark.parametrize("gone", [0.0, 0.1, 0.2])
def test_what_trimming_leaves_of_a_chi2(size: int, gone: float) -> None:
    each = np.sort(np.random.default_rng(3).chisquare(size, 100_000) / size)
    assert _left_by_trimming(size, gone) == pytest.approx(each[: round(len(each) * (1 - gone))].mean(), abs=0.01)


def test_unevenness_has_the_p_of_the_chi2_test() -> None:
    failures = np.array([[3.0, 9.0, 4.0, 12.0, 6.0, 2.0, 8.0]])
    requests = np.full((1, 7), 200.0)
    p = stats.chi2_contingency(np.array([failures[0], requests[0] - failures[0]]), correction=False).pvalue
    assert float(upper_p(unevenness(failures, requests))[0]) == pytest.approx(p, rel=0.05)
    assert unevenness(np.zeros((1, 5)), np.full((1, 5), 9.0))[0] == 0
    assert unevenness(np.ones((1, 1)), np.full((1, 1), 9.0))[0] == 0


@pytest.mark.parametrize("z", [-3.0, 0.0, 1.0, 2.33, 8.0])
def test_upper_p_is_the_normal_survival_function(z: float) -> None:
    assert float(upper_p(z)) == pytest.approx(stats.norm.sf(z))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.sampled_from([0.01, 0.05, 0.2]))
def test_significant_is_benjamini_hochberg(p_values: list[float], rate: float) -> None:
    expected = stats.false_discovery_control(p_values, method="bh") <= rate
    borderline = np.isclose(stats.false_discovery_control(p_values, method="bh"), rate, rtol=1e-9)
    assert (significant(p_values, rate) == expected)[~borderline].all()


def test_significant_of_nothing_is_nothing() -> None:
    assert significant([], 0.01).tolist() == []


@pytest.mark.parametrize(("successes", "total"), [(0, 20), (20, 20), (984, 1000), (1, 3)])
def test_wilson_interval(successes: int, total: int) -> None:
    expected = stats.binomtest(successes, total).proportion_ci(method="wilson")
    assert wilson_interval(successes, total) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_difference_interval_holds_the_difference_and_widens_with_overdispersion() -> None:
    low, high = difference_interval([2, 0], [400, 50], [6, 0], [300, 40], [1.0, 1.0])
    assert low[0] < 6 / 300 - 2 / 400 < high[0]
    assert low[1] < 0 < high[1]
    wide = difference_interval([2], [400], [6], [300], [4.0])
    assert wide[1][0] - wide[0][0] == pytest.approx(2 * (high[0] - low[0]))


def test_share_of_nothing_is_zero() -> None:
    assert share([1, 0], [4, 0]).tolist() == [0.25, 0]
