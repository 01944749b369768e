"""What every estimator asks of its rows and its number of draws."""

from typing import Any

import jax
import numpy as np

from jensen._types import Data
from jensen.errors import OptionError

__all__ = ["checked_draws"]


def checked_draws(X: Data, draws: Any, option: str = "draws") -> int:
    """`draws`, or what else `option` counts, as an int.

    Raises:
        OptionError: no whole number of at least 1, or no rows in X.
    """
    if not (isinstance(draws, (int, np.integer)) and draws >= 1):
        raise OptionError(f"{option}={draws!r}: must be a whole number of at least 1.")
    if not len(jax.tree.leaves(X)[0]):
        raise OptionError("X has no rows: there is no evidence of nothing.")
    return int(draws)
