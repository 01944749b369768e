"""What the encoder says of rows, and the posterior of them all together."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jensen._batching import map_rows
from jensen._sampling import mean
from jensen._types import Data
from jensen.model import Model
from jensen.parts.priors import Mixture

__all__ = ["active_units", "aggregate_posterior", "posterior_means"]

# Above this variance over rows of its posterior mean, a latent is active (Burda et al. 2016,
# section 5.1).
_ACTIVE = 0.01


def _mean_of_row(model: Model, x: Any) -> Any:
    return mean(model.posterior(x), jax.random.key(0))


def posterior_means(model: Model, X: Data) -> Any:
    """E_q[z | x] of each row of X, shape (rows, latent)."""
    return map_rows(_mean_of_row, model, X)


def active_units(codes: Any) -> int:
    """How many latents' posterior means, shape (rows, latent), vary over the rows."""
    leaves = [leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(codes)]
    return int(sum(np.sum(leaf.var(axis=0) > _ACTIVE) for leaf in leaves))


@eqx.filter_jit
def _posteriors(model: Model, X: Any) -> Any:
    return jax.vmap(model.posterior)(X)


def aggregate_posterior(model: Model, X: Data) -> Mixture:
    """q(z) = 1/N Σ_i q(z | x_i), the posterior of rows taken as a new prior.

    (Makhzani et al. 2016; Hoffman & Johnson 2016.) Its draws need no more than the rows'
    posteriors, which is what is kept of X.
    """
    count = len(jax.tree.leaves(X)[0])
    weights = jnp.full(count, -np.log(count), dtype=jnp.float32)
    return Mixture(weights, _posteriors(model, X))
