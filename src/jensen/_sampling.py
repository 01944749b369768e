"""Draws and keys, by `vmap` over single draws."""

import contextlib
import zlib
from collections import Counter
from typing import Any

import jax
import numpy as np
from jax import Array
from jaxtyping import Int, Key

from jensen._batching import batches
from jensen._runtime import on_device, quick_jit, quick_random
from jensen._types import Data, Datum, Distribution, PRNGKey

__all__ = [
    "SCHEME",
    "Normals",
    "draw",
    "fold",
    "generator",
    "mean",
    "numbered",
    "row_keys",
    "split",
    "standard_normal",
    "variance",
]

# Changes whenever random numbers follow from a key in another way: what was begun before does not
# fit what comes after.
SCHEME = 5
# Keys made in one compiled call. One program serves any number of them; left to itself, JAX
# compiles two for every number of rows it has not met before.
_KEYS = 256


def draw(distribution: Distribution, key: PRNGKey, draws: int) -> Any:
    """`draws` samples, stacked along a new first axis."""
    keys = key[None] if draws == 1 else jax.random.split(key, draws)
    return jax.vmap(lambda key: distribution.sample(key))(keys)


def numbered(key: PRNGKey, numbers: Int[Array, " count"]) -> Key[Array, " count"]:
    """The key that follows from a key and each number, where the numbers are traced.

    Each use of the generator takes a third of a second to compile; splitting what was folded
    would be two. A key that is numbered is not to be split or drawn from as well: JAX may split
    into the very keys that numbers give.
    """
    return jax.vmap(lambda number: jax.random.fold_in(key, number))(numbers)


@quick_jit
def _folded(key: PRNGKey, numbers: Array) -> Array:
    fold = lambda pair: jax.random.fold_in(jax.random.fold_in(key, pair[0]), pair[1])
    return jax.random.key_data(jax.vmap(fold)(numbers))


def _keys(key: PRNGKey, numbers: np.ndarray) -> np.ndarray:
    """The key that follows from `key` and each pair of numbers, as plain numbers."""
    # Of no numbers there are no keys; it is for who asked to say that rows are missing.
    parts = [np.asarray(jax.random.key_data(key))[None][:0]]
    for pairs, count in batches(numbers.astype(np.uint32), _KEYS):
        with quick_random():
            parts.append(np.asarray(_folded(key, pairs))[:count])
    return np.concatenate(parts)


def _typed(key: PRNGKey, data: np.ndarray) -> Key[Array, "..."]:
    return jax.random.wrap_key_data(on_device(data), impl=jax.random.key_impl(key))


def split(key: PRNGKey, count: int = 2) -> Key[Array, " count"]:
    """`count` keys that follow from one, the same whatever the user has set of JAX's generator."""
    return _typed(key, _keys(key, np.stack([np.arange(count), np.zeros(count)], axis=1)))


def fold(key: PRNGKey, number: int) -> PRNGKey:
    """The key that follows from a key and a number."""
    return _typed(key, _keys(key, np.array([[number, 1]]))[0])


def generator(key: PRNGKey) -> np.random.Generator:
    """NumPy's generator that follows from a key: what is drawn once is not worth a program."""
    return np.random.default_rng(np.asarray(jax.random.key_data(key)))


def standard_normal(key: PRNGKey, shape: tuple[int, ...]) -> Any:
    """Normal numbers drawn once: NumPy's, or JAX's where the key is traced (by `jax.vmap`, say)."""
    return Normals(key)(shape)


class Normals:
    """What draws normal numbers of one shape after another, as `standard_normal` does of one."""

    def __init__(self, key: PRNGKey) -> None:
        self._key = key
        self._generator = None if isinstance(key, jax.core.Tracer) else generator(key)

    def __call__(self, shape: tuple[int, ...]) -> Any:
        if self._generator is not None:
            return self._generator.standard_normal(shape, dtype=np.float32)
        self._key, here = jax.random.split(self._key)
        return jax.random.normal(here, shape)


def mean(distribution: Distribution, key: PRNGKey, draws: int = 100) -> Any:
    """The mean, or an average over `draws` samples of what does not know its mean."""
    known = _known(distribution, "mean")
    if known is not None:
        return known
    return jax.tree.map(lambda leaf: leaf.mean(axis=0), draw(distribution, key, draws))


def variance(distribution: Distribution, key: PRNGKey, draws: int) -> Any:
    """The variance of each number, or that of `draws` samples of what does not know it."""
    known = _known(distribution, "variance")
    if known is not None:
        return known
    return jax.tree.map(lambda leaf: leaf.var(axis=0), draw(distribution, key, draws))


def _known(distribution: Any, moment: str) -> Any:
    # NumPyro's raise where they have no closed form, and others have no such attribute.
    with contextlib.suppress(AttributeError, NotImplementedError):
        return getattr(distribution, moment)
    return None


def row_keys(key: PRNGKey, X: Data) -> Key[Array, " rows"]:
    """A key for each row that depends on what was observed of it and not on where it stands.

    So a row's estimate is the same whatever rows it comes with, while the estimates of
    different rows have independent errors. Rows that are equal are told apart by their order,
    for the same reason.
    """
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(X)]
    if isinstance(X, Datum) and X.mask is not None:
        leaves = [
            np.where(X.mask, X.x, 0),
            *map(np.asarray, jax.tree.leaves((X.mask, X.condition))),
        ]
    digests = np.zeros((len(leaves[0]), 2), dtype=np.uint32)
    seen: Counter[int] = Counter()
    for row, parts in enumerate(zip(*leaves, strict=True)):
        digest = 0
        for part in parts:
            digest = zlib.crc32(np.ascontiguousarray(part).tobytes(), digest)
        digests[row] = digest, seen[digest]
        seen[digest] += 1
    return _typed(key, _keys(key, digests))
