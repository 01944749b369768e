"""What the encoder says of rows, and the posterior of them all together."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jensen._batching import map_rows
from jensen._runtime import quick_jit, quick_random
from jensen._sampling import draw, mean, variance
from jensen._types import Data, condition_of
from jensen.model import Model
from jensen.parts.priors import Mixture

__all__ = [
    "ACTIVE",
    "active_units",
    "aggregate_posterior",
    "is_active",
    "means_beyond_prior",
    "posterior_means",
    "prior_variance",
]

# Above this variance over rows of its posterior mean, in units of its variance under the prior,
# a latent is active (Burda et al. 2016, section 5.1, whose prior has unit variance).
ACTIVE = 0.01
# Draws from a prior that does not know its variance, which they give to some 5 %.
_DRAWS = 1000
# The distance between the quartiles of a standard normal.
_QUARTILES_APART = 1.349


def _mean_of_row(model: Model, x: Any) -> Any:
    return mean(model.posterior(x), jax.random.key(0))


def posterior_means(model: Model, X: Data) -> Any:
    """E_q[z | x] of each row of X, shape (rows, latent)."""
    return map_rows(_mean_of_row, model, X)


def _mean_beyond_prior(model: Model, x: Any) -> Any:
    key = jax.random.key(0)
    expected = mean(model.latent_prior(condition_of(x)), key, _DRAWS)
    return jax.tree.map(lambda a, b: a - b, mean(model.posterior(x), key), expected)


def means_beyond_prior(model: Model, X: Data) -> Any:
    """`posterior_means`; of a conditional model less E[z | condition], shape (rows, latent).

    What these vary by is what the rows tell of z: of a prior that heeds the condition, posterior
    means vary with it even where nothing is told.
    """
    conditional = condition_of(X) is not None and model.prior.heeds_condition
    return map_rows(_mean_beyond_prior, model, X) if conditional else posterior_means(model, X)


def _variance_given(model: Model, condition: Any) -> Any:
    return variance(model.latent_prior(condition), jax.random.key(0), _DRAWS)


_prior_variance = quick_jit(_variance_given)


@quick_jit
def _by_quartiles(model: Model, condition: Any) -> Any:
    def of(z: Array) -> Array:
        low, high = jnp.quantile(z, jnp.array([0.25, 0.75]), axis=0)
        return ((high - low) / _QUARTILES_APART) ** 2

    return jax.tree.map(of, draw(model.latent_prior(condition), jax.random.key(0), _DRAWS))


def prior_variance(model: Model, X: Data | None = None) -> Any:
    """The variance of each latent under the prior, shape (latent,); from draws where not known.

    A prior that has none, as Cauchy's, is given that of a normal with the same quartiles. Of a
    conditional model it is that of z given the condition, in the mean over the rows of `X`.
    """
    conditions = None if X is None else condition_of(X)
    one = None if conditions is None else conditions[0]
    if conditions is not None and model.prior.heeds_condition:
        each = map_rows(_variance_given, model, conditions)
        found = jax.tree.map(lambda leaf: leaf.mean(axis=0), each)
    else:
        with quick_random():
            found = jax.tree.map(np.asarray, _prior_variance(model, one))
    if all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found)):
        return found
    with quick_random():
        return jax.tree.map(np.asarray, _by_quartiles(model, one))


def active_units(codes: Any, variance: Any = 1.0) -> int:
    """How many latents' posterior means, shape (rows, latent), vary over the rows.

    `variance` is what `prior_variance` gives: a latent is active where its means vary by more
    than a hundredth of that.
    """
    if isinstance(variance, float):
        given = variance
        variance = jax.tree.map(lambda leaf: given, codes)
    active = jax.tree.map(lambda leaf, v: np.sum(is_active(leaf, v)), codes, variance)
    return int(sum(jax.tree.leaves(active)))


def is_active(codes: np.ndarray, variance: np.ndarray | float) -> np.ndarray:
    """Which latents are active, shape (latent,), as `active_units` counts them."""
    found: np.ndarray = np.asarray(codes, np.float64).var(axis=0) > ACTIVE * variance
    return found


def _posterior_of_row(model: Model, x: Any) -> Any:
    return model.posterior(x)


def aggregate_posterior(model: Model, X: Data) -> Mixture:
    """q(z) = 1/N Σ_i q(z | x_i), the posterior of rows taken as a new prior.

    (Makhzani et al. 2016; Hoffman & Johnson 2016.) Its draws need no more than the rows'
    posteriors, which is what is kept of X.
    """
    count = len(jax.tree.leaves(X)[0])
    weights = jnp.full(count, -np.log(count), dtype=jnp.float32)
    return Mixture(weights, map_rows(_posterior_of_row, model, X))
