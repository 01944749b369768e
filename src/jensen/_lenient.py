"""Calls into libraries that are not written for strict promotion, which our tests turn on."""

import contextlib
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jensen._types import PRNGKey

__all__ = ["Lenient", "lenient"]


@contextlib.contextmanager
def lenient() -> Iterator[None]:
    """Let types and ranks be promoted as JAX does by default."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


class Lenient(eqx.Module):
    """One of NumPyro's distributions, called leniently."""

    distribution: Any

    @property
    def mean(self) -> Array:
        """Its mean."""
        with lenient():
            return self.distribution.mean

    @property
    def variance(self) -> Array:
        """Its variance."""
        with lenient():
            return self.distribution.variance

    @property
    def support(self) -> Any:
        """Its support, one of NumPyro's constraints."""
        return self.distribution.support

    def log_prob(self, value: Array) -> Array:
        """Its log-density or log-probability, in nats."""
        with lenient():
            return self.distribution.log_prob(value)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Its draws, as floats."""
        with lenient():
            return self.distribution.sample(key, sample_shape).astype(jnp.float32)
