"""Zeros and ones drawn anew whenever a row is met: with their probabilities, and while training."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import jensen
from jensen._types import Datum
from jensen.objectives import ELBO, IWAE, FreshDraws, Objective, Terms

EPOCH = jnp.float32(0.0)
GREY = np.random.default_rng(3).integers(0, 256, (60, 8, 8)).astype(np.uint8)


class Echo(Objective):
    """Tells the five pixels that it is given, as the digits of a binary number."""

    def __call__(self, model, x, key, epoch):
        told = jnp.sum(x * 2.0 ** jnp.arange(5.0))
        return Terms(told, told, told, told)


def test_pixels_are_ones_as_often_as_they_are_light(key):
    """Means of 4,000 draws, each within 5 standard errors."""
    light = jnp.array([0.0, 0.1, 0.5, 0.9, 1.0])
    keys = jax.random.split(key, 4000)
    told = jax.vmap(lambda key: FreshDraws(Echo())(None, light, key, EPOCH).value)(keys)
    assert (told == np.rint(told)).all()
    drawn = np.asarray(told).astype(int)[:, None] // 2 ** np.arange(5) % 2
    error = np.sqrt(light * (1 - light) / len(keys))
    assert (np.abs(drawn.mean(axis=0) - light) <= 5 * error).all()
    # Pixels are drawn one by one.
    assert abs(np.corrcoef(drawn[:, 1:4].T)[np.triu_indices(3, 1)]).max() < 5 / np.sqrt(len(keys))


def test_what_is_certain_is_left_as_it_is(key):
    vae = jensen.VAE(2, hidden=(4,), likelihood="bernoulli", max_epochs=1, random_state=0)
    model = vae.fit(GREY[:, :2, :2] > 127).model_
    x = jnp.asarray(GREY[0, :2, :2] > 127, jnp.float32)
    fresh = FreshDraws(ELBO())(model, Datum(x, jnp.ones((2, 2), bool)), key, EPOCH)
    plain = ELBO()(model, x, jax.random.split(key)[1], EPOCH)
    assert eqx.tree_equal(fresh, plain, rtol=1e-6)


def test_judged_and_settled_as_the_objective_within():
    assert FreshDraws(ELBO()).judge is None
    assert FreshDraws(IWAE(5)).judge == IWAE(5).judge
    warm = jensen.objectives.BetaELBO(1.0, warmup=3.0)
    assert FreshDraws(warm).settles == warm.settles


class Light(Objective):
    """The mean of the pixels that it is given, whatever the model."""

    def __call__(self, model, x, key, epoch):
        light = jnp.mean(x)
        return Terms(light, light, light, jnp.zeros(()))


def test_training_meets_other_draws_in_each_epoch_and_is_judged_by_the_same():
    small = {"latent_dim": 2, "hidden": (4,), "max_epochs": 3, "objective": Light()}
    fixed, fresh = (
        jensen.VAE(**small, binarise=how, random_state=0).fit(GREY) for how in ("fixed", "fresh")
    )
    np.testing.assert_array_equal(fixed.held_out_, fresh.held_out_)
    np.testing.assert_array_equal(fixed.rows_, fresh.rows_)
    light = lambda vae: [record["train_objective"] for record in vae.history_]
    np.testing.assert_allclose(light(fixed), light(fixed)[0], rtol=1e-5)
    # Of some 3,500 pixels, each one or zero by its own draw, whose mean varies by 0.007.
    assert np.ptp(light(fresh)) > 1e-3
    assert abs(np.mean(light(fresh)) - light(fixed)[0]) < 0.05
