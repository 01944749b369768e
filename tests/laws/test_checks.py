"""Laws of the checks: units, and columns that tell nothing, change no verdict."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from jensen import Model
from jensen.data import infer
from jensen.queries import check
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


def test_a_constant_column_makes_no_difference_to_baselines(key):
    """Whether its scale has come down to the floor of 1e-3 or not yet."""
    rng = np.random.default_rng(1)
    weights = jnp.array([[1.0, 0.5, -1.0]])
    X = rng.normal(size=(400, 1)) @ np.asarray(weights) + 0.5 * rng.normal(size=(400, 3))

    def differences(constant, scale=1.0):
        rows = np.column_stack([X, np.full((400, constant), 7.0)]).astype(np.float32)
        own = jnp.full(constant, scale)
        model = Model(
            dist.Normal(jnp.zeros(1), 1.0).to_event(1),
            lambda z: jnp.concatenate([z @ weights, jnp.full(constant, 7.0)]),
            lambda h: dist.Normal(h, jnp.concatenate([jnp.full(3, 0.5), own])),
            lambda x, mask: dist.Normal(x[:3] @ weights.T / 2.5, 0.32).to_event(1),
        )
        return check(model, rows[300:], rows[:300], infer(rows), key).differences

    plain = differences(0)
    for scale in (1e-3, 0.05, 3.0):
        other = differences(1, scale)
        assert set(plain) == set(other) == {"independent columns", "gaussian", "ppca"}
        for name, (value, _) in plain.items():
            # Both evidences are known to 0.003 nats.
            assert other[name][0] == pytest.approx(value, abs=0.03), (scale, name)
