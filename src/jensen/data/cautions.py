"""What a user should know of real columns before trusting the densities of their rows."""

import numpy as np

from jensen.data.rows import column_label
from jensen.errors import DataError

_BLURRED = 1e-2
"""Share of a column's usual deviation lost to float32 from which on the column is refused."""

_NOTABLE = 1e-4
"""Share lost from which on it is said."""

_SCALES = (1e-15, 1e15)
"""Between these a column's deviation has a square, and its reciprocal, that float32 can hold."""

_BLOCK = 2**22


def cautions(
    values: np.ndarray,
    kind: str,
    names: tuple[str, ...] | None = None,
    shape: tuple[int, ...] = (),
) -> tuple[str, ...]:
    """Sentences about real columns, shape (rows, columns), whose densities deserve no trust.

    Raises:
        DataError: a column that float32 would blur: its mean rounding error is above 1 % of its
            mean absolute deviation (a large offset, or values near 1e-45); or one whose deviation
            has no square in float32.

    """
    if kind != "real":
        return ()
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
    return tuple(found)


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
