"""Active units: the same whatever the unit of z."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax import Array

from jensen import Model
from jensen.inference import active_units, posterior_means, prior_variance


class Nameless(eqx.Module):
    """A normal that does not know its variance, as a flow does not."""

    scale: Array

    def log_prob(self, z):
        return dist.Normal(jnp.zeros(2), self.scale).to_event(1).log_prob(z)

    def sample(self, key, sample_shape=()):
        return self.scale * jax.random.normal(key, (*sample_shape, 2))


PRIORS = {
    "known": lambda unit: dist.Normal(jnp.zeros(2), unit).to_event(1),
    "by draws": lambda unit: Nameless(unit * jnp.ones(2)),
}


def model_in(unit, prior):
    """x = z₀ / unit + noise; the posterior means of z₁ vary by a hundredth of a scale."""
    return Model(
        prior(unit),
        lambda z: z / unit,
        lambda h: dist.Normal(h, jnp.ones(2)),
        lambda x, mask: dist.Normal(unit * x * jnp.array([0.5, 0.01]), unit).to_event(1),
    )


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_active_units_do_not_depend_on_the_unit_of_z(unit, prior):
    model = model_in(unit, PRIORS[prior])
    X = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    variance = prior_variance(model)
    # The variance of 1,000 normal draws is known to 5 % (one deviation).
    np.testing.assert_allclose(variance, unit**2 * np.ones(2), rtol=0.25)
    assert active_units(posterior_means(model, X), variance) == 1


def test_a_prior_of_no_variance_is_measured_by_its_quartiles():
    """Else no latent under Cauchy's, whose variance is infinite, could vary by any share of it."""
    model = model_in(1.0, lambda unit: dist.Cauchy(jnp.zeros(2), unit).to_event(1))
    # Its quartiles are at −1 and 1; those of 1,000 draws are known to some 5 %.
    np.testing.assert_allclose(prior_variance(model), (2 / 1.349) ** 2 * np.ones(2), rtol=0.5)
    X = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    assert active_units(posterior_means(model, X), prior_variance(model)) == 1
