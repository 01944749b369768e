"""A folder with rows to fit."""

import numpy as np
import pytest


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
