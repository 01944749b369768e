"""Multi-layer perceptrons, from arrays of any shape to arrays of any shape."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from jensen._runtime import on_device
from jensen._sampling import Normals, standard_normal
from jensen._types import PRNGKey
from jensen.errors import OptionError
from jensen.parts.networks.precision import Layer, product

__all__ = ["ACTIVATIONS", "MLP", "Linear", "require_activation", "require_widths", "zeros"]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "elu": jax.nn.elu,
    "gelu": jax.nn.gelu,
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
}


def require_activation(activation: Any) -> None:
    """Raise `OptionError` where there is none of that name."""
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        legal = ", ".join(ACTIVATIONS)
        raise OptionError(f"activation={activation!r} is unknown: choose one of {legal}.")


def require_widths(hidden: Sequence[int]) -> None:
    """Raise `OptionError` where a layer would have no width."""
    if any(width < 1 for width in hidden):
        raise OptionError(f"hidden={tuple(hidden)!r}: every width must be at least 1.")


def zeros(count: int) -> Array:
    """Biases at first."""
    return on_device(np.zeros(count))


class Linear(Layer):
    """x ↦ W x + b, its output in any shape, to a `precision`: see `Layer`."""

    name: ClassVar[str] = "linear"
    weight: Float[Array, "out in"]
    bias: Float[Array, " out"]
    out_shape: tuple[int, ...] = eqx.field(static=True)
    precision: str = eqx.field(static=True, default="float32")

    @classmethod
    def draw(
        cls, in_shape: tuple[int, ...], out_shape: tuple[int, ...], *, key: PRNGKey
    ) -> "Linear":
        """A layer with weights from N(0, 1 / inputs) and biases of zero."""
        inputs, outputs = prod(in_shape), prod(out_shape)
        return cls.of(standard_normal(key, (outputs, inputs)), inputs**-0.5, out_shape)

    @classmethod
    def of(cls, noise: Any, spread: float, out_shape: tuple[int, ...]) -> "Linear":
        """A layer whose weights are `noise`, shape (out, in), times a spread."""
        return cls(on_device(noise * spread), zeros(len(noise)), out_shape)

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        y = product(x.reshape(-1), self.weight.T, self.precision)
        return (y + self.bias).reshape(self.out_shape)


class MLP(eqx.Module):
    """Linear layers with an activation between them.

    Args:
        in_shape: shape of the input, flattened on the way in.
        out_shape: shape of the output.
        hidden: width of each hidden layer, in order.
        activation: one of `ACTIVATIONS`.
        key: for the weights: He et al. (2015) in the hidden layers, and a tenth of that in
            the last one, so that training starts near the output's bias.

    Example:
        >>> import jax
        >>> net = MLP((8, 8), (3, 64), hidden=(32, 16), key=jax.random.key(0))
        >>> net(jax.numpy.zeros((8, 8))).shape
        (3, 64)
    """

    name: ClassVar[str] = "mlp"
    layers: tuple[Linear, ...]
    activation: str = eqx.field(static=True)

    def __init__(
        self,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        *,
        hidden: Sequence[int],
        activation: str = "relu",
        key: PRNGKey,
    ):
        """Build the layers; raises `OptionError` for an unknown activation or a bad width."""
        require_activation(activation)
        require_widths(hidden)
        shapes = [in_shape, *((width,) for width in hidden), out_shape]
        gains = [2.0**0.5] * len(hidden) + [0.1]
        draw = Normals(key)
        self.layers = tuple(
            Linear.of(draw((prod(after), prod(before))), gain / prod(before) ** 0.5, after)
            for (before, after), gain in zip(pairwise(shapes), gains, strict=True)
        )
        self.activation = activation

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        *hidden, last = self.layers
        for layer in hidden:
            x = ACTIVATIONS[self.activation](layer(x))
        return last(x)
