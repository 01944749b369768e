"""Entries that were not observed, under jensen's likelihoods and a user's own."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from jensen import Datum, Model
from jensen._lenient import Lenient
from jensen.parts.priors import StandardNormal

from ..zoo import assert_finite, random_h, widest
from .members import log_probs, member, on_every_likelihood


@on_every_likelihood
def test_what_was_not_observed_makes_neither_nan_nor_gradient(name, key):
    likelihood, rows = member(name, key), widest(name)
    h = random_h(likelihood, key)
    model = Model(StandardNormal(1), lambda z: h * z[0], likelihood, lambda x, mask: None)
    mask = np.array([[True, False, True], [False, True, True]])
    x = np.where(mask, rows[0], np.nan)
    of_z = lambda z: model.log_likelihood(Datum(x, mask), z)
    value, slope = jax.jit(jax.value_and_grad(of_z))(np.ones(1, np.float32))
    expected = np.sum(np.asarray(log_probs(likelihood, h, rows[:1]))[0], where=mask)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert_finite(slope)


@pytest.mark.parametrize(
    ("family", "x"),
    [
        (lambda z: dist.LogNormal(z, 0.5), [0.7, 0.2]),
        (lambda z: dist.Gamma(jnp.exp(z), 2.0), [0.7, 0.2]),
        (lambda z: dist.Beta(jnp.exp(z), 2.0), [0.7, 0.2]),
        (lambda z: dist.Uniform(5.0 - jnp.exp(z), 5.0 + jnp.exp(z)), [4.7, 5.2]),
        (lambda z: dist.Pareto(jnp.exp(z), 3.0), [7.0, 9.0]),
    ],
    ids=["log-normal", "gamma", "beta", "uniform", "pareto"],
)
def test_what_stands_for_a_missing_entry_lies_in_the_users_own_support(family, x):
    likelihood = lambda h: Lenient(family(h))
    model = Model(StandardNormal(2), lambda z: z, likelihood, lambda x, mask: None)
    z, mask = np.float32([0.3, -0.2]), np.array([True, False])
    of_z = lambda z: model.log_likelihood(Datum(jnp.array([x[0], jnp.nan]), mask), z)
    alone = lambda z: likelihood(z).log_prob(jnp.array(x))[0]
    found, expected = (jax.jit(jax.value_and_grad(each))(z) for each in (of_z, alone))
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)
