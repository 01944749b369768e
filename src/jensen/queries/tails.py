"""How rare it is for a row to be as unlikely as one at hand."""

import numpy as np

__all__ = ["tails"]


def tails(scores: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(1 + k)/(1 + n) of each score, where k of n known scores are no higher: (rows,).

    Of a row that comes as the rows of the known scores came, it is at most p with a probability of
    no more than p, for all n + 1 orders are alike, whatever the model (Vovk et al. 2005, section
    2.2), if it is the same to all of them. Rows that the model has learned from are no such rows:
    it may find them more likely than any new one. NaN where a score is unknown.

    >>> tails(np.array([-9.0, -2.0, np.nan]), np.array([-4.0, -3.0, -1.0]))
    array([0.25, 0.75,  nan])
    """
    found = np.sort(known[~np.isnan(known)])
    below = np.searchsorted(found, scores, side="right")
    return np.where(np.isnan(scores), np.nan, (1 + below) / (1 + len(found)))
