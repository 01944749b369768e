"""Samples, variations, reconstructions and codes."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import Array

from jensen._batching import map_rows
from jensen._sampling import draw, row_keys
from jensen._types import Data, Distribution, PRNGKey
from jensen.errors import OptionError
from jensen.model import Model

__all__ = ["decode", "reconstruct", "sample", "vary"]


class _Source(eqx.Module):
    model: Model
    latents: Distribution
    mean: bool = eqx.field(static=True)


def _sample_one(source: _Source, key: PRNGKey) -> Array:
    for_z, for_x = jax.random.split(key)
    p = source.model.conditional(source.latents.sample(for_z))
    return p.mean if source.mean else p.sample(for_x)


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
    source = _Source(model, model.latent_prior() if latents is None else latents, mean)
    return map_rows(_sample_one, source, jax.random.split(key, n))


class _Variations(eqx.Module):
    model: Model
    n: int = eqx.field(static=True)
    mean: bool = eqx.field(static=True)


def _vary_one(context: _Variations, x: Any, key: PRNGKey) -> Array:
    for_z, for_x = jax.random.split(key)
    z = draw(context.model.posterior(x), for_z, context.n)

    def one(z: Any, key: PRNGKey) -> Array:
        p = context.model.conditional(z)
        return p.mean if context.mean else p.sample(key)

    return jax.vmap(one)(z, jax.random.split(for_x, context.n))


def vary(model: Model, X: Data, key: PRNGKey, n: int, *, mean: bool = False) -> np.ndarray:
    """`n` variations of each row, shape (rows, n, *event): z ~ q(z | x), then x' ~ p(x' | z).

    Raises `OptionError` for `n` below 1.
    """
    if not (isinstance(n, (int, np.integer)) and n >= 1):
        raise OptionError(f"n={n!r}: must be a whole number of at least 1.")
    keys = row_keys(key, np.asarray(jax.tree.leaves(X)[0]))
    return map_rows(_vary_one, _Variations(model, int(n), mean), X, keys)


def _decode_one(model: Model, z: Any) -> Array:
    return model.conditional(z).mean


def decode(model: Model, Z: Any) -> np.ndarray:
    """E[x | z] for each row of Z, shape (rows, *event)."""
    return map_rows(_decode_one, model, Z)


def _reconstruct_one(model: Model, x: Any, key: PRNGKey, draws: int = 32) -> Array:
    z = draw(model.posterior(x), key, draws)
    return jax.vmap(lambda z: model.conditional(z).mean)(z).mean(axis=0)


def reconstruct(model: Model, X: Data, key: PRNGKey) -> np.ndarray:
    """E_q[E[x | z]] for each row of X, averaged over 32 draws of z; shape (rows, *event)."""
    keys = row_keys(key, np.asarray(jax.tree.leaves(X)[0]))
    return map_rows(_reconstruct_one, model, X, keys)
