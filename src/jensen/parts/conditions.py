"""What the networks of a conditional model are given: a condition beside x, and beside z."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from jensen._types import PRNGKey
from jensen.parts.networks.mlp import Linear

__all__ = ["ConditionalDecoder", "beside_image", "joined_shape", "joined_to_row"]


class ConditionalDecoder(eqx.Module):
    """(z, condition) -> h by a network of both, one behind the other (Sohn et al. 2015)."""

    network: Any

    def __call__(self, z: Float[Array, " latent"], condition: Float[Array, " size"]) -> Array:
        return self.network(jnp.concatenate([z, condition]))


def joined_shape(event_shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """The shape in which an encoder's network sees a row and its condition of so many numbers.

    Of a vector they are further entries; of an image they make up one further channel.

    Example:
        >>> joined_shape((64,), 10), joined_shape((28, 28), 10), joined_shape((32, 32, 3), 10)
        ((74,), (28, 28, 2), (32, 32, 4))
    """
    if len(event_shape) == 1:
        return (event_shape[0] + size,)
    height, width, *channels = event_shape
    return (height, width, (channels[0] if channels else 1) + 1)


def beside_image(event_shape: tuple[int, ...], size: int, key: PRNGKey) -> Linear | None:
    """What makes a condition a channel of an image; `None` where rows are vectors.

    A channel for each of the condition's numbers would make the first layer's patches as many
    times as large.
    """
    if len(event_shape) == 1:
        return None
    height, width = event_shape[:2]
    return Linear.draw((size,), (height, width, 1), key=key)


def joined_to_row(
    x: Float[Array, "..."], condition: Float[Array, " size"], plane: Linear | None
) -> Array:
    """A row and its condition as an encoder's network sees them, of `joined_shape`."""
    if plane is None:
        return jnp.concatenate([x, condition])
    channels = x[..., None] if x.ndim == 2 else x
    return jnp.concatenate([channels, plane(condition)], axis=-1)
