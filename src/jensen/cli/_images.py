"""Rows as images: which are, and their picture."""

from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jensen._files import write_atomic
from jensen.errors import OptionError

if TYPE_CHECKING:
    from jensen.data import Schema

__all__ = ["image_shape", "require_images", "value_range", "write_grid", "write_pairs"]

_FEWEST_PIXELS = 64
_CHANNELS = (1, 3)
# Ends of the range that pixels given as real numbers have.
_WHITE = (1.0, 255.0)


def image_shape(schema: "Schema") -> tuple[int, ...] | None:
    """(h, w) or (h, w, channels) where rows look like images, else `None`.

    Rows with two axes, or three of which the last is colour, are images. Flat rows are where
    they are square, of 8 x 8 or more, have no column names, and share one range from 0.
    """
    shape = schema.shape
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in _CHANNELS):
        return shape
    side = isqrt(schema.width)
    square = len(shape) == 1 and side * side == schema.width and schema.width >= _FEWEST_PIXELS
    bounded = schema.kind in ("binary", "bounded") or (schema.low == 0 and schema.high in _WHITE)
    return (side, side) if square and bounded and schema.names is None else None


def value_range(schema: "Schema") -> tuple[float, float]:
    """Black and white."""
    return schema.low, schema.high


def require_images(schema: "Schema", option: str = "png") -> None:
    """Raise `OptionError` where rows are no images."""
    if image_shape(schema) is None:
        remedy = "write numbers with --out" if option == "png" else "fit them with --shape"
        raise OptionError(f"--{option}: rows of shape {schema.shape} are no images; {remedy}")


def write_grid(
    path: Path, rows: np.ndarray, schema: "Schema", *, columns: int | None = None
) -> None:
    """Draw rows side by side, so many in a line as `columns` says."""
    from jensen.report.pictures import png_grid

    images = _images(rows, schema)
    write_atomic(path, png_grid(images, value_range(schema), columns=columns))


def write_pairs(path: Path, left: np.ndarray, right: np.ndarray, schema: "Schema") -> None:
    """Draw rows, each beside another."""
    from jensen.report.pictures import png_pairs

    both = _images(left, schema), _images(right, schema)
    write_atomic(path, png_pairs(*both, value_range(schema)))


def _images(rows: np.ndarray, schema: "Schema") -> np.ndarray:
    shape = image_shape(schema)
    assert shape is not None
    return rows.reshape(len(rows), *(shape[:2] if shape[2:] == (1,) else shape)).astype(float)
