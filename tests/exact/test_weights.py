"""Sums over importance weights where single precision is short of digits or of range."""

import jax.numpy as jnp
import numpy as np
import pytest

from jensen.evidence import Estimate
from jensen.evidence.weights import Weights
from jensen.inference.tails import khat
from jensen.queries import gaussian_noise_of


def summed(log_weights):
    weights = Weights.none(len(log_weights))
    for part in np.array_split(log_weights, 4):
        weights = weights.add(jnp.float32(part))
    return weights


@pytest.mark.parametrize("offset", [0.0, -8_000.0])
def test_the_error_does_not_depend_on_where_the_weights_lie(offset):
    # Multiples of 2**-10, so that the offset costs no digit of the weights themselves.
    noise = np.round(np.random.default_rng(0).normal(size=1000) * 0.05 * 1024) / 1024
    exact = np.exp(noise)
    expected = exact.std(ddof=1) / exact.mean() / 1000**0.5
    found = summed(noise + offset)
    assert float(found.standard_error(1000)) == pytest.approx(expected, rel=1e-2)


def test_weights_that_vanish_beside_the_largest_are_unreliable():
    log_weights = np.random.default_rng(0).normal(size=1000) * 200
    khat = np.array([float(summed(log_weights).khat(1000))])
    assert khat[0] > 0.7
    estimate = Estimate(np.array([-1.0]), np.array([0.1]), "lower bound", "prior", 1000, None, khat)
    assert estimate.unreliable.all()
    assert "importance" in (estimate.warning() or "")


def test_a_value_that_is_no_number_is_unreliable():
    none = summed(np.full(1000, -np.inf))
    assert np.isnan(float(none.khat(1000)))
    assert Estimate(np.array([-np.inf]), np.zeros(1), "lower bound", "importance").unreliable.all()


def test_sigma_is_found_by_moments():
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(2000, 5)) * [1, 2, 3, 4, 5]
    noisy = clean + 4 * rng.normal(size=clean.shape)
    assert gaussian_noise_of(noisy, clean).sigma == pytest.approx(4.0, abs=0.2)


def test_weights_that_differ_by_rounding_alone_have_no_tail():
    """Those of the exact posterior, where log p(x) is a few hundred nats."""
    noise = np.random.default_rng(0).normal(scale=3e-5, size=1000)
    log_weights = jnp.asarray(-300.0 + noise, dtype=jnp.float32)
    assert float(khat(log_weights)) == 0
