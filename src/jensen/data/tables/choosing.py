"""Whether rows are a table, or numbers of one kind."""

from typing import Any

import numpy as np

from jensen.data.frames import container_of

__all__ = ["is_table"]


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
    series = [X[name] for name in X.columns] if container == "polars" else _columns(X)
    whole = []
    for column in series:
        values = np.asarray(column.to_numpy())
        if values.dtype.kind not in "biuf":
            return True
        if not np.isfinite(values).all() and np.isnan(values).any():
            return True
        whole.append(bool((values == np.rint(values)).all()) if values.dtype.kind == "f" else True)
    return len(set(whole)) > 1


def _columns(X: Any) -> list[Any]:
    return [column for _, column in X.items()]
