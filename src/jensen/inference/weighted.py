"""Weighted draws from p(z | x), by importance sampling from an approximation of it."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.nn import log_softmax
from jaxtyping import Float

from jensen._sampling import draw
from jensen._types import Data, Distribution, PRNGKey, Scalar
from jensen.model import Model

__all__ = ["WeightedDraws", "importance_draws"]


class WeightedDraws(eqx.Module):
    """Draws of z with weights that sum to one, given by their logarithms."""

    z: Any
    log_weights: Float[Array, " draws"]

    @property
    def ess(self) -> Scalar:
        """1 / Σ w², the effective sample size (Kong 1992)."""
        return 1.0 / jnp.sum(jnp.exp(2 * self.log_weights))

    def expectation(self, values: Any) -> Any:
        """Σ_k w_k v_k, for arrays v whose first axis goes over the draws."""
        weights = jnp.exp(self.log_weights)
        return jax.tree.map(lambda v: jnp.tensordot(weights, v, axes=1), values)


def importance_draws(
    model: Model, x: Data, q: Distribution, key: PRNGKey, draws: int
) -> WeightedDraws:
    """`draws` samples z ~ q for one datum, weighted by p(x, z) / q(z)."""
    z = draw(q, key, draws)
    log_weights = jax.vmap(lambda z: model.log_joint(x, z) - q.log_prob(z))(z)
    return WeightedDraws(z, log_softmax(log_weights))
