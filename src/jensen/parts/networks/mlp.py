"""Multi-layer perceptrons, from arrays of any shape to arrays of any shape."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

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
        weight = jax.random.normal(key, (outputs, inputs)) / inputs**0.5
        return cls(weight, jnp.zeros(outputs), out_shape)

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return (x.reshape(-1) @ self.weight.T + self.bias).reshape(self.out_shape)


@partial(jax.jit, static_argnums=(1, 2))
def _draw_weights(
    key: PRNGKey, sizes: tuple[tuple[int, int], ...], spreads: tuple[float, ...]
) -> list[Array]:
    """A matrix of normal numbers for each size; all in one draw, which is compiled once."""
    noise = jax.random.normal(key, (sum(o * i for o, i in sizes),))
    ends = np.cumsum([o * i for o, i in sizes])
    parts = [noise[end - o * i : end] for (o, i), end in zip(sizes, ends, strict=True)]
    drawn = zip(parts, sizes, spreads, strict=True)
    return [part.reshape(size) * spread for part, size, spread in drawn]


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
        sizes = [(prod(o), prod(i)) for i, o in pairwise(shapes)]
        spreads = tuple(gain / inputs**0.5 for gain, (_, inputs) in zip(gains, sizes, strict=True))
        weights = _draw_weights(key, tuple(sizes), spreads)
        self.layers = tuple(
            Linear(weight, jnp.asarray(np.zeros(len(weight), np.float32)), out)
            for weight, out in zip(weights, shapes[1:], strict=True)
        )
        self.activation = activation

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        *hidden, last = self.layers
        for layer in hidden:
            x = ACTIVATIONS[self.activation](layer(x))
        return last(x)
