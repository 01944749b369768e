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

from jensen._sampling import standard_normal
from jensen._types import PRNGKey
from jensen.errors import OptionError

__all__ = ["ACTIVATIONS", "MLP", "Linear"]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "elu": jax.nn.elu,
    "gelu": jax.nn.gelu,
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
}


class Linear(eqx.Module):
    """x ↦ W x + b, its output in any shape."""

    name: ClassVar[str] = "linear"
    weight: Float[Array, "out in"]
    bias: Float[Array, " out"]
    out_shape: tuple[int, ...] = eqx.field(static=True)

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
        bias = np.zeros(len(noise), np.float32)
        return cls(jnp.asarray(noise * spread), jnp.asarray(bias), out_shape)

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return (x.reshape(-1) @ self.weight.T + self.bias).reshape(self.out_shape)


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
        if activation not in ACTIVATIONS:
            legal = ", ".join(ACTIVATIONS)
            raise OptionError(f"activation={activation!r} is unknown: choose one of {legal}.")
        if any(width < 1 for width in hidden):
            raise OptionError(f"hidden={tuple(hidden)!r}: every width must be at least 1.")
        shapes = [in_shape, *((width,) for width in hidden), out_shape]
        gains = [2.0**0.5] * len(hidden) + [0.1]
        sizes = [(prod(after), prod(before)) for before, after in pairwise(shapes)]
        ends = np.cumsum([outputs * inputs for outputs, inputs in sizes])
        noise = standard_normal(key, (int(ends[-1]),))
        self.layers = tuple(
            Linear.of(noise[end - o * i : end].reshape(o, i), gain / i**0.5, out)
            for (o, i), end, gain, out in zip(sizes, ends, gains, shapes[1:], strict=True)
        )
        self.activation = activation

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        *hidden, last = self.layers
        for layer in hidden:
            x = ACTIVATIONS[self.activation](layer(x))
        return last(x)
