"""Plain models to beat, in the units of the evidence: nats of the data as given.

Whole-number data have probabilities, and normal models have densities. A density becomes a
probability by dequantisation: P(x) = ∫ p(x + u) du over the unit cell, and by Jensen's inequality

    log P(x) ≥ E_u[log p(x + u)],    u uniform on the cell

(Theis, van den Oord & Bethge 2016, section 3.1), which for a normal is known in closed form.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats
from scipy.linalg import cho_factor, cho_solve

from jensen.data import Schema

__all__ = ["baselines", "constant_columns"]

# Observations added to each level of a column: enough that a level never seen is possible.
_PRIOR_COUNT = 0.1
# In standard deviations of a column, as the smallest scale of the normal likelihoods.
_SMALLEST_SCALE = 1e-3
# Fewer rows say nothing of a covariance.
_FEWEST_FOR_COVARIANCE = 10
# The variance of a uniform variable on a cell of width one.
_CELL_VARIANCE = 1 / 12


def baselines(
    training: np.ndarray,
    rows: np.ndarray,
    schema: Schema,
    latent_dim: int,
    discrete: bool | None = None,
    constant: np.ndarray | float = 0.0,
) -> dict[str, np.ndarray]:
    """log p of each of `rows` under plain models fitted to `training`, in nats.

    `discrete` says whether the model that they are held against gives probabilities, as the
    schema does unless a likelihood of real numbers was chosen for whole ones; a density is
    held against densities.

    A column that never changes in the training rows has a density without upper limit, and a
    model's is as high as training has come. So no baseline is fitted to it: they all get
    `constant`, of shape (rows,), which should be what the column adds to the model's evidence.

    Returns:
        By name, arrays of shape (rows,): "independent columns"; "gaussian", one normal with
        full covariance (shrunk as by Ledoit & Wolf 2004); "ppca", probabilistic PCA with
        `latent_dim` components (Tipping & Bishop 1999). On whole numbers the last two are the
        dequantised lower bounds.
    """
    train = training.reshape(len(training), -1).astype(np.float64)
    test = rows.reshape(len(rows), -1).astype(np.float64)
    discrete = schema.discrete if discrete is None else discrete
    added = np.zeros(len(test))
    if not discrete:
        still = constant_columns(training)
        train, test, added = train[:, ~still], test[:, ~still], added + constant
    columns = _COLUMNS[schema.kind if discrete else "real"]
    independent = added + sum(
        columns(train[:, j], test[:, j], schema.high) for j in range(train.shape[1])
    )
    if not train.shape[1]:
        return {"independent columns": independent}
    if len(train) < _FEWEST_FOR_COVARIANCE:
        return {"independent columns": independent}
    shift, scale = train.mean(0), _scales(train, discrete)
    standard = (train - shift) / scale
    # Checks alone need it, and whatever answers a question imports this module.
    from sklearn.covariance import ledoit_wolf

    covariance = ledoit_wolf(standard, assume_centered=True)[0]
    if discrete:
        covariance = covariance + np.eye(len(covariance)) * _CELL_VARIANCE
    score = lambda c: added + _normal((test - shift) / scale, c, discrete) - np.log(scale).sum()
    return {
        "independent columns": independent,
        "gaussian": score(covariance),
        "ppca": score(_ppca(covariance, latent_dim)),
    }


def constant_columns(training: np.ndarray) -> np.ndarray:
    """Which of the numbers in a row are the same in all rows, shape (numbers,)."""
    flat = training.reshape(len(training), -1)
    return np.asarray(flat.min(axis=0) == flat.max(axis=0))


def _scales(train: np.ndarray, discrete: bool) -> np.ndarray:
    """One for whole numbers, whose cells have width one; else each column's spread."""
    return np.ones(train.shape[1]) if discrete else train.std(0)


def _normal(test: np.ndarray, covariance: np.ndarray, discrete: bool) -> np.ndarray:
    floor = np.eye(len(covariance)) * _SMALLEST_SCALE**2
    factor = cho_factor(covariance + floor, lower=True)
    log_det = 2 * np.log(np.diag(factor[0])).sum()
    squares = np.sum(test * cho_solve(factor, test.T).T, axis=1)
    if discrete:
        precision = cho_solve(factor, np.eye(len(covariance)))
        squares = squares + np.trace(precision) * _CELL_VARIANCE
    return -0.5 * (squares + log_det + len(covariance) * np.log(2 * np.pi))


def _ppca(covariance: np.ndarray, latent_dim: int) -> np.ndarray:
    """The W Wᵀ + σ² I that is nearest to the covariance (Tipping & Bishop 1999, eqs. 7 and 8)."""
    values, vectors = np.linalg.eigh(covariance)
    kept = min(latent_dim, len(values) - 1)
    if kept < 1:
        return covariance
    noise = values[: len(values) - kept].mean()
    top, directions = values[-kept:], vectors[:, -kept:]
    return (directions * (top - noise)) @ directions.T + noise * np.eye(len(values))


def _levels(train: np.ndarray, test: np.ndarray, high: float) -> np.ndarray:
    counts = np.bincount(train.astype(int), minlength=int(high) + 1) + _PRIOR_COUNT
    return np.log(counts / counts.sum())[test.astype(int)]


def _count(train: np.ndarray, test: np.ndarray, high: float) -> np.ndarray:
    # Half an observation of one keeps a column of zeros from forbidding anything else.
    mean = (train.sum() + 0.5) / (len(train) + 1)
    excess = train.var() - mean
    if excess <= 1e-3 * mean:
        return stats.poisson(mean).logpmf(test)
    size = mean**2 / excess
    return stats.nbinom(size, size / (size + mean)).logpmf(test)


def _real(train: np.ndarray, test: np.ndarray, high: float) -> np.ndarray:
    return stats.norm(train.mean(), train.std()).logpdf(test)


_COLUMNS: dict[str, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    "binary": _levels,
    "bounded": _levels,
    "count": _count,
    "real": _real,
}
