"""What is built on draws of p(z | x): reconstruction, denoising, resampling, ArviZ."""

import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen import LinearGaussian, inference, queries
from jensen.errors import OptionError
from jensen.inference import WeightedDraws, caution
from jensen.queries import denoise, parse_noise
from jensen.queries.denoising import GaussianNoise

METHODS = ("encoder", "resampled", "refined", "hmc")


@pytest.fixture(scope="module")
def case():
    """A model whose encoder is too wide, and off, and rows of it."""
    lg = LinearGaussian.random(jax.random.key(2), features=6, latent=2)
    model = lg.model()
    model = eqx.tree_at(
        lambda m: (m.encoder.scale_tril, m.encoder.mean),
        model,
        (model.encoder.scale_tril * 1.3, model.encoder.mean + 0.3),
    )
    return lg, model, lg.sample(np.random.default_rng(0), 32).astype(np.float32)


@pytest.mark.parametrize("method", [*METHODS, "exact"])
def test_reconstruction_averages_over_the_posterior(case, key, method):
    lg, model, rows = case
    mean, covariance = lg.posterior(rows)
    expected = mean @ lg.weights.T + lg.mean
    spread = np.sqrt(np.diag(lg.weights @ covariance @ lg.weights.T))
    found = queries.reconstruct(model, rows, key, method)
    # In standard errors of 200 draws; of those by weights some fifty are effective.
    errors = np.abs(found - expected) / (spread / 50**0.5)
    if method == "exact":
        np.testing.assert_allclose(found, expected, atol=1e-4)
    elif method == "encoder":
        assert np.median(errors) > 1.5
    else:
        assert errors.max() < 5.5
        # All rows together: two latents a row.
        assert abs(np.mean((found - expected) / spread)) < 5.5 / (50 * 2 * 32) ** 0.5


def test_reconstruction_stays_as_it_was_without_a_method(case):
    _, model, rows = case
    codes = inference.posterior_means(model, rows)
    np.testing.assert_array_equal(queries.reconstruct(model, rows), queries.decode(model, codes))


def denoised_exactly(lg, noisy, sigma):
    covariance = lg.weights @ lg.weights.T + np.diag(lg.noise_variance)
    gain = covariance @ np.linalg.inv(covariance + sigma**2 * np.eye(len(lg.mean)))
    mean = lg.mean + (noisy - lg.mean) @ gain.T
    return mean, np.sqrt(np.diag(covariance - gain @ covariance))


def test_denoising_in_closed_form_is_conditioning_a_normal(case, key):
    lg, model, rows = case
    found = denoise(model, rows, GaussianNoise(1.5), key, "exact")
    mean, std = denoised_exactly(lg, rows, 1.5)
    np.testing.assert_allclose(found.mean, mean, atol=1e-6)
    np.testing.assert_allclose(found.std, np.broadcast_to(std, mean.shape), atol=1e-6)
    assert found.draws == 0
    assert found.warning() is None


@pytest.mark.parametrize("method", METHODS)
def test_denoising_by_each_method(case, key, method):
    lg, model, rows = case
    rng = np.random.default_rng(1)
    noisy = np.float32(rows + rng.normal(size=rows.shape) * 1.5)
    # The encoder is as wide as the posterior of noisy rows, and wrong in its mean.
    wide = eqx.tree_at(lambda m: m.encoder.scale_tril, model, replace_fn=lambda s: 2.5 * s)
    found = denoise(wide, noisy, GaussianNoise(1.5), key, method)
    mean, std = denoised_exactly(lg, noisy, 1.5)
    # Fifty effective draws or more of two latents, and three more deviations for the worst.
    worst = np.max(np.abs(found.mean - mean) / std)
    if method == "encoder":
        assert worst > 5.5 / 50**0.5
    else:
        assert worst < 5.5 / 50**0.5
        np.testing.assert_allclose(found.std, np.broadcast_to(std, mean.shape), rtol=0.3)
        assert np.median(found.ess) > 50
    assert (found.rhat is not None) == (method == "hmc")
    assert (found.khat is None) == (method == "hmc")


def test_denoising_refuses_what_has_no_closed_form(case, key):
    _, model, rows = case
    noise = parse_noise("salt-and-pepper:0.1", -3.0, 3.0, False)
    with pytest.raises(OptionError, match="needs Gaussian noise"):
        denoise(model, rows, noise, key, "exact")
    with pytest.raises(OptionError, match="method='magic' is unknown"):
        denoise(model, rows, noise, key, "magic")


def test_draws_weighed_anew():
    """By hand; and where either density is no number, a draw has no weight and no say."""
    draws = WeightedDraws(jnp.arange(5.0), jnp.log(jnp.array([0.3, 0.3, 0.2, 0.0, 0.2])))
    again = draws.reweighted(jnp.log(jnp.array([1.0, 3.0, jnp.nan, jnp.inf, jnp.inf])))
    np.testing.assert_allclose(jnp.exp(again.log_weights), [0.25, 0.75, 0, 0, 0], rtol=1e-6)
    values = jnp.array([[1.0, 2.0], [3.0, 6.0], [jnp.nan, 0.0], [jnp.inf, 0.0], [0, 9.0]])
    np.testing.assert_allclose(again.expectation(values), [2.5, 5.0], rtol=1e-6)
    np.testing.assert_allclose(again.unweighted().expectation(values), [2.0, 4.0], rtol=1e-6)


def test_systematic_resampling_copies_by_weight(key):
    weights = np.array([0.5, 0.26, 0.24, 0.0])
    draws = WeightedDraws(jnp.arange(4.0), jnp.log(jnp.float32(weights)))
    each = jax.vmap(lambda key: draws.resample(key, 10))(jax.random.split(key, 2000))
    copies = np.stack([(np.asarray(each) == value).sum(1) for value in range(4)], axis=1)
    # Never one more or fewer than the whole numbers beside the mean ...
    assert (copies >= np.floor(10 * weights - 1e-4)).all()
    assert (copies <= np.ceil(10 * weights + 1e-4)).all()
    # ... which is right: a count between two whole numbers has a deviation of a half at most.
    np.testing.assert_allclose(copies.mean(0), 10 * weights, atol=5.5 * 0.5 / 2000**0.5)
    # And in random order: the first is any of them.
    np.testing.assert_allclose(np.mean(each[:, 0] == 0), 0.5, atol=5.5 * 0.5 / 2000**0.5)


def words(*arguments, **more):
    return str(caution(*arguments, **more))


def test_words():
    ess = np.array([90.0, 4.0, 80.0])
    assert caution("hmc", 100, ess[:1], rhat=np.array([1.0])) is None
    assert "fewer than 10% of the draws effective for 1" in words("resampled", 100, ess)
    assert "Pareto k̂ above 0.7 for 2" in words("refined", 100, ess, khat=np.array([0.8, 0.9, 0.1]))
    assert "method='hmc'" in words("refined", 100, ess)
    # A chain that never moved has no R-hat.
    assert "R-hat above 1.01 for 1" in words("hmc", 100, ess[:1], rhat=np.array([np.nan]))


@pytest.mark.parametrize("draws", [0, -1, 12, 202])
def test_impossible_draws_are_refused(case, key, draws):
    _, model, rows = case
    with pytest.raises(OptionError, match="draws="):
        inference.posterior(model, rows, key, "hmc", draws)


def test_an_unknown_method_is_refused(case, key):
    _, model, rows = case
    with pytest.raises(OptionError, match="method='gibbs' is unknown: choose one of encoder"):
        inference.posterior(model, rows, key, "gibbs")


def test_arviz_gets_chains_rows_and_diagnostics(case, key):
    _, model, rows = case
    found = inference.posterior(model, rows[:3], key, "hmc", 200)
    tree = found.to_arviz()
    z = tree["posterior"]["z"]
    assert z.dims == ("chain", "draw", "row", "z_dim_0")
    assert z.shape == (4, 50, 3, 2)
    np.testing.assert_array_equal(z[1, 0], found.z[:, 50])
    np.testing.assert_array_equal(tree["diagnostics"]["rhat"], found.rhat)
    assert tree["posterior"].attrs["method"] == "hmc"
    weighted = inference.posterior(model, rows[:3], key, "encoder", 20).to_arviz()
    assert weighted["posterior"]["z"].shape == (1, 20, 3, 2)
    assert set(weighted["diagnostics"].data_vars) == {"ess", "khat"}


def test_arviz_that_is_not_installed_is_asked_for(case, key, monkeypatch):
    _, model, rows = case
    monkeypatch.setitem(sys.modules, "arviz_base", None)
    found = inference.posterior(model, rows[:3], key, "encoder", 20)
    with pytest.raises(OptionError, match=r"pip install 'jensen\[arviz\]'"):
        found.to_arviz()
