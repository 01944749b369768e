"""The suite's harness: warnings are errors, promotion raises, shapes are checked at run time."""

import os
from pathlib import Path

import jax
import numpy as np
import pytest
from jaxtyping import install_import_hook

# The suite compiles far more than it computes, so nothing is optimised that takes long to be.
# Flags are read when JAX first computes.
_FLAGS = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
os.environ["XLA_FLAGS"] = f"{_FLAGS} {os.environ.get('XLA_FLAGS', '')}"

# Every function that annotates shapes is held to them while the tests run.
_SHAPED = ("evidence", "inference", "linear_gaussian", "model", "objectives", "parts", "queries")
with install_import_hook([f"jensen.{name}" for name in _SHAPED], "beartype.beartype"):
    import jensen
    import jensen.estimator
    from jensen._runtime import keep_compiled_programs

# The suite compiles the same small programs in every run.
keep_compiled_programs()

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
# As `quick_random` has it: programs that draw at random compile in a fraction of the time.
jax.config.update("jax_threefry_partitionable", False)


# A process may hold some 65,000 mappings of memory; each compiled program takes several, and
# the one beyond the last is a segmentation fault.
_MOST_MAPPINGS = 25_000
_MAPPINGS = Path("/proc/self/maps")


@pytest.fixture(autouse=True)
def few_programs():
    """Forget compiled programs before there are more than a process can hold."""
    yield
    if _MAPPINGS.exists():
        with _MAPPINGS.open("rb") as file:
            if sum(1 for _ in file) > _MOST_MAPPINGS:
                jax.clear_caches()


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture(scope="session")
def digits():
    from sklearn.datasets import load_digits

    return load_digits().data


@pytest.fixture(scope="session")
def linear_gaussian():
    """A linear-Gaussian model with four latents, and 50 rows of it."""
    exact = jensen.LinearGaussian.random(jax.random.key(7), features=12, latent=4)
    return exact, exact.sample(np.random.default_rng(7), 50)
