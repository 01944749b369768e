"""The tail of importance weights, which tells whether they can be relied on."""

from math import sqrt

import jax.numpy as jnp
from blackjax.diagnostics import pareto_khat
from jax import Array
from jax.lax import top_k
from jaxtyping import Float

from jensen._lenient import lenient
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
    with lenient():
        fitted = pareto_khat(safe, tail="upper", tail_frac=(tail + 0.5) / (tail + 1))
    fitted = jnp.where(jnp.isfinite(fitted), fitted, jnp.inf)
    known = jnp.where(fits, fitted, jnp.where(spread, jnp.inf, 0.0))
    return jnp.where(jnp.isfinite(largest[0]), known, jnp.nan)


def khat(log_weights: Float[Array, " draws"]) -> Scalar:
    """Pareto k̂ of weights given by their logarithms, up to a constant."""
    draws = log_weights.shape[0]
    return khat_of_largest(top_k(log_weights, tail_length(draws) + 1)[0], draws)
