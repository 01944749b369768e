"""What is inferred of rows that are pixels: square images, grey values, black and white."""

from math import isqrt

import numpy as np

from jensen._words import counted
from jensen.data.images.binarising import already
from jensen.data.kinds import PIXEL_COLUMNS, Choice, choose
from jensen.data.rows import Rows
from jensen.errors import OptionError

__all__ = ["black_and_white", "grey", "half_black", "is_square"]


def is_square(rows: Rows, flat: np.ndarray, names: tuple[str, ...] | None, choice: Choice) -> bool:
    """Whether flat rows, shape (rows, columns), are bytes of square images."""
    width = flat.shape[1]
    return (
        rows.values.ndim == 2
        and rows.container == "numpy"
        and names is None
        and flat.dtype == np.uint8
        and (choice.kind, choice.high) == ("bounded", 255)
        and width >= PIXEL_COLUMNS
        and isqrt(width) ** 2 == width
    )


def grey(
    flat: np.ndarray, shape: tuple[int, ...], kind: str | None, high: int | None, binarise: str
) -> Choice:
    """What grey values, shape (rows, columns), are before they are made 0 and 1."""
    if kind not in (None, "binary", "bounded"):
        raise OptionError(f"binarise={binarise!r} makes data binary, and kind={kind!r} says others")
    if already(flat).all():
        raise OptionError(f"binarise={binarise!r}: these rows are 0 and 1 already; leave it out")
    choice = choose(flat, shape, None if kind == "binary" else kind, high)
    if choice.kind == "bounded":
        return choice
    if choice.kind == "real" and choice.low >= 0 and choice.high <= 1:
        return choice._replace(high=1.0)
    whole = choice.low >= 0 and (flat == np.rint(flat)).all()
    remedy = "name the largest value with high" if whole else "scale them to 0..1"
    raise OptionError(
        f"binarise={binarise!r} is of grey values, from 0 to a largest one, and these rows are"
        f" {choice.kind}, {choice.low:g}..{choice.high:g} ({choice.reason}); {remedy}"
    )


def half_black(flat: np.ndarray) -> tuple[str, ...]:
    """A sentence on rows that are taken for binarised among others that are not."""
    kept = already(flat) & (flat > 0).any(axis=1)
    if not kept.any():
        return ()
    row = int(kept.argmax())
    return (
        f"{counted(int(kept.sum()), 'row')}, the first of them row {row} (counting from 0), hold 0"
        " and 1 only and are taken for binarised already; where they are all but black images,"
        " leave them out",
    )


def black_and_white(flat: np.ndarray, choice: Choice) -> tuple[str, ...]:
    """A sentence on pixels that are never grey."""
    if (choice.kind, choice.high) != ("bounded", 255) or flat.dtype != np.uint8:
        return ()
    if not ((flat == 0) | (flat == 255)).all():
        return ()
    return (
        "all values are 0 or 255: --binarise threshold makes them binary, and spares the model the"
        " levels between",
    )
