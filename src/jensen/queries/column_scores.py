"""Which cells make a row unlikely: log p(cell | the other cells of its row)."""

import numpy as np

from jensen._types import Datum, PRNGKey
from jensen.evidence import Estimate, importance
from jensen.model import Model

__all__ = ["column_scores"]


def column_scores(
    model: Model, X: Datum, key: PRNGKey, draws: int = 1000
) -> tuple[np.ndarray, np.ndarray]:
    """log p(x_j | all other observed cells) of each cell, and its standard error, (rows, d).

    It is log p(x) − log p(x without x_j), each by importance sampling from the encoder, which
    sees the mask. In nats, of a density or a probability as the column's likelihood is; NaN where
    a cell is missing.

    Raises `OptionError` for no rows, or `draws` below 1.
    """
    count, columns = np.shape(X.x)
    mask = np.ones((count, columns), bool) if X.mask is None else np.asarray(X.mask)
    # All cells, and then all but each in turn.
    kept = np.concatenate([np.ones((1, columns), bool), ~np.eye(columns, dtype=bool)])
    x = np.broadcast_to(np.asarray(X.x)[:, None], (count, columns + 1, columns))
    masks = mask[:, None] & kept[None]
    flat = Datum(x.reshape(-1, columns), masks.reshape(-1, columns))
    found: Estimate = importance(model, flat, key, draws)
    values = found.values.reshape(count, columns + 1)
    errors = found.standard_errors.reshape(count, columns + 1)
    scores = np.where(mask, values[:, :1] - values[:, 1:], np.nan)
    return scores, np.where(mask, np.hypot(errors[:, :1], errors[:, 1:]), np.nan)
