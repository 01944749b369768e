"""What follows from some cells of a row: draws of z given them, and of all other cells.

A row with holes is a `Datum`; its missing cells have been integrated out of log p(x_observed, z)
already, so that its posterior is that of z given any subset of cells. Imputation, conditional
sampling and the scores of single columns all stand on the draws made here.
"""

import contextlib
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jensen._batching import map_rows, taken
from jensen._runtime import briefly
from jensen._sampling import fold, generator, row_keys
from jensen._types import Data, Datum, PRNGKey, as_datum
from jensen._words import counted
from jensen.errors import OptionError
from jensen.inference import posterior
from jensen.model import Model
from jensen.parts.likelihoods import require_whole_pixels
from jensen.queries.generate import require_number

__all__ = ["Given", "caution", "cells", "drawn_cells", "given", "sample_given"]

# From what costs least to what fails least.
_METHODS = ("resampled", "refined", "hmc")
_FEW = 100
_FAR_FROM_ALL = (
    "draws given these cells are unreliable: the cells may be far from anything that the model was"
    " trained on; give fewer of them, or others"
)


@dataclass(frozen=True)
class Given:
    """Draws of z given what was observed of rows.

    Attributes:
        z: shape (rows, draws, *latent).
        method: of each row, where its draws come from, as in `inference.posterior`.
        ess: of each row, effective draws.
        unreliable: whether the row's draws fall short by every method that was tried.
    """

    z: np.ndarray
    method: np.ndarray
    ess: np.ndarray
    unreliable: np.ndarray

    def warning(self) -> str | None:
        """Which rows are not to be relied on, in words; `None` if all are."""
        return caution(self.unreliable)


def caution(unreliable: np.ndarray) -> str | None:
    """Which rows' draws are not to be relied on, in words; `None` if all are."""
    count = int(unreliable.sum())
    if not count:
        return None
    first = ", ".join(map(str, np.flatnonzero(unreliable)[:5]))
    return (
        f"draws given the observed cells are unreliable for {count} of"
        f" {counted(len(unreliable), 'row')} (the first: {first}): they may be far from"
        " anything that the model was trained on; take more draws, or train longer"
    )


def cells(model: Model, row: Datum, z: Any, key: PRNGKey) -> tuple[Array, Array]:
    """For one row and draws of its z: draws of x, and E[x | z], each of shape (draws, *event).

    In the draws of x what was observed stands in its place. Where that a cell is missing tells of
    its value, draws are given that it is, and stand for the mean too.
    """

    def one(z: Any, key: PRNGKey) -> tuple[Array, Array]:
        p: Any = model.conditional(z, row.condition)
        x = _drawn(model, p, key)
        return x, (p.mean if _at_random(model) else x)

    x, mean = jax.vmap(one)(z, _key_of_each(z, key))
    return _as_observed(row, x), mean


def drawn_cells(model: Model, row: Datum, z: Any, key: PRNGKey) -> Array:
    """The draws of `cells` alone: means of a table's columns take longer to compile than these."""
    one = lambda z, key: _drawn(model, model.conditional(z, row.condition), key)
    return _as_observed(row, jax.vmap(one)(z, _key_of_each(z, key)))


def _at_random(model: Model) -> bool:
    """Whether that a cell is missing tells nothing of its value."""
    return model.missingness is None or not model.missingness.depends


def _drawn(model: Model, p: Any, key: PRNGKey) -> Array:
    x: Array = p.sample(key) if _at_random(model) else model.missingness.sample(p, key)
    return x


def _key_of_each(z: Any, key: PRNGKey) -> Array:
    return jax.random.split(key, len(jax.tree.leaves(z)[0]))


def _as_observed(row: Datum, x: Array) -> Array:
    """Draws of a row with what was observed of it in its place."""
    if row.mask is None:
        return jnp.broadcast_to(row.x, x.shape)
    return jnp.where(row.mask[None], row.x[None], x)


def require_draws(draws: Any) -> None:
    """Raise `OptionError` for a number of draws that not all methods can give."""
    if not (isinstance(draws, (int, np.integer)) and draws >= 16 and draws % 4 == 0):
        raise OptionError(f"draws={draws!r}: must be a multiple of 4, and at least 16.")


def given(
    model: Model,
    X: Data,
    key: PRNGKey,
    draws: int = 200,
    *,
    fall_back: bool = True,
    brief: bool = False,
) -> Given:
    """Draws of z given what was observed of each row.

    Draws of q(z | x) are resampled by their weights; rows of which the weights say that q is no
    approximation are drawn for by the best normal for the row, and those of which that fails by
    Hamiltonian Monte Carlo.

    Args:
        model: a `Model`.
        X: rows, shape (rows, *event), or a `Datum` of such arrays.
        key: a typed JAX key.
        draws: for each row; a multiple of 4 and at least 16.
        fall_back: whether to try the slower methods at all.
        brief: whether the first method's program is for this call alone: see `briefly`.

    Raises:
        OptionError: an impossible number of draws, no rows, or only some of the channels of a
            pixel where they are coupled.
    """
    require_draws(draws)
    rows = as_datum(X)
    require_whole_pixels(model.likelihood, rows.mask)
    with briefly() if brief else contextlib.nullcontext():
        found = posterior(model, rows, fold(key, 0), _METHODS[0], draws)
    z, ess, bad = np.array(found.z), np.array(found.ess), found.unreliable()
    method = np.full(len(bad), _METHODS[0], dtype=object)
    for number, other in enumerate(_METHODS[1:] if fall_back else (), start=1):
        if not bad.any():
            break
        where = np.flatnonzero(bad)
        again = posterior(model, taken(rows, where), fold(key, number), other, draws)
        # What is no better stays as it is.
        better = ~again.unreliable() | (again.ess > ess[where])
        chosen = where[better]
        # Neighbours in a chain are alike, and whoever takes the first few is to have all of it.
        order = generator(fold(key, number)).permutation(draws)
        z[chosen], ess[chosen] = again.z[better][:, order], again.ess[better]
        method[chosen] = other
        bad[where] = again.unreliable()
    return Given(z, method, ess, bad)


def sample_given(model: Model, row: Datum, key: PRNGKey, n: int) -> tuple[np.ndarray, str | None]:
    """`n` draws of a whole row given its observed cells, which are as they were, shape (n, d).

    With them what is wrong with them, in words, or `None`. `row` is one row with its mask, each of
    shape (d,). Raises `OptionError` for `n` below 1.
    """
    require_number(n)
    one = jax.tree.map(lambda leaf: np.asarray(leaf)[None], row)
    # In fours, and enough for weights to be judged by. Of few nearly all the time is compilation.
    few = n <= _FEW
    found = given(model, one, fold(key, 0), max(_FEW, -(-n // 4) * 4), brief=few)
    keys = row_keys(fold(key, 1), one)
    with briefly() if few else contextlib.nullcontext():
        x: np.ndarray = map_rows(drawn_cells, model, one, found.z, keys, batch=1)
    warning = _FAR_FROM_ALL if found.unreliable[0] else None
    return x[0, :n], warning
