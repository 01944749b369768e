"""Importance weights, taken in as they come: what is kept does not grow with their number."""

from math import sqrt

import equinox as eqx
import jax.numpy as jnp
from blackjax.diagnostics import pareto_khat
from jax import Array
from jax.lax import top_k
from jax.nn import logsumexp
from jaxtyping import Float

from jensen._lenient import lenient
from jensen._types import Scalar

__all__ = ["Weights", "tail_length"]

# Fewer draws have no tail to speak of: Vehtari et al. (2024) take a fifth of them, five at least.
_FEWEST_FOR_KHAT = 25


def tail_length(draws: int) -> int:
    """How many of the largest weights k̂ is fitted to (Vehtari et al. 2024, eq. 3)."""
    return min(int(3 * sqrt(draws)), draws // 5)


class Weights(eqx.Module):
    """The sums over the weights seen so far, and the largest of them, all by logarithms."""

    log_sum: Scalar
    log_sum_of_squares: Scalar
    largest: Float[Array, " tail_and_one"]

    @classmethod
    def none(cls, draws: int) -> "Weights":
        """No weights yet, of `draws` that are to come."""
        nothing = jnp.float32(-jnp.inf)
        return cls(nothing, nothing, jnp.full(tail_length(draws) + 1, -jnp.inf))

    def add(self, log_weights: Float[Array, " more"]) -> "Weights":
        """Take in some more; −∞ is no weight at all."""
        seen = jnp.concatenate([self.largest, log_weights])
        return Weights(
            jnp.logaddexp(self.log_sum, logsumexp(log_weights)),
            jnp.logaddexp(self.log_sum_of_squares, logsumexp(2 * log_weights)),
            top_k(seen, self.largest.shape[0])[0],
        )

    def log_mean(self, draws: int) -> Scalar:
        """log 1/K Σ w."""
        return self.log_sum - jnp.log(jnp.float32(draws))

    def effective(self) -> Scalar:
        """(Σ w)² / Σ w², the effective sample size (Kong 1992)."""
        return jnp.exp(2 * self.log_sum - self.log_sum_of_squares)

    def standard_error(self, draws: int) -> Scalar:
        """Of `log_mean`, by the delta method: sd(w) / (√K mean(w))."""
        if draws < 2:
            return jnp.float32(jnp.nan)
        return jnp.sqrt(jnp.maximum(draws / self.effective() - 1, 0.0) / (draws - 1))

    def khat(self, draws: int) -> Scalar:
        """Pareto k̂ of the tail, by the estimator of Zhang & Stephens (2009)."""
        if draws < _FEWEST_FOR_KHAT:
            return jnp.float32(jnp.nan)
        tail = tail_length(draws)
        ratios = jnp.exp(self.largest - self.largest[0])
        # Weights that are all the same have no tail, and nothing to fit.
        spread = ratios[0] - ratios[-1] > 1e-5
        safe = jnp.where(spread, ratios, jnp.linspace(1.0, 0.0, tail + 1))
        # The tail is all but the last of these, which is the threshold.
        with lenient():
            fitted = pareto_khat(safe, tail="upper", tail_frac=(tail + 0.5) / (tail + 1))
        return jnp.where(spread, fitted, 0.0)
