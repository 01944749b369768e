"""What mixtures of discretised logistics share, of grey values and of colours."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import stop_gradient
from jax.nn import softmax
from jaxtyping import Float

from jensen._types import PRNGKey

__all__ = ["by_uniforms", "chosen_by", "log_sum", "logit", "overall"]

# Of a uniform number: its logit is a number, and the one of what is left too.
_LEAST = 2.0**-24


def log_sum(exponent: Float[Array, "k *rest"], factor: Float[Array, "k *rest"]) -> Array:
    """log Σ e^exponent · factor over the first axis: one logarithm, whatever the components."""
    top = stop_gradient(jnp.max(exponent, axis=0))
    return top + jnp.log(jnp.sum(jnp.exp(exponent - top[None]) * factor, axis=0))


def overall(logits: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
    """Mean and variance of a mixture, from those of its components along the first axis."""
    weights = softmax(logits, axis=0)
    centre = jnp.sum(weights * mean, axis=0)
    return centre, jnp.sum(weights * (variance + (mean - centre[None]) ** 2), axis=0)


def chosen_by(logits: Float[Array, "k *rest"], u: Float[Array, "*rest"]) -> Array:
    """A component for each uniform number, along a new first axis of length one."""
    below = jnp.cumsum(softmax(logits, axis=0), axis=0)[:-1]
    return jnp.sum(u[None] >= below, axis=0, keepdims=True)


def logit(u: Array) -> Array:
    """A standard logistic variable, of a uniform one."""
    return jnp.log(u) - jnp.log1p(-u)


def by_uniforms(
    draw: Callable[[Array], Array],
    key: PRNGKey,
    sample_shape: tuple[int, ...],
    shape: tuple[int, ...],
) -> Array:
    """Draws by a function of uniform numbers of a shape, all of them drawn in one place."""
    u = jax.random.uniform(key, (int(np.prod(sample_shape)), *shape), minval=_LEAST)
    drawn = jax.vmap(draw)(u)
    return drawn.reshape(*sample_shape, *drawn.shape[1:])
