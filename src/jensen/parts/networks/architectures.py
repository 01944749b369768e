"""Architectures: how the two networks of a model are built, each chosen by its name."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import equinox as eqx
from jax import Array
from jaxtyping import Float

from jensen._types import PRNGKey
from jensen.errors import OptionError
from jensen.parts.networks.images import ConvDecoder, ConvEncoder, usual_channels
from jensen.parts.networks.mlp import MLP

__all__ = ["Architecture", "Convolutional", "Perceptrons", "Residual"]


class Architecture(ABC):
    """A pair of networks for rows of one shape: an encoder's, and a decoder.

    Class attributes:
        name: what the option `network=` calls it.
    """

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def usual_hidden(cls, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The widths of the encoder's hidden layers where none are asked for.

        Raises `OptionError` for rows of a shape that the architecture is not made for.
        """

    @classmethod
    @abstractmethod
    def encoder(
        cls,
        event_shape: tuple[int, ...],
        size: int,
        *,
        hidden: Sequence[int],
        activation: str,
        key: PRNGKey,
    ) -> Any:
        """A network event shape -> (size,); raises `OptionError` for what makes none."""

    @classmethod
    @abstractmethod
    def decoder(
        cls,
        latent_dim: int,
        initial: Float[Array, "parameters *event"],
        *,
        hidden: Sequence[int],
        activation: str,
        key: PRNGKey,
    ) -> Any:
        """A network (latent_dim,) -> (parameters, *event), whose output starts near `initial`.

        `hidden` are the encoder's widths; the decoder's are the same, reversed.
        """


class Perceptrons(Architecture):
    """Multi-layer perceptrons, for rows of any shape."""

    name: ClassVar[str] = "mlp"

    @classmethod
    def usual_hidden(cls, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Two layers of 200."""
        return (200, 200)

    @classmethod
    def encoder(
        cls,
        event_shape: tuple[int, ...],
        size: int,
        *,
        hidden: Sequence[int],
        activation: str,
        key: PRNGKey,
    ) -> Any:
        return MLP(event_shape, (size,), hidden=hidden, activation=activation, key=key)

    @classmethod
    def decoder(
        cls,
        latent_dim: int,
        initial: Float[Array, "parameters *event"],
        *,
        hidden: Sequence[int],
        activation: str,
        key: PRNGKey,
    ) -> Any:
        widths = tuple(hidden)[::-1]
        net = MLP((latent_dim,), initial.shape, hidden=widths, activation=activation, key=key)
        return eqx.tree_at(lambda net: net.layers[-1].bias, net, initial.reshape(-1))


class _Images(Architecture):
    """Convolutional networks with so many residual blocks at each size."""

    blocks: ClassVar[int]

    @classmethod
    def usual_hidden(cls, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Channels, from 32 on and doubled, for each halving down to sides of at most 7."""
        cls._require_image(event_shape)
        height, width = event_shape[:2]
        return usual_channels((height, width))

    @classmethod
    def encoder(
        cls,
        event_shape: tuple[int, ...],
        size: int,
        *,
        hidden: Sequence[int],
        activation: str,
        key: PRNGKey,
    ) -> Any:
        cls._require_image(event_shape)
        return ConvEncoder(
            event_shape, (size,), hidden=hidden, blocks=cls.blocks, activation=activation, key=key
        )

    @classmethod
    def decoder(
        cls,
        latent_dim: int,
        initial: Float[Array, "parameters *event"],
        *,
        hidden: Sequence[int],
        activation: str,
        key: PRNGKey,
    ) -> Any:
        cls._require_image(initial.shape[1:])
        net = ConvDecoder(
            (latent_dim,),
            initial.shape,
            hidden=tuple(hidden)[::-1],
            blocks=cls.blocks,
            activation=activation,
            key=key,
        )
        return eqx.tree_at(lambda net: net.bias, net, initial.reshape(-1))

    @classmethod
    def _require_image(cls, event_shape: tuple[int, ...]) -> None:
        if len(event_shape) not in (2, 3):
            raise OptionError(
                f"network={cls.name!r}: is of images, rows of shape (height, width) or (height,"
                f" width, channels), but these have {event_shape}. Where columns are an image's"
                " pixels, say so by its shape: shape=(28, 28). Else take network='mlp'."
            )


class Convolutional(_Images):
    """Convolutions of stride 2 until an image is small, and their transposes."""

    name: ClassVar[str] = "conv"
    blocks: ClassVar[int] = 0


class Residual(_Images):
    """The same with a residual block at each size of the image (He et al. 2016)."""

    name: ClassVar[str] = "resnet"
    blocks: ClassVar[int] = 1
