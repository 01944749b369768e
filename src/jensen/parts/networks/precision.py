"""How exactly networks multiply: in single precision, or in eight bits where training may."""

from dataclasses import replace
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from jensen.errors import OptionError

__all__ = [
    "EXACT",
    "PRECISIONS",
    "Layer",
    "on_cpu",
    "product",
    "require_precision",
    "with_precision",
]

PRECISIONS = ("float32", "bfloat16")

EXACT = lax.Precision.HIGHEST
"""Of 32-bit numbers accelerators would keep ten bits, if they were not asked for all."""

Tree = TypeVar("Tree")


class Layer(eqx.Module):
    """A layer of products, with a field `precision`.

    "bfloat16" takes products of numbers that are rounded to eight bits, as their sums are, on
    accelerators alone; what comes in and goes out is in single precision, as the parameters are.
    It is for training: for scores see `with_precision`.
    """


def on_cpu() -> bool:
    """Whether it is a CPU that programs are made for."""
    return jax.default_backend() == "cpu"


def product(
    x: Float[Array, " in"], weight: Float[Array, "in out"], precision: str
) -> Float[Array, " out"]:
    """x @ weight, to this precision."""
    if on_cpu():
        return x @ weight
    low = jnp.dtype(precision)
    # Its gradient is of the same two types, and so as fast.
    made: Array = jnp.dot(x.astype(low), weight.astype(low), precision=EXACT)
    return made.astype(x.dtype)


def require_precision(precision: Any, network: Any = None) -> None:
    """Raise `OptionError` for a precision that is unknown, or that this machine or a network, if
    one is given, does not have."""
    if precision not in PRECISIONS:
        raise OptionError(
            f"precision={precision!r} is unknown: choose one of {', '.join(PRECISIONS)}."
        )
    if precision == PRECISIONS[0]:
        return
    if on_cpu():
        raise OptionError(
            f"precision={precision!r}: is of accelerators, and JAX has found a CPU alone; leave it"
            " out."
        )
    if network is not None and not any(map(_is_layer, jax.tree.leaves(network, is_leaf=_is_layer))):
        raise OptionError(
            f"precision={precision!r}: is of layers of jensen.parts.networks, and this model has"
            " none; leave it out."
        )


def with_precision(tree: Tree, precision: str) -> Tree:
    """The same model or network, of whose layers all have another `precision`.

    Training may take "bfloat16"; what is scored is `with_precision(model, "float32")`, which has
    the same parameters. An evidence is a sum over all numbers of a row, to which rounding to eight
    bits adds errors that no estimate of Monte Carlo error sees. Layers of the user's own are left
    as they are.

    Raises `OptionError` for a precision that is unknown.
    """
    if precision not in PRECISIONS:
        require_precision(precision)
    changed: Any = lambda node: replace(node, precision=precision) if _is_layer(node) else node
    found: Tree = jax.tree.map(changed, tree, is_leaf=_is_layer)
    return found


def _is_layer(node: Any) -> bool:
    return isinstance(node, Layer)
