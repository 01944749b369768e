"""A folder with rows to fit, and what of fitting a test leaves out."""

import numpy as np
import pytest

import jensen
from jensen.training import Trained


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A folder with rows of two columns and a hidden cause."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    cause = rng.normal(size=(60, 1))
    X = cause * [1.0, -2.0] + rng.normal(0, 0.3, size=(60, 2))
    text = "\n".join(["age,income", *(",".join(map(str, row)) for row in X.tolist())])
    (tmp_path / "people.csv").write_text(text)
    return tmp_path


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
    """Leave the scoring out: for tests of what happens around it."""
    monkeypatch.setattr("jensen.cli._run._finish", lambda *arguments: None)
