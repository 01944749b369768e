"""Eight bits in the steps of training, and single precision in all that is judged and kept."""

from typing import Any

import jax
import numpy as np
import pytest

from jensen import VAE
from jensen.errors import OptionError
from jensen.parts.networks import with_precision


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(200, 2)) @ rng.normal(size=(2, 12))).astype(np.float32)


@pytest.mark.parametrize("shape", [(12,), (3, 4)], ids=["mlp", "conv"])
def test_eight_bits_train_as_well_and_leave_no_trace_in_scores(rows, shape, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    images = rows.reshape(-1, *shape)
    network = {"network": "conv", "hidden": (8,)} if len(shape) == 2 else {"hidden": (16,)}
    given = {"learning_rate": 5e-3, "max_epochs": 40, "draws": 20, "random_state": 0}
    exact, low = (
        VAE(2, **network, **given, precision=each).fit(images) for each in ("float32", "bfloat16")
    )
    start, end = exact.history_[0]["validation_elbo"], exact.history_[-1]["validation_elbo"]
    gained = low.history_[-1]["validation_elbo"] - start
    assert low.history_[-1] != exact.history_[-1]
    assert gained > 0.8 * (end - start) > 3.0
    kept: Any = jax.tree.structure(low.model_)
    assert kept == jax.tree.structure(with_precision(low.model_, "float32"))


@pytest.mark.parametrize(
    ("precision", "words"),
    [("float16", "float32, bfloat16"), ("bfloat16", "a CPU alone"), (8, "is unknown")],
)
def test_a_precision_that_is_none(rows, precision, words):
    with pytest.raises(OptionError, match=words):
        VAE(1, precision=precision).fit(rows)
