"""Which cells make a row unlikely: log p(cell | the other cells of its row)."""

import numpy as np

from jensen._sampling import fold
from jensen._types import Datum, PRNGKey
from jensen.evidence import importance
from jensen.model import Model

__all__ = ["column_scores"]


def column_scores(
    model: Model, X: Datum, key: PRNGKey, draws: int = 1000
) -> tuple[np.ndarray, np.ndarray]:
    """log p(x_j | all other observed cells) of each cell, and its standard error, (rows, d).

    It is log p(x) − log p(x without x_j), each by importance sampling from the encoder, which
    sees the mask. In nats, of a density or a probability as the column's likelihood is; NaN where
    a cell is missing. Why cells are missing plays no part: that a cell were missing too, if it
    were taken away, would be said of the mask and not of the cell.

    Raises `OptionError` for `draws` below 1.
    """
    plain = Model(model.prior, model.decoder, model.likelihood, model.encoder)
    x = np.asarray(X.x)
    mask = np.ones(x.shape, bool) if X.mask is None else np.asarray(X.mask)
    scores, errors = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    row, column = np.nonzero(mask)
    if not len(row):
        return scores, errors
    others = mask[row]
    others[np.arange(len(row)), column] = False
    whole = importance(plain, Datum(x, mask), fold(key, 0), draws)
    rest = importance(plain, Datum(x[row], others), fold(key, 1), draws)
    # Of a row so far out that it has no density without the cell either, nothing can be said.
    with np.errstate(invalid="ignore"):
        scores[mask] = whole.values[row] - rest.values
        errors[mask] = np.hypot(whole.standard_errors[row], rest.standard_errors)
    return scores, errors
