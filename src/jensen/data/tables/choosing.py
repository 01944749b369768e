"""Whether rows are a table, or numbers of one kind."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from jensen.data.frames import container_of

__all__ = ["is_table", "mixes_kinds"]


def is_table(X: Any) -> bool:
    """Whether one kind of number cannot serve all columns of a frame.

    It cannot where a cell is missing, a column holds no numbers, or some columns hold whole
    numbers and others fractions. Arrays are no tables unless they are called so.

    >>> import polars as pl
    >>> is_table(pl.DataFrame({"age": [31, 44], "height": [1.71, 1.83]}))
    True
    >>> is_table(pl.DataFrame({"width": [0.25, 0.5], "height": [1.71, 1.83]}))
    False
    """
    container = container_of(X)
    if container == "numpy":
        return False
    series = X.get_columns() if container == "polars" else [column for _, column in X.items()]
    columns = [np.asarray(column.to_numpy()) for column in series]
    if any(column.dtype.kind not in "biuf" for column in columns):
        return True
    if any(np.isnan(column).any() for column in columns if column.dtype.kind == "f"):
        return True
    return mixes_kinds(columns)


def mixes_kinds(columns: Iterable[np.ndarray]) -> bool:
    """Whether some columns hold whole numbers and others fractions.

    >>> mixes_kinds([np.array([31, 44]), np.array([1.71, 1.83])])
    True
    """
    whole = {
        column.dtype.kind != "f" or bool((column == np.rint(column)).all()) for column in columns
    }
    return len(whole) > 1
