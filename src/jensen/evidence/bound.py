"""The ELBO of rows and its two terms: the bound that training raises."""

from dataclasses import dataclass, field

import numpy as np

from jensen._sampling import row_keys
from jensen._types import Data, PRNGKey
from jensen.evidence.arguments import checked_draws
from jensen.evidence.estimate import Estimate
from jensen.model import Model
from jensen.objectives import elbo_terms_of_rows

__all__ = ["Bound", "elbo"]


@dataclass(frozen=True, repr=False)
class Bound(Estimate):
    """The ELBO as an `Estimate`, with its terms: values = reconstruction − kl, row by row."""

    reconstruction: np.ndarray = field(kw_only=True)
    kl: np.ndarray = field(kw_only=True)


def elbo(model: Model, X: Data, key: PRNGKey, draws: int = 100) -> Bound:
    """E_q[log p(x | z)] − KL(q(z | x) ‖ p(z)) of each row, averaged over `draws` samples.

    A lower bound of log p(x), whose distance from it is KL(q(z | x) ‖ p(z | x)). The standard
    error is that of the average. In nats; arguments and errors as for `importance`.
    """
    draws = checked_draws(X, draws)
    keys = row_keys(key, X)
    reconstruction, kl = elbo_terms_of_rows(model, X, keys, draws)
    each = reconstruction - kl
    # NaN where a row has no density.
    with np.errstate(invalid="ignore"):
        spread = each.std(axis=1, ddof=1) if draws > 1 else np.full(len(each), np.nan)
    errors = spread / np.sqrt(draws)
    reconstruction, kl = reconstruction.astype(np.float64), kl.astype(np.float64)
    return Bound(
        values=(reconstruction - kl).mean(axis=1),
        standard_errors=errors.astype(np.float64),
        kind="lower bound",
        method="elbo",
        draws=draws,
        reconstruction=reconstruction.mean(axis=1),
        kl=kl.mean(axis=1),
    )
