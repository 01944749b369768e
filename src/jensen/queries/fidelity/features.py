"""How samples are spread beside real rows, seen through some features of them.

Neither figure is a probability, and both depend on the features and on how many rows there are:
they are worth what they say beside those of real rows, as many and through the same features.
"""

from collections.abc import Callable

import numpy as np

__all__ = ["Features", "frechet_distance", "precision_and_recall", "principal_features"]

Features = Callable[[np.ndarray], np.ndarray]
"""Rows, (rows, *event), to features of them, (rows, k)."""

_MOST_FEATURES = 64
# Neighbours by which a manifold reaches, as its authors take them.
_NEIGHBOURS = 3
# Of a distance by |x|² − 2xy + |y|², in units of |x|: the root of double precision and some more.
_ROUNDING = 1e-6


def principal_features(training: np.ndarray) -> tuple[Features, str]:
    """Principal components of training rows, and what they are in words.

    At most 64, so that some hundred rows know their covariance; fewer where rows have fewer.
    """
    from sklearn.decomposition import PCA

    flat = _flat(training)
    size = min(_MOST_FEATURES, flat.shape[1], len(flat))
    # Of rows that are all alike it has no share of a variance.
    with np.errstate(invalid="ignore", divide="ignore"):
        pca = PCA(size, svd_solver="full").fit(flat)
    share = float(np.nan_to_num(pca.explained_variance_ratio_.sum()))
    words = f"{size} principal components, {share:.0%} of the variance"
    return lambda rows: pca.transform(_flat(rows)), words


def frechet_distance(X: np.ndarray, Y: np.ndarray) -> float:
    """The squared Fréchet distance of two normals with the moments of X and of Y.

        |μ − ν|² + tr(Σ + Ω − 2 (Σ^½ Ω Σ^½)^½)

    (Dowson & Landau 1982; of an Inception network's features it is the FID of Heusel et al. 2017,
    which this is not.) Its value depends on how many rows there are, since moments of few differ
    by chance.

    Args:
        X: features, shape (rows, k).
        Y: features of others, shape (others, k).
    """
    moments = [(each.mean(axis=0), np.atleast_2d(np.cov(each, rowvar=False))) for each in (X, Y)]
    (mean, covariance), (other_mean, other) = moments
    root = _root(covariance)
    eigenvalues = np.linalg.eigvalsh(root @ other @ root)
    cross = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    apart = float(((mean - other_mean) ** 2).sum())
    return max(0.0, apart + float(np.trace(covariance) + np.trace(other) - 2 * cross))


def precision_and_recall(
    real: np.ndarray, drawn: np.ndarray, neighbours: int = _NEIGHBOURS
) -> tuple[float, float]:
    """Which share of drawn rows looks real, and which share of real rows could have been drawn.

    A row is on the manifold of some others if it lies no further from one of them than that one's
    k-th nearest neighbour among them (Kynkäänniemi et al. 2019, section 2). Precision is the share
    of drawn rows on the manifold of the real ones; recall that of real rows on the drawn ones'.

    Args:
        real: features of real rows, shape (rows, k).
        drawn: features of drawn rows, shape (others, k).
        neighbours: k.
    """
    return _share_on(drawn, real, neighbours), _share_on(real, drawn, neighbours)


def _share_on(rows: np.ndarray, manifold: np.ndarray, neighbours: int) -> float:
    from sklearn.metrics import pairwise_distances_chunked
    from sklearn.neighbors import NearestNeighbors

    # The nearest of the manifold's own rows is the row itself.
    reach = min(neighbours + 1, len(manifold))
    radii = NearestNeighbors(n_neighbors=reach).fit(manifold).kneighbors(manifold)[0][:, -1]
    # Distances of equal rows are no zeros in one of the two ways in which they are computed.
    radii = radii + _ROUNDING * np.sqrt((manifold**2).sum(axis=1).max())
    within = pairwise_distances_chunked(
        rows, manifold, reduce_func=lambda part, start: (part <= radii).any(axis=1)
    )
    return float(np.concatenate(list(within)).mean())


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def _flat(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows, np.float64).reshape(len(rows), -1)
