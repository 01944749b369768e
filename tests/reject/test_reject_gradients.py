"""Gradients broken in ways that have been published or nearly were: the test of means sees each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.lax import stop_gradient
from jax.nn import softmax

from jensen._sampling import draw
from jensen.objectives import ELBO, IWAE, Terms

from ..laws.zoo import NORMALS
from ..statistics.budget import level, mean_p_values
from ..statistics.linear_gaussians import exact_gradient, mean_gradients, off
from ..statistics.test_gradients import PLAIN, SHIFT, X, comparisons


class _BrokenScore(ELBO):
    """The score-function gradient with another weight in front of ∇ log q."""

    def weight(self, f):
        """For each draw."""
        raise NotImplementedError

    def __call__(self, model, x, key, epoch):
        q, p = model.posterior(x), model.latent_prior()
        z = stop_gradient(draw(q, key, self.draws))
        log_q = jax.vmap(q.log_prob)(z)
        log_joint = jax.vmap(lambda z: model.log_likelihood(x, z) + p.log_prob(z))(z)
        f = stop_gradient(log_joint - log_q)
        surrogate = jnp.mean(log_joint + self.weight(f) * log_q)
        return Terms(jnp.mean(f), surrogate, jnp.mean(f), jnp.float32(0))


class LeaveOneOut(_BrokenScore):
    """Not broken: the test must let it pass, or it would reject anything."""

    def weight(self, f):
        return f - (jnp.sum(f) - f) / (self.draws - 1)


class BaselineWithItsOwnDraw(_BrokenScore):
    """Shrinks the encoder's gradient by 1 / draws."""

    def weight(self, f):
        return f - jnp.mean(f)


class BaselineWithItsOwnDrawAdded(_BrokenScore):
    """As before, and with the wrong sign."""

    def weight(self, f):
        return f + jnp.mean(f)


class NoReward(_BrokenScore):
    """The decoder learns and the encoder does not."""

    def weight(self, f):
        return 0 * f


class _BrokenDoubly(IWAE):
    """The doubly reparameterised gradient with another power of the weights along the path."""

    def along_the_path(self, weights):
        """For each draw."""
        raise NotImplementedError

    def _doubly(self, model, x, q, z, weights):
        held, held_q = stop_gradient((model, q))
        path = jax.vmap(lambda z: held.log_joint(x, z) - held_q.log_prob(z))(z)
        fixed = jax.vmap(lambda z: model.log_joint(x, z))(stop_gradient(z))
        return jnp.sum(self.along_the_path(weights) * path + weights * fixed)


class UnsquaredWeights(_BrokenDoubly):
    """Drops the score of log q ("sticking the landing"), which leaves a bias for K > 1."""

    def along_the_path(self, weights):
        return weights


class EqualWeights(_BrokenDoubly):
    """The path of the ELBO under the weights of the bound."""

    def along_the_path(self, weights):
        return softmax(0 * weights)


def is_rejected(p_values):
    return p_values.min() < level("gradients", comparisons(len(p_values)))


def against_exact(objective, family="diagonal"):
    model = off(family, shift=SHIFT)
    found = mean_gradients(objective, model, X, jax.random.key(0))
    return mean_p_values(found, np.asarray(exact_gradient(model, X), np.float64))


def against_plain(objective, family="diagonal"):
    model = off(family, shift=SHIFT)
    first, second = jax.random.split(jax.random.key(0))
    found = mean_gradients(objective, model, X, first)
    return mean_p_values(found - mean_gradients(PLAIN, model, X, second))


@pytest.mark.parametrize("family", NORMALS)
@pytest.mark.parametrize("broken", [BaselineWithItsOwnDraw, BaselineWithItsOwnDrawAdded, NoReward])
def test_broken_score_gradients_are_rejected(broken, family):
    assert is_rejected(against_exact(broken(draws=2, gradient="score"), family))


@pytest.mark.parametrize("family", NORMALS)
@pytest.mark.parametrize("broken", [UnsquaredWeights, EqualWeights])
def test_broken_doubly_reparameterised_gradients_are_rejected(broken, family):
    assert is_rejected(against_plain(broken(draws=4), family))


def test_the_gradient_of_another_bound_is_rejected():
    assert is_rejected(against_plain(ELBO()))
    assert is_rejected(against_exact(IWAE(4)))


def test_a_sound_one_written_the_same_way_passes():
    assert not is_rejected(against_exact(LeaveOneOut(draws=2, gradient="score")))
