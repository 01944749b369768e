"""Draws and keys, by `vmap` over single draws."""

import zlib
from typing import Any

import jax
import numpy as np
from jax import Array
from jaxtyping import Key

from jensen._types import Distribution, PRNGKey

__all__ = ["draw", "mean", "row_keys"]


def draw(distribution: Distribution, key: PRNGKey, draws: int) -> Any:
    """`draws` samples, stacked along a new first axis."""
    return jax.vmap(lambda key: distribution.sample(key))(jax.random.split(key, draws))


def mean(distribution: Distribution, key: PRNGKey, draws: int = 100) -> Any:
    """The mean, or an average over `draws` samples of what does not know its mean."""
    known = getattr(distribution, "mean", None)
    if known is not None:
        return known
    return jax.tree.map(lambda leaf: leaf.mean(axis=0), draw(distribution, key, draws))


def row_keys(key: PRNGKey, rows: np.ndarray) -> Key[Array, " rows"]:
    """A key for each row that depends on what the row holds and not on where it stands.

    So a row's estimate is the same whatever rows it comes with, while the estimates of
    different rows have independent errors.
    """
    digests = np.array(
        [zlib.crc32(row.tobytes()) for row in np.ascontiguousarray(rows)], dtype=np.uint32
    )
    return jax.vmap(lambda digest: jax.random.fold_in(key, digest))(digests)
