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
from jensen.queries.given import caution, cells, given, require_draws

__all__ = ["Filled", "impute"]

_ROWS = 32


@dataclass(frozen=True)
class Filled:
    """Rows without holes, in the numbers that models see; each array but `draws` (rows, *event).

    Attributes:
        values: what was observed, and of other cells the posterior mean E[x | observed], or of
            categories the most frequent.
        mean: the same, but of categories that are numbers their posterior mean.
        lower: where the interval of each cell begins; what was observed, where it was.
        upper: where it ends.
        draws: of whole rows from p(x | observed), shape (rows, kept, *event).
        ess: of each row, effective draws of z; of rows without holes as many as were asked for.
        unreliable: whether a row's draws fall short by every method that was tried.
    """

    values: np.ndarray
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    draws: np.ndarray
    ess: np.ndarray
    unreliable: np.ndarray

    def warning(self) -> str | None:
        """Which rows are not to be relied on, in words; `None` if all are."""
        return caution(self.unreliable)


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
    best = mean = mean.mean(axis=0)
    levels = np.array(getattr(context.model.likelihood, "levels", 0))
    if levels.any():
        number = jnp.arange(levels.max() + 1.0)
        codes = jnp.clip(x, 0.0, number[-1])[:, :, None]
        shares = jnp.mean(codes == number[None, None], axis=0)
        mode = jnp.argmax(shares, axis=1).astype(x.dtype)
        best = mean = jnp.where(levels > 0, mode, mean)
        if context.worth is not None:
            worth = jnp.sum(shares * jnp.nan_to_num(context.worth), axis=1)
            mean = jnp.where(jnp.isnan(context.worth[:, 0]), mean, worth)
    # Both ends are draws: of whole numbers the interval holds at least what it says.
    ordered = jnp.sort(x, axis=0)
    outside = int(len(x) * (1 - context.level) / 2)
    return best, mean, ordered[outside], ordered[-1 - outside], x[: context.keep]


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
        model: a `Model`; with `Columns` for likelihood, some of a row's numbers are categories.
        X: rows with their mask, shape (rows, *event).
        key: a typed JAX key.
        draws: of z for each row; a multiple of 4 and at least 16.
        level: the share of a cell's posterior that its interval holds.
        keep: how many draws of whole rows to give back, at most `draws`.
        worth: what each category counts for in `mean`, where categories are numbers, shape
            (d, most categories and one); NaN for columns where they are none.

    Raises:
        OptionError: an impossible option.
    """
    require_draws(draws)
    if not 0 < level < 1:
        raise OptionError(f"level={level!r}: must be a share above 0 and below 1.")
    if not (isinstance(keep, (int, np.integer)) and 0 <= keep <= draws):
        raise OptionError(f"keep={keep!r}: must be a whole number from 0 to draws={draws}.")
    x = np.asarray(X.x, np.float32)
    mask = np.ones(x.shape, bool) if X.mask is None else np.asarray(X.mask)
    # What was observed stands in all of them, so that only rows with holes need any draws.
    values, mean, lower, upper = x.copy(), _worth_of(x, worth), x.copy(), x.copy()
    whole = np.repeat(x[:, None], keep, axis=1)
    ess, unreliable = np.full(len(x), float(draws)), np.zeros(len(x), bool)
    holes = np.flatnonzero(~mask.reshape(len(mask), -1).all(axis=1))
    if len(holes):
        rows = Datum(x[holes], mask[holes], None if X.condition is None else X.condition[holes])
        found = given(model, rows, fold(key, 0), draws)
        numbers = None if worth is None else jnp.asarray(worth, jnp.float32)
        context = _Context(model, numbers, float(level), int(keep))
        keys = row_keys(fold(key, 1), rows)
        *filled, whole[holes] = map_rows(_one_row, context, rows, found.z, keys, batch=_ROWS)
        for each, new in zip((values, mean, lower, upper), filled, strict=True):
            each[holes] = np.where(mask[holes], each[holes], new)
        ess[holes], unreliable[holes] = found.ess, found.unreliable
    return Filled(values, mean, lower, upper, whole, ess, unreliable)


def _worth_of(x: np.ndarray, worth: np.ndarray | None) -> np.ndarray:
    """The same rows, the codes of categories that are numbers replaced by what these count for."""
    if worth is None:
        return x.astype(np.float64)
    code = np.nan_to_num(x).clip(0, worth.shape[1] - 1).astype(int)
    found = worth[np.arange(len(worth)), code]
    return np.where(np.isnan(worth[:, 0]), x, found)
