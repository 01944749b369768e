"""Generated rows have the mean and covariance of the closed form, whatever z is drawn from."""

import os
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen import VAE, queries
from jensen.data import infer
from jensen.inference import aggregate_posterior
from jensen.training import Trained

from .budget import level, mean_p_values
from .linear_gaussians import BATCHES, FEATURES, KEYS, linear_gaussian, off

SEED = int(os.environ.get("JENSEN_TEST_SEED", "0"))
DRAWS = BATCHES * KEYS
ROWS = np.float32([[3.0, -2.0, 1.0], [0.0, 1.0, -1.0], [1.0, 2.0, 0.5]])


@cache
def model():
    # An encoder beside the posterior, so that it matters whose z are taken.
    return off("full")


def encoded():
    """Means and covariances of q(z | x) of the rows."""
    q = jax.vmap(model().posterior)(jnp.asarray(ROWS))
    tril = np.asarray(q.scale_tril, np.float64)
    return np.asarray(q.loc, np.float64), tril @ tril.transpose(0, 2, 1)


def decoded(mean, covariance, noise):
    """Mean and covariance of x = W z + m, with or without noise, where z has those given."""
    lg = linear_gaussian()
    spread = lg.weights @ covariance @ lg.weights.T
    return lg.weights @ mean + lg.mean, spread + noise * np.diag(lg.noise_variance)


def from_the_prior(noise):
    return decoded(np.zeros(2), np.eye(2), noise)


def from_the_aggregate(noise):
    means, covariances = encoded()
    # The law of total covariance.
    return decoded(means.mean(0), covariances.mean(0) + np.cov(means.T, ddof=0), noise)


def around_a_row(noise):
    means, covariances = encoded()
    return decoded(means[0], covariances[0], noise)


def at_a_row(noise):
    """What `vary` would give if it took the posterior's mean for a draw of it."""
    return decoded(encoded()[0][0], np.zeros((2, 2)), noise)


def fitted():
    """An estimator that has this model, without training."""
    vae = VAE(latent_dim=2, random_state=SEED)
    vae._keep(infer(ROWS), None, {"latent_dim": 2}, SEED, (len(ROWS), 0), ROWS, ROWS[:0])
    vae._take(Trained(model(), [], 0, "not trained", 0.0))
    return vae


def sampled(**options):
    return queries.sample(model(), jax.random.key(SEED), DRAWS, **options)


def varied(**options):
    # The rows beside it must not matter.
    return queries.vary(model(), ROWS, jax.random.key(SEED), DRAWS, **options)[0]


LAWS = {
    "prior": from_the_prior,
    "aggregate posterior": from_the_aggregate,
    "a row's posterior": around_a_row,
    "a row's posterior mean": at_a_row,
}
# How rows are generated, the law of their z, and whether the likelihood's noise is in them.
WAYS = {
    "sample": (sampled, "prior", True),
    "sample means": (lambda: sampled(mean=True), "prior", False),
    "sample latents": (
        lambda: sampled(latents=aggregate_posterior(model(), ROWS)),
        "aggregate posterior",
        True,
    ),
    "vary": (varied, "a row's posterior", True),
    "vary means": (lambda: varied(mean=True), "a row's posterior", False),
    "VAE.sample": (lambda: fitted().sample(DRAWS), "prior", True),
    "VAE.sample posterior means": (
        lambda: fitted().sample(DRAWS, "posterior", mean=True),
        "aggregate posterior",
        False,
    ),
}


def moments_p_value(x, mean, covariance):
    """Of each entry's mean and each pair's covariance; Bonferroni's inequality joins them."""
    centred = np.asarray(x, np.float64) - mean
    pairs = np.triu_indices(FEATURES)
    products = centred[:, pairs[0]] * centred[:, pairs[1]]
    seen = np.concatenate([centred, products], axis=1).reshape(BATCHES, KEYS, -1).mean(axis=1)
    expected = np.concatenate([np.zeros(FEATURES), covariance[pairs]])
    p_values = mean_p_values(seen, expected)
    return min(1.0, p_values.min() * len(p_values))


@pytest.mark.parametrize("way", WAYS)
def test_generated_rows_have_the_moments_of_their_own_law_and_of_no_other(way):
    generate, law, noisy = WAYS[way]
    x = generate()
    assert x.shape == (DRAWS, FEATURES)
    assert moments_p_value(x, *LAWS[law](noisy)) > level("generated rows", len(WAYS) + 1)
    for other, moments in LAWS.items():
        for noise in (True, False):
            if (other, noise) != (law, noisy):
                assert moments_p_value(x, *moments(noise)) < 1e-9, (other, noise)


def test_rows_are_varied_independently():
    x = queries.vary(model(), ROWS, jax.random.key(SEED), DRAWS, mean=True).astype(np.float64)
    centred = x - x.mean(axis=1, keepdims=True)
    together = lambda a, b: mean_p_values((a * b).reshape(BATCHES, KEYS, -1).mean(axis=1)).min()
    apart = FEATURES * together(centred[0], centred[1])
    assert apart > level("generated rows", len(WAYS) + 1)
    assert together(centred[0], centred[0]) < 1e-9


def test_each_row_is_varied_around_itself():
    """Variations stand by their row, no two are the same, and other rows change none of them."""
    x = queries.vary(model(), ROWS, jax.random.key(SEED), 4, mean=True)
    assert x.shape == (len(ROWS), 4, FEATURES)
    assert len(np.unique(x.reshape(-1, FEATURES), axis=0)) == 4 * len(ROWS)
    one = queries.vary(model(), ROWS[1:2], jax.random.key(SEED), 4, mean=True)[0]
    np.testing.assert_allclose(x[1], one, rtol=1e-6)
