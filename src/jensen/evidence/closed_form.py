"""The evidence of linear-Gaussian models, exactly."""

import numpy as np

from jensen._types import Data, Datum, as_datum
from jensen.errors import OptionError
from jensen.evidence.estimate import Estimate
from jensen.linear_gaussian import LinearGaussian
from jensen.model import Model

__all__ = ["exact"]


def exact(model: Model | LinearGaussian, X: Data) -> Estimate:
    """log p(x) in closed form, in double precision.

    Args:
        model: a `LinearGaussian`, or a `Model` that is one: standard normal prior, linear
            decoder, normal likelihood whose variance does not depend on z.
        X: rows, shape (rows, *event), or a `Datum` of such that has no holes.

    Raises:
        OptionError: the model has no closed form, or cells are missing.
    """
    lg = model if isinstance(model, LinearGaussian) else LinearGaussian.from_model(model)
    values = lg.log_evidence(_whole(as_datum(X)))
    return Estimate(values, np.zeros_like(values), "exact", "exact")


def _whole(rows: Datum) -> np.ndarray:
    """Rows in double precision; `OptionError` names the first with a hole."""
    if rows.mask is not None and not np.all(rows.mask):
        row, *entry = (int(place) for place in np.argwhere(~np.asarray(rows.mask))[0])
        raise OptionError(
            f"method='exact' is of rows without missing cells, and row {row} (counting from 0)"
            f" lacks entry {', '.join(map(str, entry))}; use another, such as importance, or fill"
            " or drop such rows."
        )
    return np.asarray(rows.x, dtype=np.float64)
