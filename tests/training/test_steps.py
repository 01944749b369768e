"""What a step takes and what it changes: rows, weights, averages, rates, gradients."""

from dataclasses import replace
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax.nn import log_sigmoid

from jensen import Model
from jensen.errors import OptionError
from jensen.objectives import ELBO
from jensen.parts.networks import Linear
from jensen.training import Options, train
from jensen.training.step import initial_state, plan, run_steps, split_trainable

from .weights import leaves


@pytest.mark.parametrize(("count", "batch"), [(1, 4), (4, 4), (5, 4), (130, 128)])
def test_an_epoch_takes_every_row_once(count, batch):
    index, weight = plan(count, batch, np.random.default_rng(0))
    assert index.shape == weight.shape == (-(-count // batch), batch)
    assert sorted(index[weight == 1]) == list(range(count))


def test_the_last_partial_batch_counts_as_what_it_holds(rows, built):
    """One step on 3 rows of a batch of 8 is one step on those 3 rows alone."""
    model, objective = built
    rest = split_trainable(model)[1]

    def step(index, weight):
        state, info = run_steps(
            initial_state(model, False), rest, objective, jnp.asarray(rows),
            np.array([index], np.int32), np.array([weight], np.float32),
            np.zeros(1, np.int32), np.array([0.01], np.float32), jax.random.key(1),
            np.zeros(1, np.float32), jnp.float32(0.0), jnp.float32(1e6), None,
        )  # fmt: skip
        return state, info

    filled, filled_info = step([5, 6, 7, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0])
    other, other_info = step([5, 6, 7, 9, 8, 7, 6, 5], [1, 1, 1, 0, 0, 0, 0, 0])
    assert float(filled_info.value) == float(other_info.value)
    for one, two in zip(leaves(filled.trainable), leaves(other.trainable), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_running_average_is_what_is_kept(rows, built):
    plain = train(*built, rows, options=Options(max_epochs=3))
    averaged = train(*built, rows, options=Options(max_epochs=3, average=0.9))
    assert not np.array_equal(leaves(plain.model)[0], leaves(averaged.model)[0])
    assert plain.history[0]["train_elbo"] == averaged.history[0]["train_elbo"]


def test_the_running_average_forgets_where_a_short_training_began(rows, built):
    model, objective = built
    options = Options(max_epochs=3, average=0.999, weight_decay=0.0)
    survival = np.concatenate([options.survival(len(rows), epoch) for epoch in range(3)])
    np.testing.assert_allclose(survival[:2], [1 / 10, 2 / 11], rtol=1e-6)
    assert (np.diff(survival) > 0).all()
    assert options.survival(len(rows), 10_000)[0] == np.float32(0.999)
    # Step by step, the average is that of the weights after each.
    state, expected = initial_state(model, True), leaves(split_trainable(model)[0])
    for share in survival:
        state, _ = run_steps(
            state, split_trainable(model)[1], objective, jnp.asarray(rows),
            np.arange(8, dtype=np.int32)[None], np.ones((1, 8), np.float32),
            np.zeros(1, np.int32), np.array([0.01], np.float32), jax.random.key(1),
            np.zeros(1, np.float32), jnp.float32(0.0), jnp.float32(1e6), np.array([share]),
        )  # fmt: skip
        expected = [
            share * old + (1 - share) * new
            for old, new in zip(expected, leaves(state.trainable), strict=True)
        ]
    for one, two in zip(leaves(state.average), expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)
    trained = [
        train(model, objective, rows, options=each).model
        for each in (replace(options, average=None), options)
    ]
    flat = lambda model: np.concatenate([leaf.ravel() for leaf in leaves(model)])
    first, last, kept = map(flat, (model, *trained))
    assert np.linalg.norm(kept - last) < 0.5 * np.linalg.norm(first - last)


def test_constants_are_not_trained_and_weight_decay_spares_biases(rows, built):
    model, objective = built
    done = train(model, objective, rows, options=Options(max_epochs=3, weight_decay=5.0))
    np.testing.assert_array_equal(done.model.encoder.shift.value, model.encoder.shift.value)
    np.testing.assert_array_equal(done.model.likelihood.scale.value, model.likelihood.scale.value)
    assert not np.array_equal(done.model.likelihood.log_scales, model.likelihood.log_scales)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max_epochs", 0), ("max_epochs", "many"), ("max_epochs", 1.5), ("batch_size", 0),
        ("learning_rate", 0.0), ("learning_rate", float("nan")), ("clip", -1.0),
        ("weight_decay", -0.1), ("average", 1.0), ("patience", 0), ("max_time", 0.0),
        ("warmup", 2.0),
    ],
)  # fmt: skip
def test_options_name_what_is_wrong(option, value):
    with pytest.raises(OptionError, match=option):
        Options(**{option: value})


def test_the_learning_rate_rises_and_falls():
    options = Options(max_epochs=10, batch_size=10, learning_rate=1.0, warmup=0.1, decay=0.1)
    rates = np.concatenate([options.rates(100, epoch) for epoch in range(10)])
    assert rates.argmax() == 9
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)
    assert (np.diff(rates[10:]) < 0).all()


class Bits(eqx.Module):
    """Independent bits, whose draws carry no gradient."""

    has_rsample: ClassVar[bool] = False
    logits: jax.Array

    @property
    def mean(self):
        return jax.nn.sigmoid(self.logits)

    def sample(self, key, sample_shape=()):
        shape = (*sample_shape, *self.logits.shape)
        return jax.random.bernoulli(key, self.mean, shape).astype(jnp.float32)

    def log_prob(self, z):
        return jnp.sum(jnp.where(z > 0.5, log_sigmoid(self.logits), log_sigmoid(-self.logits)))


class Switches(eqx.Module):
    """q(z | x) over bits."""

    network: Linear

    def __call__(self, x, mask=None):
        return Bits(self.network(x))


def test_the_score_function_trains_what_cannot_be_reparameterised():
    """Two clusters told apart by one bit: training must find it, and be validated meanwhile."""
    rng = np.random.default_rng(0)
    bit = rng.integers(0, 2, (200, 1))
    rows = np.float32(np.where(bit, 1.0, -1.0) * [3.0, -3.0] + 0.5 * rng.normal(size=(200, 2)))
    model = Model(
        prior=Bits(jnp.zeros(1)),
        decoder=Linear.draw((1,), (2,), key=jax.random.key(0)),
        likelihood=lambda h: dist.Normal(h, 0.5),
        encoder=Switches(Linear.draw((2,), (1,), key=jax.random.key(1))),
    )
    with pytest.raises(OptionError, match="gradient='score'"):
        train(model, ELBO(), rows[:150], rows[150:], options=Options(max_epochs=1))
    objective = ELBO(gradient="score", draws=2)
    options = Options(max_epochs=60, learning_rate=0.05, batch_size=25, weight_decay=0.0)
    done = train(model, objective, rows[:150], rows[150:], options=options)
    # log ½, for the cluster, and the entropy of two normals.
    best = np.log(0.5) - np.log(2 * np.pi * np.e * 0.25)
    assert done.history[-1]["validation_elbo"] == pytest.approx(best, abs=0.4)
