"""Probabilities sum to one, densities integrate to one, and `mean` is the mean."""

from functools import cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, log_ndtr, ndtr

from jensen.parts.columns._base import single
from jensen.parts.columns.whole import RoundedDistribution, RoundedLogNormalDistribution

from .members import (
    grid_probabilities,
    log_probs,
    means,
    moderate,
    on_every_law,
    places,
    table,
)

# What 10,000 probabilities, each known to some ten roundings, may be off by together.
SUM = 2e-5
# What stands for infinity.
LARGEST = float(single([np.inf])[0])


@cache
def at_atoms():
    """P(x = atom) of each column at the moderate h, nought where none is a lone point."""
    x = table().rows[:1].astype(np.float64)
    alone = np.zeros(x.shape, bool)
    for law, columns, _, atom in places().values():
        if atom is not None and not law.discrete:
            x[0, columns], alone[0, columns] = atom, True
    return x[0], np.where(alone, np.exp(log_probs(moderate(), x)), 0.0)[0]


@on_every_law
def test_all_of_it_is_one(name):
    columns = places()[name].columns
    _, p, weight = (each[:, columns] for each in grid_probabilities())
    total = (p * weight).sum(0) + at_atoms()[1][columns]
    np.testing.assert_allclose(total, 1.0, atol=SUM)


@cache
def moderate_means():
    return np.asarray(means(table().columns, jnp.asarray(moderate())[None])[0], np.float64)


@on_every_law
def test_mean_is_the_first_moment(name):
    law, columns, *_ = places()[name]
    x, p, weight = (each[:, columns] for each in grid_probabilities())
    found = moderate_means()[columns]
    if law.categories:
        # Categories have none; the most likely of them that was seen stands for it.
        known = np.where(x < np.array(law.counts), p, 0.0)
        np.testing.assert_array_equal(found, np.argmax(known, axis=0))
        return
    atom, share = (each[columns] for each in at_atoms())
    expected = (x * p * weight).sum(0) + share * atom
    spread = np.sqrt(((x - expected) ** 2 * p * weight).sum(0))
    # Probabilities that are all off by a share of SUM move it by that share of where it lies.
    np.testing.assert_array_less(np.abs(found - expected), SUM * (np.abs(expected) + spread))


# Locations in and beyond the support, on whole numbers and halves and beside them, and scales
# from a thousandth of a step to a thousand steps.
ENDS = [(-np.inf, np.inf), (0.0, np.inf), (0.0, 10.0), (-5.0, 300.0), (0.0, 1.0)]
SCALES = [1e-3, 0.05, 0.3, 0.8, 0.99, 1.01, 2.0, 10.0, 300.0, 1000.0]


def settings(locs, scales, ends):
    shape = (len(locs), len(scales), len(ends))
    loc, scale = np.meshgrid(locs, scales, indexing="ij")
    low, high = np.array(ends).T
    along = lambda a: np.broadcast_to(np.asarray(a)[..., None], shape).ravel()
    last = lambda a: np.broadcast_to(a, shape).ravel()
    made = along(loc), along(scale), last(low), last(high)
    return [np.asarray(each, np.float32).astype(np.float64) for each in made]


def made(kind, loc, scale, low, high):
    ends = np.clip(low, -LARGEST, LARGEST), np.clip(high, -LARGEST, LARGEST)
    return kind(*(jnp.asarray(each, jnp.float32) for each in (loc, scale, *ends)))


def sum_of(below, low, high, start, stop):
    """E[X] = a + Σ P(X > k) − ..., by every whole number from `start` to `stop`.

    `below` is of each location and scale, which have all of the ends in turn.
    """
    above = 1 - below(np.arange(start, stop)[:, None] + 0.5)
    up_to = np.pad(np.cumsum(above, axis=0), ((1, 0), (0, 0)))
    first, last = (np.clip(end, low, high).reshape(up_to.shape[1], -1).T for end in (start, stop))
    until = lambda k: np.take_along_axis(up_to, (k - start).astype(int), axis=0)
    return (first + until(last) - until(first)).T.ravel()


mean_of = eqx.filter_jit(lambda distribution: distribution.mean)
log_prob_of = eqx.filter_jit(lambda distribution, x: distribution.log_prob(x))


def test_mean_of_a_rounded_logistic_at_all_scales():
    at = settings([-30.0, 0.0, 0.5, 3.3, 4.5, 9.7, 10.5, 150.2], SCALES, ENDS)
    loc, scale, low, high = at
    found = np.asarray(mean_of(made(RoundedDistribution, *at)), np.float64)
    once = slice(None, None, len(ENDS))
    below = lambda k: expit((k - loc[once]) / scale[once])
    exact = sum_of(below, low, high, -30_000, 30_000)
    # The series of Euler and Maclaurin was cut at 8e-6 of a step; a sum of large terms of both
    # signs has the rounding of the largest, 40 scales.
    allowed = 2e-5 + 2.0**-23 * (np.abs(loc) + 40 * np.maximum(scale, 1))
    np.testing.assert_array_less(np.abs(found - exact), allowed)


LOG_ENDS = [(0.0, np.inf), (1.0, np.inf), (0.0, 3.0), (0.0, 70.0), (1.0, 5000.0), (100.0, 40_000.0)]


def test_mean_of_a_rounded_log_normal_at_all_scales():
    places = [0.01, 0.3, 0.5, 1.0, 2.5, 7.3, 31.0, 33.4, 64.5, 100.5, 1000.5, 20_000.0]
    scales = [1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 8.0, 20.0]
    at = settings(np.log(places), scales, LOG_ENDS)
    loc, scale, low, high = at
    found = np.asarray(mean_of(made(RoundedLogNormalDistribution, *at)), np.float64)
    stop = 41_000
    once = slice(None, None, len(LOG_ENDS))
    below = lambda t: ndtr((np.log(t) - loc[once]) / scale[once])
    exact = sum_of(below, low, high, 0, stop)
    # Beyond, by the integral, whose midpoints are off by less than 1e-6 of a step there, up to
    # what stands for infinity.

    def up_to(t):
        z = (np.log(t) - loc) / scale
        return np.exp(loc + scale**2 / 2 + log_ndtr(z - scale)) + t * ndtr(-z)

    z = (np.log(stop) - loc) / scale
    rest = up_to(LARGEST) - up_to(stop)
    exact = exact + np.where(np.isinf(high), rest, 0.0)
    # exp of what is known to a share of its terms; in steps, what Euler's series was cut at. At
    # a scale far below a step, how many of the steps lie below e^loc hangs on the last digit.
    edge = 2.0**-22 * (1 + np.abs(loc)) / scale
    terms = 2.0**-22 * (4 + np.abs(loc) + scale**2 / 2 + z**2 / 2 * (scale > 1))
    allowed = 1e-4 + np.minimum(edge, 1) + terms * np.maximum(exact, 1)
    # Means beyond e⁶⁰ are e⁶⁰.
    within = exact < np.exp(59)
    assert (~within).sum() < 0.07 * within.size
    np.testing.assert_array_less(np.abs(found - exact)[within], allowed[within])
    assert (found[~within] >= np.exp(58)).all()


@pytest.mark.parametrize("high", [np.inf, 1e4])
def test_numbers_beyond_single_precision_have_probabilities(high):
    """The probability of one whole number of ten million is that of the density."""
    x = np.array([100.0, 1e4, 1e6, 1e7]) if np.isinf(high) else np.array([50.0, 500.0, 5e3, 9e3])
    at = np.log(x) + 0.3, np.full(4, 0.5), np.zeros(4), np.full(4, high)
    p = made(RoundedLogNormalDistribution, *at)
    found = np.asarray(log_prob_of(p, jnp.asarray(x, jnp.float32)), np.float64)
    density = -0.5 * 0.6**2 - 0.5 * np.log(2 * np.pi) - np.log(0.5) - np.log(x)
    np.testing.assert_allclose(found, density, atol=2e-4)
