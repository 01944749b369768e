"""Saved models, and a command line run beside them."""

import csv

import numpy as np
import pytest

from jensen.cli import main

from .tables import NAMES


@pytest.fixture(scope="session")
def home(tmp_path_factory, save_model):
    """A folder with three small models and rows for them."""
    home = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.5], [0, 0, 1]])
    with (home / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(NAMES)
        writer.writerows(X.tolist())
    save_model(home / "table", X, NAMES, likelihood="normal")
    save_model(home / "other", X, NAMES, likelihood="student-t")
    pixels = rng.integers(0, 2, size=(40, 8, 8)).astype("uint8")
    np.save(home / "pixels.npy", pixels)
    save_model(home / "pixels.jensen", pixels, likelihood="bernoulli")
    return home


@pytest.fixture
def run(home, monkeypatch, capsys):
    """Run a command line in that folder: its stdout, after exit code 0."""
    monkeypatch.chdir(home)

    def run(line, quiet=True):
        assert main(line.split() + (["--quiet"] if quiet else [])) == 0
        out, err = capsys.readouterr()
        assert not (quiet and err), err
        return out

    return run
