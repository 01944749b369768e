"""Importance weights, taken in as they come: what is kept does not grow with their number."""

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jax.lax import top_k
from jaxtyping import Float

from jensen._types import Scalar
from jensen.inference.tails import FEWEST_FOR_KHAT, khat_of_largest, tail_length

__all__ = ["FEWEST_FOR_KHAT", "Weights", "tail_length"]


class Weights(eqx.Module):
    """The sums over the weights seen so far, in units of the largest, and the largest of them.

    Sums are kept relative to the largest weight, and not by their logarithms: log-weights lie
    far from zero, where the difference of two of them would lose the digits that tell weights
    of nearly the same size apart.
    """

    log_largest: Scalar
    total: Scalar
    total_of_squares: Scalar
    largest: Float[Array, " tail_and_one"]

    @classmethod
    def none(cls, draws: int) -> "Weights":
        """No weights yet, of `draws` that are to come."""
        zero = jnp.float32(0.0)
        return cls(jnp.float32(-jnp.inf), zero, zero, jnp.full(tail_length(draws) + 1, -jnp.inf))

    def add(self, log_weights: Float[Array, " more"]) -> "Weights":
        """Take in some more; −∞ is no weight at all."""
        log_largest = jnp.maximum(self.log_largest, jnp.max(log_weights))
        unit = jnp.where(jnp.isfinite(log_largest), log_largest, 0.0)
        relative = jnp.exp(log_weights - unit)
        shrink = jnp.exp(self.log_largest - unit)
        seen = jnp.concatenate([self.largest, log_weights])
        return Weights(
            log_largest,
            self.total * shrink + jnp.sum(relative),
            self.total_of_squares * shrink**2 + jnp.sum(relative**2),
            top_k(seen, self.largest.shape[0])[0],
        )

    def log_mean(self, draws: int) -> Scalar:
        """log 1/K Σ w."""
        # A quotient, so that weights that are all the same have their own logarithm exactly.
        return self.log_largest + jnp.log(self.total / jnp.float32(draws))

    def effective(self) -> Scalar:
        """(Σ w)² / Σ w², the effective sample size (Kong 1992)."""
        return self.total**2 / self.total_of_squares

    def standard_error(self, draws: int) -> Scalar:
        """Of `log_mean`, by the delta method: sd(w) / (√K mean(w))."""
        if draws < 2:
            return jnp.float32(jnp.nan)
        return jnp.sqrt(jnp.maximum(draws / self.effective() - 1, 0.0) / (draws - 1))

    def khat(self, draws: int) -> Scalar:
        """Pareto k̂ of the tail: see `khat_of_largest`."""
        return khat_of_largest(self.largest, draws)
