"""A logistic variable, rounded to whole numbers from low to high.

    P(k) = σ(b) − σ(a) = σ(b) σ(−a) (1 − e^−(b−a)),  a, b = (k ∓ ½ − μ) / s

of which the product has no difference of nearly equal numbers. The end values take what lies
beyond them. Columns of tables and the levels of pixels are such variables.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

__all__ = ["rounded", "rounded_log_prob", "rounded_terms"]

# Ends of a support lie so many scales away, where there is nothing left and nothing overflows.
_FAR = 1e9
# A width of which the logarithm is still a number.
_LEAST_WIDTH = 1e-30

Bound = Float[Array, "..."] | float


def rounded_terms(
    x: Float[Array, "..."], loc: Array, scale: Array, low: Bound, high: Bound
) -> tuple[Array, Array]:
    """P(x) = e^exponent · factor: an exponent of at most 0, and a factor that does not underflow.

    The factor is that of the product above in which both σ have lost their exponential tails; it
    is at least two ninths of min(1, 1 / s). A sum over components needs no logarithm of its terms.
    """
    first, last = x <= low, x >= high
    # Taken off first, the location leaves a number that a half is no rounding error of.
    away = x - loc
    a = jnp.where(first, -_FAR, (away - 0.5) / scale)
    b = jnp.where(last, _FAR, (away + 0.5) / scale)
    width = jnp.where(first | last, _FAR, 1.0 / scale)
    # σ(b) σ(−a) = σ(−near) σ(−far), of which the second is more than a half.
    near, far = jnp.maximum(a, -b), jnp.minimum(a, -b)
    inside = -jnp.expm1(-jnp.maximum(width, _LEAST_WIDTH))
    size = jnp.abs(near)
    factor = inside / ((1.0 + jnp.exp(-size)) * (1.0 + jnp.exp(far)))
    # max(near, 0), with the same slope at 0 as the absolute value in the factor has there.
    return -0.5 * (near + size), factor


def rounded_log_prob(
    x: Float[Array, "..."], loc: Array, scale: Array, low: Bound, high: Bound
) -> Array:
    """log P(x) of whole numbers from low to high, in nats."""
    exponent, factor = rounded_terms(x, loc, scale, low, high)
    return exponent + jnp.log(factor)


def rounded(y: Float[Array, "..."], low: Bound, high: Bound) -> Array:
    """The whole number from low to high that stands for y."""
    return jnp.clip(jnp.rint(y), low, high)
