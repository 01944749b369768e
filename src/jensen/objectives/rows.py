"""Objectives and the ELBO's terms for all rows of some data."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Key

from jensen._batching import map_rows
from jensen._sampling import numbered
from jensen._types import Data, PRNGKey
from jensen.model import Model
from jensen.objectives._base import Objective, Terms
from jensen.objectives.lower_bound import elbo_terms

__all__ = ["elbo_terms_of_rows", "terms_of_rows"]

# Rows and, at most, draws in a compiled call, of which any number is made: large enough for the
# matrix products, small enough for few rows not to wait for many empty ones.
_ROWS = 64
_DRAWS = 5


class _Chunk(eqx.Module):
    """The model, and which draws are taken in one call."""

    model: Model
    first: Array
    draws: int = eqx.field(static=True)


def _one_row(chunk: _Chunk, x: Any, key: PRNGKey) -> tuple[Array, Array]:
    keys = numbered(key, chunk.first + jnp.arange(chunk.draws))
    return jax.vmap(lambda key: elbo_terms(chunk.model, x, key))(keys)


def elbo_terms_of_rows(
    model: Model, X: Data, keys: Key[Array, " rows"], draws: int
) -> tuple[np.ndarray, np.ndarray]:
    """Reconstruction and KL of each row and draw, each of shape (rows, draws), in nats."""
    at_once = min(draws, _DRAWS)
    parts = [
        map_rows(_one_row, _Chunk(model, jnp.int32(first), at_once), X, keys, batch=_ROWS)
        for first in range(0, draws, at_once)
    ]
    reconstruction, kl = (
        np.concatenate(each, axis=1)[:, :draws] for each in zip(*parts, strict=True)
    )
    return reconstruction, kl


class _Judged(eqx.Module):
    """The model, and the objective that it is judged by."""

    model: Model
    objective: Objective


def _terms(judged: _Judged, x: Any, key: PRNGKey) -> Terms:
    return judged.objective(judged.model, x, key, jnp.float32(0.0))


def terms_of_rows(
    objective: Objective, model: Model, X: Data, keys: Key[Array, " rows"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An objective's value, reconstruction and KL of each row, each of shape (rows,)."""
    terms = map_rows(_terms, _Judged(model, objective), X, keys, batch=_ROWS)
    return terms.value, terms.reconstruction, terms.kl
