"""What a user should know of real columns before trusting the densities of their rows."""

import numpy as np

from jensen.data.rows import column_label, position
from jensen.errors import DataError

_BLURRED = 1e-2
"""Share of a column's usual deviation lost to float32 from which on the column is refused."""

_NOTABLE = 1e-4
"""Share lost from which on it is said."""

_SCALES = (1e-15, 1e15)
"""Between these a column's deviation has a square, and its reciprocal, that float32 can hold."""

_FAR = 1e6
"""Median absolute deviations from the median beyond which a value is pointed to."""

_SAMPLE = 1000
"""Rows, evenly spread, by which that median and deviation are measured."""

_BLOCK = 2**22


def cautions(
    values: np.ndarray,
    kind: str,
    names: tuple[str, ...] | None = None,
    shape: tuple[int, ...] = (),
) -> tuple[str, ...]:
    """Sentences about real columns, shape (rows, columns), whose densities deserve no trust.

    Counts, too, are looked through for values far out of their column's scale.

    Raises:
        DataError: a column that float32 would blur: its mean rounding error is above 1 % of its
            mean absolute deviation (a large offset, or values near 1e-45); or one whose deviation
            has no square in float32.

    """
    if kind not in ("real", "count"):
        return ()
    far = _far_out(values, names, shape)
    if kind == "count":
        return far
    still = values.min(axis=0) == values.max(axis=0)
    found = []
    if still.any():
        found.append(
            f"{_listed(still, names, shape)} constant in these rows: the density there has no "
            "upper limit and lifts the evidence without meaning; leave constant columns out"
        )
    lost, deviation = _share_lost(values, still)
    worst = int(lost.argmax())
    if lost[worst] > _BLURRED:
        raise DataError(
            f"{column_label(worst, names, shape)}: the values lie near "
            f"{np.median(values[:, worst]):.6g} and vary too little for 32-bit floats, which would "
            "blur them; subtract the column's median (that changes no density) or change its unit"
        )
    bad = ~still & ((deviation < _SCALES[0]) | (deviation > _SCALES[1]))
    if bad.any():
        column = int(bad.argmax())
        raise DataError(
            f"{column_label(column, names, shape)}: the values vary by some {deviation[column]:.1g}"
            f", and 32-bit floats hold the squares of {_SCALES[0]:g} to {_SCALES[1]:g} only; change"
            " the column's unit"
        )
    if lost[worst] > _NOTABLE:
        found.append(
            f"{_listed(lost > _NOTABLE, names, shape)} rounded by 32-bit floats by up to "
            f"{lost.max():.1g} of the usual deviation; subtract the median to keep the digits"
        )
    discrete = (values == np.rint(values)).all(axis=0) & ~still
    if discrete.any() and not (discrete | still).all():
        found.append(
            f"{_listed(discrete, names, shape)} whole numbers only: a density there describes "
            "rounded values and can grow without limit"
        )
    if values.min() == 0 and values.max() == 1 and _on_grid(values, 255):
        found.append(
            "all values are multiples of 1/255: for probabilities in place of densities pass "
            "(255 * X).round().astype('uint8')"
        )
    return (*found, *far)


def header_of_numbers(values: np.ndarray) -> tuple[str, ...]:
    """A sentence where the first of the rows, shape (rows, columns), looks like column names.

    >>> header_of_numbers(np.array([[2019, 2020], [7, 9]]))[0].partition(":")[0]
    'the first line (2019, 2020) is taken for data, but looks like names of columns'
    """
    if len(values) < 2 or not _like_names(values[:1])[0] or _like_names(values[1:]).any():
        return ()
    cells = ", ".join(f"{value:g}" for value in values[0, :3])
    more = ", ..." if values.shape[1] > 3 else ""
    return (
        f"the first line ({cells}{more}) is taken for data, but looks like names of columns: where "
        "it names them, add a letter to each name (y2019), or say so: header=True, --header",
    )


def _like_names(values: np.ndarray) -> np.ndarray:
    """Which rows are years, or count up from 0 or 1: distinct whole numbers, shape (rows,)."""
    width = values.shape[1]
    if width < 2:
        return np.zeros(len(values), dtype=bool)
    ordered = np.sort(values, axis=1)
    distinct = (np.diff(ordered, axis=1) > 0).all(axis=1)
    years = ((values >= 1500) & (values <= 2200) & (values == np.rint(values))).all(axis=1)
    counting = np.arange(width)
    counts = [(values == counting + first).all(axis=1) for first in (0, 1)]
    # Two columns may well hold 0 and 1, or 1 and 2.
    return (distinct & years) | ((counts[0] | counts[1]) & (width > 2))


def _far_out(
    values: np.ndarray, names: tuple[str, ...] | None, shape: tuple[int, ...]
) -> tuple[str, ...]:
    """A sentence on the value that lies farthest out of its column's scale, if any does."""
    some = values[np.linspace(0, len(values) - 1, min(len(values), _SAMPLE)).astype(int)]
    some = some.astype(np.float64)
    middle = np.median(some, axis=0)
    scale = np.median(np.abs(some - middle), axis=0)
    ends = np.stack([values.min(axis=0), values.max(axis=0)]).astype(np.float64)
    reach = np.abs(ends - middle).max(axis=0)
    # Where more than half of the values are the same nothing is known of the scale.
    scales = np.divide(reach, scale, out=np.zeros_like(reach), where=scale > 0)
    column = int(scales.argmax())
    if scales[column] <= _FAR:
        return ()
    row = int(np.abs(values[:, column].astype(np.float64) - middle[column]).argmax())
    return (
        f"{position(row, column, names, shape)}: {values[row, column]:.6g} lies "
        f"{scales[column]:.1g} median absolute deviations from the column's median, "
        f"{middle[column]:.6g}; if it is a slip or stands for a missing value, mend it or drop "
        "the row",
    )


def _share_lost(values: np.ndarray, still: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean rounding error of float32 over mean absolute deviation, a column; and that deviation.

    The first is 0 where the column is constant, and where float32 holds all values.
    """
    lost, deviations = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    # blocks of columns, so that the float64 copies stay small beside the data
    step = max(1, _BLOCK // len(values))
    for start in range(0, values.shape[1], step):
        block = slice(start, start + step)
        wide = values[:, block].astype(np.float64)
        error = np.abs(wide.astype(np.float32) - wide).mean(axis=0)
        deviation = np.abs(wide - wide.mean(axis=0)).mean(axis=0)
        varies = ~still[block] & (deviation > 0)
        np.divide(error, deviation, out=lost[block], where=varies)
        deviations[block] = deviation
    return lost, deviations


def _on_grid(values: np.ndarray, n: int) -> bool:
    scaled = values * n
    return bool((np.abs(scaled - np.rint(scaled)) < 1e-4).all())


def _listed(which: np.ndarray, names: tuple[str, ...] | None, shape: tuple[int, ...]) -> str:
    labels = [column_label(int(i), names, shape) for i in np.flatnonzero(which)[:3]]
    more = int(which.sum()) - len(labels)
    is_are = "are" if which.sum() > 1 else "is"
    return ", ".join(labels) + (f" and {more} more" if more else "") + f" {is_are}"
