"""Convolutional networks from an image to numbers, and from numbers to an image."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from jensen._sampling import Normals
from jensen._types import PRNGKey
from jensen.errors import OptionError
from jensen.parts.networks.conv import Conv, ConvTransposed, halved
from jensen.parts.networks.mlp import ACTIVATIONS, Linear, require_activation, require_widths, zeros

__all__ = ["ConvDecoder", "ConvEncoder", "usual_channels"]

# A kernel of twice the stride meets each pixel as often as any other (Odena et al. 2016).
_KERNEL, _STRIDE = 4, 2
_KERNEL_OF_BLOCKS = 3
# Of a smaller image a linear layer sees all, and a convolution would see mostly its border.
_SMALL_SIDE = 7
_FIRST_CHANNELS, _MOST_CHANNELS = 32, 256
_OF_HIDDEN, _OF_LAST = 2.0**0.5, 0.1


def usual_channels(size: tuple[int, int]) -> tuple[int, ...]:
    """Channels after each halving of an image until its sides are 7 or less: 32, 64, ... to 256.

    >>> usual_channels((28, 28)), usual_channels((64, 48))
    ((32, 64), (32, 64, 128, 256))
    """
    channels = [_FIRST_CHANNELS]
    size = halved(size)
    while max(size) > _SMALL_SIDE:
        channels.append(min(2 * channels[-1], _MOST_CHANNELS))
        size = halved(size)
    return tuple(channels)


class Block(eqx.Module):
    """A residual block, activations first: x + second(a(first(a(x)))) (He et al. 2016)."""

    first: Conv
    second: Conv
    activation: str = eqx.field(static=True)

    @classmethod
    def of(cls, draw: Normals, channels: int, blocks: int, activation: str) -> "Block":
        """One of so many blocks of a network, each of which adds its share of the variance.

        Their last layers are divided by the root of their number, in place of a normalisation
        (Child 2021, section 3.3).
        """
        shape = (_KERNEL_OF_BLOCKS, _KERNEL_OF_BLOCKS, channels, channels)
        first = Conv.of(draw(shape), _OF_HIDDEN, 1)
        return cls(first, Conv.of(draw(shape), blocks**-0.5, 1), activation)

    def __call__(self, x: Float[Array, "h w c"]) -> Float[Array, "h w c"]:
        act = ACTIVATIONS[self.activation]
        return x + self.second(act(self.first(act(x))))


class ConvEncoder(eqx.Module):
    """Convolutions of stride 2, each followed by residual blocks; then a linear layer.

    Args:
        in_shape: of an image, (height, width) or (height, width, channels); any size.
        out_shape: shape of the output.
        hidden: channels after each convolution, which halves the sides and rounds up.
        blocks: residual blocks at each size; none makes it a plain stack of convolutions.
        activation: one of `ACTIVATIONS`.
        key: for the weights: He et al. (2015), and a tenth of that in the last layer.

    Example:
        >>> import jax
        >>> net = ConvEncoder((17, 23), (6,), hidden=(4, 8), key=jax.random.key(0))
        >>> net(jax.numpy.zeros((17, 23))).shape
        (6,)
    """

    name: ClassVar[str] = "conv-encoder"
    stages: tuple[tuple[Conv, tuple[Block, ...]], ...]
    last: Linear
    in_shape: tuple[int, ...] = eqx.field(static=True)
    activation: str = eqx.field(static=True)

    def __init__(
        self,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        *,
        hidden: Sequence[int],
        blocks: int = 0,
        activation: str = "relu",
        key: PRNGKey,
    ):
        """Build the layers.

        Raises `OptionError` for an unknown activation, widths that make no network, or a shape
        that is no image's.
        """
        image, sizes = _plan(in_shape, hidden, activation)
        draw = Normals(key)
        stages = []
        for before, after in pairwise((image[-1], *hidden)):
            down = Conv.of(draw((_KERNEL, _KERNEL, before, after)), _OF_HIDDEN, _STRIDE)
            stages.append((down, _blocks(draw, after, blocks, len(hidden), activation)))
        self.stages = tuple(stages)
        inputs, outputs = prod(sizes[-1]) * hidden[-1], prod(out_shape)
        self.last = Linear.of(draw((outputs, inputs)), _OF_LAST / inputs**0.5, out_shape)
        self.in_shape = image
        self.activation = activation

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        act = ACTIVATIONS[self.activation]
        x = x.reshape(self.in_shape)
        for number, (down, blocks) in enumerate(self.stages):
            x = down(act(x) if number else x)
            for block in blocks:
                x = block(x)
        return self.last(act(x))


class ConvDecoder(eqx.Module):
    """A linear layer, then transposed convolutions of stride 2, residual blocks before each.

    It is a `ConvEncoder` the other way round.

    Args:
        in_shape: shape of the input, flattened on the way in.
        out_shape: (parameters, height, width) or (parameters, height, width, channels).
        hidden: channels before each transposed convolution; of the encoder's, the reverse.
        blocks: residual blocks at each size; none makes it a plain stack.
        activation: one of `ACTIVATIONS`.
        key: for the weights: He et al. (2015), and a tenth of that in the last layer, so that
            training starts near the output's bias, which has a number for each entry.

    Example:
        >>> import jax
        >>> net = ConvDecoder((3,), (2, 9, 8), hidden=(8, 4), key=jax.random.key(0))
        >>> net(jax.numpy.zeros(3)).shape
        (2, 9, 8)
    """

    name: ClassVar[str] = "conv-decoder"
    first: Linear
    stages: tuple[tuple[tuple[Block, ...], ConvTransposed], ...]
    # Flat, as a Linear's: weight decay shrinks what has several axes.
    bias: Float[Array, " out"]
    out_shape: tuple[int, ...] = eqx.field(static=True)
    activation: str = eqx.field(static=True)

    def __init__(
        self,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        *,
        hidden: Sequence[int],
        blocks: int = 0,
        activation: str = "relu",
        key: PRNGKey,
    ):
        """Build the layers.

        Raises `OptionError` for an unknown activation, widths that make no network, or a shape
        that is no image's.
        """
        image, sizes = _plan(out_shape[1:], hidden, activation)
        draw = Normals(key)
        inputs, smallest = prod(in_shape), (*sizes[-1], hidden[0])
        noise = draw((prod(smallest), inputs))
        self.first = Linear.of(noise, _OF_HIDDEN / inputs**0.5, smallest)
        channels = (*hidden, out_shape[0] * image[-1])
        stages: list[tuple[tuple[Block, ...], ConvTransposed]] = []
        for (before, after), size in zip(pairwise(channels), sizes[-2::-1], strict=True):
            within = _blocks(draw, before, blocks, len(hidden), activation)
            noise = draw((_KERNEL, _KERNEL, before, after))
            is_last = len(stages) == len(hidden) - 1
            gain = _OF_LAST if is_last else _OF_HIDDEN
            up = ConvTransposed.of(noise, gain, _STRIDE, size)
            # The output's own bias has a number for each entry.
            up = ConvTransposed(up.weight, None, up.size, up.stride) if is_last else up
            stages.append((within, up))
        self.stages = tuple(stages)
        self.bias = zeros(prod(out_shape))
        self.out_shape = out_shape
        self.activation = activation

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        act = ACTIVATIONS[self.activation]
        x = self.first(x)
        for blocks, up in self.stages:
            for block in blocks:
                x = block(x)
            x = up(act(x))
        parameters, height, width = self.out_shape[:3]
        apart = jnp.moveaxis(x.reshape(height, width, parameters, -1), 2, 0)
        return apart.reshape(self.out_shape) + self.bias.reshape(self.out_shape)


def _plan(
    event_shape: tuple[int, ...], hidden: Sequence[int], activation: str
) -> tuple[tuple[int, int, int], list[tuple[int, int]]]:
    """(height, width, channels) of an image, and its size before and after each halving."""
    if len(event_shape) not in (2, 3):
        raise OptionError(
            f"an image has shape (height, width) or (height, width, channels), and not"
            f" {event_shape}."
        )
    require_activation(activation)
    require_widths(hidden)
    if not len(hidden):
        raise OptionError("hidden=(): convolutions need the channels of at least one layer.")
    height, width, channels = (*event_shape, 1)[:3]
    sizes = [(height, width)]
    for _ in hidden:
        sizes.append(halved(sizes[-1], _STRIDE))
    return (height, width, channels), sizes


def _blocks(
    draw: Normals, channels: int, count: int, stages: int, activation: str
) -> tuple[Block, ...]:
    return tuple(Block.of(draw, channels, count * stages, activation) for _ in range(count))
