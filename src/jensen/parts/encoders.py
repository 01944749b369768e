"""The encoder: a network and a posterior family make x and its mask into q(z | x)."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from jensen._types import Constant, Distribution
from jensen.parts.conditions import joined_to_row
from jensen.parts.features import ColumnFeatures
from jensen.parts.networks import Linear
from jensen.parts.posteriors import PosteriorFamily

__all__ = ["ColumnsEncoder", "Encoder"]


class Encoder(eqx.Module):
    """q(z | x): standardise what was observed, run the network, name the posterior.

    An entry that was not observed enters at its mean. With `sees_mask` the network is
    given the mask as well, behind the entries: as further numbers of a vector, and as further
    channels of an image, (height, width, 2) of one that had none. So it is with the condition of
    a conditional model, of which `plane` makes a channel where rows are images.
    """

    network: Any
    family: PosteriorFamily
    shift: Constant
    scale: Constant
    sees_mask: bool = eqx.field(static=True, default=False)
    plane: Linear | None = None

    def __call__(
        self,
        x: Float[Array, "*event"],
        mask: Bool[Array, "*event"] | None = None,
        condition: Float[Array, " given"] | None = None,
    ) -> Distribution:
        return self.family(self.numbers(x, mask, condition))

    def numbers(
        self,
        x: Float[Array, "*event"],
        mask: Bool[Array, "*event"] | None = None,
        condition: Float[Array, " given"] | None = None,
    ) -> Float[Array, " size"]:
        """The numbers that the network gives the family: q(z | x) is `family(numbers(x, mask))`."""
        standard = (x - self.shift.value) / self.scale.value
        if mask is not None:
            standard = jnp.where(mask, standard, 0.0)
        if self.sees_mask:
            seen = jnp.ones_like(standard) if mask is None else mask.astype(standard.dtype)
            together = jnp.stack if standard.ndim == 2 else jnp.concatenate
            standard = together([standard, seen], axis=-1)
        if condition is not None:
            standard = joined_to_row(standard, condition, self.plane)
        return self.network(standard)


class ColumnsEncoder(eqx.Module):
    """q(z | x) of a row of a table: see its columns as `ColumnFeatures`, and go on as ever."""

    network: Any
    family: PosteriorFamily
    features: ColumnFeatures

    def __call__(
        self, x: Float[Array, " d"], mask: Bool[Array, " d"] | None = None
    ) -> Distribution:
        return self.family(self.numbers(x, mask))

    def numbers(
        self, x: Float[Array, " d"], mask: Bool[Array, " d"] | None = None
    ) -> Float[Array, " size"]:
        """The numbers that the network gives the family: q(z | x) is `family(numbers(x, mask))`."""
        return self.network(self.features(x, mask))
