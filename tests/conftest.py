"""The suite's harness: warnings are errors, promotion raises, shapes are checked at run time."""

import gc
import importlib
import itertools
import os
from pathlib import Path

import jax
import numpy as np
import pytest
from jaxtyping import install_import_hook

# The suite compiles far more than it computes, so nothing is optimised that takes long to be.
# A program in one piece takes a quarter less of a processor to compile than one in many, and half
# the mappings of memory; there are no more processors than workers to compile pieces on.
# Flags are read when JAX first computes.
_FLAGS = (
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
    " --xla_cpu_parallel_codegen_split_count=1"
)
# Workers have them from the process that starts them: twice told, they would be other flags to
# the cache of compiled programs.
if _FLAGS not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{_FLAGS} {os.environ.get('XLA_FLAGS', '')}"

# Every function that annotates shapes is held to them while the tests run.
_SHAPED = ("evidence", "inference", "linear_gaussian", "model", "objectives", "parts", "queries")


def pytest_configure(config):
    """Import jensen under the hook; the process that hands tests out to others runs none."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    with install_import_hook([f"jensen.{name}" for name in _SHAPED], "beartype.beartype"):
        importlib.import_module("jensen.estimator")
        from jensen._runtime import keep_compiled_programs
    # The suite compiles the same small programs in every run.
    keep_compiled_programs()
    # Tracing makes objects by the million, most of which live as long as their program: looking
    # through them again and again for garbage is time spent on next to none.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
# As `quick_random` has it: programs that draw at random compile in a fraction of the time.
jax.config.update("jax_threefry_partitionable", False)
# Where in Python each operation comes from is written into programs for profilers only.
jax.config.update("jax_traceback_in_locations_limit", 0)


# A process may hold some 65,000 mappings of memory; each compiled program takes several, and
# the one beyond the last is a segmentation fault.
_MOST_MAPPINGS = 25_000
_MAPPINGS = Path("/proc/self/maps")
# Counting takes a hundredth of a second, as long as many a test. A test adds some fifty mappings
# on average, so what a few more may add leaves the bound far away.
_BETWEEN_COUNTS = 16
_TESTS = itertools.count(1)


@pytest.fixture(autouse=True)
def few_programs():
    """Forget compiled programs before there are more than a process can hold."""
    yield
    if next(_TESTS) % _BETWEEN_COUNTS == 0 and _MAPPINGS.exists():
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
    import jensen

    exact = jensen.LinearGaussian.random(jax.random.key(7), features=12, latent=4)
    return exact, exact.sample(np.random.default_rng(7), 50)
