"""Likelihoods of binary data."""

from typing import Any, ClassVar

import equinox as eqx
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from jensen._lenient import Lenient
from jensen._runtime import on_device
from jensen.parts.likelihoods._base import Likelihood

__all__ = ["Bernoulli"]


class Bernoulli(Likelihood):
    """x ~ Bernoulli(sigmoid(h)), on {0, 1}."""

    name: ClassVar[str] = "bernoulli"
    kinds: ClassVar[tuple[str, ...]] = ("binary",)
    discrete: ClassVar[bool] = True

    event_shape: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def from_rows(cls, rows: np.ndarray, high: float | None, value: float | None) -> "Bernoulli":
        return cls(rows.shape[1:])

    @property
    def largest(self) -> float:
        """One."""
        return 1.0

    @property
    def parameters(self) -> int:
        """The logit."""
        return 1

    def initial(self, rows: np.ndarray) -> Float[Array, "1 *event"]:
        share = (rows.sum(0) + 0.5) / (len(rows) + 1.0)
        return on_device(np.log(share / (1 - share))[None])

    def __call__(self, h: Float[Array, "1 *event"]) -> Any:
        return Lenient(dist.BernoulliLogits(h[0]))
