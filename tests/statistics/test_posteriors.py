"""Draws of each method against the exact posterior, which a wrong encoder does not have."""

import os
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from jensen import LinearGaussian, Model, inference
from jensen.inference.hamiltonian import Point
from jensen.parts.networks import Linear

from .budget import level, mean_p_values
from .linear_gaussians import LATENT, linear_gaussian, off

SEED = int(os.environ.get("JENSEN_TEST_SEED", "0"))
ROWS, DRAWS = 32, 200
METHODS = ("resampled", "refined", "hmc", "exact")
# Of each method the means and products of two latents; and those of a pytree by two methods.
COMPARISONS = (len(METHODS) + 2) * (LATENT + 3)


def rows_of(lg):
    return lg.sample(np.random.default_rng([SEED, 2]), ROWS).astype(np.float32)


def p_value(lg, rows, z):
    """How far means and covariances of draws, (rows, draws, latent), lie from the exact ones.

    In units of the exact posterior a row's averages of u and of u uᵀ − I have mean zero, and
    rows are independent of each other, however the draws of one row hang together.
    """
    mean, covariance = lg.posterior(rows)
    tril = np.linalg.cholesky(covariance)
    u = np.linalg.solve(tril, np.moveaxis(z.astype(np.float64) - mean[:, None], -1, 1))
    products = np.einsum("rid,rjd->rij", u, u) / u.shape[-1] - np.eye(len(tril))
    below = np.tril_indices(len(tril))
    return mean_p_values(np.hstack([u.mean(-1), products[:, *below]])).min()


def draws_of(method, model, rows, draws=DRAWS):
    return inference.posterior(model, rows, jax.random.key(SEED), method, draws)


@pytest.mark.parametrize("method", METHODS)
def test_draws_have_the_exact_means_and_covariances(method):
    lg, model = linear_gaussian(), off("full", gain=0.8, shift=0.3)
    rows = rows_of(lg)
    found = draws_of(method, model, rows)
    assert found.z.shape == (ROWS, DRAWS, LATENT)
    assert p_value(lg, rows, found.z) > level("posterior draws", COMPARISONS)


def test_draws_of_a_wrong_encoder_are_caught():
    lg, model = linear_gaussian(), off("full", gain=0.8, shift=0.3)
    rows = rows_of(lg)
    assert p_value(lg, rows, draws_of("encoder", model, rows).z) < level("posterior draws", 1)


def test_chains_with_a_wrong_acceptance_are_caught(monkeypatch):
    # A trajectory's end is then taken as if the posterior were squared.
    monkeypatch.setattr(Point, "log_density", lambda self, beta: 2 * self.log_joint)
    lg, model = linear_gaussian(), off("full", gain=0.8, shift=0.3)
    rows = rows_of(lg)
    # Another number of draws is another program, which no other test has compiled.
    found = draws_of("hmc", model, rows, draws=196)
    assert p_value(lg, rows, found.z) < level("posterior draws", 1)


class Halves(eqx.Module):
    """A distribution over a vector as one over a pytree of its first entry and its others."""

    whole: dist.Distribution

    def sample(self, key, sample_shape=()):
        z = self.whole.sample(key)
        return {"first": z[0], "others": z[1:]}

    def log_prob(self, z):
        return self.whole.log_prob(joined(z))


def joined(z):
    return jnp.concatenate([z["first"][None], z["others"]])


class OfHalves(eqx.Module):
    linear: Linear

    def __call__(self, z):
        return self.linear(joined(z))


class ToHalves(eqx.Module):
    encoder: Any

    def __call__(self, x, mask):
        return Halves(self.encoder(x, mask))


@pytest.mark.parametrize("method", ["resampled", "hmc"])
def test_latents_may_be_pytrees(method):
    lg, model = linear_gaussian(), off("full", gain=0.8, shift=0.3)
    prior = Halves(dist.Normal(jnp.zeros(LATENT), 1.0).to_event(1))
    halves = Model(prior, OfHalves(model.decoder), model.likelihood, ToHalves(model.encoder))
    rows = rows_of(lg)
    found = draws_of(method, halves, rows)
    assert found.mean["first"].shape == (ROWS,)
    z = np.concatenate([found.z["first"][..., None], found.z["others"]], axis=-1)
    assert p_value(lg, rows, z) > level("posterior draws", COMPARISONS)


def two_modes():
    """x = z² + noise, so that z = ±√x; the encoder covers both."""
    return Model(
        prior=dist.Normal(jnp.zeros(1), 1.0).to_event(1),
        decoder=lambda z: z**2,
        likelihood=lambda h: dist.Normal(h, 0.2),
        encoder=lambda x, mask: dist.Normal(jnp.zeros(1), 1.5).to_event(1),
    )


def test_chains_in_different_modes_are_flagged():
    rows = np.repeat(np.float32([[4.0], [0.0]]), 16, axis=0)
    found = inference.posterior(two_modes(), rows, jax.random.key(SEED), "hmc", 64)
    by_chain = found.z[:16].reshape(16, found.chains, -1)
    signs = np.sign(by_chain.mean(-1))
    # That each row's four chains all begin on one side has a chance of 8^-16.
    apart = np.abs(signs.sum(1)) < found.chains
    assert apart.any()
    assert (found.rhat[:16][apart] > 1.2).all()
    assert np.median(found.rhat[16:]) < 1.01
    assert "R-hat above 1.01 for" in str(found.warning())
    resampled = inference.posterior(two_modes(), rows[:16], jax.random.key(SEED), "resampled", 640)
    # Of 6,400 candidates some 250 are effective: one side has a share of a half ± 0.03.
    assert np.abs(np.sign(resampled.z).mean((1, 2))).max() < 0.6
    assert (resampled.z > 0).any(axis=1).all()
    assert (resampled.z < 0).any(axis=1).all()


def test_the_exact_posterior_needs_a_linear_gaussian_model():
    with pytest.raises(ValueError, match=r"method='exact' needs a linear-Gaussian model"):
        inference.posterior(two_modes(), np.zeros((1, 1), np.float32), jax.random.key(0), "exact")


def test_diagnostics_tell_a_good_encoder_from_a_bad_one(key):
    lg = LinearGaussian.random(jax.random.key(3), features=6, latent=2)
    rows = lg.sample(np.random.default_rng(0), 20).astype(np.float32)
    good = inference.posterior(lg.model(), rows, key, "encoder", 200)
    assert good.warning() is None
    np.testing.assert_allclose(good.ess, 200, rtol=1e-3)
    model = lg.model()
    narrow = eqx.tree_at(lambda m: m.encoder.scale_tril, model, model.encoder.scale_tril * 0.3)
    bad = inference.posterior(narrow, rows, key, "encoder", 200)
    assert "Pareto k̂ above 0.7" in str(bad.warning())
    assert "method='resampled'" in str(bad.warning())
    refined = inference.posterior(narrow, rows, key, "refined", 200)
    assert refined.warning() is None
