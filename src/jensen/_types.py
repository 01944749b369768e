"""The vocabulary of shapes and the protocols that parts answer to.

Shapes are written for one datum; a leading batch axis comes from `jax.vmap` alone.
"""

from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Key, Shaped

__all__ = [
    "Constant",
    "Data",
    "Datum",
    "Distribution",
    "PRNGKey",
    "Scalar",
    "as_datum",
    "condition_of",
    "held",
]

PRNGKey = Key[Array, ""]
Scalar = Float[Array, ""]


@runtime_checkable
class Distribution(Protocol):
    """Whatever answers `log_prob` and `sample`; NumPyro's and FlowJAX's do."""

    def log_prob(self, value: Any) -> Any:
        """Log-density or log-probability of `value`, in nats."""

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Any:
        """Draws with `sample_shape` in front of the event shape."""


class Constant(eqx.Module):
    """An array that training leaves as it is: means and scales of the data, say.

    Optimisers, gradients and weight decay skip it; saving and loading do not.
    """

    value: Shaped[Array, "..."]


class Datum(eqx.Module):
    """One row as models see it: its values, which of them were observed, and what is given.

    `x` has the event shape; `mask`, of the same shape, is true where the entry was
    observed, and `None` when all were. What stands in `x` where the mask is false is
    never looked at. `condition`, shape (size,), is what a conditional model is given with the
    row, whose density is then p(x | condition). A batch is a `Datum` whose arrays have a leading
    axis.
    """

    x: Shaped[Array | np.ndarray, "..."]
    mask: Bool[Array | np.ndarray, "..."] | None = None
    condition: Shaped[Array | np.ndarray, "..."] | None = None


Data = Array | np.ndarray | Datum


def held(tree: Any) -> Any:
    """The same tree, through whose inexact arrays no gradient flows."""
    stop = lambda leaf: jax.lax.stop_gradient(leaf) if eqx.is_inexact_array(leaf) else leaf
    return jax.tree.map(stop, tree)


def as_datum(x: Data) -> Datum:
    """A bare array is a datum of which everything was observed."""
    return x if isinstance(x, Datum) else Datum(x)


def condition_of(x: Data) -> Any:
    """What a datum's density is given: its condition, or `None`."""
    return x.condition if isinstance(x, Datum) else None
