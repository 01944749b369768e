"""What a model of one column learns from synthetic rows, tested on real ones."""

from typing import Any

import numpy as np

from jensen._batching import spread_out
from jensen.data import Column, TableSchema
from jensen.errors import OptionError

__all__ = ["boosted", "target_of"]

# Of scikit-learn's bins; a column of more categories is taken for numbers.
_MOST_LEVELS = 254


def target_of(schema: TableSchema, target: str | None) -> int:
    """The place of the column to predict: the last of categories, or the last, if none is named.

    Raises `OptionError` for a column that the model does not see.
    """
    columns = schema.modelled
    if target is None:
        categories = [j for j, c in enumerate(columns) if c.kind in ("binary", "categorical")]
        return categories[-1] if categories else len(columns) - 1
    names = [column.name for column in columns]
    if target not in names:
        raise OptionError(
            f"target={target!r}: is no column that the model sees; choose one of"
            f" {', '.join(names)}."
        )
    return names.index(target)


def boosted(
    synthetic: np.ndarray,
    training: np.ndarray,
    held_out: np.ndarray,
    schema: TableSchema,
    target: int,
) -> dict[str, Any] | None:
    """Gradient boosting of one column by all others, trained on synthetic and on real rows.

    Both are tested on held-out rows (Esteban et al. 2017, "train on synthetic, test on real").
    Missing cells stay missing, but rows without the target are left out, and of the training
    set that has more of the others some too, so that both are as large.

    Args:
        synthetic: numbers of the schema, NaN where a cell is missing, (rows, width).
        training: as many training rows.
        held_out: rows to test on.
        schema: of all of them.
        target: the place of the column among those that models see.

    Returns:
        `target`, its name; `rows`, trained on, of either; `tested`; and scores by
        training set, `synthetic` and `real`: of categories `rarer_f1` of the rarest category of
        the training rows that the held-out rows have too, which is `rarer`, `macro_f1` and
        `accuracy`; of numbers `r2`. Scores are NaN where there is nothing to learn from or to
        test on. `None` of a table of one column.
    """
    columns = schema.modelled
    if len(columns) < 2:
        return None
    sets = [rows[np.isfinite(rows[:, target])] for rows in (synthetic, training, held_out)]
    one, other, tested = sets
    as_many = min(len(one), len(other))
    one, other = spread_out(one, as_many), spread_out(other, as_many)
    # Of what one side never saw, scikit-learn would make no bins.
    used = [
        j
        for j in range(len(columns))
        if j != target and all(np.isfinite(rows[:, j]).any() for rows in (one, other))
    ]
    column = columns[target]
    told: dict[str, Any] = {
        "target": column.name,
        "rows": as_many,
        "tested": len(tested),
    }
    if column.law.of_levels:
        rarer = _rarest(other[:, target], tested[:, target])
        told["rarer"] = None if rarer is None else _level(column, rarer)
        score = lambda truth, found: _of_categories(truth, found, rarer)
    else:
        score = _of_numbers
    for name, rows in (("synthetic", one), ("real", other)):
        found = _predicted(rows, tested, used, schema, target)
        told[name] = score(tested[:, target], found)
    return told


def _predicted(
    rows: np.ndarray, tested: np.ndarray, used: list[int], schema: TableSchema, target: int
) -> np.ndarray:
    """The target of the tested rows, as learnt from other rows; NaN if nothing can be."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    if not len(rows) or not len(tested):
        return np.full(len(tested), np.nan)
    y = rows[:, target]
    if not used or (y == y[0]).all():
        values, counts = np.unique(y, return_counts=True)
        of_levels = schema.modelled[target].law.of_levels
        return np.full(len(tested), values[counts.argmax()] if of_levels else y.mean())
    options = {
        "categorical_features": [
            schema.modelled[j].kind in ("binary", "categorical")
            and schema.modelled[j].level_count <= _MOST_LEVELS
            for j in used
        ],
        # Its validation needs each category twice.
        "early_stopping": False,
        "random_state": 0,
    }
    of_levels = schema.modelled[target].law.of_levels
    family = HistGradientBoostingClassifier if of_levels else HistGradientBoostingRegressor
    # Trees of so few rows are made in no time, and threads wait for each other at each of their
    # splits: on a busy machine a hundred times as long.
    with threadpool_limits(1, user_api="openmp"):
        return np.asarray(family(**options).fit(rows[:, used], y).predict(tested[:, used]))


def _rarest(training: np.ndarray, tested: np.ndarray) -> float | None:
    found, rows = np.unique(training, return_counts=True)
    rows = np.where(np.isin(found, tested), rows, len(training) + 1)
    return float(found[rows.argmin()]) if np.isin(found, tested).any() else None


def _level(column: Column, code: float) -> str:
    return str(column.levels[int(code)]) if code < len(column.levels) else "(rare)"


def _of_categories(truth: np.ndarray, found: np.ndarray, rarer: float | None) -> dict[str, float]:
    if not len(truth) or np.isnan(found).any():
        return dict.fromkeys(("rarer_f1", "macro_f1", "accuracy"), float("nan"))
    from sklearn.metrics import accuracy_score, f1_score

    levels = np.unique(truth)
    none = float("nan")
    return {
        "rarer_f1": none if rarer is None else float(f1_score(truth == rarer, found == rarer)),
        "macro_f1": float(f1_score(truth, found, labels=levels, average="macro")),
        "accuracy": float(accuracy_score(truth, found)),
    }


def _of_numbers(truth: np.ndarray, found: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import r2_score

    # Of equal numbers there is nothing to explain.
    known = len(truth) and np.ptp(truth) > 0 and not np.isnan(found).any()
    return {"r2": float(r2_score(truth, found)) if known else float("nan")}
