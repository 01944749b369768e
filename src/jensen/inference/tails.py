"""The tail of importance weights, which tells whether they can be relied on."""

from math import isqrt, sqrt

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import top_k
from jax.nn import softmax
from jaxtyping import Float

from jensen._types import Scalar

__all__ = ["FEWEST_FOR_KHAT", "RELIABLE_KHAT", "khat", "khat_of_largest", "tail_length"]

# Fewer draws have no tail to speak of: Vehtari et al. (2024) take a fifth of them, five at least.
FEWEST_FOR_KHAT = 25
# Above this the weights' variance may be infinite for any useful number of draws, and no average
# over them can be relied on (Vehtari et al. 2024, section 3.2.4).
RELIABLE_KHAT = 0.7


def tail_length(draws: int) -> int:
    """How many of the largest weights k̂ is fitted to (Vehtari et al. 2024, eq. 3)."""
    return min(int(3 * sqrt(draws)), draws // 5)


def khat_of_largest(largest: Float[Array, " tail_and_one"], draws: int) -> Scalar:
    """Pareto k̂ from the logarithms of the largest weights of `draws`, the largest first.

    By the estimator of Zhang & Stephens (2009). NaN where there are too few draws to know, or a
    weight that is not a number; infinite where the tail is so heavy that all but its largest
    weights vanish beside them.
    """
    if draws < FEWEST_FOR_KHAT:
        return jnp.float32(jnp.nan)
    tail = tail_length(draws)
    unit = jnp.where(jnp.isfinite(largest[0]), largest[0], 0.0)
    ratios = jnp.exp(largest - unit)
    # Weights that are all the same have no tail, and nothing to fit; nor have those that differ
    # by no more than the rounding of logarithms in the thousands, whose ties break the fit.
    spread = ratios[0] - ratios[-1] > 1e-2
    vanishing = ratios[tail // 2] <= 0
    fits = spread & ~vanishing
    safe = jnp.where(fits, ratios, jnp.linspace(1.0, 0.0, tail + 1))
    # The tail is all but the last of these, which is the threshold.
    fitted = _shape(safe[:-1] - safe[-1])
    fitted = jnp.where(jnp.isfinite(fitted), fitted, jnp.inf)
    known = jnp.where(fits, fitted, jnp.where(spread, jnp.inf, 0.0))
    return jnp.where(jnp.isfinite(largest[0]), known, jnp.nan)


def _shape(excess: Float[Array, " tail"]) -> Scalar:
    """The shape of a generalised Pareto law of what lies above a threshold, the largest first.

    A posterior mean over a grid of b = −shape / scale (Zhang & Stephens 2009), drawn to a half as
    by ten more exceedances (Vehtari et al. 2024).
    """
    count = len(excess)
    quartile = excess[count - int(count / 4 + 0.5)]
    points = 30 + isqrt(count)
    grid = (1 - np.sqrt(points / (np.arange(points) + 0.5))).astype(np.float32)
    b = 1 / excess[0] + grid / (3 * quartile)
    shapes = jnp.mean(jnp.log1p(-b[:, None] * excess[None]), axis=1)
    likely = softmax(count * (jnp.log(-b / shapes) - shapes - 1))
    shape = jnp.mean(jnp.log1p(-jnp.sum(likely * b) * excess))
    return (count * shape + 10 * 0.5) / (count + 10)


def khat(log_weights: Float[Array, " draws"]) -> Scalar:
    """Pareto k̂ of weights given by their logarithms, up to a constant."""
    draws = log_weights.shape[0]
    return khat_of_largest(top_k(log_weights, tail_length(draws) + 1)[0], draws)
