"""Laws of likelihoods: every member of the family, on every kind of data that it serves."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats
from scipy.special import expit, gammaln, log_expit

from jensen import Datum, Model
from jensen._lenient import Lenient
from jensen._sampling import draw
from jensen.errors import OptionError
from jensen.parts.likelihoods import BinomialDistribution, StudentTDistribution
from jensen.parts.priors import StandardNormal
from jensen.training.step import split_trainable

from .references import EPSILON, reference
from .zoo import (
    DENSITIES,
    DISCRETE,
    EVENT,
    HIGH,
    LIKELIHOODS,
    SERVED,
    assert_finite,
    build,
    jittered,
    random_h,
    rows_of,
    widest,
)

on_every_likelihood = pytest.mark.parametrize("name", LIKELIHOODS)
on_all_it_serves = pytest.mark.parametrize(
    ("name", "kind"), SERVED, ids=[f"{name} on {kind}" for name, kind in SERVED]
)


def member(name, key, moved=0.3):
    return jittered(build(name, widest(name)), key, moved)


# Compiled whole: op by op, sampling and gamma functions take seconds to compile.


@eqx.filter_jit
def log_probs(likelihood, h, x):
    """log p(x) of each of x, shape (values, *event)."""
    return jax.vmap(likelihood(h).log_prob)(x)


@eqx.filter_jit
def moments(likelihood, h):
    p = likelihood(h)
    return p.mean, p.variance


@eqx.filter_jit
def draws(likelihood, h, key, count):
    return draw(likelihood(h), key, count)


def settings(likelihood, rows, key):
    """Where the decoder may lead: to begin with, at random, and far out in every direction."""
    count = likelihood.parameters
    yield likelihood.initial(rows)
    yield random_h(likelihood, key, 2.0)
    blank = jnp.zeros((count, *EVENT))
    for corner in range(min(2**count, 4)):
        signs = [1.0 if corner >> (k % 2) & 1 else -1.0 for k in range(count)]
        yield blank + 30.0 * jnp.array(signs).reshape(-1, *(1,) * len(EVENT))


def ends(likelihood):
    """Values at both ends of the support; far out where it has no end."""
    if likelihood.discrete:
        last = likelihood.largest if np.isfinite(likelihood.largest) else 1e4
        return [0.0, 1.0, last]
    return [-1e3, 0.0, 1e3]


def support(likelihood, h):
    """Whole numbers that hold all the probability but a millionth, shape (numbers, 1, ...)."""
    last = likelihood.largest
    if not np.isfinite(last):
        mean, variance = moments(likelihood, h)
        last = float(jnp.max(mean + 60 * jnp.sqrt(variance) + 100))
    return np.arange(last + 1, dtype=np.float32).reshape(-1, *(1,) * len(EVENT))


@on_every_likelihood
def test_one_term_for_each_entry(name, key):
    likelihood = member(name, key)
    assert likelihood.event_shape == EVENT
    h, x = random_h(likelihood, key), jnp.asarray(widest(name)[0])
    p = likelihood(h)
    assert p.log_prob(x).shape == p.mean.shape == p.variance.shape == EVENT
    shape = lambda *shape: jax.eval_shape(lambda key: likelihood(h).sample(key, shape), key).shape
    assert shape() == EVENT
    # NumPyro's own sampling in shapes is not written for strict promotion.
    if type(p).__module__.startswith("jensen"):
        assert shape(4) == (4, *EVENT)


@on_every_likelihood
def test_samples_lie_in_the_support(name, key):
    likelihood = member(name, key)
    h = random_h(likelihood, key)
    x = draws(likelihood, h, key, 200)
    assert_finite(log_probs(likelihood, h, x))
    if likelihood.discrete:
        np.testing.assert_array_equal(x, np.rint(x))
        assert x.min() >= 0
        assert x.max() <= likelihood.largest


@on_every_likelihood
def test_jit_and_vmap_agree_with_eager(name, key):
    likelihood = member(name, key)
    x = jnp.asarray(widest(name)[:3])
    h = jnp.stack([random_h(likelihood, k) for k in jax.random.split(key, 3)])
    one = lambda likelihood, h, x: likelihood(h).log_prob(x)
    eager = jnp.stack([one(likelihood, each, row) for each, row in zip(h, x, strict=True)])
    # Fused operations round otherwise: a few units in the last place of the largest term.
    close = lambda other: np.testing.assert_allclose(eager, other, rtol=2e-5, atol=2e-5)
    close(eqx.filter_jit(jax.vmap(one, (None, 0, 0)))(likelihood, h, x))


@on_every_likelihood
def test_gradients_are_finite(name, key):
    likelihood, rows = member(name, key), widest(name)
    trainable, rest = split_trainable(likelihood)

    @jax.jit
    def value_and_gradients(moved, x):
        log_prob = lambda moved: eqx.combine(moved[0], rest)(moved[1]).log_prob(x)
        total = lambda moved: jnp.sum(log_prob(moved))
        return log_prob(moved), jax.grad(total)(moved)

    for h in settings(likelihood, rows, key):
        for end in ends(likelihood):
            assert_finite(value_and_gradients((trainable, h), jnp.full(EVENT, end)))


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities_sum_to_one(name, key):
    likelihood = member(name, key)
    for h in (likelihood.initial(widest(name)), random_h(likelihood, key)):
        x = support(likelihood, h)
        x = np.broadcast_to(x, (len(x), *EVENT))
        log_prob = np.asarray(log_probs(likelihood, h, jnp.asarray(x)), np.float64)
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
    log_prob = np.asarray(log_probs(likelihood, h, jnp.asarray(x, jnp.float32)), np.float64)
    integral = np.trapezoid(np.exp(log_prob) * deviation * np.cosh(t), t, axis=0)
    np.testing.assert_allclose(integral, 1.0, atol=3e-5)


def wide_settings(likelihood, rng, count=60):
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


def against_scipy(likelihood, rng):
    h = wide_settings(likelihood, rng)
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
    np.testing.assert_allclose(variance, expected.variance, rtol=5e-5, atol=1e-6)


@on_every_likelihood
def test_agrees_with_scipy(name, key):
    against_scipy(member(name, key), np.random.default_rng(2))


@pytest.mark.parametrize("high", [1, 16, 255, 10_000, 1_000_000])
@pytest.mark.parametrize("name", [n for n, f in LIKELIHOODS.items() if f.kinds[-1] == "bounded"])
def test_agrees_with_scipy_up_to_large_bounds(name, high):
    likelihood = build(name, np.zeros((2, *EVENT), np.float32), float(high))
    if likelihood.parameters > 300:
        pytest.skip("as many parameters as levels")
    against_scipy(likelihood, np.random.default_rng(3))


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


@pytest.mark.parametrize("raw_df", [0.0, 100.0, 1e4, 1e6])
def test_student_t_agrees_with_scipy_up_to_the_normal(raw_df):
    likelihood = build("student-t", rows_of("real"))
    likelihood = eqx.tree_at(lambda t: t.raw_df, likelihood, jnp.full(EVENT, raw_df))
    against_scipy(likelihood, np.random.default_rng(4))


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


@on_all_it_serves
def test_begins_at_the_mean_of_each_column(name, kind):
    rows = rows_of(kind)
    rows[:, 0, 0] = rows[0, 0, 0]  # a column that never changes
    likelihood = build(name, rows)
    mean = np.asarray(moments(likelihood, likelihood.initial(rows))[0])
    # A count is smoothed by at most one observation more, spread over the levels.
    allowed = 0.0 if not likelihood.discrete else 2 * (rows.max() - rows.min() + 1) / len(rows)
    np.testing.assert_allclose(mean, rows.mean(0), rtol=1e-5, atol=allowed + 1e-5)


@on_all_it_serves
def test_begins_where_all_the_rows_are_possible(name, kind):
    rows = rows_of(kind)
    likelihood = build(name, rows)
    h = likelihood.initial(rows)
    variance = np.asarray(moments(likelihood, h)[1])
    assert_finite(log_probs(likelihood, h, jnp.asarray(rows)))
    assert_finite(variance)
    assert (variance > 0).all()


@pytest.mark.parametrize("factor", [1e-3, 7.5, 1e4])
@pytest.mark.parametrize("name", DENSITIES)
def test_other_units_shift_the_density_by_the_log_jacobian(name, factor, key):
    rows = rows_of("real")
    plain = build(name, rows, sigma=0.7)
    other = build(name, np.float32(factor) * rows, sigma=0.7 * factor)
    h = random_h(plain, key)
    x = jnp.asarray(rows[:5])
    before = log_probs(plain, h, x)
    after = log_probs(other, h, x * factor)
    # The location is rounded anew in the new units: 1e-6 of some deviations, squared.
    np.testing.assert_allclose(after, before - np.log(factor), atol=2e-4, rtol=1e-5)


@pytest.mark.parametrize("name", DISCRETE)
def test_all_levels_at_once_are_those_of_each(name, key):
    likelihood = member(name, key)
    h = random_h(likelihood, key)
    p = likelihood(h)
    if not hasattr(p, "log_probs"):
        pytest.skip("has no log_probs")
    x = np.broadcast_to(support(likelihood, None), (int(likelihood.largest) + 1, *EVENT))
    each = log_probs(likelihood, h, jnp.asarray(x))
    np.testing.assert_allclose(jnp.moveaxis(p.log_probs(), -1, 0), each, rtol=1e-5, atol=1e-5)


@on_every_likelihood
def test_takes_no_value_that_it_has_no_use_for(name):
    family, rows = LIKELIHOODS[name], widest(name)
    bad = [None, 0.0, -1.0, float("nan"), float("inf")] if family.takes_value else [0.5]
    for value in bad:
        with pytest.raises(OptionError, match=name):
            family.build(rows, HIGH, value)


@on_every_likelihood
def test_what_was_not_observed_makes_neither_nan_nor_gradient(name, key):
    likelihood, rows = member(name, key), widest(name)
    h = random_h(likelihood, key)
    model = Model(StandardNormal(1), lambda z: h * z[0], likelihood, lambda x, mask: None)
    mask = jnp.array([[True, False, True], [False, True, True]])
    x = jnp.where(mask, jnp.asarray(rows[0]), jnp.nan)
    of_z = lambda z: model.log_likelihood(Datum(x, mask), z)
    value, slope = jax.jit(jax.value_and_grad(of_z))(jnp.ones(1))
    expected = jnp.sum(jnp.where(mask, likelihood(h).log_prob(jnp.asarray(rows[0])), 0.0))
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert_finite(slope)


@pytest.mark.parametrize(
    ("family", "x"),
    [
        (lambda z: dist.LogNormal(z, 0.5), [0.7, 0.2]),
        (lambda z: dist.Gamma(jnp.exp(z), 2.0), [0.7, 0.2]),
        (lambda z: dist.Beta(jnp.exp(z), 2.0), [0.7, 0.2]),
        (lambda z: dist.Uniform(5.0 - jnp.exp(z), 5.0 + jnp.exp(z)), [4.7, 5.2]),
        (lambda z: dist.Pareto(jnp.exp(z), 3.0), [7.0, 9.0]),
    ],
    ids=["log-normal", "gamma", "beta", "uniform", "pareto"],
)
def test_what_stands_for_a_missing_entry_lies_in_the_users_own_support(family, x):
    likelihood = lambda h: Lenient(family(h))
    model = Model(StandardNormal(2), lambda z: z, likelihood, lambda x, mask: None)
    z, mask = jnp.array([0.3, -0.2]), jnp.array([True, False])
    of_z = lambda z: model.log_likelihood(Datum(jnp.array([x[0], jnp.nan]), mask), z)
    value, slope = jax.jit(jax.value_and_grad(of_z))(z)
    alone = lambda z: likelihood(z).log_prob(jnp.array(x))[0]
    np.testing.assert_allclose(value, alone(z), rtol=1e-6)
    np.testing.assert_allclose(slope, jax.grad(alone)(z), rtol=1e-6)
