"""Every gradient estimator has the mean it claims; every objective reports the same ELBO.

One that hides parts of a row from the encoder reports that of the encoder's answers.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jensen.objectives import ELBO, IWAE, BetaELBO

from ..laws.zoo import NORMALS, VARIANTS, variants
from .budget import level, mean_p_values
from .linear_gaussians import (
    BATCHES,
    elbo_of_parts,
    exact_elbo,
    exact_gradient,
    linear_gaussian,
    mean_gradients,
    mean_terms,
    off,
)

SEED = int(os.environ.get("JENSEN_TEST_SEED", "0"))
X = jnp.array([1.5, -0.5, 0.8])
# Far enough from the optimum for its gradient to stand out from the noise.
SHIFT = 0.5
ELBOS = {repr(each): each for each in variants(ELBO)}
# The plain gradient of the bound as it stands is what the others are held against.
PLAIN = IWAE(4, gradient="reparameterised")
IWAES = {repr(each): each for each in variants(IWAE) if each != PLAIN}

on_families = pytest.mark.parametrize("family", NORMALS)


def comparisons(parameters):
    return (len(ELBOS) + len(IWAES)) * len(NORMALS) * parameters


@on_families
@pytest.mark.parametrize("name", ELBOS)
def test_gradients_of_the_elbo_have_the_exact_mean(name, family):
    model = off(family, shift=SHIFT)
    found = mean_gradients(ELBOS[name], model, X, jax.random.key(SEED))
    p_values = mean_p_values(found, np.asarray(exact_gradient(model, X), np.float64))
    assert p_values.min() > level("gradients", comparisons(found.shape[1]))


@on_families
@pytest.mark.parametrize("name", IWAES)
def test_gradients_of_the_importance_weighted_bound_have_one_mean(name, family):
    model = off(family, shift=SHIFT)
    first, second = jax.random.split(jax.random.key(SEED))
    found = mean_gradients(IWAES[name], model, X, first)
    plain = mean_gradients(PLAIN, model, X, second)
    p_values = mean_p_values(found - plain)
    assert p_values.min() > level("gradients", comparisons(found.shape[1]))


@pytest.mark.parametrize("name", VARIANTS)
def test_reconstruction_less_kl_is_the_elbo(name):
    model, objective = off("diagonal"), VARIANTS[name]
    terms = mean_terms(objective, model, X, jax.random.key(SEED))
    elbo = elbo_of_parts(model, X, getattr(objective, "hides", 0.0))
    p_values = mean_p_values(terms.reconstruction - terms.kl, elbo)
    assert p_values > level("elbo of objectives", 2 * len(VARIANTS))


@pytest.mark.parametrize("name", VARIANTS)
def test_values_are_bounds(name):
    """The ELBO's value is the ELBO in the mean, the importance-weighted one lies above it."""
    model, objective = off("diagonal"), VARIANTS[name]
    values = mean_terms(objective, model, X, jax.random.key(SEED)).value
    elbo = float(exact_elbo(model, X))
    at = level("elbo of objectives", 2 * len(VARIANTS))
    if isinstance(objective, ELBO | BetaELBO):
        assert mean_p_values(values, elbo) > at
        return
    evidence = float(linear_gaussian().log_evidence(np.asarray(X)[None])[0])
    error = values.std(ddof=1) / np.sqrt(BATCHES)
    far = stats.t.isf(at, BATCHES - 1) * error
    assert elbo - far < values.mean() < evidence + far
    # Four draws close much of the gap here: a bound that did not would be the ELBO.
    assert values.mean() - far > elbo + 0.2 * (evidence - elbo)
