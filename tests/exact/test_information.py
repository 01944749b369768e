"""Mutual information and the aggregate's KL against quadrature, and their errors."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax import Array
from scipy import stats

from jensen import Model
from jensen.parts.priors import StandardNormal
from jensen.queries.diagnosis import information

GRID = np.linspace(-12, 12, 8_001)


def same(z):
    return z


def model_of(encoder, latent=1):
    """Only the encoder and the prior of it matter here."""
    return Model(StandardNormal(latent), same, same, encoder)


class Line(eqx.Module):
    """q(z | x) = N(slope x + shift, (scale + widening x²)²), of one program whatever they are."""

    slope: Array
    shift: Array
    scale: Array
    widening: Array

    def __call__(self, x, mask):
        scale = self.scale + self.widening * x**2
        return dist.Normal(self.slope * x + self.shift, scale).to_event(1)


def line(slope, shift, scale, widening=0.0):
    return model_of(Line(*map(jnp.float32, (slope, shift, scale, widening))))


def integral(values):
    return np.sum(0.5 * (values[..., 1:] + values[..., :-1]), axis=-1) * (GRID[1] - GRID[0])


def by_quadrature(x):
    """I and KL(aggregate ‖ prior) of the posteriors of these rows."""
    scale = 0.2 + 0.1 * x**2
    log_q = stats.norm(0.9 * x + 0.3, scale).logpdf(GRID)
    log_aggregate = np.logaddexp.reduce(log_q, axis=0) - np.log(len(x))
    density = np.exp(log_aggregate)
    mutual = integral(np.exp(log_q) * (log_q - log_aggregate)).mean()
    return mutual, integral(density * (log_aggregate - stats.norm.logpdf(GRID)))


def test_both_parts_are_those_of_quadrature():
    """300 rows, so that there are two blocks of posteriors, the second not full."""
    X = np.random.default_rng(0).normal(size=(300, 1)).astype(np.float32)
    mutual, aggregate = by_quadrature(X.astype(np.float64))
    found = [
        information(line(0.9, 0.3, 0.2, 0.1), X, key)
        for key in jax.random.split(jax.random.key(0), 5)
    ]
    for exact, name in ((mutual, "mutual"), (aggregate, "aggregate_kl")):
        seen = np.array([getattr(each, name).value for each in found])
        # These rows are given, so that only their draws differ: less than the rows' error.
        assert abs(seen.mean() - exact) < 5 * getattr(found[0], name).stderr / np.sqrt(5)
        assert seen.std() < getattr(found[0], name).stderr
    each = found[0]
    assert each.mutual.value + each.aggregate_kl.value == pytest.approx(each.kl.value, abs=1e-6)
    # The mean KL in closed form, latent by latent.
    x, scale = X.astype(float), 0.2 + 0.1 * X.astype(float) ** 2
    kl = 0.5 * (scale**2 + (0.9 * x + 0.3) ** 2 - 1 - 2 * np.log(scale))
    np.testing.assert_allclose(each.kl_by_latent, kl.mean(axis=0), rtol=1e-5)


def test_errors_are_those_of_the_rows_as_a_sample():
    """q(z | x) = N(½x, ¼), x ~ N(0, 2): all is normal, and known for the population.

    Over 60 samples of rows, the mean square of the errors in standard errors is χ²₆₀ / 60, but for
    the skew of squares of normals and for a bias of a few tenths of an error: half as much again
    is allowed.
    """
    even = line(0.5, 0.0, 0.5)
    variance, noise = 0.25 * 2, 0.25
    mutual = 0.5 * np.log(1 + variance / noise)
    total = variance + noise
    aggregate = 0.5 * (total - 1 - np.log(total))
    rng = np.random.default_rng(1)
    z = []
    for key in jax.random.split(jax.random.key(1), 60):
        X = (np.sqrt(2) * rng.normal(size=(200, 1))).astype(np.float32)
        found = information(even, X, key)
        z.append([
            (found.mutual.value - mutual) / found.mutual.stderr,
            (found.aggregate_kl.value - aggregate) / found.aggregate_kl.stderr,
        ])  # fmt: skip
    squares = np.mean(np.square(z), axis=0)
    low, high = stats.chi2(60).ppf([1e-6, 1 - 1e-6]) / 60
    assert (squares > low / 1.5).all()
    assert (squares < high * 1.5).all()


def test_rows_that_are_told_apart_have_all_the_information_there_can_be():
    X = np.arange(-8.0, 8.0, dtype=np.float32)[:, None]
    found = information(line(1.0, 0.0, 0.01), X, jax.random.key(0))
    assert found.most == pytest.approx(np.log(16))
    assert found.mutual.value == pytest.approx(found.most, abs=1e-4)


def test_rows_that_share_one_posterior_have_none():
    shared = line(0.0, 0.5, 1.0)
    X = np.random.default_rng(2).normal(size=(40, 1)).astype(np.float32)
    found = information(shared, X, jax.random.key(0))
    assert found.mutual.value == pytest.approx(0, abs=1e-5)
    assert found.collapsed == [0]
    # KL(N(½, 1) ‖ N(0, 1)) = ⅛, from 400 draws of a deviation of a half.
    assert found.aggregate_kl.value == pytest.approx(0.125, abs=5 * 0.5 / np.sqrt(400))


class Two(eqx.Module):
    """Two latents of which the second carries nothing."""

    full: bool

    def __call__(self, x, mask):
        mean = x * jnp.array([0.8, 0.001])
        if self.full:
            return dist.MultivariateNormal(mean, scale_tril=jnp.array([[0.5, 0.0], [0.3, 0.9]]))
        return dist.Normal(mean, jnp.array([0.5, 1.0])).to_event(1)


@pytest.mark.parametrize("full", [False, True])
def test_collapsed_latents_are_named(full):
    model = model_of(Two(full), latent=2)
    X = np.random.default_rng(3).normal(size=(50, 2)).astype(np.float32)
    found = information(model, X, jax.random.key(0))
    assert found.collapsed == [1]
    assert found.active_units == 1
    assert (found.kl_by_latent is None) == full
    assert found.spread[0] == pytest.approx(0.64 * X[:, 0].var(), rel=1e-4)
