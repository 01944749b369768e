"""What the compiler is asked for: more for the columns of tables, and nothing that the user set."""

import jax
import numpy as np
import pytest

import jensen
from jensen import _runtime
from jensen.recipes import build_model

LEVEL, EMITTERS = "xla_backend_optimization_level", "xla_cpu_use_fusion_emitters"


@pytest.fixture
def asked(monkeypatch):
    """The options of the programs that have been made since."""
    found = []

    def filter_jit(function, compiler_options):
        found.append(compiler_options)
        return lambda *args: None

    monkeypatch.setattr(_runtime.eqx, "filter_jit", filter_jit)
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    monkeypatch.setenv("XLA_FLAGS", "")
    return found


@pytest.fixture(scope="module")
def models():
    x = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    common = {"key": jax.random.key(0), "latent_dim": 1, "hidden": (4,)}
    return {
        "array": build_model(x, **common),
        "table": build_model(
            jensen.Datum(x, np.isfinite(x)), columns=[{"law": "normal"}] * 2, **common
        ),
    }


@pytest.mark.parametrize(
    ("kind", "long_running", "options"),
    [
        ("array", False, {LEVEL: 1}),
        ("array", True, {LEVEL: 1}),
        ("table", False, {LEVEL: 1, EMITTERS: False}),
        ("table", True, {LEVEL: 3, EMITTERS: False}),
    ],
)
def test_tables_are_compiled_otherwise(asked, models, kind, long_running, options):
    program = _runtime.quick_jit(lambda tree: None, long_running=long_running)
    # A part of a pytree will do.
    for _ in range(2):
        program((1, {"model": models[kind]}))
    assert asked == [options]


def test_one_function_has_a_program_of_each(asked, models):
    program = _runtime.quick_jit(lambda model: None)
    for kind in ("array", "table", "array"):
        program(models[kind])
    assert asked == [{LEVEL: 1}, {LEVEL: 1, EMITTERS: False}]


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (f"--{LEVEL}=2", {EMITTERS: False}),
        (f"--{EMITTERS}=true", {LEVEL: 1}),
        (f"--{LEVEL}=0 --{EMITTERS}=false", None),
    ],
)
def test_flags_of_the_user_stay(asked, models, monkeypatch, flags, options):
    monkeypatch.setenv("XLA_FLAGS", flags)
    _runtime.quick_jit(lambda model: None)(models["table"])
    assert asked == [options]


def test_accelerators_have_their_own(asked, models, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    _runtime.quick_jit(lambda model: None)(models["table"])
    assert asked == [None]
