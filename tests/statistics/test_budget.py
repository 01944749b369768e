"""The budget holds, and its tests do what they say."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest
from scipy import stats

from .budget import (
    ERRORS,
    REPETITIONS,
    ROWS,
    SHARES,
    TOTAL,
    frequencies_p_value,
    level,
    mean_p_values,
    middle_errors,
)


def test_all_shares_together_are_within_the_budget():
    assert sum(SHARES.values()) <= TOTAL <= 1e-4


def test_a_share_is_divided_among_its_comparisons():
    assert level("gradients", 7) * 7 == pytest.approx(SHARES["gradients"])
    with pytest.raises(KeyError):
        level("not in the budget", 1)


def test_the_middle_of_three_errors_beyond_four_is_within_the_share():
    assert REPETITIONS == 3
    tail = stats.norm.sf(ERRORS)
    # Two of three, or all of them, on one of two sides.
    assert 2 * (3 * tail**2 * (1 - tail) + tail**3) <= level("evidence of rows", ROWS)


def test_the_middle_of_three_errors_is_taken_row_by_row(key):
    values = iter(np.array([[0.0, 9.0, 5.0], [0.5, 0.0, 9.0], [9.0, 1.0, -9.0]]))
    estimate = lambda key: SimpleNamespace(values=next(values), standard_errors=np.full(3, 0.5))
    np.testing.assert_array_equal(middle_errors(estimate, key, np.zeros(3)), [1.0, 2.0, 10.0])


def test_each_of_the_three_estimates_has_a_key_of_its_own(key):
    noise = lambda key: np.asarray(jax.random.normal(key, (4000,)), np.float64)
    estimate = lambda key: SimpleNamespace(values=noise(key), standard_errors=np.ones(4000))
    # The middle of three normal numbers has a variance of 0.449 (Pearson & Hartley 1954).
    assert middle_errors(estimate, key, np.zeros(4000)).var() == pytest.approx(0.449, abs=0.06)


def test_p_values_of_true_hypotheses_are_not_too_small():
    """Out of 2,000 p-values a share of p may lie below p; five deviations are allowed."""
    rng = np.random.default_rng(0)
    p = np.array([0.5, 0.3, 0.15, 0.05])
    seen = np.array([frequencies_p_value(rng.multinomial(500, p), p, 500) for _ in range(2000)])
    student = mean_p_values(rng.normal(size=(64, 2000)))
    for p_values in (seen, student):
        for cut in (0.01, 0.1):
            assert np.mean(p_values < cut) < cut + 5 * np.sqrt(cut / 2000)


def test_p_values_of_false_hypotheses_are_small():
    assert frequencies_p_value(np.array([5300, 4700]), np.array([0.5, 0.5]), 10_000) < 1e-7
    assert mean_p_values(np.random.default_rng(0).normal(1.0, 1.0, size=(64, 1)))[0] < 1e-8
    assert mean_p_values(np.full((64, 1), 1.0), 1.001)[0] < 1e-9
