"""Samples, variations, reconstructions and codes."""

from typing import Any

import jax
import numpy as np
from jax import Array

from jensen._batching import map_rows
from jensen._sampling import draw, row_keys, split
from jensen._types import Data, Distribution, PRNGKey
from jensen.errors import OptionError
from jensen.inference import posterior_means
from jensen.model import Model

__all__ = ["decode", "reconstruct", "sample", "vary"]

# Rows of which several latents each are drawn in a compiled call.
_ROWS = 32


def _latent(latents: Distribution, key: PRNGKey) -> Any:
    return latents.sample(key)


def _latents_of_row(context: tuple[Model, int], x: Any, key: PRNGKey) -> Any:
    model, n = context
    return draw(model.posterior(x), key, n)


def _datum(model: Model, z: Any, key: PRNGKey) -> Array:
    return model.conditional(z).sample(key)


def _mean_of_datum(model: Model, z: Any) -> Array:
    p: Any = model.conditional(z)
    return p.mean


def _rows_from(model: Model, Z: Any, key: PRNGKey, mean: bool) -> np.ndarray:
    """x ~ p(x | z), or E[x | z], for each row of Z."""
    if mean:
        return map_rows(_mean_of_datum, model, Z)
    count = len(jax.tree.leaves(Z)[0])
    return map_rows(_datum, model, Z, split(key, count))


def sample(
    model: Model,
    key: PRNGKey,
    n: int,
    *,
    latents: Distribution | None = None,
    mean: bool = False,
) -> np.ndarray:
    """`n` draws from the model, shape (n, *event): z from `latents`, then x ~ p(x | z).

    Args:
        model: a `Model`.
        key: a typed JAX key.
        n: how many.
        latents: what z is drawn from: the prior, unless another distribution over z is given,
            such as `aggregate_posterior` of some rows.
        mean: give E[x | z] in place of a draw of x.

    Raises:
        OptionError: `n` below 1.
    """
    if not (isinstance(n, (int, np.integer)) and n >= 1):
        raise OptionError(f"n={n!r}: must be a whole number of at least 1.")
    for_z, for_x = split(key)
    source = model.latent_prior() if latents is None else latents
    Z = map_rows(_latent, source, split(for_z, n))
    return _rows_from(model, Z, for_x, mean)


def vary(model: Model, X: Data, key: PRNGKey, n: int, *, mean: bool = False) -> np.ndarray:
    """`n` variations of each row, shape (rows, n, *event): z ~ q(z | x), then x' ~ p(x' | z).

    Raises `OptionError` for `n` below 1.
    """
    if not (isinstance(n, (int, np.integer)) and n >= 1):
        raise OptionError(f"n={n!r}: must be a whole number of at least 1.")
    for_z, for_x = split(key)
    keys = row_keys(for_z, X)
    Z = map_rows(_latents_of_row, (model, int(n)), X, keys, batch=_ROWS)
    flat = _rows_from(model, jax.tree.map(np.concatenate, Z), for_x, mean)
    return flat.reshape(-1, n, *flat.shape[1:])


def decode(model: Model, Z: Any) -> np.ndarray:
    """E[x | z] for each row of Z, shape (rows, *event)."""
    return map_rows(_mean_of_datum, model, Z)


def reconstruct(model: Model, X: Data) -> np.ndarray:
    """E[x | z] at z = E_q[z | x], for each row of X; shape (rows, *event)."""
    return decode(model, posterior_means(model, X))
