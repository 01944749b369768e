"""From a model's floats back to the user's own types and container."""

from typing import Any

import numpy as np

from jensen.data.frames import build, numpy_dtype
from jensen.errors import DataError


def restore(
    flat: np.ndarray,
    container: str,
    dtype: str,
    dtypes: tuple[str, ...] | None,
    names: tuple[str, ...] | None,
    exact: bool,
) -> Any:
    """Array or frame of float64 `flat`, shape (rows, columns), in the types given."""
    if container == "numpy":
        return cast(flat, np.dtype(dtype), exact)
    natives = dtypes or (dtype,) * flat.shape[1]
    columns: list[np.ndarray] = []
    kept: list[str | None] = []
    for values, native in zip(flat.T, natives, strict=True):
        known = numpy_dtype(native)
        wanted = np.dtype(np.float64) if known is None else known
        column = cast(np.ascontiguousarray(values), wanted, exact)
        columns.append(column)
        kept.append(native if column.dtype == wanted else None)
    return build(container, columns, names, kept)


def cast(values: np.ndarray, dtype: np.dtype, exact: bool) -> np.ndarray:
    """Values of float64 in `dtype`, clipped to its range; without `exact` always floats.

    >>> cast(np.array([1.6, 300.0]), np.dtype("uint8"), exact=True)
    array([  2, 255], dtype=uint8)
    >>> cast(np.array([1.6, 300.0]), np.dtype("uint8"), exact=False)
    array([  1.6, 300. ])
    """
    if not exact:
        if dtype.kind != "f":
            return values
        dtype = np.promote_types(dtype, np.float32)
    if dtype.kind == "f":
        widest = np.finfo(dtype)
        return np.clip(values, float(widest.min), float(widest.max)).astype(dtype)
    if not np.isfinite(values).all():
        raise DataError(f"not finite, so no {dtype}; the model's output is broken, fit it again")
    if dtype.kind == "b":
        return values >= 0.5
    limits = np.iinfo(dtype)
    # the largest 64-bit integer is no float64: rounding it up would wrap around in the cast
    top = float(limits.max)
    top = top if int(top) <= limits.max else np.nextafter(top, 0)
    return np.clip(np.rint(values), float(limits.min), top).astype(dtype)
