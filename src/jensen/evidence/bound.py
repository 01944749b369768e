"""The ELBO of rows and its two terms: the bound that training raises."""

from dataclasses import dataclass

import jax
import numpy as np

from jensen._sampling import row_keys
from jensen._types import Data, PRNGKey
from jensen.errors import OptionError
from jensen.evidence.estimate import Estimate
from jensen.model import Model
from jensen.objectives import elbo_terms_of_rows

__all__ = ["Bound", "elbo"]


@dataclass(frozen=True, repr=False)
class Bound(Estimate):
    """The ELBO as an `Estimate`, with its terms: values = reconstruction − kl, row by row."""

    reconstruction: np.ndarray = None
    kl: np.ndarray = None


def elbo(model: Model, X: Data, key: PRNGKey, draws: int = 100) -> Bound:
    """E_q[log p(x | z)] − KL(q(z | x) ‖ p(z)) of each row, averaged over `draws` samples.

    A lower bound of log p(x), whose distance from it is KL(q(z | x) ‖ p(z | x)). The standard
    error is that of the average. In nats; arguments and errors as for `importance`.
    """
    if not (isinstance(draws, (int, np.integer)) and draws >= 1):
        raise OptionError(f"draws={draws!r}: must be a whole number of at least 1.")
    keys = row_keys(key, np.asarray(jax.tree.leaves(X)[0]))
    reconstruction, kl = elbo_terms_of_rows(model, X, keys, int(draws))
    each = reconstruction - kl
    spread = each.std(axis=1, ddof=1) if draws > 1 else np.full(len(each), np.nan)
    errors = spread / np.sqrt(draws)
    reconstruction, kl = reconstruction.astype(np.float64), kl.astype(np.float64)
    return Bound(
        values=(reconstruction - kl).mean(axis=1),
        standard_errors=errors.astype(np.float64),
        kind="lower bound",
        method="elbo",
        draws=int(draws),
        reconstruction=reconstruction.mean(axis=1),
        kl=kl.mean(axis=1),
    )
