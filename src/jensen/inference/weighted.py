"""Weighted draws from p(z | x), by importance sampling from an approximation of it."""

from math import ceil
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.nn import log_softmax
from jaxtyping import Float, Int

from jensen._sampling import draw
from jensen._types import Data, Distribution, PRNGKey, Scalar
from jensen.inference.tails import khat
from jensen.model import Model

__all__ = ["WeightedDraws", "importance_draws", "moments", "systematic"]

# Draws that are weighed side by side: more of them are weighed one lot after another, so that
# memory does not grow with what the decoder makes of them.
_LOT = 512


def systematic(weights: Float[Array, " n"], key: PRNGKey, draws: int) -> Int[Array, " draws"]:
    """Which of n weighted draws to take for `draws` of equal weight, in their order.

    Each has a mean number of copies in proportion to its weight, and never one more or fewer
    than the whole numbers beside that (Kitagawa 1996).
    """
    ticks = (jnp.arange(float(draws)) + jax.random.uniform(key)) / draws
    passed = jnp.cumsum(weights)
    # A tick may be rounded up to one.
    return jnp.minimum(jnp.searchsorted(passed / passed[-1], ticks), len(weights) - 1)


class WeightedDraws(eqx.Module):
    """Draws of z with weights that sum to one, given by their logarithms."""

    z: Any
    log_weights: Float[Array, " draws"]

    @property
    def ess(self) -> Scalar:
        """1 / Σ w², the effective sample size (Kong 1992)."""
        return 1.0 / jnp.sum(jnp.exp(2 * self.log_weights))

    @property
    def khat(self) -> Scalar:
        """Pareto k̂ of the weights; NaN of fewer than 25 draws."""
        return khat(self.log_weights)

    def reweighted(self, log_ratio: Float[Array, " draws"]) -> "WeightedDraws":
        """The same draws for another density, of which the logarithm is larger by `log_ratio`."""
        moved = self.log_weights + log_ratio
        # A draw at which either is no number has no weight, and does not spoil the others.
        lost = ~(moved < jnp.inf) | (self.log_weights == -jnp.inf)
        return WeightedDraws(self.z, log_softmax(jnp.where(lost, -jnp.inf, moved)))

    def unweighted(self) -> "WeightedDraws":
        """The same draws, all of one weight, but for those that have none."""
        equal = jnp.where(self.log_weights == -jnp.inf, -jnp.inf, 0.0)
        return WeightedDraws(self.z, log_softmax(equal))

    def resample(self, key: PRNGKey, draws: int) -> Any:
        """`draws` draws of equal weight, by systematic resampling, in random order."""
        for_tick, for_order = jax.random.split(key)
        parents = systematic(jnp.exp(self.log_weights), for_tick, draws)
        chosen = jax.random.permutation(for_order, parents)
        return jax.tree.map(lambda leaf: leaf[chosen], self.z)

    def expectation(self, values: Any) -> Any:
        """Σ_k w_k v_k, for arrays v whose first axis goes over the draws.

        Of draws without weight v may be anything.
        """
        weights = jnp.exp(self.log_weights)
        there = lambda v: jnp.where((weights == 0).reshape(-1, *(1,) * (v.ndim - 1)), 0.0, v)
        return jax.tree.map(lambda v: jnp.tensordot(weights, there(v), axes=1), values)


def importance_draws(
    model: Model, x: Data, q: Distribution, key: PRNGKey, draws: int
) -> WeightedDraws:
    """`draws` samples z ~ q for one datum, weighted by p(x, z) / q(z)."""

    def log_weight(z: Any) -> Scalar:
        # A draw at which the model is no number has no weight, and does not spoil the others.
        each = model.log_joint(x, z) - q.log_prob(z)
        return jnp.where(jnp.isnan(each), -jnp.inf, each)

    if draws <= _LOT:
        z = draw(q, key, draws)
        return WeightedDraws(z, log_softmax(jax.vmap(log_weight)(z)))
    lots = ceil(draws / _LOT)
    each = ceil(draws / lots)
    z = draw(q, key, lots * each)
    by_lot = jax.tree.map(lambda leaf: leaf.reshape(lots, each, *leaf.shape[1:]), z)
    log_weights = jax.lax.map(jax.vmap(log_weight), by_lot).reshape(-1)
    kept = jax.tree.map(lambda leaf: leaf[:draws], z)
    return WeightedDraws(kept, log_softmax(log_weights[:draws]))


def moments(draws: WeightedDraws) -> tuple[Array, Array]:
    """Mean and standard deviation of z laid out as one vector, each of shape (size,)."""
    flat = jax.vmap(lambda z: ravel_pytree(z)[0])(draws.z)
    mean = draws.expectation(flat)
    return mean, jnp.sqrt(draws.expectation((flat - mean[None]) ** 2))
