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


def is_calibrated(z):
    """Whether errors in standard errors are about standard normal.

    Roughly so: the skew of the weights' mean moves the distribution by some hundredths, and
    the level allows a fifth. Of the mean square, chi-squared with as many degrees of freedom as
    rows, six deviations are allowed, and a tenth for the skew.
    """
    fits = stats.kstest(z, "norm").pvalue > level("calibration", 3 * len(ESTIMATORS))
    return bool(fits and abs(np.mean(z**2) - 1) < 0.1 + 6 * np.sqrt(2 / ROWS))


@on_estimators
def test_errors_in_standard_errors_are_standard_normal(estimates, name):
    estimate, truth = estimates[name]
    assert is_calibrated((estimate.values - truth) / estimate.standard_errors)


@on_estimators
def test_weights_are_right_in_the_mean(estimates, name):
    estimate, truth = estimates[name]
    # p̂ / p is one in the mean whatever the proposal; the ELBO is unbiased as it stands.
    error = estimate.values - truth
    if name != "elbo":
        error = np.expm1(error)
    assert mean_p_values(error[:, None])[0] > level("calibration", 3 * len(ESTIMATORS))


@pytest.mark.parametrize("factor", [0.5, 2.0])
@on_estimators
def test_standard_errors_off_by_a_factor_of_two_are_caught(estimates, name, factor):
    estimate, truth = estimates[name]
    assert not is_calibrated((estimate.values - truth) / (factor * estimate.standard_errors))
