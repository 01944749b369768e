"""Residuals of rows beside those of rows that the model makes itself."""

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy.stats import norm

from jensen import Datum, LinearGaussian, recipes
from jensen.errors import OptionError
from jensen.queries.diagnosis.residuals import residuals

from ..statistics.budget import level

# Standard errors that chance goes beyond with the probability that the budget leaves.
MOST = norm.isf(level("residuals", 2) / 2)


@pytest.fixture(scope="module")
def exact():
    return LinearGaussian.random(jax.random.key(3), features=12, latent=3)


@pytest.fixture(scope="module")
def rows(exact):
    return exact.sample(np.random.default_rng(1), 400).astype(np.float32)


def off_by(exact, scale):
    """The model with the noise's standard deviation scaled, and its own posterior as q."""
    return LinearGaussian(exact.weights, exact.mean, scale**2 * exact.noise_variance).model()


def test_a_right_model_has_residuals_like_its_own(exact, rows, key):
    found = residuals(exact.model(), rows, key)
    assert abs(found.difference.value) < MOST * found.difference.stderr
    assert found.difference.stderr < 0.05


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_noise_of_the_wrong_size_shows(exact, rows, key, scale):
    found = residuals(off_by(exact, scale), rows, key)
    # Most of a row's twelve entries are noise that q, of three latents, cannot explain away.
    expected = 1 / scale**2
    assert found.difference.value * (expected - 1) > 0
    assert abs(np.log(found.ratio)) > 0.5 * abs(np.log(expected))
    assert abs(found.difference.value) > MOST * found.difference.stderr


def test_a_broken_encoder_is_not_taken_for_the_likelihood(exact, rows, key):
    """It spoils the residuals of simulated rows as well."""
    model = exact.model()
    broken = eqx.tree_at(lambda m: m.encoder.scale_tril, model, 2 * model.encoder.scale_tril)
    found = residuals(broken, rows, key)
    assert np.mean(found.real) > 1.2 * np.mean(residuals(model, rows, key).real)
    assert abs(found.difference.value) < MOST * found.difference.stderr


def test_what_is_masked_does_not_count(rows, key):
    model = recipes.build_model(rows, key=key, latent_dim=2, hidden=(8,))
    mask = np.broadcast_to(np.arange(12) < 9, rows.shape)
    of = lambda filled: residuals(model, Datum(np.where(mask, rows, filled), mask), key).real
    spoiled = of(np.float32(np.nan))
    assert np.isfinite(spoiled).all()
    assert np.array_equal(spoiled, of(np.float32(7.0)))
    assert not np.allclose(spoiled, residuals(model, rows, key).real, rtol=0.01)


def test_no_rows_are_refused(exact, rows, key):
    with pytest.raises(OptionError, match="no rows"):
        residuals(exact.model(), Datum(rows[:0], None), key)


def test_a_pixel_that_is_sure_and_wrong_is_not_dropped(key):
    pixels = (np.random.default_rng(0).random((60, 5)) < 0.5).astype(np.float32)
    model = recipes.build_model(pixels, key=key, latent_dim=2, hidden=(8,), likelihood="bernoulli")
    bias = lambda m: m.decoder.layers[-1].bias
    sure = eqx.tree_at(bias, model, bias(model).at[0].set(40.0))
    assert np.isfinite(residuals(sure, pixels, key).real).all()
    assert residuals(sure, pixels, key).ratio > 100
