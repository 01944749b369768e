"""Shares of columns, and of pairs of them, in two tables: total variation distances."""

from typing import Any

import numpy as np

from jensen.data import Column, TableSchema

__all__ = ["by_column", "by_pair", "total_variation"]

# Beside these an atom and what is missing have a bin of their own.
_BINS, _BINS_OF_PAIRS = 20, 10


def by_column(
    synthetic: np.ndarray,
    training: np.ndarray,
    held_out: np.ndarray,
    known: np.ndarray,
    schema: TableSchema,
    holes: bool,
) -> list[dict[str, Any]]:
    """Of each column the distance of synthetic rows from held-out ones, and that of training rows.

    Args:
        synthetic: numbers of the schema, NaN where a cell is missing, (rows, width).
        training: as many training rows.
        held_out: held-out rows.
        known: all training rows, whose quantiles bound the bins of numbers: at most 20.
        schema: of all of them.
        holes: whether missing cells are a bin too; shares are of observed cells otherwise.

    Returns:
        For each column its name as `column`, and `tv` and `reference`, which are NaN where one
        side has no cell to count.
    """
    result = []
    for j, column in enumerate(schema.modelled):
        edges = _edges(column, known[:, j], None)
        one, other, truth = (
            _bins(column, edges, x[:, j], holes) for x in (synthetic, training, held_out)
        )
        result.append(
            {
                "column": column.name,
                "tv": total_variation(one, truth),
                "reference": total_variation(other, truth),
            }
        )
    return result


def by_pair(
    synthetic: np.ndarray,
    training: np.ndarray,
    held_out: np.ndarray,
    known: np.ndarray,
    schema: TableSchema,
    holes: bool,
) -> dict[str, Any] | None:
    """The same of all pairs of columns: their mean, and the pair that is furthest off.

    Numbers and categories have at most 10 bins, the last of categories for all but the most
    frequent.

    Returns:
        `pairs`, how many had cells to count; means `tv` and `reference`; and `worst`, with
        `columns`, `tv` and `reference`, which has the largest excess. `None` of no pairs.
    """
    coded = []
    for j, column in enumerate(schema.modelled):
        edges = _edges(column, known[:, j], _BINS_OF_PAIRS)
        coded.append(
            [_bins(column, edges, x[:, j], holes) for x in (synthetic, training, held_out)]
        )
    found = []
    for j in range(len(coded)):
        for k in range(j):
            # One base for all three, or a bin that one of them lacks would shift its numbers.
            base = 1 + max(int(bins.max(initial=0)) for bins in coded[j])
            one, other, truth = (
                _together(a, b, base) for a, b in zip(coded[k], coded[j], strict=True)
            )
            apart = total_variation(one, truth), total_variation(other, truth)
            if np.isfinite(apart).all():
                found.append((k, j, *apart))
    if not found:
        return None
    distances = np.array([each[2:] for each in found])
    k, j, tv, reference = found[int(np.argmax(distances[:, 0] - distances[:, 1]))]
    names = [column.name for column in schema.modelled]
    return {
        "pairs": len(found),
        "tv": float(distances[:, 0].mean()),
        "reference": float(distances[:, 1].mean()),
        "worst": {"columns": [names[k], names[j]], "tv": tv, "reference": reference},
    }


def total_variation(one: np.ndarray, other: np.ndarray) -> float:
    """½ Σ |p − q| of the shares of whole numbers; negative ones do not count. NaN of none.

    >>> total_variation(np.array([0, 0, 1, -1]), np.array([0, 1, 2, 2]))
    0.5
    """
    one, other = one[one >= 0], other[other >= 0]
    if not len(one) or not len(other):
        return float("nan")
    most = int(max(one.max(), other.max())) + 1
    shares = [np.bincount(each, minlength=most) / len(each) for each in (one, other)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _edges(column: Column, known: np.ndarray, most: int | None) -> np.ndarray:
    """What lies between the bins of numbers; of categories, those with a bin of their own."""
    known = known[np.isfinite(known)]
    if column.law.of_levels:
        levels = np.arange(column.level_count + 1)
        if most is None or len(levels) <= most:
            return levels
        rows = np.bincount(known.astype(int), minlength=len(levels))
        return np.sort(np.argsort(-rows, kind="stable")[: most - 1])
    known = known[known != _atom(column)]
    values, bins = np.unique(known), most or _BINS
    if len(values) <= bins:
        return (values[1:] + values[:-1]) / 2
    return np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))


def _bins(column: Column, edges: np.ndarray, x: np.ndarray, holes: bool) -> np.ndarray:
    """The number of each cell's bin; 0 is that of missing cells, which have −1 without `holes`."""
    if column.law.of_levels:
        found = np.clip(np.searchsorted(edges, x), 0, len(edges) - 1)
        own = edges[found] == x
        bins = np.where(own, found, len(edges)) + 1
    else:
        bins = np.searchsorted(edges, x, side="right") + 2
        bins = np.where(x == _atom(column), 1, bins)
    return np.where(np.isnan(x), 0 if holes else -1, bins)


def _atom(column: Column) -> float:
    return float(column.facts().get("atom", np.nan))


def _together(one: np.ndarray, other: np.ndarray, base: int) -> np.ndarray:
    """One number for each pair of bins, below `base` the second; negative where one of them is."""
    return np.where((one < 0) | (other < 0), -1, one * base + other)
