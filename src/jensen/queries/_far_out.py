"""Rows that lie so far out that nothing can be computed of them."""

import numpy as np

from jensen.errors import DataError

__all__ = ["refuse_far_out"]


def refuse_far_out(answers: np.ndarray) -> None:
    """Raise `DataError` naming the first row, of shape (rows, *event), that is not finite."""
    finite = np.isfinite(answers).reshape(len(answers), -1).all(axis=1)
    if not finite.all():
        raise DataError(
            f"row {int(np.argmin(finite))} of those asked for lies so far out that the model has no"
            " density for it in single precision; leave it out, or fit a model to data like it"
        )
