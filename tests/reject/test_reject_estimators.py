"""Estimators broken on purpose: what the exact tests ask of ours must reject each of them.

A row passes if its estimate lies within 4 standard errors of the exact evidence, the middle one
of three estimates; a bound passes if its mean over rows is not above the exact mean by more than
4 errors.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax.nn import softmax

from jensen import evidence
from jensen._batching import map_rows
from jensen._sampling import draw, row_keys
from jensen.evidence.monte_carlo import estimate_by_weights

from ..statistics.budget import ERRORS, middle_errors

DRAWS = 2000


class Lying(eqx.Module):
    """Samples from one distribution and quotes the density of another."""

    sampled: dist.Distribution
    quoted: dist.Distribution

    def sample(self, key, sample_shape=()):
        return self.sampled.sample(key, sample_shape)

    def log_prob(self, value):
        return self.quoted.log_prob(value)


def widened(q, factor):
    return dist.MultivariateNormal(q.loc, scale_tril=q.scale_tril * factor)


def honest(model, x):
    q, p = widened(model.posterior(x), 1.2), model.latent_prior()
    return q, lambda z: model.log_likelihood(x, z) + p.log_prob(z) - q.log_prob(z)


def without_entropy(model, x):
    return honest(model, x)[0], lambda z: model.log_joint(x, z)


def with_the_sign_of_q_turned(model, x):
    q, _ = honest(model, x)
    return q, lambda z: model.log_joint(x, z) + q.log_prob(z)


def without_prior(model, x):
    q, _ = honest(model, x)
    return q, lambda z: model.log_likelihood(x, z) - q.log_prob(z)


def with_samples_narrower_than_said(model, x):
    q, _ = honest(model, x)
    lying = Lying(widened(q, 0.7), q)
    return lying, lambda z: model.log_joint(x, z) - lying.log_prob(z)


def with_a_shifted_sampler(model, x):
    q, _ = honest(model, x)
    lying = Lying(dist.MultivariateNormal(q.loc + 0.3, scale_tril=q.scale_tril), q)
    return lying, lambda z: model.log_joint(x, z) - lying.log_prob(z)


def with_means_where_sums_belong(model, x):
    q, p = honest(model, x)[0], model.latent_prior()

    def log_weight(z):
        each = model.conditional(z).log_prob(x)
        return jnp.mean(each) + p.log_prob(z) - q.log_prob(z)

    return q, log_weight


BROKEN = [
    without_entropy,
    with_the_sign_of_q_turned,
    without_prior,
    with_samples_narrower_than_said,
    with_a_shifted_sampler,
    with_means_where_sums_belong,
]


def all_rows_pass(proposal, lg, rows, key) -> bool:
    model, x = lg.model(), np.float32(rows)
    estimate = lambda key: estimate_by_weights(proposal, "under test", model, x, key, DRAWS)
    return bool((np.abs(middle_errors(estimate, key, lg.log_evidence(rows))) < ERRORS).all())


def test_the_honest_estimator_passes(linear_gaussian, key):
    lg, rows = linear_gaussian
    assert all_rows_pass(honest, lg, rows, key)


@pytest.mark.parametrize("proposal", BROKEN, ids=lambda proposal: proposal.__name__)
def test_a_broken_weight_is_rejected(proposal, linear_gaussian, key):
    lg, rows = linear_gaussian
    assert not all_rows_pass(proposal, lg, rows, key)


def _normalised_weights_times_log_weights(model, x, key):
    """Σ w̃ log w, a surrogate that a known library reports as its importance-weighted bound."""
    q = widened(model.posterior(x), 0.6)
    z = draw(q, key, 50)
    log_weights = jax.vmap(lambda z: model.log_joint(x, z) - q.log_prob(z))(z)
    return jnp.sum(softmax(log_weights) * log_weights)


def _log_mean_weight(model, x, key):
    q = widened(model.posterior(x), 0.6)
    z = draw(q, key, 50)
    log_weights = jax.vmap(lambda z: model.log_joint(x, z) - q.log_prob(z))(z)
    return jax.nn.logsumexp(log_weights) - jnp.log(50.0)


def excess(function, lg, rows, key):
    """How far a bound's mean over rows and keys lies above the exact mean, in errors."""
    gaps = np.array([
        (map_rows(function, lg.model(), np.float32(rows), row_keys(each, np.float32(rows)))
         - lg.log_evidence(rows)).mean()
        for each in jax.random.split(key, 20)
    ])  # fmt: skip
    return gaps.mean() / (gaps.std(ddof=1) / len(gaps) ** 0.5)


def test_a_surrogate_reported_as_the_bound_is_rejected(linear_gaussian, key):
    lg, rows = linear_gaussian
    assert excess(_log_mean_weight, lg, rows, key) < 4
    assert excess(_normalised_weights_times_log_weights, lg, rows, key) > 4


def test_a_wrong_number_of_draws_in_the_mean_is_rejected(linear_gaussian, key):
    lg, rows = linear_gaussian
    found = evidence.importance(lg.model(), np.float32(rows), key, 50)
    exact = lg.log_evidence(rows)
    np.testing.assert_allclose(found.values, exact, atol=1e-4)
    # ceil(50 / 32) · 32 draws summed and divided by 50, as another known library does it.
    assert not np.allclose(found.values + np.log(64 / 50), exact, atol=1e-4)
