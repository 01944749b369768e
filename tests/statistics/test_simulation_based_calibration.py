"""Ranks are uniform under the exact posterior alone; alarms are false as often as told."""

import os
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

from jensen import LinearGaussian
from jensen.errors import OptionError
from jensen.queries.diagnosis import calibrate
from jensen.queries.diagnosis import calibration as module
from jensen.queries.diagnosis.calibration import FALSE_ALARMS, calibration_of

from .budget import level

SEED = int(os.environ.get("JENSEN_TEST_SEED", "0"))
COMPARISONS = 4
# Small enough to be beyond chance, and far above what a broken encoder gets here.
CERTAIN = 1e-7


class Off(eqx.Module):
    """Another encoder's normal, moved and stretched, in units of its scales."""

    encoder: Any
    shift: float = 0.0
    factor: float = 1.0

    def __call__(self, x, mask=None):
        q = self.encoder(x, mask)
        scales = jnp.sqrt(jnp.diag(q.covariance_matrix))
        return dist.MultivariateNormal(
            q.mean + self.shift * scales, scale_tril=self.factor * q.scale_tril
        )


@pytest.fixture(scope="module")
def exact():
    return LinearGaussian.random(jax.random.key(21), features=5, latent=3).model()


def off(exact, **how):
    return eqx.tree_at(lambda model: model.encoder, exact, Off(exact.encoder, **how))


WRONG = {
    "shifted": ({"shift": 0.5}, "shifted"),
    "shifted back": ({"shift": -0.5}, "shifted"),
    "narrow": ({"factor": 0.7}, "too narrow"),
    "wide": ({"factor": 1.5}, "too wide"),
}


def test_the_exact_posterior_has_uniform_ranks(exact):
    found = calibrate(exact, jax.random.key(SEED))
    assert found.p_value > level("diagnosis", COMPARISONS)
    assert found.histograms.sum(axis=1).tolist() == [1000] * 3
    assert np.ptp(found.ranks) == 99
    # A share of 0.9 of 1,000 rows is known to 0.0095.
    assert np.abs(found.coverage - 0.9).max() < 6 * 0.0095


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_posterior_is_rejected_and_its_fault_named(exact, name):
    how, fault = WRONG[name]
    found = calibrate(off(exact, **how), jax.random.key(SEED))
    assert found.p_values.max() < CERTAIN
    assert not found.passed
    assert found.rejected == [0, 1, 2]
    assert found.faults == [fault] * 3
    told = found.to_json()
    assert told["faults"] == {"0": fault, "1": fault, "2": fault}
    if fault == "too narrow":
        assert found.coverage.max() < 0.85


def test_ranks_among_draws_of_the_prior_would_see_nothing(exact, monkeypatch):
    """Broken on purpose: then no encoder is ever rejected, and the test above fails."""

    def broken(context, x, z, key):
        model, draws = context
        drawn = jax.vmap(model.latent_prior().sample)(jax.random.split(key, draws))
        return jnp.sum(drawn < z[None], axis=0)

    monkeypatch.setattr(module, "_ranks_of_row", broken)
    assert calibrate(off(exact, shift=0.5), jax.random.key(SEED)).p_values.max() > CERTAIN


def test_false_alarms_are_as_often_as_told():
    """Of 3,000 times four latents with uniform ranks a hundredth is rejected."""
    rng = np.random.default_rng([SEED, 5])
    times = 3000
    alarms = sum(
        not calibration_of(rng.integers(0, 100, size=(1000, 4)), 99).passed for _ in range(times)
    )
    at = level("diagnosis", COMPARISONS)
    assert stats.binom.sf(alarms - 1, times, FALSE_ALARMS) > at
    # Bonferroni gives away a two-hundredth of it; a test that never rings is no test.
    assert stats.binom.cdf(alarms, times, 0.9 * FALSE_ALARMS) > at


def test_ranks_are_counted_in_their_bins():
    ranks = np.arange(100)[:, None].repeat(10, axis=1)
    found = calibration_of(ranks, 99)
    assert (found.histograms == 5).all()
    assert found.p_value == 1
    assert calibration_of(np.full((200, 1), 99), 99).histograms[0, -1] == 200


@pytest.mark.parametrize(("rows", "draws"), [(99, 99), (1000, 100), (1000, -1)])
def test_impossible_sizes_are_refused(exact, rows, draws):
    with pytest.raises(OptionError, match=r"rows=|draws="):
        calibrate(exact, jax.random.key(0), rows, draws)
