"""Checks of a table: its columns alone for a baseline, and predictive checks column by column."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import stats

from jensen._batching import count, map_rows, spread_out, taken
from jensen._runtime import quick_jit, quick_random
from jensen._sampling import row_keys, split
from jensen._types import Datum, PRNGKey
from jensen.data import TableSchema
from jensen.inference.descent import descend
from jensen.model import Model
from jensen.queries.checks.predictive import REPLICATIONS, compared
from jensen.queries.generate import sample
from jensen.queries.given import drawn_cells, given

__all__ = ["independent_columns", "predictive_checks_of_tables"]

# Columns have few numbers each, and begin near their best ones.
_STEPS, _RATE, _MOST_FITTED = 300, 0.05, 5000
# As `given` asks, more than there are replications.
_DRAWS = -(-REPLICATIONS // 4) * 4
_MOST_ROWS = 60


def independent_columns(model: Model, training: Datum, rows: Datum) -> np.ndarray:
    """log p of each of `rows` under the laws of the model's columns without a latent, (rows,).

    Their numbers are those of the highest likelihood on the observed cells of `training`. Where
    the model says why cells are missing, the mask counts too, at a rate of each column.
    """
    some = spread_out(training, _MOST_FITTED)
    x, mask = _filled(some)
    start = model.likelihood.initial(x)
    with quick_random():
        h = _fitted(model.likelihood, start, jnp.asarray(x), jnp.asarray(mask))
    score = lambda h, of: map_rows(_score, (model.likelihood, h), of)
    # Where Adam loses its way, what it began with is a baseline too.
    ways = [(float(np.mean(score(each, some))), each) for each in (start, h)]
    _, best = max((way for way in ways if np.isfinite(way[0])), key=lambda way: way[0])
    result = score(best, rows)
    if model.missingness is None:
        return result
    share = (np.sum(~_mask(training), axis=0) + 0.5) / (count(training) + 1.0)
    return result + np.where(_mask(rows), np.log1p(-share), np.log(share)).sum(axis=1)


@quick_jit
def _fitted(likelihood: Any, start: Array, x: Array, mask: Array) -> Array:
    def loss(h: Array, key: PRNGKey) -> Array:
        p = likelihood(h)
        terms = jnp.where(mask, jax.vmap(p.log_prob)(x), 0.0)
        return -jnp.sum(terms) / x.shape[0]

    found: Array = descend(loss, start, jax.random.key(0), _RATE, _STEPS)
    return found


def _score(context: Any, row: Datum) -> Array:
    likelihood, h = context
    p = likelihood(h)
    mask = jnp.ones(row.x.shape, bool) if row.mask is None else jnp.asarray(row.mask)
    x = jnp.where(mask, row.x, p.support.feasible_like(row.x))
    return jnp.sum(jnp.where(mask, p.log_prob(x), 0.0))


def predictive_checks_of_tables(
    model: Model, rows: Datum, training: Datum, schema: TableSchema, key: PRNGKey
) -> list[dict[str, Any]]:
    """Figures of held-out rows beside those of as many rows from the model, 999 times over.

    Of each column of numbers the mean, in its own unit, of categories the share of the most
    frequent one; and how strongly columns hang together: the root mean square of Spearman's rank
    correlations of all pairs, a category being there or not. Missing cells of the data are filled
    by draws given the others, anew for each replication (Gelman et al. 2005), so that no check is
    of what is missing, nor fails for it.

    The p-values of columns are adjusted for there being many (Westfall & Young 1993, the largest
    of all standardised differences): each is the share of replications in which any column lies
    as far out, so that a right model has one chance in a hundred of any of 0.01.

    Returns:
        For each check its `name`, `observed`, `model_mean` and `p_value`.
    """
    for_draws, for_filling, for_samples = split(key, 3)
    some = spread_out(rows, _MOST_ROWS)
    n = count(some)
    # In the order (replications, rows, columns).
    generated = sample(model, for_samples, REPLICATIONS * n).reshape(REPLICATIONS, n, -1)
    seen = np.broadcast_to(np.asarray(some.x), generated.shape)
    holes = np.flatnonzero(~_mask(some).all(axis=1))
    if len(holes):
        part = taken(some, holes)
        found = given(model, part, for_draws, _DRAWS, fall_back=False)
        keys = row_keys(for_filling, part)
        drawn = map_rows(drawn_cells, model, part, found.z, keys, batch=16)
        seen = seen.copy()
        seen[:, holes] = np.swapaxes(drawn[:, :REPLICATIONS], 0, 1)
    frequent = _most_frequent(training, schema)
    of_levels = np.isfinite(frequent)
    there = lambda x: np.where(of_levels, x == frequent, x).astype(np.float64)
    observed, replicated = there(seen), there(generated)
    return [
        *_by_column(observed.mean(axis=1), replicated.mean(axis=1), schema, frequent),
        *_association(observed, replicated),
    ]


def _by_column(
    observed: np.ndarray, replicated: np.ndarray, schema: TableSchema, frequent: np.ndarray
) -> list[dict[str, Any]]:
    """A check for each column from its figures, each of shape (replications, columns)."""
    seen, expected = observed.mean(axis=0), replicated.mean(axis=0)
    spread = replicated.std(axis=0)
    spread = np.where(spread > 0, spread, np.finfo(np.float32).tiny)
    far = np.abs(seen - expected) / spread
    farthest = (np.abs(replicated - expected) / spread).max(axis=1)
    units = schema.in_units(np.stack([seen, expected]))
    result = []
    for j, column in enumerate(schema.modelled):
        shown = units[:, j]
        name = f"{column.name}: mean"
        if np.isfinite(frequent[j]):
            shown = np.array([seen[j], expected[j]])
            number = int(frequent[j])
            rare = number >= len(column.levels)
            name = f"{column.name}: share of {'(rare)' if rare else column.levels[number]}"
        elif column.kind == "datetime":
            name += ", seconds since 1970"
        p_value = (1 + int(np.sum(farthest >= far[j]))) / (1 + len(farthest))
        result.append(
            {
                "name": name,
                "observed": float(shown[0]),
                "model_mean": float(shown[1]),
                "p_value": float(min(1.0, p_value)),
            }
        )
    return result


def _association(observed: np.ndarray, replicated: np.ndarray) -> list[dict[str, Any]]:
    if observed.shape[2] < 2 or observed.shape[1] < 3:
        return []
    # Of what was filled, a few fillings say as much as all.
    seen = np.mean([_hang_together(x) for x in observed[::50]])
    each = np.array([_hang_together(x) for x in replicated])
    return [compared("association of columns, root mean square", float(seen), each)]


def _hang_together(x: np.ndarray) -> float:
    """Root mean square of the rank correlations of pairs of columns, x of shape (n, d)."""
    changing = x[:, (x != x[:1]).any(axis=0)]
    if changing.shape[1] < 2:
        return 0.0
    correlations = np.corrcoef(stats.rankdata(changing, axis=0).T)
    return float(np.sqrt(np.mean(correlations[np.triu_indices(len(correlations), 1)] ** 2)))


def _most_frequent(training: Datum, schema: TableSchema) -> np.ndarray:
    """Of each column the number of its most frequent category, NaN of numbers; shape (d,)."""
    x, mask = np.asarray(training.x), _mask(training)
    result = np.full(schema.width, np.nan)
    for j, column in enumerate(schema.modelled):
        if column.law.of_levels and mask[:, j].any():
            result[j] = np.bincount(x[mask[:, j], j].astype(int)).argmax()
    return result


def _mask(rows: Datum) -> np.ndarray:
    return np.ones(np.shape(rows.x), bool) if rows.mask is None else np.asarray(rows.mask)


def _filled(rows: Datum) -> tuple[np.ndarray, np.ndarray]:
    """Values with observed ones of their column in place of missing ones, and the mask."""
    x, mask = np.array(rows.x), _mask(rows)
    for j in range(x.shape[1]):
        holes = ~mask[:, j]
        if holes.any() and not holes.all():
            x[holes, j] = np.resize(x[mask[:, j], j], int(holes.sum()))
    return x, mask
