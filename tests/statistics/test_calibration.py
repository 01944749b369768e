"""Standard errors say how far estimates are from the truth, and weights are right in the mean."""

import inspect
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jensen import evidence

from .budget import level, mean_p_values
from .linear_gaussians import exact_elbo, linear_gaussian, off

SEED = int(os.environ.get("JENSEN_TEST_SEED", "0"))
ROWS, DRAWS = 256, 500
# Every estimator by draws, found by what it takes.
ESTIMATORS = {
    name: getattr(evidence, name)
    for name in evidence.__all__
    if callable(getattr(evidence, name))
    and {"model", "X", "key", "draws"} <= set(inspect.signature(getattr(evidence, name)).parameters)
}
on_estimators = pytest.mark.parametrize("name", ESTIMATORS)


@pytest.fixture(scope="module")
def estimates():
    lg, model = linear_gaussian(), off("full", gain=0.9)
    rows = lg.sample(np.random.default_rng([SEED, 1]), ROWS).astype(np.float32)
    keys = jax.random.split(jax.random.key(SEED), len(ESTIMATORS))
    bound = np.asarray(jax.jit(jax.vmap(lambda x: exact_elbo(model, x)))(jnp.asarray(rows)))
    found = {}
    for (name, estimator), key in zip(ESTIMATORS.items(), keys, strict=True):
        truth = bound.astype(np.float64) if name == "elbo" else lg.log_evidence(rows)
        found[name] = estimator(model, rows, key, draws=DRAWS), truth
    return found


@on_estimators
def test_errors_in_standard_errors_are_standard_normal(estimates, name):
    """Roughly so: the skew of the weights' mean moves the distribution by a few hundredths, and

    the level allows a fifth.
    """
    estimate, truth = estimates[name]
    z = (estimate.values - truth) / estimate.standard_errors
    assert stats.kstest(z, "norm").pvalue > level("calibration", 3 * len(ESTIMATORS))
    # Chi-squared of as many rows; six deviations of its mean, and a tenth for the skew.
    assert 1 - 0.1 - 6 * np.sqrt(2 / ROWS) < np.mean(z**2) < 1 + 0.1 + 6 * np.sqrt(2 / ROWS)


@on_estimators
def test_weights_are_right_in_the_mean(estimates, name):
    estimate, truth = estimates[name]
    # p̂ / p is one in the mean whatever the proposal; the ELBO is unbiased as it stands.
    error = estimate.values - truth
    if name != "elbo":
        error = np.expm1(error)
    assert mean_p_values(error[:, None])[0] > level("calibration", 3 * len(ESTIMATORS))


@on_estimators
def test_half_the_standard_error_is_caught(estimates, name):
    estimate, truth = estimates[name]
    z = (estimate.values - truth) / (0.5 * estimate.standard_errors)
    assert stats.kstest(z, "norm").pvalue < 1e-6
