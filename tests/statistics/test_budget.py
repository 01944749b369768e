"""The budget holds, and its tests do what they say."""

import numpy as np
import pytest

from .budget import SHARES, TOTAL, frequencies_p_value, level, mean_p_values


def test_all_shares_together_are_within_the_budget():
    assert sum(SHARES.values()) <= TOTAL <= 1e-4


def test_a_share_is_divided_among_its_comparisons():
    assert level("gradients", 7) * 7 == pytest.approx(SHARES["gradients"])
    with pytest.raises(KeyError):
        level("not in the budget", 1)


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
