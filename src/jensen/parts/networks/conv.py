"""Convolutions of an image, in whichever of two formulations is quick where they run.

Mathematics is written for one image, (height, width, channels); `jax.vmap` makes the batch.

On accelerators convolutions are XLA's own. On CPUs XLA runs them slowly, and their gradients more
so, and they are matrix products instead: an image of blocks of stride × stride pixels, whose
channels are those of all its pixels, is convolved at stride 1. That is one product of a matrix
with each block and its neighbours, side by side; or one product with each block alone, whose
parts are added up where they belong. Each is the other's gradient, and the one that moves fewer
numbers is taken.
"""

from math import ceil, prod
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from jensen._runtime import on_device
from jensen._sampling import standard_normal
from jensen._types import PRNGKey
from jensen.errors import OptionError
from jensen.parts.networks._products import pixel_product
from jensen.parts.networks.mlp import zeros
from jensen.parts.networks.precision import EXACT, Layer, on_cpu

__all__ = ["Conv", "ConvTransposed", "halved"]

_LAYOUT = ("NHWC", "HWIO", "NHWC")


class Conv(Layer):
    """A convolution at a stride: (height, width, in) ↦ (⌈height/stride⌉, ⌈width/stride⌉, out).

    Where the kernel reaches beyond the image it finds zeros, as many on either side, and of an
    odd number one more at the end.

    Args:
        weight: the kernel.
        bias: one number a channel, or `None`.
        stride: pixels from one place of the kernel to the next.
        precision: see `Layer`.
    """

    name: ClassVar[str] = "conv"
    weight: Float[Array, "rows columns in out"]
    bias: Float[Array, " out"] | None
    stride: int = eqx.field(static=True)
    precision: str = eqx.field(static=True, default="float32")

    @classmethod
    def draw(
        cls,
        in_shape: tuple[int, int, int],
        out_shape: tuple[int, int, int],
        *,
        kernel: int = 4,
        stride: int = 2,
        key: PRNGKey,
    ) -> "Conv":
        """A layer with weights from N(0, 1 / inputs of an output) and biases of zero.

        Raises `OptionError` where no such layer makes one shape of the other.
        """
        if halved(in_shape[:2], stride) != out_shape[:2]:
            raise OptionError(f"stride={stride}: makes no {out_shape} of {in_shape}.")
        shape = (kernel, kernel, in_shape[-1], out_shape[-1])
        return cls.of(standard_normal(key, shape), 1.0, stride)

    @classmethod
    def of(cls, noise: Any, gain: float, stride: int) -> "Conv":
        """A layer whose weights are `noise`, of the kernel's shape, times gain / √inputs."""
        spread = gain * prod(noise.shape[:3]) ** -0.5
        return cls(on_device(noise * spread), zeros(noise.shape[-1]), stride)

    def __call__(self, x: Float[Array, "height width in"]) -> Float[Array, "rows columns out"]:
        if on_cpu():
            y = _conv_by_products(x, self.weight, self.stride)
        else:
            low = jnp.dtype(self.precision)
            y = _conv_by_library(x.astype(low), self.weight.astype(low), self.stride)
        return _biased(y.astype(x.dtype), self.bias)


class ConvTransposed(Layer):
    """The transpose of a `Conv`, which paints its kernel at each pixel: from small images to large.

    Its output has the `size` from which a `Conv` of the same kernel and stride makes the input's:
    (⌈height/stride⌉, ⌈width/stride⌉, in) ↦ (height, width, out). A kernel that is a multiple of
    the stride covers all pixels alike and paints no checkerboard (Odena et al. 2016).

    Args:
        weight: the kernel, painted once for each channel of the input.
        bias: one number a channel, or `None`.
        size: height and width of the output.
        stride: pixels from one place of the kernel to the next.
        precision: as of `Conv`.
    """

    name: ClassVar[str] = "conv-transposed"
    weight: Float[Array, "rows columns in out"]
    bias: Float[Array, " out"] | None
    size: tuple[int, int] = eqx.field(static=True)
    stride: int = eqx.field(static=True)
    precision: str = eqx.field(static=True, default="float32")

    @classmethod
    def draw(
        cls,
        in_shape: tuple[int, int, int],
        out_shape: tuple[int, int, int],
        *,
        kernel: int = 4,
        stride: int = 2,
        key: PRNGKey,
    ) -> "ConvTransposed":
        """A layer with weights from N(0, 1 / inputs of an output) and biases of zero.

        Raises `OptionError` where no such layer makes one shape of the other.
        """
        if halved(out_shape[:2], stride) != in_shape[:2]:
            raise OptionError(f"stride={stride}: makes no {out_shape} of {in_shape}.")
        shape = (kernel, kernel, in_shape[-1], out_shape[-1])
        return cls.of(standard_normal(key, shape), 1.0, stride, out_shape[:2])

    @classmethod
    def of(cls, noise: Any, gain: float, stride: int, size: tuple[int, int]) -> "ConvTransposed":
        """A layer whose weights are `noise`, of the kernel's shape, times gain / √inputs."""
        # Of the places of the kernel only one in stride² paints a given pixel.
        spread = gain * stride * prod(noise.shape[:3]) ** -0.5
        return cls(on_device(noise * spread), zeros(noise.shape[-1]), size, stride)

    def __call__(self, x: Float[Array, "rows columns in"]) -> Float[Array, "height width out"]:
        if on_cpu():
            y = _transposed_by_products(x, self.weight, self.stride, self.size)
        else:
            low = jnp.dtype(self.precision)
            y = _transposed_by_library(
                x.astype(low), self.weight.astype(low), self.stride, self.size
            )
        return _biased(y.astype(x.dtype), self.bias)


def halved(size: tuple[int, int], stride: int = 2) -> tuple[int, int]:
    """The size of what a `Conv` makes of an image: each side divided by the stride, rounded up."""
    height, width = size
    return -(-height // stride), -(-width // stride)


def _biased(y: Array, bias: Array | None) -> Array:
    return y if bias is None else y + jnp.broadcast_to(bias, y.shape)


def _padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after a side, so that the kernel has ⌈side / stride⌉ places."""
    total = max((ceil(side / stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


# The library's formulation


def _conv_by_library(x: Array, weight: Array, stride: int) -> Array:
    kernel = weight.shape[:2]
    padding = [_padding(side, k, stride) for side, k in zip(x.shape, kernel, strict=False)]
    return lax.conv_general_dilated(
        x[None], weight, (stride, stride), padding, dimension_numbers=_LAYOUT, precision=EXACT
    )[0]


def _transposed_by_library(x: Array, weight: Array, stride: int, size: tuple[int, int]) -> Array:
    """A convolution, kernel turned about, of an image with zeros between its pixels."""
    padding = []
    for small, large, kernel in zip(x.shape, size, weight.shape, strict=False):
        before = kernel - 1 - _padding(large, kernel, stride)[0]
        apart = (small - 1) * stride + 1
        padding.append((before, large + kernel - 1 - apart - before))
    return lax.conv_general_dilated(
        x[None],
        weight[::-1, ::-1],
        (1, 1),
        padding,
        lhs_dilation=(stride, stride),
        dimension_numbers=_LAYOUT,
        precision=EXACT,
    )[0]


# The formulation by matrix products


def _conv_by_products(x: Array, weight: Array, stride: int) -> Array:
    taps = [ceil(kernel / stride) for kernel in weight.shape[:2]]
    pads = []
    for side, kernel, tap in zip(x.shape, weight.shape, taps, strict=False):
        before = _padding(side, kernel, stride)[0]
        blocks = ceil(side / stride) + tap - 1
        # A kernel smaller than the stride leaves pixels at the end unseen.
        pads.append((before, blocks * stride - side - before))
    x = jnp.pad(x, (*pads, (0, 0)))
    within = _tiles(weight, stride).transpose(0, 2, 1, 3, 4, 5)
    rows, columns = taps
    return _slide(_to_blocks(x, stride), within.reshape(rows, columns, -1, weight.shape[-1]))


def _transposed_by_products(x: Array, weight: Array, stride: int, size: tuple[int, int]) -> Array:
    """Each block of the output is made of as many pixels of x as a kernel has blocks a side."""
    rows, columns = (ceil(kernel / stride) for kernel in weight.shape[:2])
    # The last block of a kernel is painted by the first of these pixels.
    within = _tiles(weight, stride)[::-1, :, ::-1].transpose(0, 2, 4, 1, 3, 5)
    x = jnp.pad(x, ((rows - 1, rows - 1), (columns - 1, columns - 1), (0, 0)))
    blocks = _slide(x, within.reshape(rows, columns, x.shape[-1], -1))
    y = _from_blocks(blocks, stride)
    top, left = (
        _padding(side, kernel, stride)[0] for side, kernel in zip(size, weight.shape, strict=False)
    )
    return y[top : top + size[0], left : left + size[1]]


def _tiles(weight: Array, stride: int) -> Array:
    """A kernel filled up with zeros to whole blocks: (rows, stride, columns, stride, in, out)."""
    height, width, inputs, outputs = weight.shape
    rows, columns = ceil(height / stride), ceil(width / stride)
    ends = ((0, rows * stride - height), (0, columns * stride - width), (0, 0), (0, 0))
    whole = jnp.pad(weight, ends)
    return whole.reshape(rows, stride, columns, stride, inputs, outputs)


def _to_blocks(x: Array, stride: int) -> Array:
    """(rows · stride, columns · stride, c) ↦ (rows, columns, stride² · c), space to depth."""
    if stride == 1:
        return x
    height, width, channels = x.shape
    rows, columns = height // stride, width // stride
    blocks = x.reshape(rows, stride, columns, stride, channels).transpose(0, 2, 1, 3, 4)
    return blocks.reshape(rows, columns, stride * stride * channels)


def _from_blocks(x: Array, stride: int) -> Array:
    """What `_to_blocks` makes, back: depth to space."""
    if stride == 1:
        return x
    rows, columns, depth = x.shape
    blocks = x.reshape(rows, columns, stride, stride, depth // stride**2)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(rows * stride, columns * stride, -1)


def _slide(x: Array, weight: Array) -> Array:
    """The convolution at stride 1 that needs no padding, of an image with a small kernel."""
    rows, columns, inputs, outputs = weight.shape
    height, width = x.shape[0] - rows + 1, x.shape[1] - columns + 1
    places = [(i, j) for i in range(rows) for j in range(columns)]
    if inputs <= outputs:
        beside = [x[i : i + height, j : j + width] for i, j in places]
        return pixel_product(jnp.concatenate(beside, axis=-1), weight.reshape(-1, outputs))
    products = pixel_product(x, weight.transpose(2, 0, 1, 3).reshape(inputs, -1))
    parts = jnp.split(products, len(places), axis=-1)
    moved = [
        part[i : i + height, j : j + width] for (i, j), part in zip(places, parts, strict=True)
    ]
    return sum(moved[1:], start=moved[0])
