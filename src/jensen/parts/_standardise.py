"""Where the data lie: the shift and scale by which networks see every column alike."""

import numpy as np
from jax import Array
from jaxtyping import Float

from jensen._runtime import on_device

__all__ = ["standardisation"]


def standardisation(
    rows: np.ndarray, floor: float = 0.0
) -> tuple[Float[Array, "*event"], Float[Array, "*event"]]:
    """Mean and standard deviation of each entry over `rows`, shape (n, *event).

    `floor`, as a share of the standard deviation of all entries together, keeps a pixel that
    is nearly always the same from being blown up; entries that never change get scale one.
    """
    rows = rows.astype(np.float64)
    shift, scale = rows.mean(0), rows.std(0)
    scale = np.sqrt(scale**2 + (floor * rows.std()) ** 2)
    # What single precision cannot tell from a constant is one.
    constant = scale <= 1e-6 * np.maximum(np.abs(shift), 1e-30)
    scale = np.where(constant, 1.0, scale)
    return on_device(shift), on_device(scale)
