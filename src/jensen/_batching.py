"""A function of one row, applied to all rows in batches of one shape."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jensen._runtime import on_device, quick_jit, quick_random
from jensen.errors import OptionError

__all__ = [
    "BATCH",
    "as_many",
    "as_real",
    "batches",
    "count",
    "map_rows",
    "spread_out",
    "spread_positions",
    "taken",
]

BATCH = 256


def count(rows: Any) -> int:
    """How many rows the arrays of a pytree have."""
    return len(jax.tree.leaves(rows)[0])


def taken(rows: Any, which: Any) -> Any:
    """Some rows of a pytree's arrays, by what indexes their first axis."""
    return jax.tree.map(lambda leaf: leaf[which], rows)


def spread_out(rows: Any, most: int) -> Any:
    """At most so many of the rows, evenly spread, since rows may be sorted."""
    return rows if count(rows) <= most else taken(rows, spread_positions(count(rows), most))


def spread_positions(rows: int, most: int) -> np.ndarray:
    """The positions of those that `spread_out` takes of so many rows, ascending."""
    return np.linspace(0, rows - 1, min(rows, most)).round().astype(int)


def as_many(rows: Any, number: int) -> Any:
    """So many of the rows: evenly spread, since rows may be sorted, or in turn where more."""
    known = count(rows)
    which = spread_positions(known, number) if number < known else np.arange(number) % known
    return taken(rows, which)


def batches(tree: Any, batch: int) -> list[tuple[Any, int]]:
    """The rows of a pytree's arrays, `batch` at a time, and how many of each are real.

    The last batch is filled up with copies of its last row, so that all have one shape and
    one compiled program serves them.
    """
    leaves: list[Any] = jax.tree.leaves(tree)
    structure: Any = jax.tree.structure(tree)
    rows = len(leaves[0])
    takes = [_taking(leaf) for leaf in leaves]
    result = []
    for start in range(0, rows, batch):
        count = min(batch, rows - start)
        index = np.minimum(np.arange(start, start + batch), rows - 1)
        result.append((structure.unflatten([take(index) for take in takes]), count))
    return result


def _taking(leaf: Any) -> Callable[[np.ndarray], Any]:
    """What takes some rows of an array. NumPy does so in no time; JAX compiles a program for it,
    so of its typed keys the numbers are taken."""
    if not (isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)):
        return lambda index: leaf[index]
    numbers, impl = np.asarray(jax.random.key_data(leaf)), jax.random.key_impl(leaf)
    return lambda index: jax.random.wrap_key_data(on_device(numbers[index]), impl=impl)


def _to_each(function: Callable[..., Any], context: Any, rows: Any) -> Any:
    return jax.vmap(lambda row: function(context, *as_real(row)))(rows)


_apply = quick_jit(_to_each)
_apply_optimised = eqx.filter_jit(_to_each)


def as_real(rows: Any) -> Any:
    """Whole numbers as single-precision ones: data may be kept in fewer bytes than they need."""
    whole = lambda leaf: jnp.issubdtype(leaf.dtype, jnp.integer)
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32) if whole(leaf) else leaf, rows)


def map_rows(
    function: Callable[..., Any],
    context: Any,
    *rows: Any,
    batch: int = BATCH,
    optimised: bool = False,
) -> Any:
    """`function(context, *row)` for every row, as NumPy arrays with a leading axis.

    Args:
        function: takes one row; a module-level function, so that it is compiled once.
        context: what is the same for all rows: the model, say.
        rows: pytrees of arrays with a leading axis of the same length.
        batch: rows in a compiled call.
        optimised: whether it does so much beside matrix products that all of the compiler's
            optimisation is worth its time.

    Raises:
        OptionError: no rows.
    """
    if not len(jax.tree.leaves(rows)[0]):
        raise OptionError("no rows: at least 1 is needed.")
    parts = []
    for each, count in batches(rows, batch):
        with quick_random():
            result = (_apply_optimised if optimised else _apply)(function, context, each)
        parts.append(jax.tree.map(lambda leaf, count=count: np.asarray(leaf)[:count], result))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
