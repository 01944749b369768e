"""A function of one row, applied to all rows in batches of one shape."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jensen._runtime import quick_random
from jensen.errors import OptionError

__all__ = ["BATCH", "as_real", "batches", "map_rows"]

BATCH = 256


def batches(tree: Any, batch: int) -> list[tuple[Any, int]]:
    """The rows of a pytree's arrays, `batch` at a time, and how many of each are real.

    The last batch is filled up with copies of its last row, so that all have one shape and
    one compiled program serves them.
    """
    rows = len(jax.tree.leaves(tree)[0])
    result = []
    for start in range(0, rows, batch):
        count = min(batch, rows - start)
        index = np.minimum(np.arange(start, start + batch), rows - 1)
        result.append((jax.tree.map(lambda leaf, index=index: leaf[index], tree), count))
    return result


class _RawKeys(eqx.Module):
    """Typed keys as plain numbers, of which NumPy takes a batch in no time and JAX does not."""

    numbers: Any
    impl: str = eqx.field(static=True)


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _raw(leaf: Any) -> Any:
    if not _is_key(leaf):
        return leaf
    return _RawKeys(np.asarray(jax.random.key_data(leaf)), str(jax.random.key_impl(leaf)))


def _typed(rows: Any) -> Any:
    raw = lambda leaf: isinstance(leaf, _RawKeys)
    wrap = lambda leaf: jax.random.wrap_key_data(leaf.numbers, impl=leaf.impl)
    return jax.tree.map(lambda leaf: wrap(leaf) if raw(leaf) else leaf, rows, is_leaf=raw)


@eqx.filter_jit
def _apply(function: Callable[..., Any], context: Any, rows: Any) -> Any:
    return jax.vmap(lambda row: function(context, *as_real(row)))(_typed(rows))


def as_real(rows: Any) -> Any:
    """Whole numbers as single-precision ones: data may be kept in fewer bytes than they need."""
    whole = lambda leaf: jnp.issubdtype(leaf.dtype, jnp.integer)
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32) if whole(leaf) else leaf, rows)


def map_rows(function: Callable[..., Any], context: Any, *rows: Any, batch: int = BATCH) -> Any:
    """`function(context, *row)` for every row, as NumPy arrays with a leading axis.

    Args:
        function: takes one row; a module-level function, so that it is compiled once.
        context: what is the same for all rows: the model, say.
        rows: pytrees of arrays with a leading axis of the same length.
        batch: rows in a compiled call.

    Raises:
        OptionError: no rows.
    """
    if not len(jax.tree.leaves(rows)[0]):
        raise OptionError("no rows: at least 1 is needed.")
    parts = []
    for each, count in batches(jax.tree.map(_raw, rows), batch):
        with quick_random():
            result = _apply(function, context, each)
        parts.append(jax.tree.map(lambda leaf, count=count: np.asarray(leaf)[:count], result))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
