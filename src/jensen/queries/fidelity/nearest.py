"""How near rows lie to training rows, beside how near rows lie that nobody could copy."""

from typing import Any

import numpy as np

from jensen.data import TableSchema
from jensen.queries.checks.predictive import spread_out

__all__ = ["nearest", "nearest_distances"]

# So many rows against so many training rows take some seconds at twenty columns.
_MOST_ROWS, _MOST_TRAINING = 2000, 30_000
# Rows at a time, so that a block of distances stays below 64 MB.
_BLOCK = 256
_NEAR = 0.05


def nearest(
    synthetic: np.ndarray,
    training: np.ndarray,
    held_out: np.ndarray,
    schema: TableSchema,
    holes: bool,
) -> dict[str, Any]:
    """Distances to the closest training row, of synthetic rows and of held-out ones.

    A distance is the mean over columns of the difference of ranks among the training rows, in
    [0, 1], for numbers, and of 0 or 1 for categories (Gower 1971); a cell that one of both rows
    lacks counts as two training rows differ on average. Where synthetic rows have no holes by
    their making (`holes` false), they get those of the held-out rows, in turn.

    Args:
        synthetic: numbers of the schema, NaN where a cell is missing, (rows, width).
        training: as the next, likewise.
        held_out: rows that nobody was fitted to.
        schema: of all of them.
        holes: whether missing cells of `synthetic` are the generator's own.

    Returns:
        `synthetic` and `held_out`, each with `median`, `p5` and `copies`, the share of rows that
        are equal to a training row, holes included; `nearer`, the share of synthetic rows that
        are nearer than `p5` of the held-out ones, with `stderr` if nothing is copied;
        `nearer_held_out`; and `rows`, how many were compared.
    """
    if not holes:
        turn = np.arange(len(synthetic)) % len(held_out)
        synthetic = np.where(np.isnan(held_out[turn]), np.nan, synthetic)
    seen = {tuple(row) for row in _comparable(training)}
    near = spread_out(training, _MOST_TRAINING)
    told: dict[str, Any] = {}
    distances = {}
    for name, rows in (("synthetic", synthetic), ("held_out", held_out)):
        found = nearest_distances(spread_out(rows, _MOST_ROWS), near, schema)
        distances[name] = found
        told[name] = {
            "median": float(np.median(found)),
            "p5": float(np.quantile(found, _NEAR)),
            "copies": float(np.mean([tuple(row) in seen for row in _comparable(rows)])),
        }
    nearer = lambda name: float(np.mean(distances[name] < told["held_out"]["p5"]))
    counts = {name: len(found) for name, found in distances.items()}
    return told | {
        "nearer": nearer("synthetic"),
        "nearer_held_out": nearer("held_out"),
        "stderr": float(np.sqrt(_NEAR * (1 - _NEAR) * sum(1 / n for n in counts.values()))),
        "rows": counts | {"training": len(near)},
    }


def nearest_distances(rows: np.ndarray, training: np.ndarray, schema: TableSchema) -> np.ndarray:
    """The distance of each row to the closest training row, in [0, 1]; shape (rows,)."""
    columns = [
        _coordinates(rows[:, j], training[:, j], column.law.of_levels)
        for j, column in enumerate(schema.modelled)
    ]
    result = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        total = np.zeros((len(result[block]), len(training)), np.float32)
        for column, (own, others, usual) in zip(schema.modelled, columns, strict=True):
            one, other = own[block, None], others[None, :]
            apart = (one != other).astype(np.float32)
            if not column.law.of_levels:
                apart = np.abs(one - other)
            if usual is not None:
                apart = np.where(np.isnan(one) | np.isnan(other), usual, apart)
            total += apart
        result[block] = total.min(axis=1) / len(columns)
    return result


def _coordinates(
    own: np.ndarray, training: np.ndarray, of_levels: bool
) -> tuple[np.ndarray, np.ndarray, np.float32 | None]:
    """Both columns as numbers to compare, and what a missing cell counts, if any is missing."""
    there = np.sort(training[np.isfinite(training)])
    holes = bool(np.isnan(own).any() or np.isnan(training).any())
    if of_levels:
        shares = np.unique(there, return_counts=True)[1] / max(len(there), 1)
        usual = 1 - np.sum(shares**2) if len(there) else 0.0
        single = own.astype(np.float32), training.astype(np.float32)
        return *single, np.float32(usual) if holes else None

    def ranked(x: np.ndarray) -> np.ndarray:
        between = np.searchsorted(there, x) + np.searchsorted(there, x, side="right")
        return np.where(np.isnan(x), np.nan, between / (2 * max(len(there), 1))).astype(np.float32)

    # Two uniform numbers differ by 1/3.
    return ranked(own), ranked(training), np.float32(1 / 3) if holes else None


def _comparable(rows: np.ndarray) -> list[list[float]]:
    """Rows of which equal ones are equal, holes included: NaN is not equal to itself."""
    return np.where(np.isnan(rows), np.inf, rows).tolist()
