"""Every digit against SciPy in double precision, and finite numbers at the extremes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, gammaln, log_expit

from jensen.errors import OptionError
from jensen.parts.likelihoods import (
    BetaBinomialDistribution,
    BinomialDistribution,
    StudentTDistribution,
)

from ..zoo import EVENT, LIKELIHOODS, assert_finite, build, rows_of, widest
from .members import draws, member, moments, on_every_likelihood
from .references import EPSILON, reference


def wide_settings(likelihood, rng, count):
    """Parameters over all the ranges that real data lead to, concentrations of 1e5 included.

    Shape (parameters, count, *event).
    """
    bounded = np.isfinite(likelihood.largest)
    h = rng.uniform(
        *((-6.0, 6.0) if bounded else (-7.0, 9.2)), (likelihood.parameters, count, *EVENT)
    )
    if likelihood.parameters == 2:
        # From dispersed to all but none: log θ falls to -12 where log r rises to 12.
        extent = (-5.0, 2.0)
        if likelihood.discrete:
            extent = (-11.5, 3.0) if bounded else (-5.0, 11.5)
        h[1] = rng.uniform(*extent, (count, *EVENT))
    return h.astype(np.float32)


def likely_and_unlikely(mean, variance, likelihood, rng):
    """Values some deviations from the mean, and the ends of the support."""
    x = mean + np.sqrt(variance) * rng.normal(0, 2.5, (12, *mean.shape))
    if likelihood.discrete:
        last = likelihood.largest if np.isfinite(likelihood.largest) else 1e4
        x = np.clip(np.rint(x), 0, last)
        x[-1], x[-2] = 0.0, last
    return x.astype(np.float32)


@eqx.filter_jit
def at_all_settings(likelihood, h, x):
    """Mean and variance at each of h, and log p of each of x there."""
    each = lambda h, x: jax.vmap(likelihood(h).log_prob)(x)
    return *jax.vmap(lambda h: moments(likelihood, h), 1)(h), jax.vmap(each, (1, 1), 1)(h, x)


def against_scipy(likelihood, rng, count=60):
    h = wide_settings(likelihood, rng, count)
    expected = reference(likelihood, h)
    x = likely_and_unlikely(expected.mean, expected.variance, likelihood, rng)
    mean, variance, found = at_all_settings(likelihood, h, x)
    exact = expected.log_prob(x.astype(np.float64))
    error = np.abs(np.asarray(found, np.float64) - exact)
    allowed = 8 * (expected.rounding(x.astype(np.float64)) + EPSILON * np.abs(exact))
    worst = np.unravel_index(np.argmax(error - allowed), x.shape)
    assert (error <= allowed).all(), (
        f"x={x[worst]}, h={h[(slice(None), *worst[1:])]}: {found[worst]}, SciPy {exact[worst]}"
    )
    # Sums over a categorical's levels, and exp of what is up to 12: some 20 roundings.
    np.testing.assert_allclose(mean, expected.mean, rtol=4e-6, atol=1e-6)
    # At probabilities up to 0.9975, of which one is less, 400 times their rounding is left.
    known = (5e-5 + expected.of_variance) * expected.variance + 1e-6
    np.testing.assert_array_less(np.abs(variance - expected.variance), known)


@on_every_likelihood
def test_agrees_with_scipy(name, key):
    against_scipy(member(name, key), np.random.default_rng(2))


@pytest.mark.parametrize("high", [1, 16, 255, 10_000, 1_000_000])
@pytest.mark.parametrize("name", [n for n, f in LIKELIHOODS.items() if f.kinds[-1] == "bounded"])
def test_agrees_with_scipy_up_to_large_bounds(name, high):
    rows = np.zeros((2, *EVENT), np.float32)
    try:
        likelihood = build(name, rows, float(high))
    except OptionError:
        pytest.skip("refuses so many levels")
    if likelihood.parameters > 300:
        pytest.skip("as many parameters as levels")
    # SciPy's side of a mixture has a term for each of its levels.
    against_scipy(likelihood, np.random.default_rng(3), count=60 if high < 10_000 else 10)


@pytest.mark.parametrize("raw_df", [0.0, 100.0, 1e4, 1e6])
def test_student_t_agrees_with_scipy_up_to_the_normal(raw_df):
    likelihood = build("student-t", rows_of("real"))
    likelihood = eqx.tree_at(lambda t: t.raw_df, likelihood, jnp.full(EVENT, raw_df))
    against_scipy(likelihood, np.random.default_rng(4))


@eqx.filter_jit
def value_and_slope(likelihood, h, x):
    """log p of each of x, shape (values, *event), and the gradient of their sum by h."""
    log_prob = lambda h: jax.vmap(likelihood(h).log_prob)(x)
    return log_prob(h), jax.grad(lambda h: jnp.sum(log_prob(h)))(h)


@pytest.mark.parametrize("logit", [-90.0, 90.0])
@pytest.mark.parametrize("n", [65, 1000])
def test_beta_binomial_far_out_with_a_large_bound(n, logit):
    """A mean of e⁻⁹⁰ times n, too small for single precision, has a likelihood nonetheless."""
    likelihood = build("beta-binomial", np.zeros((2, *EVENT), np.float32), float(n))
    h = jnp.stack([jnp.full(EVENT, logit), jnp.linspace(-4.0, 2.0, 6).reshape(EVENT)])
    x = jnp.asarray([0.0, 1.0, n // 2, n - 1, n]).reshape(-1, 1, 1) * jnp.ones((1, *EVENT))
    log_prob, slope = value_and_slope(likelihood, h, x)
    exact = reference(likelihood, np.asarray(h, np.float64))
    double = np.asarray(x, np.float64)
    np.testing.assert_allclose(log_prob, exact.log_prob(double), rtol=1e-5, atol=1e-3)
    assert_finite(slope)
    # d log p / d logit of a count that is all but impossible: ±1 for all of x but one.
    np.testing.assert_allclose(slope[0], -np.sign(logit) * 4, atol=1e-3)


@pytest.mark.parametrize("name", ["poisson", "negative-binomial"])
@pytest.mark.parametrize("log_mean", [-200.0, 200.0])
def test_counts_stay_finite_where_a_mean_would_overflow(name, log_mean):
    likelihood = build(name, widest(name))
    h = jnp.zeros((likelihood.parameters, *EVENT)).at[0].set(log_mean)
    x = jnp.asarray([0.0, 1.0, 1e4]).reshape(-1, 1, 1) * jnp.ones((1, *EVENT))
    assert_finite(value_and_slope(likelihood, h, x))
    mean, variance = moments(likelihood, h)
    assert_finite((mean, variance))
    np.testing.assert_allclose(mean, np.exp(np.sign(log_mean) * 20), rtol=1e-5)
    assert_finite(draws(likelihood, h, jax.random.key(0), 3))


def value_and_slopes(log_prob, *parameters):
    """log p and its derivatives by each of the parameters, entry by entry."""
    total = lambda *parameters: jnp.sum(log_prob(*parameters))
    slopes = jax.grad(total, tuple(range(len(parameters))))
    return jax.jit(lambda *p: (log_prob(*p), slopes(*p)))(*map(jnp.float32, parameters))


def test_student_t_keeps_its_digits_at_all_degrees_of_freedom():
    df, x = np.meshgrid(np.float32(10.0 ** np.linspace(0, 6, 61)), np.float32([0, 0.5, -3, 1e4]))
    log_prob = lambda df, x: StudentTDistribution(df, 0 * x, 1 + 0 * x).log_prob(x)
    found, slopes = value_and_slopes(log_prob, df, x)
    exact = stats.t(df.astype(np.float64)).logpdf(x)
    assert_finite(slopes)
    # The largest term is log p itself: √2π's logarithm, or the tail's.
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("n", [1, 2, 100, 10_000, 1_000_000])
def test_binomial_keeps_its_digits_at_all_bounds(n):
    shares = [0, 1e-5, 0.01, 0.3, 0.5, 0.6, 0.999, 1]
    logit, x = np.meshgrid(np.float32([-90, -30, -6, -0.4, 0, 1, 11, 90]), np.float32(shares))
    x = np.rint(n * x)
    log_prob = lambda h: BinomialDistribution(h, n).log_prob(jnp.asarray(x))
    found, (slope,) = value_and_slopes(log_prob, logit)
    wide, x = logit.astype(np.float64), x.astype(np.float64)
    # SciPy has no digits at probabilities next to one: their logarithms by hand.
    yes, no = x * log_expit(wide), (n - x) * log_expit(-wide)
    exact = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1) + yes + no
    largest = np.maximum(np.abs(exact), np.abs(x - n * expit(wide)))
    np.testing.assert_array_less(np.abs(found - exact), 1e-6 * largest + 1e-5)
    np.testing.assert_allclose(slope, x - n * expit(wide), rtol=1e-5, atol=1e-6 * n)


def test_what_is_next_to_impossible_is_not_drawn(key):
    """Uniform numbers that may be nought would draw 10 of these, whose like costs 40 nats."""
    never = jnp.full(1_000_000, -40.0)
    p = BetaBinomialDistribution(never, jnp.full(1_000_000, 6e-6), 64)
    assert not np.any(p.sample(key))
    assert not np.any(BinomialDistribution(never, 16).sample(key))
    assert np.all(BinomialDistribution(-never, 16).sample(key) == 16)
    for n in (16, 100):
        assert np.isnan(BinomialDistribution(jnp.full(3, jnp.nan), n).sample(key)).all()
