"""Conditional models of every network and prior: all parts heed the condition, and can learn to."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen import Datum, recipes
from jensen.errors import OptionError
from jensen.objectives import elbo
from jensen.training.step import split_trainable

from .zoo import ALL_PRIORS, ARCHITECTURES, jittered

SIZE, LATENT = 3, 2
EVENTS = {"vectors": (6,), "images": (8, 6), "colours": (4, 4, 3)}


def rows_of(event):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (20, *event)).astype(np.float32)
    return Datum(x, None, np.eye(SIZE, dtype=np.float32)[np.arange(20) % SIZE])


def built(rows, **options):
    return recipes.build_model(
        rows,
        key=jax.random.key(0),
        latent_dim=LATENT,
        likelihood="bernoulli",
        condition=SIZE,
        **options,
    )


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("network", ARCHITECTURES)
def test_encoder_and_decoder_heed_the_condition(network, event, key):
    if event == "vectors" and network != "mlp":
        pytest.skip("convolutions are of images")
    rows = rows_of(EVENTS[event])
    model = jittered(built(rows, network=network, hidden=(4,)), key)
    one = jax.tree.map(lambda leaf: leaf[0], rows)
    other = dataclasses.replace(one, condition=rows.condition[1])
    z = jnp.ones(LATENT)
    at = eqx.filter_jit(lambda model, x: (model.posterior(x).mean, model.log_likelihood(x, z)))
    (mean, log_p), (other_mean, other_log_p) = at(model, one), at(model, other)
    assert np.abs(mean - other_mean).max() > 1e-4
    assert abs(log_p - other_log_p) > 1e-4


@pytest.mark.parametrize("prior", ALL_PRIORS)
def test_a_prior_heeds_the_condition_where_it_says_so(prior, key):
    rows = rows_of((6,))
    model = jittered(built(rows, prior=prior, hidden=(4,)), key)
    at = eqx.filter_jit(lambda model, c: model.latent_prior(c).log_prob(jnp.ones(LATENT)))
    one, other = (float(at(model, c)) for c in rows.condition[:2])
    assert (abs(one - other) > 1e-4) == model.prior.heeds_condition


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_every_weight_can_learn(network, key):
    rows = rows_of((8, 6))
    model = jittered(built(rows, network=network, prior="conditional", hidden=(4,)), key)
    trainable, rest = split_trainable(model)

    def loss(trainable):
        model = eqx.combine(trainable, rest)
        keys = jax.random.split(key, 20)
        return jnp.sum(jax.vmap(lambda x, key: elbo(model, x, key))(rows, keys))

    for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(trainable)):
        assert np.isfinite(leaf).all()
        assert np.abs(leaf).max() > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"condition": -1}, "whole number"),
        ({"prior": "conditional"}, "fitted with a condition"),
        ({"prior": "conditional:3", "condition": 3}, "takes no number"),
    ],
)
def test_impossible_conditions_are_refused(options, words, key):
    with pytest.raises(OptionError, match=words):
        recipes.build_model(np.zeros((5, 2), np.float32), key=key, **options)
