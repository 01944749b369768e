"""Tail probabilities: what they promise holds for every order in which rows may come."""

import numpy as np
import pytest

from jensen.queries import tails


def of_each(values):
    """The tail of each value beside all the others."""
    return np.array(
        [
            tails(values[[i]], np.delete(values, i))[0]
            for i in np.random.default_rng(0).permutation(len(values))
        ]
    )


def test_of_rows_that_come_alike_each_tail_is_equally_likely():
    found = np.sort(of_each(np.random.default_rng(1).normal(size=30)))
    np.testing.assert_allclose(found, np.arange(1, 31) / 30)
    # The share of the others alone would be 0 for one row in 30.
    shares = (30 * found - 1) / 29
    assert (shares <= shares.min()).mean() > shares.min()


def test_equal_scores_promise_less():
    values = np.repeat([0.0, 1.0, 2.0], [3, 1, 4])
    found = of_each(values)
    for p in found:
        assert (found <= p).mean() <= p


@pytest.mark.parametrize("known", [[], [np.nan]])
def test_what_is_not_known_says_nothing(known):
    np.testing.assert_array_equal(tails(np.array([1.0, np.nan]), np.array(known)), [1.0, np.nan])


def test_infinitely_unlikely_rows_are_the_rarest():
    assert tails(np.array([-np.inf]), np.array([-3.0, -1.0, 0.0]))[0] == 0.25
