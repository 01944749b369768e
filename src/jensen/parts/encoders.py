"""Encoders: a network and a posterior family make x and its mask into q(z | x)."""

from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Bool, Float

from jensen._types import Constant, Distribution

__all__ = ["DiagonalNormal", "Encoder", "FullNormal", "PosteriorFamily"]

# softplus(raw + this) is one at raw = 0, the scale of the standard normal prior.
_UNIT_SOFTPLUS = 0.5413249
_SMALLEST_SCALE = 1e-5


def _positive(raw: Array) -> Array:
    return jax.nn.softplus(raw + _UNIT_SOFTPLUS) + _SMALLEST_SCALE


class PosteriorFamily(eqx.Module):
    """Turns a network's output into a distribution over a `latent_dim`-dimensional z."""

    latent_dim: int = eqx.field(static=True)

    @property
    @abstractmethod
    def size(self) -> int:
        """How many numbers of the network's output a posterior takes."""

    @abstractmethod
    def __call__(self, h: Float[Array, " size"]) -> Distribution:
        """q(z) with the parameters that `h` stands for; the standard normal at zero."""


class DiagonalNormal(PosteriorFamily):
    """q(z | x) = N(μ(x), diag σ²(x))."""

    name: ClassVar[str] = "diagonal"

    @property
    def size(self) -> int:
        """μ and σ: two numbers a dimension."""
        return 2 * self.latent_dim

    def __call__(self, h: Float[Array, " size"]) -> Distribution:
        mean, raw = jnp.split(h, 2)
        return dist.Normal(mean, _positive(raw)).to_event(1)


class FullNormal(PosteriorFamily):
    """q(z | x) = N(μ(x), L(x) L(x)ᵀ) with L lower triangular."""

    name: ClassVar[str] = "full"

    @property
    def size(self) -> int:
        """μ and the entries of L on and below its diagonal."""
        return 2 * self.latent_dim + self.latent_dim * (self.latent_dim - 1) // 2

    def __call__(self, h: Float[Array, " size"]) -> Distribution:
        d = self.latent_dim
        mean, raw, below = h[:d], h[d : 2 * d], h[2 * d :]
        scale_tril = jnp.diag(_positive(raw)).at[jnp.tril_indices(d, -1)].set(below)
        return dist.MultivariateNormal(mean, scale_tril=scale_tril)


class Encoder(eqx.Module):
    """q(z | x): standardise what was observed, run the network, name the posterior.

    An entry that was not observed enters at its mean. With `sees_mask` the network is
    given the mask as well, behind the entries.
    """

    network: Any
    family: PosteriorFamily
    shift: Constant
    scale: Constant
    sees_mask: bool = eqx.field(static=True, default=False)

    def __call__(
        self, x: Float[Array, "*event"], mask: Bool[Array, "*event"] | None = None
    ) -> Distribution:
        return self.family(self.numbers(x, mask))

    def numbers(
        self, x: Float[Array, "*event"], mask: Bool[Array, "*event"] | None = None
    ) -> Float[Array, " size"]:
        """The numbers that the network gives the family: q(z | x) is `family(numbers(x, mask))`."""
        standard = (x - self.shift.value) / self.scale.value
        if mask is not None:
            standard = jnp.where(mask, standard, 0.0)
        if self.sees_mask:
            seen = jnp.ones_like(standard) if mask is None else mask.astype(standard.dtype)
            standard = jnp.concatenate([standard, seen])
        return self.network(standard)
