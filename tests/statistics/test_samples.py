"""What is drawn has the probabilities that `log_prob` says: goodness of fit, exactly at a level."""

import os

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats
from scipy.special import expit

from jensen._sampling import draw
from jensen.inference import FlatNormal, aggregate_posterior
from jensen.parts.likelihoods.bounded import BinomialDistribution

from ..laws.zoo import (
    LIKELIHOODS,
    POSTERIORS,
    PRIOR_NAMES,
    build,
    jittered,
    over_z,
    random_h,
    rows_of,
    small_model,
    widest,
)
from .budget import frequencies_p_value, level

# Any number will do, and others are tried by setting it.
SEED = int(os.environ.get("JENSEN_TEST_SEED", "0"))
DRAWS = 20_000
_TARGETS = np.array([0.001, 0.01, *np.arange(0.05, 0.96, 0.05), 0.99, 0.999])
SPREADS = [None, 1.0, 2.5]


@eqx.filter_jit
def log_probs(distribution, x):
    return jax.vmap(distribution.log_prob)(x)


@eqx.filter_jit
def draws(distribution, key):
    return draw(distribution, key, DRAWS)


@eqx.filter_jit
def moments(distribution):
    return distribution.mean, distribution.variance


def cells_p_value(x, edges, below):
    """Of draws x falling up to each edge and between each two, where P(x ≤ edge) = below."""
    up_to = np.searchsorted(np.sort(x), edges, side="right")
    counts = np.concatenate([up_to, np.diff([0, *up_to, len(x)])])
    probabilities = np.concatenate([below, np.diff([0.0, *below, 1.0])])
    return frequencies_p_value(counts, probabilities, len(x))


def distribution_functions(likelihood, p):
    """Values in rising order and P(x ≤ value), each of shape (values, *event), from `log_prob`."""
    mean, variance = (np.asarray(each, np.float64) for each in moments(p))
    deviation = np.sqrt(variance)
    if likelihood.discrete:
        last = min(likelihood.largest, (mean + 40 * deviation).max() + 100)
        x = np.arange(last + 1).reshape(-1, *(1,) * mean.ndim) + np.zeros_like(mean)
        density = np.exp(np.asarray(log_probs(p, x.astype(np.float32)), np.float64))
        return x, np.cumsum(density, axis=0)
    t = np.linspace(-np.arcsinh(100), np.arcsinh(100), 4001).reshape(-1, *(1,) * mean.ndim)
    x = mean + deviation * np.sinh(t)
    log_prob = np.asarray(log_probs(p, x.astype(np.float32)), np.float64)
    integrand = np.exp(log_prob) * deviation * np.cosh(t)
    steps = 0.5 * (integrand[1:] + integrand[:-1]) * (t[1] - t[0])
    return x, np.concatenate([np.zeros((1, *mean.shape)), np.cumsum(steps, axis=0)])


def likelihood_p_values(likelihood, p, key):
    x, below = distribution_functions(likelihood, p)
    drawn = np.asarray(draws(p, key), np.float64)
    for entry in np.ndindex(x.shape[1:]):
        at = (slice(None), *entry)
        index = np.unique(np.searchsorted(below[at], _TARGETS).clip(0, len(x) - 1))
        yield cells_p_value(drawn[at], x[at][index], below[at][index])


@pytest.mark.parametrize("spread", SPREADS, ids=["at first", "moved", "moved far"])
@pytest.mark.parametrize("name", LIKELIHOODS)
def test_likelihoods(name, spread):
    for_part, for_h, for_draws = jax.random.split(jax.random.key(SEED), 3)
    likelihood = jittered(build(name, widest(name)), for_part)
    h = likelihood.initial(widest(name)) if spread is None else None
    p = likelihood(random_h(likelihood, for_h, spread) if h is None else h)
    found = list(likelihood_p_values(likelihood, p, for_draws))
    assert min(found) > level("likelihood samples", len(LIKELIHOODS) * len(SPREADS) * len(found))


BINOMIALS = [(n, logit) for n in (16, 32, 33, 5000) for logit in (-9.0, -1.0, 0.3, 9.0)]


@pytest.mark.parametrize(("n", "logit"), BINOMIALS)
def test_binomials_of_few_and_of_many_trials(n, logit):
    exact = stats.binom(n, expit(logit))
    x = np.unique(exact.ppf(_TARGETS))
    drawn = draws(BinomialDistribution(jnp.float32(logit), n), jax.random.key(SEED))
    found = cells_p_value(np.asarray(drawn, np.float64), x, exact.cdf(x))
    assert found > level("binomial samples", len(BINOMIALS))


def flat_normal():
    scale_tril = jnp.array([[0.7, 0.0], [0.5, 0.4]])
    return FlatNormal(jnp.array([0.3, -0.5]), scale_tril, lambda z: z)


def drawn_from(name):
    if name in (*PRIOR_NAMES, *POSTERIORS):
        return over_z(name, 2)
    if name == "a refined posterior":
        return flat_normal()
    rows = jnp.asarray(rows_of("real", 4))
    return aggregate_posterior(small_model(jax.random.key(5)), rows)


OVER_Z = [*PRIOR_NAMES, *POSTERIORS, "a refined posterior", "an aggregate posterior"]
_SIDE, _BLOCKS, _FINE = 4.0, 10, 20


def latent_p_value(distribution, z):
    """Of draws of a two-dimensional z falling into the blocks of a chessboard, and beside it."""
    step = 2 * _SIDE / (_BLOCKS * _FINE)
    axis = -_SIDE + step * (np.arange(_BLOCKS * _FINE) + 0.5)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    density = np.exp(np.asarray(log_probs(distribution, grid.astype(np.float32)), float))
    blocks = density.reshape(_BLOCKS, _FINE, _BLOCKS, _FINE).sum((1, 3)) * step**2
    edges = np.linspace(-_SIDE, _SIDE, _BLOCKS + 1)
    counts = np.histogram2d(*np.asarray(z, float).T, [edges, edges])[0]
    # Sums of whole rows and columns see what is spread thinly over blocks.
    events = lambda a, rest: np.concatenate([a.ravel(), a.sum(0), a.sum(1), [rest - a.sum()]])
    return frequencies_p_value(events(counts, len(z)), events(blocks, 1.0), len(z))


@pytest.mark.parametrize("name", OVER_Z)
def test_distributions_over_z(name):
    distribution = drawn_from(name)
    z = draws(distribution, jax.random.fold_in(jax.random.key(SEED), 1))
    assert latent_p_value(distribution, z) > level("latent samples", len(OVER_Z))


class _Wider(eqx.Module):
    """Draws that lie a tenth farther out than they should."""

    distribution: dist.Distribution

    def log_prob(self, z):
        return self.distribution.log_prob(z)

    def sample(self, key, sample_shape=()):
        return 1.1 * self.distribution.sample(key, sample_shape)


def test_draws_a_tenth_too_wide_are_caught():
    key = jax.random.key(SEED)
    likelihood = build("normal", rows_of("real"))
    p = likelihood(jnp.zeros((1, *likelihood.event_shape)))
    x, below = distribution_functions(likelihood, p)
    drawn = np.asarray(draws(p, key), np.float64)
    wider = drawn.mean(0) + 1.1 * (drawn - drawn.mean(0))
    index = np.searchsorted(below[:, 0, 0], _TARGETS)
    assert cells_p_value(wider[:, 0, 0], x[index, 0, 0], below[index, 0, 0]) < 1e-6
    broken = _Wider(drawn_from("a NumPyro distribution"))
    assert latent_p_value(broken, draws(broken, key)) < 1e-6
