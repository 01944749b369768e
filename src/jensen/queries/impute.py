"""Missing cells filled: their mean or most frequent value, an interval, and whole draws."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from jensen._batching import map_rows
from jensen._sampling import fold, row_keys
from jensen._types import Datum, PRNGKey
from jensen.errors import OptionError
from jensen.model import Model
from jensen.queries.given import Given, cells, given, require_draws

__all__ = ["Filled", "impute"]

_ROWS = 32


@dataclass(frozen=True)
class Filled:
    """Rows without holes, in the numbers that models see; each array but `draws` is (rows, d).

    Attributes:
        values: what was observed, and of other cells the posterior mean E[x | observed], or of
            categories the most frequent.
        mean: the same, but of categories that are numbers their posterior mean.
        lower: where the interval of each cell begins; what was observed, where it was.
        upper: where it ends.
        draws: of whole rows from p(x | observed), shape (rows, kept, d).
        given: the draws of z that all this rests on.
    """

    values: np.ndarray
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    draws: np.ndarray
    given: Given


class _Context(eqx.Module):
    """What all rows share; all but the model is part of the compiled program."""

    model: Model
    worth: Any
    level: float = eqx.field(static=True)
    keep: int = eqx.field(static=True)


def _one_row(
    context: _Context, row: Datum, z: Any, key: PRNGKey
) -> tuple[Array, Array, Array, Array, Array]:
    x, mean = cells(context.model, row, z, key)
    average = mean.mean(axis=0)
    levels = np.array(getattr(context.model.likelihood, "levels", 0))
    if levels.any():
        number = jnp.arange(levels.max() + 1.0)
        codes = jnp.clip(x, 0.0, number[-1])[:, :, None]
        shares = jnp.mean(codes == number[None, None], axis=0)
        mode = jnp.argmax(shares, axis=1).astype(x.dtype)
        average = jnp.where(levels > 0, mode, average)
    values = jnp.asarray(row.x) if row.mask is None else jnp.where(row.mask, row.x, average)
    average = values
    if context.worth is not None:
        # What was observed stands in every draw.
        worth = jnp.sum(shares * jnp.nan_to_num(context.worth), axis=1)
        average = jnp.where(jnp.isnan(context.worth[:, 0]), values, worth)
    # Both ends are draws: of whole numbers the interval holds at least what it says.
    ordered = jnp.sort(x, axis=0)
    outside = int(len(x) * (1 - context.level) / 2)
    return values, average, ordered[outside], ordered[-1 - outside], x[: context.keep]


def impute(
    model: Model,
    X: Datum,
    key: PRNGKey,
    draws: int = 200,
    level: float = 0.9,
    keep: int = 5,
    worth: np.ndarray | None = None,
) -> Filled:
    """Fill the missing cells of rows.

    Args:
        model: a `Model` of rows of d numbers; with `Columns` for likelihood, some are categories.
        X: rows with their mask, shape (rows, d).
        key: a typed JAX key.
        draws: of z for each row; a multiple of 4 and at least 16.
        level: the share of a cell's posterior that its interval holds.
        keep: how many draws of whole rows to give back, at most `draws`.
        worth: what each category counts for in `mean`, where categories are numbers, shape
            (d, most categories and one); NaN for columns where they are none.

    Raises:
        OptionError: an impossible option, or no rows.
    """
    require_draws(draws)
    if not 0 < level < 1:
        raise OptionError(f"level={level!r}: must be a share above 0 and below 1.")
    if not (isinstance(keep, (int, np.integer)) and 0 <= keep <= draws):
        raise OptionError(f"keep={keep!r}: must be a whole number from 0 to draws={draws}.")
    found = given(model, X, fold(key, 0), draws)
    keys = row_keys(fold(key, 1), X)
    numbers = None if worth is None else jnp.asarray(worth, jnp.float32)
    context = _Context(model, numbers, float(level), int(keep))
    values, mean, lower, upper, kept = map_rows(_one_row, context, X, found.z, keys, batch=_ROWS)
    return Filled(values, mean, lower, upper, kept, found)
