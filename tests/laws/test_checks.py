"""Laws of the checks: units, and columns that tell nothing, change no verdict."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from jensen import Model
from jensen.queries.checks.predictive import predictive_checks


def model_in(units):
    return Model(
        dist.Normal(jnp.zeros(2), 1.0).to_event(1),
        lambda z: units * z,
        lambda h: dist.Normal(h, 0.5 * units),
        lambda x, mask: dist.Normal(x / units, 0.5).to_event(1),
    )


@pytest.mark.parametrize("unit", [2.0**-20, 2.0**20])
def test_predictive_checks_do_not_depend_on_the_unit_of_a_column(unit, key):
    rng = np.random.default_rng(0)
    rows, training = (rng.normal(size=(n, 2)).astype(np.float32) for n in (30, 100))
    units = np.float32([unit, 1.0])
    plain = predictive_checks(model_in(jnp.ones(2)), rows, training, key)
    other = predictive_checks(model_in(jnp.asarray(units)), rows * units, training * units, key)
    for before, after in zip(plain, other, strict=True):
        assert after.pop("name") == before.pop("name")
        assert after == pytest.approx(before, rel=1e-4, abs=1e-6)


def test_predictive_checks_see_a_misfit_beside_a_column_of_large_units(key):
    rng = np.random.default_rng(0)
    units = np.float32([1e6, 1.0])
    rows, training = (
        (rng.normal(size=(n, 2)) * [1.1, 0.1] * units).astype(np.float32) for n in (60, 200)
    )
    found = predictive_checks(model_in(jnp.asarray(units)), rows, training, key)
    p_values = {each["name"]: each["p_value"] for each in found}
    # The second column varies a tenth as much as the model says; the first is as it says.
    assert p_values["variance over rows, mean of columns"] == pytest.approx(0.002)
