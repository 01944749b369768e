"""Grey values made 0 and 1, in one of the ways that published figures were made in."""

from hashlib import shake_128
from math import ceil

import numpy as np

from jensen.data.kinds import require_support
from jensen.data.rows import position
from jensen.errors import DataError

__all__ = ["BINARISATIONS", "already", "binarise", "probabilities", "require_grey", "words"]

BINARISATIONS = ("none", "threshold", "fixed", "fresh")
"""Grey values as they are; cut at half of the largest; drawn once; drawn anew in each epoch."""

_BYTES = 4
"""Of a digest for each pixel: a probability is met to 2^-32."""


def binarise(values: np.ndarray, how: str, high: float) -> np.ndarray:
    """Zeros and ones of grey values 0..high, float32, shape (rows, columns).

    "threshold" gives 1 where x >= high / 2, of bytes above 127. "fixed" gives 1 with probability
    x / high, by random numbers that are a digest (SHAKE128) of the row: the same row has the same
    draw in any company, at any time, on any machine. So has "fresh", which differs in training
    only. Rows that hold no value but 0 and 1 are taken for binarised already, and left alone.

    >>> grey = np.array([[0, 127, 128, 255]], dtype=np.uint8)
    >>> binarise(grey, "threshold", 255)
    array([[0., 0., 1., 1.]], dtype=float32)
    >>> binarise(np.array([[0, 1, 1, 0]]), "threshold", 255)
    array([[0., 1., 1., 0.]], dtype=float32)
    """
    if how == "threshold":
        # of integers by an integer, which needs no copy of them as floats
        limit = ceil(high / 2) if values.dtype.kind in "iu" else high / 2
        result = (values >= limit).astype(np.float32)
    else:
        result = np.stack([_drawn(row, high) for row in values])
    kept = already(values)
    result[kept] = values[kept]
    return result


def already(values: np.ndarray) -> np.ndarray:
    """Which rows, of shape (rows, columns), hold no value but 0 and 1.

    >>> already(np.array([[0, 1], [0, 2]]))
    array([ True, False])
    """
    return ((values == 0) | (values == 1)).all(axis=1)


def probabilities(values: np.ndarray, high: float) -> np.ndarray:
    """What a fresh draw of each pixel has for probability, float32, shape (rows, columns).

    >>> probabilities(np.array([[0, 51], [1, 0]]), 255)
    array([[0. , 0.2],
           [1. , 0. ]], dtype=float32)
    """
    result = values.astype(np.float32) / np.float32(high)
    kept = already(values)
    result[kept] = values[kept]
    return result


def require_grey(
    values: np.ndarray, high: float, names: tuple[str, ...] | None, shape: tuple[int, ...]
) -> None:
    """Raise `DataError` at the first value outside 0..high, or, above 1, between whole numbers."""
    if high > 1:
        require_support(values, "bounded", high, names, shape)
        return
    bad = (values < 0) | (values > 1)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"{position(row, column, names, shape)}: {values[row, column]:.10g} is outside 0..1, in"
            " which the rows that were fitted lay; scale these rows as those were"
        )


def words(how: str, high: float) -> str:
    """How 0 and 1 come of grey values, for a person.

    >>> words("threshold", 255)
    'threshold, 1 where a value of 0..255 is at least 127.5'
    """
    draw = f"1 with probability x / {high:g}"
    return {
        "threshold": f"threshold, 1 where a value of 0..{high:g} is at least {high / 2:g}",
        "fixed": f"fixed, {draw}, drawn once for each row",
        "fresh": f"fresh, {draw}, drawn anew in each epoch, and once for each row to score",
    }[how]


def _drawn(row: np.ndarray, high: float) -> np.ndarray:
    # of the numbers, not of their type, in which the same row may come otherwise; + 0 as -0 is 0
    grey = row.astype("<f4") + np.float32(0)
    digest = shake_128(grey.tobytes()).digest(_BYTES * len(row))
    uniform = np.frombuffer(digest, "<u4") * 2.0**-32
    return (uniform < row.astype(np.float64) / high).astype(np.float32)
