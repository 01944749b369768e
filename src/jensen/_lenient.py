"""Calls into libraries that are not written for strict promotion, which our tests turn on."""

import contextlib
from collections.abc import Iterator

import jax

__all__ = ["lenient"]


@contextlib.contextmanager
def lenient() -> Iterator[None]:
    """Let types and ranks be promoted as JAX does by default."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
