"""Rows to train on, and a small model of them."""

import jax
import numpy as np
import pytest

from jensen import recipes


@pytest.fixture(scope="session")
def rows():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(150, 2)) @ rng.normal(size=(2, 5))).astype(np.float32)


@pytest.fixture(scope="session")
def built(rows):
    return recipes.vae(rows, key=jax.random.key(0), latent_dim=2, hidden=(8,))
