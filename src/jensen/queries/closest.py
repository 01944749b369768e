"""The training row closest to each of some rows: remembered, or new?"""

from dataclasses import dataclass

import numpy as np

from jensen._batching import spread_out
from jensen.errors import OptionError

__all__ = ["Closest", "closest"]

# Held-out rows whose distances stand for those of all rows that nobody could have copied.
_MOST_HELD_OUT = 1000


@dataclass(frozen=True)
class Closest:
    """The closest training row of each row.

    Attributes:
        rows: those training rows.
        distances: how far they are, Euclidean, in the data's units, shape (rows,).
        nearer: share of held-out rows that lie as near to a training row, or nearer, shape
            (rows,); NaN where no row was held out. A row that few or none of them equal is as
            near as one that was copied.
    """

    rows: np.ndarray
    distances: np.ndarray
    nearer: np.ndarray


def closest(rows: np.ndarray, training: np.ndarray, held_out: np.ndarray) -> Closest:
    """The closest of the training rows, of each row by Euclidean distance.

    Args:
        rows: shape (rows, *event).
        training: shape (training rows, *event).
        held_out: rows that the model was not trained on, shape (held-out rows, *event); may be
            none.

    Raises:
        OptionError: no training rows.
    """
    if not len(training):
        raise OptionError("no training rows were kept to look among; fit with keep_rows above 0.")
    # Few questions need it, and it takes a third of a second to import.
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=1).fit(_flat(training))
    distances, which = found.kneighbors(_flat(rows))
    nearer = np.full(len(rows), np.nan)
    if len(held_out):
        usual = np.sort(found.kneighbors(_flat(spread_out(held_out, _MOST_HELD_OUT)))[0][:, 0])
        nearer = np.searchsorted(usual, distances[:, 0], side="right") / len(usual)
    return Closest(training[which[:, 0]], distances[:, 0], nearer)


def _flat(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows).reshape(len(rows), -1)
