"""Probabilities and densities: they sum and integrate to one, in the units of the data."""

import equinox as eqx
import numpy as np
import pytest

from ..zoo import DENSITIES, DISCRETE, EVENT, VALUES, build, random_h, rows_of, widest
from .members import log_probs, member, moments


def support(likelihood, h):
    """Whole numbers that hold all the probability but a millionth, shape (numbers, 1, ...)."""
    last = likelihood.largest
    if not np.isfinite(last):
        mean, variance = moments(likelihood, h)
        last = float(np.max(np.asarray(mean) + 60 * np.sqrt(np.asarray(variance)) + 100))
    return np.arange(last + 1, dtype=np.float32).reshape(-1, *(1,) * len(EVENT))


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities_sum_to_one(name, key):
    likelihood = member(name, key)
    for h in (likelihood.initial(widest(name)), random_h(likelihood, key)):
        x = support(likelihood, h)
        x = np.broadcast_to(x, (len(x), *EVENT))
        log_prob = np.asarray(log_probs(likelihood, h, x), np.float64)
        # Each log-probability that counts is known to some 1e-6 nats.
        np.testing.assert_allclose(np.exp(log_prob).sum(0), 1.0, atol=3e-5)


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_integrate_to_one_in_the_units_of_the_data(name, key):
    likelihood = member(name, key)
    h = random_h(likelihood, key)
    mean, variance = (np.asarray(each, np.float64) for each in moments(likelihood, h))
    deviation = np.sqrt(variance)
    # Beyond 100 deviations even a Student-t with three degrees of freedom has a millionth left;
    # in asinh of the deviations the trapezoid rule meets the peak and the tails alike.
    t = np.linspace(-np.arcsinh(100), np.arcsinh(100), 2001).reshape(-1, *(1,) * len(EVENT))
    x = mean + deviation * np.sinh(t)
    log_prob = np.asarray(log_probs(likelihood, h, x.astype(np.float32)), np.float64)
    integral = np.trapezoid(np.exp(log_prob) * deviation * np.cosh(t), t, axis=0)
    np.testing.assert_allclose(integral, 1.0, atol=3e-5)


@pytest.mark.parametrize("factor", [1e-3, 7.5, 1e4])
@pytest.mark.parametrize("name", DENSITIES)
def test_other_units_shift_the_density_by_the_log_jacobian(name, factor, key):
    rows = rows_of("real")
    plain = build(name, rows)
    sigma = VALUES[name] * factor if name in VALUES else None
    other = build(name, np.float32(factor) * rows, value=sigma)
    h = random_h(plain, key)
    x = rows[:5]
    before = np.asarray(log_probs(plain, h, x))
    after = log_probs(other, h, x * factor)
    # The location is rounded anew in the new units: 1e-6 of some deviations, squared.
    np.testing.assert_allclose(after, before - np.log(factor), atol=2e-4, rtol=1e-5)


@pytest.mark.parametrize("name", DISCRETE)
def test_all_levels_at_once_are_those_of_each(name, key):
    likelihood = member(name, key)
    h = random_h(likelihood, key)
    if not hasattr(likelihood(h), "log_probs"):
        pytest.skip("has no log_probs")
    x = np.broadcast_to(support(likelihood, None), (int(likelihood.largest) + 1, *EVENT))
    all_at_once = eqx.filter_jit(lambda likelihood, h: likelihood(h).log_probs())(likelihood, h)
    each = np.moveaxis(np.asarray(log_probs(likelihood, h, x)), 0, -1)
    np.testing.assert_allclose(all_at_once, each, rtol=1e-5, atol=1e-5)
