"""Colours that are drawn have the probabilities that enumeration says, as whole pixels."""

import os

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen._sampling import draw

from ..laws.likelihoods.colours import EVENT, LIKELIHOOD, N, reference, some_h
from .budget import frequencies_p_value, level

SEED = int(os.environ.get("JENSEN_TEST_SEED", "0"))
DRAWS = 20_000
SETTINGS = 2


@eqx.filter_jit
def drawn(p, key):
    return draw(p, key, DRAWS)


def p_values(h, x):
    """Of how often each of the 216 pixels was drawn, and each pair of channels, at each place."""
    for place in range(EVENT[1]):
        p = np.exp(reference(h, place)).reshape(N + 1, N + 1, N + 1)
        at = np.asarray(x)[:, 0, place].astype(int)
        counts = np.zeros_like(p)
        np.add.at(counts, tuple(at.T), 1)
        events = lambda a: np.concatenate([a.ravel(), *(a.sum(axis).ravel() for axis in range(3))])
        yield frequencies_p_value(events(counts), events(p), len(at))


@pytest.mark.parametrize("setting", range(SETTINGS))
def test_colours(setting):
    h = some_h(10 + setting)
    x = drawn(LIKELIHOOD(jnp.asarray(h)), jax.random.fold_in(jax.random.key(SEED), setting))
    found = list(p_values(h, x))
    assert min(found) > level("colours", SETTINGS * len(found))
