"""Eight bits in the steps of training, and single precision in all that is judged and kept."""

import re
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen import VAE, recipes
from jensen.errors import OptionError
from jensen.objectives import elbo
from jensen.parts.networks import Linear, with_precision
from jensen.training.step import split_trainable

KEY = jax.random.key(0)


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
    # Of seconds no two fits have the same.
    assert low.history_[0]["train_elbo"] != exact.history_[0]["train_elbo"]
    start, end = exact.history_[0]["validation_elbo"], exact.history_[-1]["validation_elbo"]
    gained = low.history_[-1]["validation_elbo"] - start
    assert gained > 0.8 * (end - start) > 3.0
    kept: Any = jax.tree.structure(low.model_)
    assert kept == jax.tree.structure(with_precision(low.model_, "float32"))


def dots_of(precision, shape):
    """The types of all products in the gradient of an ELBO by a model's weights."""
    x = np.zeros((4, *shape), np.float32)
    network = {"network": "conv", "hidden": (8,)} if len(shape) == 3 else {"hidden": (16,)}
    model = recipes.build_model(x, key=jax.random.key(0), latent_dim=2, **network)
    trainable, rest = split_trainable(model)

    def loss(trainable):
        joined = with_precision(eqx.combine(trainable, rest), precision)
        return jnp.mean(jax.vmap(lambda x, key: elbo(joined, x, key))(x, jax.random.split(KEY, 4)))

    text = str(jax.make_jaxpr(jax.grad(loss))(trainable))
    return re.findall(r":(\w+)\[[^]]*\] = (?:dot_general|conv_general_dilated)\[", text)


@pytest.mark.parametrize("shape", [(12,), (3, 4, 1)], ids=["mlp", "conv"])
def test_all_products_of_a_step_are_in_eight_bits_and_none_of_a_score(shape, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    low, exact = dots_of("bfloat16", shape), dots_of("float32", shape)
    # Of four layers each has one product on the way and two on the way back, but for the first,
    # whose input has no gradient. The terms of log p(x | z) are added up by one, and it goes back.
    assert low.count("bf16") == 11
    assert low.count("f32") <= 2
    assert exact == ["f32"] * len(low)


def test_networks_without_such_layers_are_told_of(rows, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    own = {
        "encoder": lambda x: jnp.zeros(2) + x[:2],
        "decoder": lambda z: jnp.zeros((1, 12)) + z[0],
    }
    likelihood = {"likelihood": "normal-fixed:1.0"}
    with pytest.raises(OptionError, match="this model has none"):
        VAE(1, precision="bfloat16", **own, **likelihood).fit(rows)


@pytest.mark.parametrize("precision", ["float16", "flaot32"])
def test_layers_have_no_other_precision(precision):
    with pytest.raises(OptionError, match="float32, bfloat16"):
        with_precision(Linear.draw((2,), (2,), key=KEY), precision)


@pytest.mark.parametrize(
    ("precision", "words"),
    [("float16", "float32, bfloat16"), ("bfloat16", "a CPU alone"), (8, "is unknown")],
)
def test_a_precision_that_is_none(rows, precision, words):
    with pytest.raises(OptionError, match=words):
        VAE(1, precision=precision).fit(rows)
