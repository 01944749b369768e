"""The ELBO's terms for all rows of some data, a few draws at a time."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Key

from jensen._batching import map_rows
from jensen._types import Data, PRNGKey
from jensen.model import Model
from jensen.objectives.lower_bound import elbo_terms

__all__ = ["elbo_terms_of_rows"]

# Rows and draws in a compiled call. One program serves any number of either: large enough for
# the matrix products, small enough for few rows not to wait for many empty ones.
_ROWS = 64
_DRAWS = 5


def _one_row(context: tuple[Model, Array], x: Any, key: PRNGKey) -> tuple[Array, Array]:
    model, chunk = context
    keys = jax.random.split(jax.random.fold_in(key, chunk), _DRAWS)
    return jax.vmap(lambda key: elbo_terms(model, x, key))(keys)


def elbo_terms_of_rows(
    model: Model, X: Data, keys: Key[Array, " rows"], draws: int
) -> tuple[np.ndarray, np.ndarray]:
    """Reconstruction and KL of each row and draw, each of shape (rows, draws), in nats."""
    parts = [
        map_rows(_one_row, (model, jnp.int32(chunk)), X, keys, batch=_ROWS)
        for chunk in range(-(-draws // _DRAWS))
    ]
    reconstruction, kl = (
        np.concatenate(each, axis=1)[:, :draws] for each in zip(*parts, strict=True)
    )
    return reconstruction, kl
