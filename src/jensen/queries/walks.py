"""Walks through the latent space, shown by what the decoder makes of their steps."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jensen._batching import count, taken
from jensen._types import Data, condition_of
from jensen._words import counted
from jensen.errors import OptionError
from jensen.inference import is_active, means_beyond_prior, posterior_means, prior_variance
from jensen.model import Model
from jensen.queries.generate import decode

__all__ = ["Traversals", "interpolate", "traverse"]

# A traversal goes as far as all but so many of the rows do, on both sides together.
_BEYOND = 0.02
# Fewer rows of one condition say less of how far latents reach there than all rows do.
_FEWEST_ALIKE = 20


def interpolate(model: Model, X: Data, Y: Data, steps: int = 10) -> np.ndarray:
    """E[x | z] along the straight line from the posterior mean of a row to that of another.

        z_t = (1 − t) E_q[z | x] + t E_q[z | y],  t from 0 to 1

    Of a conditional model the condition goes in a straight line too.

    Args:
        model: a `Model`.
        X: rows, shape (rows, *event), where the lines begin.
        Y: as many, where they end.
        steps: points of each line, both ends counted in.

    Returns:
        shape (rows, steps, *event).

    Raises:
        OptionError: fewer than two steps, or rows that are not as many.
    """
    _require_steps(steps)
    starts, ends = posterior_means(model, X), posterior_means(model, Y)
    counts = [len(jax.tree.leaves(each)[0]) for each in (starts, ends)]
    if counts[0] != counts[1]:
        raise OptionError(f"{counts[0]} rows to begin at and {counts[1]} to end at; give as many.")

    def line(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        t = np.linspace(0, 1, steps, dtype=a.dtype).reshape(1, steps, *(1,) * (a.ndim - 1))
        return ((1 - t) * a[:, None] + t * b[:, None]).reshape(-1, *a.shape[1:])

    given = jax.tree.map(line, condition_of(X), condition_of(Y))
    found = decode(model, jax.tree.map(line, starts, ends), given)
    return found.reshape(counts[0], steps, *found.shape[1:])


@dataclass(frozen=True)
class Traversals:
    """What each active latent does to a row.

    Attributes:
        latents: which dimensions of z, the one that varies most over the rows first.
        values: what they are set to, shape (latents, steps).
        rows: E[x | z] there, shape (latents, steps, *event).
    """

    latents: np.ndarray
    values: np.ndarray
    rows: np.ndarray


def traverse(model: Model, X: Data, row: Data | None = None, steps: int = 10) -> Traversals:
    """E[x | z] as one latent goes through the values that it has over some rows.

    Args:
        model: a `Model` whose z is one vector.
        X: rows, shape (rows, *event), which say how far each latent reaches: between the first
            and the last hundredth of their posterior means. Of a conditional model those of the
            condition shown, if they are 20 or more.
        row: one row, shape (1, *event), whose posterior mean the other latents keep, and whose
            condition, of a conditional model, stays; without it the posterior mean of all of X,
            and the condition that is commonest among them, or where none comes twice that which
            is closest to their mean.
        steps: values of each latent.

    Raises:
        OptionError: fewer than two steps, latents that are no vector, or none that is active
            (`inference.active_units`).
    """
    _require_steps(steps)
    codes: Any = posterior_means(model, X)
    if not (isinstance(codes, np.ndarray) and codes.ndim == 2):
        raise OptionError("traversals are of a z that is one vector.")
    variance = prior_variance(model, X)
    beyond: Any = means_beyond_prior(model, X)
    active = np.flatnonzero(is_active(beyond, variance))
    if not len(active):
        raise OptionError(
            f"no latent is active: over {counted(count(X), 'row')} their posterior means hardly"
            " vary, so there is nothing to walk along; train longer, or see diagnose. (What fit"
            " tells is of its held-out rows, over which one that hardly does may vary more.)"
        )
    latents = active[np.argsort(-(beyond.var(axis=0) / variance)[active], kind="stable")]
    shown = _typical(X) if row is None else row
    own = posterior_means(model, shown)[0]
    # E[z | condition] of a prior that heeds it, about which latents vary from row to row.
    base = own - means_beyond_prior(model, shown)[0]
    alike = beyond[_alike(X, shown)]
    middle = base + alike.mean(axis=0) if row is None else own
    ends = np.quantile(alike[:, latents], [_BEYOND / 2, 1 - _BEYOND / 2], axis=0)
    ends = base[latents] + ends
    values = np.linspace(ends[0], ends[1], steps, axis=1).astype(codes.dtype)
    z = np.tile(middle, (len(latents), steps, 1))
    z[np.arange(len(latents)), :, latents] = values
    conditions = condition_of(shown)
    if conditions is not None:
        conditions = np.tile(conditions[0], (len(latents) * steps, 1))
    found = decode(model, z.reshape(-1, z.shape[-1]), conditions)
    return Traversals(latents, values, found.reshape(len(latents), steps, *found.shape[1:]))


def _typical(X: Data) -> Data:
    """One of the rows, of the condition that stands for all; the first where there are none."""
    conditions = condition_of(X)
    if conditions is None:
        return taken(X, slice(1))
    conditions = np.asarray(conditions)
    _, first, how_many = np.unique(conditions, axis=0, return_index=True, return_counts=True)
    chosen = first[np.argmax(how_many)]
    if how_many.max() == 1:
        chosen = np.argmin(((conditions - conditions.mean(axis=0)) ** 2).sum(axis=1))
    return taken(X, slice(chosen, chosen + 1))


def _alike(X: Data, shown: Data) -> np.ndarray:
    """Which rows tell how far latents reach under one condition: those that have it, or all."""
    conditions, own = condition_of(X), condition_of(shown)
    if conditions is None or own is None:
        return np.arange(count(X))
    same = np.flatnonzero((np.asarray(conditions) == np.asarray(own)).all(axis=1))
    return same if len(same) >= _FEWEST_ALIKE else np.arange(count(X))


def _require_steps(steps: Any) -> None:
    if not (isinstance(steps, (int, np.integer)) and steps >= 2):
        raise OptionError(f"steps={steps!r}: must be a whole number of at least 2.")
