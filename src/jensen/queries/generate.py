"""Samples, variations, reconstructions and codes."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import Array

from jensen._batching import count, map_rows
from jensen._sampling import draw, row_keys, split
from jensen._types import Data, Distribution, PRNGKey, condition_of
from jensen.errors import OptionError
from jensen.inference import (
    METHODS,
    checked_method,
    posterior_means,
    row_draws,
    rows_of,
    with_exact_encoder,
)
from jensen.model import Model
from jensen.queries._far_out import refuse_far_out

__all__ = ["decode", "reconstruct", "require_number", "sample", "vary"]

# Rows of which several latents each are drawn in a compiled call.
_ROWS = 32


def _latent(latents: Distribution, key: PRNGKey) -> Any:
    return latents.sample(key)


def _latent_given(model: Model, condition: Any, key: PRNGKey) -> Any:
    return model.latent_prior(condition).sample(key)


def _latents_of_row(context: tuple[Model, int], x: Any, key: PRNGKey) -> Any:
    model, n = context
    return draw(model.posterior(x), key, n)


def _datum(model: Model, z: Any, condition: Any, key: PRNGKey) -> Array:
    return model.conditional(z, condition).sample(key)


def _mean_of_datum(model: Model, z: Any, condition: Any) -> Array:
    p: Any = model.conditional(z, condition)
    return p.mean


def _rows_from(
    model: Model, Z: Any, conditions: np.ndarray | None, key: PRNGKey, mean: bool
) -> np.ndarray:
    """x ~ p(x | z), or E[x | z], for each row of Z and its condition."""
    if mean:
        return decode(model, Z, conditions)
    return map_rows(_datum, model, Z, conditions, split(key, count(Z)))


def require_number(n: Any) -> None:
    """Raise `OptionError` for a number of rows that cannot be drawn."""
    if not (isinstance(n, (int, np.integer)) and n >= 1):
        raise OptionError(f"n={n!r}: must be a whole number of at least 1.")


def sample(
    model: Model,
    key: PRNGKey,
    n: int,
    *,
    latents: Distribution | None = None,
    mean: bool = False,
    conditions: np.ndarray | None = None,
) -> np.ndarray:
    """`n` draws from the model, shape (n, *event): z from `latents`, then x ~ p(x | z).

    Args:
        model: a `Model`.
        key: a typed JAX key.
        n: how many.
        latents: what z is drawn from: the prior, unless another distribution over z is given,
            such as `aggregate_posterior` of some rows.
        mean: give E[x | z] in place of a draw of x.
        conditions: of a conditional model, what each draw is given, shape (n, size).

    Raises:
        OptionError: `n` below 1.
    """
    require_number(n)
    if conditions is not None and len(conditions) != n:
        raise OptionError(f"conditions: {len(conditions)} for n={n}; give one for each.")
    for_z, for_x = split(key)
    keys = split(for_z, n)
    if latents is None and conditions is not None:
        Z = map_rows(_latent_given, model, conditions, keys)
    else:
        Z = map_rows(_latent, model.latent_prior() if latents is None else latents, keys)
    return _rows_from(model, Z, conditions, for_x, mean)


def vary(model: Model, X: Data, key: PRNGKey, n: int, *, mean: bool = False) -> np.ndarray:
    """`n` variations of each row, shape (rows, n, *event): z ~ q(z | x), then x' ~ p(x' | z).

    Raises `OptionError` for `n` below 1.
    """
    require_number(n)
    for_z, for_x = split(key)
    keys = row_keys(for_z, X)
    Z = map_rows(_latents_of_row, (model, int(n)), X, keys, batch=_ROWS)
    conditions = condition_of(X)
    if conditions is not None:
        conditions = np.repeat(conditions, n, axis=0)
    flat = _rows_from(model, jax.tree.map(np.concatenate, Z), conditions, for_x, mean)
    return flat.reshape(-1, n, *flat.shape[1:])


def decode(model: Model, Z: Any, conditions: np.ndarray | None = None) -> np.ndarray:
    """E[x | z] for each row of Z, and of a conditional model its condition; (rows, *event)."""
    return map_rows(_mean_of_datum, model, Z, conditions)


class _Averaged(eqx.Module):
    """What all rows share; `method` and `draws` are part of the compiled program."""

    model: Model
    method: str = eqx.field(static=True)
    draws: int = eqx.field(static=True)


def _mean_over_draws(context: _Averaged, x: Any, key: PRNGKey) -> Array:
    found = row_draws(context.model, x, key, context.method, context.draws).draws
    return found.expectation(
        jax.vmap(lambda z: _mean_of_datum(context.model, z, condition_of(x)))(found.z)
    )


def reconstruct(
    model: Model, X: Data, key: PRNGKey | None = None, method: str = "mean", draws: int = 200
) -> np.ndarray:
    """E[x | z] of each row of X, where z is what the row says; shape (rows, *event).

    Args:
        model: a `Model`.
        X: rows, shape (rows, *event), or a `Datum` of such arrays.
        key: a typed JAX key; what draws needs it.
        method: "mean" takes z = E_q[z | x]. The others average E[x | z] over draws of
            p(z | x), weighted where the method weighs: "encoder", "resampled", "refined", "hmc",
            as `inference.posterior` has them, and "exact", where the decoder is linear and the
            mean over z is that at the exact mean.
        draws: for each row, of the methods that draw.

    Raises:
        OptionError: an impossible option, no key, or "exact" where there is no closed form.
        DataError: a row so far out that the model has no density for it.
    """
    if method == "mean":
        return decode(model, posterior_means(model, X), condition_of(X))
    draws = checked_method(method, draws, legal=("mean", *METHODS))
    if method == "exact":
        return decode(model, posterior_means(with_exact_encoder(model), X))
    if key is None:
        raise OptionError(f"method={method!r} draws at random: give it a key.")
    context = _Averaged(model, method, draws)
    found: np.ndarray = map_rows(
        _mean_over_draws, context, X, row_keys(key, X), batch=rows_of(method, count(X))
    )
    refuse_far_out(found)
    return found
