"""Predictive checks: uniform p-values where the rows are the model's, small where they are not."""

import os

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from jensen import Model
from jensen.queries import sample
from jensen.queries.checks import predictive

from .budget import frequencies_p_value, level

SEED = int(os.environ.get("JENSEN_TEST_SEED", "0"))
FEATURES, LATENT = 4, 2
MEAN, VARIANCE, ZEROS, CORRELATION, DISTANCE = (
    "mean of all entries",
    "variance over rows, mean of columns",
    "share of zeros",
    "pairwise correlation, root mean square",
    "mean distance to nearest training row",
)
W = jnp.array([[1.0, 0.0], [1.0, 0.5], [1.0, -0.5], [0.5, 1.0]])
VARIANCES = jnp.sum(W**2, axis=1) + 0.5**2


class _Thinned(eqx.Module):
    """N(mean, scale²) in each entry, a share of which is zero instead."""

    mean: jax.Array
    scale: jax.Array
    share: jax.Array

    def sample(self, key, sample_shape=()):
        for_noise, for_zeros = jax.random.split(key)
        x = self.mean + self.scale * jax.random.normal(for_noise, self.mean.shape)
        return jnp.where(jax.random.uniform(for_zeros, x.shape) < self.share, 0.0, x)

    def log_prob(self, x):
        raise NotImplementedError("the checks ask for rows and no densities")


class _Likelihood(eqx.Module):
    scale: jax.Array
    share: jax.Array

    def __call__(self, h):
        return _Thinned(h, self.scale, self.share)


class _Decoder(eqx.Module):
    """W z + m, or the one of some rows that z chooses."""

    weights: jax.Array
    mean: jax.Array
    copied: jax.Array | None = None

    def __call__(self, z):
        if self.copied is None:
            return self.weights @ z + self.mean
        # P(z₀ ≤ t) is uniform between zero and one.
        at = len(self.copied) * jax.scipy.stats.norm.cdf(z[0])
        return self.copied[at.astype(int)]


def model(weights=W, mean=0.0, scale=0.5, share=0.0, copied=None):
    scales = jnp.broadcast_to(jnp.asarray(scale), (FEATURES,))
    return Model(
        dist.Normal(jnp.zeros(LATENT), 1.0).to_event(1),
        _Decoder(weights, jnp.full(FEATURES, mean), copied),
        _Likelihood(scales, jnp.asarray(share)),
        None,
    )


def rows_of(made, purpose, count):
    return sample(made, jax.random.fold_in(jax.random.key(SEED), purpose), count)


@pytest.fixture(scope="module")
def training():
    return rows_of(model(), 1, 400)


# A model that is off in one respect, beside the right one, whose rows it is held against.
FAULTS = {
    MEAN: lambda rows: model(mean=1.0),
    # All covariances doubled leave all correlations.
    VARIANCE: lambda rows: model(W * 2**0.5, scale=0.5 * 2**0.5),
    ZEROS: lambda rows: model(share=0.1),
    # The same variance in each column, none of it shared.
    CORRELATION: lambda rows: model(0 * W, scale=jnp.sqrt(VARIANCES)),
    # It has learned its training rows by heart.
    DISTANCE: lambda rows: model(scale=0.01, copied=jnp.asarray(rows)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_check_catches_its_own_fault(name, training):
    rows = rows_of(model(), 2, 30)
    key = jax.random.key(SEED)
    found = predictive.predictive_checks(FAULTS[name](training), rows, training, key)
    told = {each["name"]: each for each in found}
    assert list(told) == [MEAN, VARIANCE, ZEROS, CORRELATION, DISTANCE]
    # No replication is as far out: two sides of one in a thousand.
    assert told[name]["p_value"] == pytest.approx(0.002)


REPETITIONS, ROWS, REPLICATIONS = 120, 6, 19
# So many replications have p-values in tenths, of which each is as likely as any other.
LEVELS = np.arange(1, 10) / 10


def many_p_values(rows, generated, training, monkeypatch):
    """By name, the p-values of each six of the rows beside 19 times six of those generated."""
    pieces = iter(generated.reshape(-1, REPLICATIONS * ROWS, FEATURES))
    monkeypatch.setattr(predictive, "REPLICATIONS", REPLICATIONS)
    monkeypatch.setattr(predictive, "sample", lambda model, key, n, conditions: next(pieces))
    key = jax.random.key(SEED)
    found = [
        {
            each["name"]: each["p_value"]
            for each in predictive.predictive_checks(model(), some, training, key)
        }
        for some in rows.reshape(-1, ROWS, FEATURES)
    ]
    return {name: np.array([each[name] for each in found]) for name in found[0]}


def uniform_p_value(p_values, name):
    counts = (p_values[:, None] <= LEVELS + 1e-9).sum(axis=0)
    if name == ZEROS:
        # Shares of few entries are often equal, and p-values then larger than they need be.
        counts = np.maximum(counts, np.floor(LEVELS * len(p_values)))
    return frequencies_p_value(counts, LEVELS, len(p_values))


def test_p_values_are_uniform_if_the_rows_are_the_models(training, monkeypatch):
    count = REPETITIONS * ROWS
    right = model(share=0.2)
    generated = rows_of(right, 3, count * REPLICATIONS)
    own = many_p_values(rows_of(right, 4, count), generated, training, monkeypatch)
    assert len(own) == 5
    for name, p_values in own.items():
        assert uniform_p_value(p_values, name) > level("predictive checks", len(own)), name
    # Rows without zeros, whose columns lie elsewhere, vary more, and with each other.
    other = rows_of(model(3 * jnp.ones_like(W), mean=2.0), 5, 40 * ROWS)
    for name, p_values in many_p_values(other, generated, training, monkeypatch).items():
        assert uniform_p_value(p_values, name) < 1e-9, name
