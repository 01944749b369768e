"""From rows to a schema: what is assumed of the data, each assumption open to an override."""

from collections.abc import Sequence
from math import isqrt, prod
from operator import index
from typing import Any

import numpy as np

from jensen._words import counted
from jensen.data.cautions import cautions
from jensen.data.frames import numpy_dtype, require_distinct
from jensen.data.images.binarising import BINARISATIONS, require_grey
from jensen.data.images.pixels import black_and_white, grey, half_black, is_square
from jensen.data.images.stored import StoredImages
from jensen.data.kinds import Choice, choose, require_support
from jensen.data.rows import read_rows, to_float32
from jensen.data.schema import Schema
from jensen.errors import OptionError


def infer(
    X: Any,
    kind: str | None = None,
    high: int | None = None,
    shape: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    dtype: str | None = None,
    binarise: str = "none",
) -> Schema:
    """Schema of the rows `X`, by the rules at the head of `jensen.data.kinds`.

    Fields without an argument here are overridden with `dataclasses.replace`.

    Args:
        X: array or nested sequence, shape (rows, *event), or a frame; of images that are not in
            memory those of `StoredImages.some` are looked at.
        kind: one of `KINDS` in place of the inferred one.
        high: the greatest value of bounded integers; implies `kind="bounded"`.
        shape: event shape, where rows are given flat but are images: (8, 8). Without it flat
            bytes that are pixels, as many as a square of 8 x 8 or more has, are read as square
            images; with (64,) they are not.
        names: column names for rows that are no frame.
        dtype: NumPy's name of a number type in place of the one given, of a frame's columns too:
            samples come back in it, and bytes ("uint8") may be read as pixels.
        binarise: how grey values 0..high, or 0..1, become 0 and 1: "threshold", "fixed" or
            "fresh" (see `images.binarise`); "none" leaves them.

    Raises:
        DataError: rows that `Schema.check` would refuse under the schema, repeated names, or
            real columns that 32-bit floats would blur.
        OptionError: an unknown kind, impossible `high`, `shape`, `dtype` or number of names; or
            `binarise` for rows that are binary, or not grey.

    >>> print(infer([[0.5, 1.0], [2.5, 1.0]]).describe()[-1])
    caution: column 1 is constant in these rows: the density there has no upper limit and lifts
    the evidence without meaning; leave constant columns out

    """
    rows = read_rows(X[X.some()] if isinstance(X, StoredImages) and X.kept is None else X)
    given = rows.values.shape[1:]
    if binarise not in BINARISATIONS:
        raise OptionError(f"binarise={binarise!r}; legal are {', '.join(BINARISATIONS)}")
    flat = rows.values.reshape(len(rows.values), -1)
    asked = shape
    shape = given if shape is None else _event_shape(shape, given)
    labels = rows.names if names is None else tuple(names)
    if labels is not None:
        require_distinct(labels)
        if len(labels) != flat.shape[1]:
            told = counted(len(labels), "name")
            raise OptionError(f"{told} for {counted(flat.shape[1], 'column')}; give as many")
    to_float32(flat, labels, shape)
    if dtype is not None:
        flat = _typed(flat, dtype) if binarise == "none" else _as_bytes(flat, dtype)
    if binarise == "none":
        original = None
        choice = choose(flat, shape, kind, high)
        require_support(flat, choice.kind, choice.high, labels, shape)
    else:
        original = grey(flat, shape, kind, high, binarise)
        require_grey(flat, original.high, labels, shape)
        choice = Choice("binary", 0.0, 1.0, f"binarised, {binarise}")
    if dtype is not None:
        _require_range(dtype, choice.low, choice.high, whole=choice.kind != "real")
    square = asked is None and is_square(rows, flat, labels, original or choice)
    return Schema(
        kind=choice.kind,
        dtype=dtype or flat.dtype.newbyteorder("=").name,
        shape=(isqrt(flat.shape[1]),) * 2 if square else shape,
        low=choice.low,
        high=choice.high,
        names=labels,
        container=rows.container,
        dtypes=rows.dtypes if dtype is None or rows.dtypes is None else (dtype,) * flat.shape[1],
        reason=choice.reason,
        cautions=(
            cautions(flat, choice.kind, labels, shape)
            + (black_and_white(flat, choice) if original is None else half_black(flat))
        ),
        flat=square,
        binarised=None if original is None else binarise,
        binarised_from=None if original is None else original.high,
    )


def _as_bytes(flat: np.ndarray, dtype: Any) -> np.ndarray:
    """Grey values as bytes where that is what `dtype` says and they are; else as they came.

    Samples are 0 and 1, which every type holds.
    """
    _known(dtype)
    fit = dtype == "uint8" and flat.min() >= 0 and flat.max() <= 255
    return flat.astype(np.uint8) if fit and (flat == np.rint(flat)).all() else flat


def _event_shape(shape: Any, given: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` in whole numbers, where rows of the shape `given` can be read as such."""
    try:
        result = tuple(index(n) for n in shape)
    except TypeError:
        raise OptionError(f"shape={shape!r}; legal is a tuple of whole numbers from 1 up") from None
    width = prod(given)
    if prod(result) != width:
        columns = counted(width, "column")
        raise OptionError(f"shape={result} does not hold {columns}; its product must be {width}")
    if given not in (result, (width,)):
        # Which axis is which would be a guess, and later rows are held to the same.
        raise OptionError(f"shape={result}: rows of shape {given} have another; reshape them first")
    return result


def _typed(flat: np.ndarray, dtype: Any) -> np.ndarray:
    """The same numbers as integers of `dtype`, where that is what it is; else as they came."""
    known = _known(dtype)
    if known.kind == "f":
        return flat
    if flat.dtype.kind == "f" and (flat != np.rint(flat)).any():
        raise OptionError(
            f"dtype={dtype!r} holds whole numbers only, and these rows are real numbers; give a"
            " float type, as 'float32'"
        )
    _require_range(dtype, float(flat.min()), float(flat.max()), whole=True)
    return flat.astype(known)


def _known(dtype: Any) -> np.dtype:
    """NumPy's type of that name, or `OptionError`."""
    known = numpy_dtype(dtype) if isinstance(dtype, str) else None
    # by its full name, as "float" is another type to NumPy than to pandas
    if known is None or known.name != dtype:
        raise OptionError(f"dtype={dtype!r}; legal are NumPy's names of number types, as 'uint8'")
    return known


def _require_range(dtype: str, low: float, high: float, *, whole: bool) -> None:
    """Raise `OptionError` where `dtype` cannot hold all of low..high."""
    known = np.dtype(dtype)
    bottom: float
    top: float
    if known.kind == "b":
        bottom, top = 0, 1
    elif known.kind == "f":
        # as far as it skips no whole number, where these are due
        top = 2 ** (np.finfo(known).nmant + 1) if whole else float(np.finfo(known).max)
        bottom = -top
    else:
        bottom, top = np.iinfo(known).min, np.iinfo(known).max
    if not bottom <= low <= high <= top:
        raise OptionError(
            f"dtype={dtype!r} holds {bottom:.10g}..{top:.10g}, and these data reach from {low:.10g}"
            f" to {high:.10g}; give a wider type"
        )
