"""What the compiler is asked for: otherwise for the columns of tables, never against the user."""

from types import SimpleNamespace

import equinox as eqx
import jax
import numpy as np
import pytest

import jensen
from jensen import _runtime
from jensen.recipes import build_model
from jensen.training.step import run_steps, split_trainable

LEVEL, EMITTERS = "xla_backend_optimization_level", "xla_cpu_use_fusion_emitters"


@pytest.fixture
def asked(monkeypatch):
    """The options of the programs that have been made since."""
    found = []

    def filter_jit(function, compiler_options):
        found.append(compiler_options)
        return lambda *args: None

    # Not Equinox's own, which other threads may ask for meanwhile.
    monkeypatch.setattr(_runtime, "eqx", SimpleNamespace(filter_jit=filter_jit))
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
        ("table", True, {EMITTERS: False}),
    ],
)
def test_tables_are_compiled_otherwise(asked, models, kind, long_running, options):
    program = _runtime.quick_jit(lambda tree: None, long_running=long_running)
    # A part of a pytree will do.
    for _ in range(2):
        program((1, {"model": models[kind]}))
    assert asked == [options]


@pytest.mark.parametrize(
    ("kind", "options"), [("array", {LEVEL: 0}), ("table", {LEVEL: 0, EMITTERS: False})]
)
def test_what_runs_briefly_is_not_optimised(asked, models, kind, options):
    program = _runtime.quick_jit(lambda model: None, long_running=True)
    with _runtime.briefly():
        program(models[kind])
    assert asked == [options]
    # And is no program for what comes after.
    program(models[kind])
    assert len(asked) == 2
    assert asked[1] != options


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


def test_a_switch_that_the_compiler_does_not_know_is_left_alone(asked, models, monkeypatch):
    monkeypatch.setattr(_runtime, "_EMITTERS", "xla_cpu_no_such_switch")
    _runtime.quick_jit(lambda model: None)(models["table"])
    assert asked == [{LEVEL: 1}]


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="options are those of CPUs")
@pytest.mark.parametrize("long_running", [False, True])
def test_the_compiler_takes_what_it_is_asked_for(models, monkeypatch, long_running):
    monkeypatch.setenv("XLA_FLAGS", "")
    same = _runtime.quick_jit(lambda model: model, long_running=long_running)
    assert eqx.tree_equal(same(models["table"]), models["table"])


def test_steps_of_training_are_long_running(asked, models):
    both = split_trainable(models["table"])
    assert run_steps._long_running
    _runtime.quick_jit(lambda *parts: None, long_running=True)(*both)
    assert asked == [{EMITTERS: False}]


def test_accelerators_have_their_own(asked, models, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    _runtime.quick_jit(lambda model: None)(models["table"])
    assert asked == [None]
