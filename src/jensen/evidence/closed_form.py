"""The evidence of linear-Gaussian models, exactly."""

from typing import Any

import numpy as np
from jax import Array

from jensen.evidence.estimate import Estimate
from jensen.linear_gaussian import LinearGaussian
from jensen.model import Model

__all__ = ["exact"]


def exact(model: Model | LinearGaussian, X: Array | np.ndarray) -> Estimate:
    """log p(x) in closed form, in double precision.

    Args:
        model: a `LinearGaussian`, or a `Model` that is one: standard normal prior, linear
            decoder, normal likelihood whose variance does not depend on z.
        X: rows, shape (rows, *event).

    Raises:
        OptionError: the model has no closed form.
    """
    lg = model if isinstance(model, LinearGaussian) else LinearGaussian.from_model(model)
    values = lg.log_evidence(_rows(X))
    return Estimate(values, np.zeros_like(values), "exact", "exact")


def _rows(X: Any) -> np.ndarray:
    return np.asarray(X, dtype=np.float64)
