"""What tests of several faces share."""

import io

import jax
import pytest

import jensen
from jensen import store
from jensen.recipes import build_model
from jensen.training import Trained


@pytest.fixture(scope="module")
def as_users_run_it():
    """Without the suite's strict promotion, which parts of NumPyro are not written for.

    In all threads alike: programs traced under other settings are others, so that what `fit`
    rehearses beside its training would be traced twice and serve nobody.
    """
    of_users = {"jax_numpy_dtype_promotion": "standard", "jax_numpy_rank_promotion": "allow"}
    of_suite = {name: jax.config.values[name] for name in of_users}
    for name, value in of_users.items():
        jax.config.update(name, value)
    yield
    for name, value in of_suite.items():
        jax.config.update(name, value)


@pytest.fixture
def piped(monkeypatch):
    """Put text or bytes on standard input."""

    def pipe(text):
        data = text.encode() if isinstance(text, str) else text
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    return pipe


@pytest.fixture(scope="session")
def save_model():
    """Write a model as `VAE.save` does, but for its weights, which no training has touched."""

    def save(path, X, names=None, **parts):
        schema = jensen.data.infer(X, names=names)
        rows = schema.check(X)
        assembly = {"latent_dim": 2, "hidden": [8], "high": schema.high, **parts}
        details = {
            "parameters": {"latent_dim": 2, "hidden": [8], "draws": 20, "random_state": 0},
            "seed": 0,
            "training_rows": len(rows),
            "validation_rows": 0,
            "best_epoch": 0,
            "stopped": "all epochs done",
            "seconds": 0.0,
            "offset": -5.0,
        }
        model = build_model(rows, key=jax.random.key(0), **assembly)
        store.save(path, store.Saved(model, assembly, schema.to_json(), [], rows, details))

    return save


@pytest.fixture(scope="session")
def compiled_as():
    """What JAX tells a model's programs apart by: with all of it alike, none is traced anew."""

    def of(vae):
        return jax.tree.structure(vae.model_), list(map(jax.typeof, jax.tree.leaves(vae.model_)))

    return of


@pytest.fixture
def untrained(monkeypatch):
    """Leave training out too: for tests of what is asked for."""

    def train(model, *rows, options, on_epoch, **rest):
        record = {"epoch": 1, "train_elbo": 0.0, "train_reconstruction": 0.0, "train_kl": 0.0}
        on_epoch(record | {"seconds": 0.1}, 1)
        return Trained(model, [record], 1, "all epochs done", 0.1)

    monkeypatch.setattr("jensen.estimator.vae.train", train)
    monkeypatch.setattr(jensen.VAE, "_set_offset", lambda self, rows: None)


@pytest.fixture
def quick(monkeypatch):
    """Leave the scoring and its rehearsal out: for tests of what happens around it."""
    monkeypatch.setattr("jensen.cli._run._finish", lambda *arguments: None)
    monkeypatch.setattr("jensen.cli._rehearsal.Rehearsal.begin", lambda self, vae: None)
