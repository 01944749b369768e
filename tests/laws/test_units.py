"""Evidence is of the data as given: other units shift it by the log-Jacobian, and by no more."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen import evidence
from jensen.errors import OptionError
from jensen.objectives import iwae
from jensen.recipes import build_model

from .zoo import DENSITIES, EVENT, VALUES, rows_of

FACTOR = 250.0
SHIFT = -np.prod(EVENT) * np.log(FACTOR)


def models(name, **parts):
    """The same model of the same data in two units; sigma, where there is one, moves with them."""
    rows = rows_of("real")
    made = []
    for factor in (1.0, FACTOR):
        likelihood = f"{name}:{VALUES[name] * factor}" if name in VALUES else name
        scaled = (factor * rows).astype(np.float32)
        options = {"latent_dim": 2, "hidden": (4,), "likelihood": likelihood} | parts
        made.append((build_model(scaled, key=jax.random.key(2), **options), scaled[:5]))
    return made


@pytest.mark.parametrize("prior", ["normal", "vamp"])
@pytest.mark.parametrize("name", DENSITIES)
def test_the_bound_shifts_by_the_log_jacobian(name, prior, key):
    bound = eqx.filter_jit(
        lambda model, rows: jax.vmap(lambda x: iwae(model, x, key, draws=20))(rows)
    )
    before, after = (bound(model, jnp.asarray(x)) for model, x in models(name, prior=prior))
    # The same draws of z; only the data were rounded anew.
    np.testing.assert_allclose(after, before + SHIFT, atol=2e-3)


@pytest.mark.parametrize("name", DENSITIES)
def test_the_exact_evidence_shifts_by_the_log_jacobian(name):
    try:
        before, after = (evidence.exact(*each).values for each in models(name, hidden=()))
    except OptionError:
        pytest.skip("has no closed form")
    np.testing.assert_allclose(after, before + SHIFT, atol=1e-3)
