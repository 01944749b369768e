"""Posterior predictive checks: is what the model generates like rows it has not seen?"""

from collections.abc import Callable
from typing import Any

import numpy as np

from jensen._batching import spread_out
from jensen._types import Data, PRNGKey, as_datum
from jensen.model import Model
from jensen.parts._standardise import standardisation
from jensen.queries.generate import sample

__all__ = [
    "REPLICATIONS",
    "compared",
    "predictive_checks",
]

# 999 replications make p-values in thousandths; with as few rows as this they stay cheap.
REPLICATIONS = 999
_MOST_ROWS = 60


def predictive_checks(
    model: Model, rows: Data, training: np.ndarray, key: PRNGKey
) -> list[dict[str, Any]]:
    """Statistics of held-out rows beside those of as many rows from the model, 999 times over.

    A p-value is the two-sided share of replications, the data counted among them, that lie as
    far out as the data (Gelman et al. 1996, with the weights taken as known): uniform if the
    rows are the model's. What is pooled over columns is pooled in units of each column's mean and
    standard deviation over the training rows, so that no column's unit drowns the others. Of a
    conditional model each replication has the conditions of the rows.

    Returns:
        For each check its `name`, `observed`, `model_mean` and `p_value`.
    """
    chosen = spread_out(as_datum(rows), _MOST_ROWS)
    some, given = _flat(chosen.x), chosen.condition
    if given is not None:
        given = np.tile(given, (REPLICATIONS, 1))
    raw = _flat(sample(model, key, REPLICATIONS * len(some), conditions=given))
    shift, scale = (_flat(np.asarray(each)[None]) for each in standardisation(training))
    seen, generated = (some - shift) / scale, (raw - shift) / scale
    # Checks alone need it, and whatever answers a question imports this module.
    from sklearn.neighbors import NearestNeighbors

    neighbours = NearestNeighbors(n_neighbors=1).fit((_flat(training) - shift) / scale)
    distance = lambda x: neighbours.kneighbors(x)[0][:, 0]
    # Distances are of rows; they are measured once, and averaged for each replication.
    far = distance(generated).reshape(REPLICATIONS, len(seen))
    replicas = generated.reshape(REPLICATIONS, len(seen), -1)
    results = [
        compared(name, statistic(seen), np.array([statistic(each) for each in replicas]))
        for name, statistic in _STATISTICS.items()
    ]
    zeros = (raw == 0).reshape(REPLICATIONS, -1).mean(axis=1)
    results.insert(2, compared("share of zeros", float((some == 0).mean()), zeros))
    nearest = "mean distance to nearest training row"
    return [*results, compared(nearest, float(distance(seen).mean()), far.mean(axis=1))]


def compared(name: str, observed: float, replicated: np.ndarray) -> dict[str, Any]:
    """A figure beside its replications, as `predictive_checks` has it."""
    above = np.sum(replicated >= observed)
    below = np.sum(replicated <= observed)
    p_value = min(1.0, 2 * (1 + min(above, below)) / (1 + len(replicated)))
    return {
        "name": name,
        "observed": float(observed),
        "model_mean": float(replicated.mean()),
        "p_value": float(p_value),
    }


def _flat(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), -1)


def _correlation(x: np.ndarray) -> float:
    """Root mean square of the correlations of pairs of columns."""
    # The standard deviation of equal numbers may be a rounding error, and not zero.
    changing = x[:, (x != x[:1]).any(axis=0)]
    if changing.shape[1] < 2 or len(x) < 3:
        return 0.0
    correlations = np.corrcoef(changing.T)
    return float(np.sqrt(np.mean(correlations[np.triu_indices(len(correlations), 1)] ** 2)))


_STATISTICS: dict[str, Callable[[np.ndarray], float]] = {
    "mean of all entries": lambda x: float(x.mean()),
    "variance over rows, mean of columns": lambda x: float(x.var(axis=0).mean()),
    "pairwise correlation, root mean square": _correlation,
}
