"""How near rows lie to training rows, beside how near rows lie that nobody could copy."""

from typing import Any

import numpy as np

from jensen._batching import spread_out
from jensen.data import TableSchema

__all__ = ["nearest", "nearest_arrays", "nearest_distances"]

# So many rows against so many training rows take some seconds at twenty columns.
_MOST_ROWS, _MOST_TRAINING = 2000, 30_000
# Rows at a time, so that a block of distances stays below 64 MB.
_BLOCK = 256
_NEAR = 0.05
# By which a chance of one in a thousand is told.
_PERMUTATIONS = 1999


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
    their making (`holes` false), they get those of the held-out rows, in turn and in no order.

    Args:
        synthetic: numbers of the schema, NaN where a cell is missing, (rows, width).
        training: as the next, likewise.
        held_out: rows that nobody was fitted to.
        schema: of all of them.
        holes: whether missing cells of `synthetic` are the generator's own.

    Returns:
        `synthetic` and `held_out`, each with `median`, `p5`, the distance that a twentieth of the
        rows or the nearest alone reach, and `copies`, the share of rows that are equal to a
        training row, before they were given any holes; `nearer`, the share of synthetic rows that
        are nearer than `p5` of the held-out ones; `nearer_held_out`; `p_nearer` and `p_copies`,
        the probability of so many or more if the synthetic rows came as the held-out ones; and
        `rows`, how many were compared.
    """
    seen = {tuple(row) for row in _comparable(training)}
    copies = {
        name: sum(tuple(row) in seen for row in _comparable(rows))
        for name, rows in (("synthetic", synthetic), ("held_out", held_out))
    }
    if not holes:
        turn = np.random.default_rng(0).permutation(len(held_out))
        turn = turn[np.arange(len(synthetic)) % len(held_out)]
        synthetic = np.where(np.isnan(held_out[turn]), np.nan, synthetic)
    near = spread_out(training, _MOST_TRAINING)
    return _beside(
        nearest_distances(spread_out(synthetic, _MOST_ROWS), near, schema),
        nearest_distances(spread_out(held_out, _MOST_ROWS), near, schema),
        copies,
        {"synthetic": len(synthetic), "held_out": len(held_out), "training": len(near)},
    )


def nearest_arrays(
    synthetic: np.ndarray, training: np.ndarray, held_out: np.ndarray
) -> dict[str, Any]:
    """The same of rows of numbers of one kind, (rows, width), by Euclidean distance."""
    # Few questions need it, and it takes a third of a second to import.
    from sklearn.neighbors import NearestNeighbors

    # One type and one zero, by which equal rows have equal bytes.
    synthetic, training, held_out = (
        np.ascontiguousarray(each, np.float64) + 0.0 for each in (synthetic, training, held_out)
    )
    near = spread_out(training, _MOST_TRAINING)
    known = NearestNeighbors(n_neighbors=1).fit(near)
    seen = {row.tobytes() for row in np.ascontiguousarray(training)}
    sets = {"synthetic": synthetic, "held_out": held_out}
    own, others = (
        known.kneighbors(spread_out(rows, _MOST_ROWS))[0][:, 0] for rows in sets.values()
    )
    copies = {
        name: sum(row.tobytes() in seen for row in np.ascontiguousarray(rows))
        for name, rows in sets.items()
    }
    counts = {name: len(rows) for name, rows in sets.items()} | {"training": len(near)}
    return _beside(own, others, copies, counts) | _to_training(synthetic, near, held_out)


def _to_training(
    synthetic: np.ndarray, training: np.ndarray, held_out: np.ndarray
) -> dict[str, float]:
    """Are synthetic rows nearer to training rows than to held-out ones, and not to both alike?

    Blurred rows are near to all rows, copies to training rows alone. Of all real rows the nearest
    one to each synthetic row is found; if nothing was copied, it is as if those called training
    rows had been drawn from all of them at random, by which the share is judged: a permutation
    test, as rows that are the nearest to many are not independent witnesses.
    """
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(0)
    some = spread_out(held_out, _MOST_TRAINING)
    pool = np.concatenate([training, some])
    order = rng.permutation(len(pool))
    # In no order, as of rows at the same distance the first is taken.
    known = NearestNeighbors(n_neighbors=1).fit(pool[order])
    which = order[known.kneighbors(spread_out(synthetic, _MOST_ROWS))[1][:, 0]]
    times = np.bincount(which, minlength=len(pool))
    found = int(times[: len(training)].sum())
    by_chance = [int(rng.permutation(times)[: len(training)].sum()) for _ in range(_PERMUTATIONS)]
    return {
        "to_training": found / len(which),
        "to_training_by_chance": len(training) / len(pool),
        "p_to_training": (1 + int(np.sum(np.array(by_chance) >= found))) / (1 + _PERMUTATIONS),
    }


def _beside(
    synthetic: np.ndarray, held_out: np.ndarray, copies: dict[str, int], counts: dict[str, int]
) -> dict[str, Any]:
    """What `nearest` returns, from distances to the closest training row.

    Args:
        synthetic: of some synthetic rows.
        held_out: of some held-out rows.
        copies: how many of all `synthetic` and `held_out` rows are equal to a training row.
        counts: how many `synthetic`, `held_out` and `training` rows there are.
    """
    distances = {"synthetic": np.sort(synthetic), "held_out": np.sort(held_out)}
    told: dict[str, Any] = {
        name: {
            "median": float(np.median(found)),
            "p5": float(found[_reach(len(found)) - 1]),
            "copies": copies[name] / counts[name],
        }
        for name, found in distances.items()
    }
    nearer = {
        name: int(np.sum(found < told["held_out"]["p5"])) for name, found in distances.items()
    }
    compared = {name: len(found) for name, found in distances.items()}
    return told | {
        "nearer": nearer["synthetic"] / compared["synthetic"],
        "nearer_held_out": nearer["held_out"] / compared["held_out"],
        "p_nearer": _chance_of_nearer(nearer["synthetic"], *compared.values()),
        "p_copies": _chance_of_copies(
            copies["synthetic"], copies["held_out"], counts["synthetic"], counts["held_out"]
        ),
        "rows": compared | {"training": counts["training"]},
    }


def _reach(rows: int) -> int:
    """How many rows are a twentieth of them, and at least the nearest."""
    return max(1, round(_NEAR * rows))


def _chance_of_nearer(count: int, synthetic: int, held_out: int) -> float:
    """P(as many or more synthetic rows come before the k-th of the held-out ones), exactly.

    If all orders are alike, that is so where of the first `count` + k − 1 rows fewer than k are
    held out: a hypergeometric probability. Ties make it smaller still.
    """
    from scipy.stats import hypergeom

    k = _reach(held_out)
    first = count + k - 1
    return float(hypergeom.cdf(k - 1, synthetic + held_out, held_out, first)) if count else 1.0


def _chance_of_copies(one: int, other: int, synthetic: int, held_out: int) -> float:
    """P(as many or more of all copies are synthetic), by Fisher's exact test."""
    from scipy.stats import hypergeom

    return float(hypergeom.sf(one - 1, synthetic + held_out, synthetic, one + other))


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

    ranks = ranked(training)
    return ranked(own), ranks, np.float32(_mean_difference(ranks)) if holes else None


def _mean_difference(ranks: np.ndarray) -> float:
    """The mean of |r − r'| over pairs of what is there: 1/3 but for ties."""
    there = np.sort(ranks[np.isfinite(ranks)]).astype(np.float64)
    n = len(there)
    # The i-th smallest is the larger one of i pairs, and the smaller of n − 1 − i.
    return float(2 * np.sum((2 * np.arange(n) - n + 1) * there)) / max(n, 1) ** 2


def _comparable(rows: np.ndarray) -> list[list[float]]:
    """Rows of which equal ones are equal, holes included: NaN is not equal to itself."""
    return np.where(np.isnan(rows), np.inf, rows).tolist()
