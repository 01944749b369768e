"""Which kind of numbers the data are, and what values each kind allows.

One kind serves all columns. The rules, in order, for rows without any override:

1. a value with a fraction, or below 0                     -> real
2. all values 0 or 1                                       -> binary
3. a value above 2**24, where float32 skips integers       -> real
4. bytes (uint8) above 16 in event-shaped data, or in at
   least 64 columns: pixels, whose support is the byte's   -> bounded 0..255
5. up to 255, where at least two columns and a quarter of
   the columns that vary reach the same maximum, and that
   maximum is no rare tail                                 -> bounded 0..maximum
6. mostly columns of a mean of 10 or more of whose variance
   the others leave less than a half, and less than half of
   a count's; but for columns that others tell exactly      -> real
7. other whole numbers                                     -> count

Rule 4 looks at the type because dark pictures need not reach 255. Rule 5 asks for more than a
shared maximum because many short-tailed count columns share one by chance; a true bound gathers
values, so it must hold at least a quarter of what the levels from half of it upward hold on
average. Rule 6 tells measurements that were rounded from counts: if x is Poisson about a rate
that all else may tell, E[(x - f)²] >= E[Var(x | rate)] = E[x] for whatever f is computed of all
else, and with a negative binomial even more so. Columns that add up to one another are counted
from each other, and tell more than a rate.
"""

from numbers import Real
from typing import NamedTuple

import numpy as np

from jensen.data.rows import position
from jensen.errors import DataError, OptionError

KINDS = ("binary", "bounded", "count", "real")

EXACT = 2**24
"""The largest integer up to which float32 holds every integer."""

PIXEL_COLUMNS = 64
"""Columns from which on bytes are pixels, though rows are flat."""

_PIXEL_FLOOR = 16
# Rows for each column from which on a regression's residuals are no accident, and the most rows
# and the most columns that are looked at.
_ROWS_A_COLUMN, _MOST_ROWS, _MOST_COLUMNS = 10, 10_000, 500
# Below this mean a column counts something: few measurements are that coarse.
_COARSE = 10.0
_SHARE_OF_A_COUNT = 0.5
# What is left of a column's variance where the others tell it, and where they tell all of it.
_TOLD, _EXACTLY = 0.5, 1e-4


class Choice(NamedTuple):
    """A kind, its bounds (support for binary and bounded, else observed) and why."""

    kind: str
    low: float
    high: float
    reason: str


def choose(
    values: np.ndarray, shape: tuple[int, ...], kind: str | None, high: int | None
) -> Choice:
    """Kind of finite `values`, shape (rows, columns); what is given is taken, the rest inferred.

    Raises:
        OptionError: an unknown kind, or a `high` that is impossible or goes with another kind.

    >>> choose(np.array([[0.5, 2.0]]), (2,), None, None).kind
    'real'

    """
    if kind is not None and kind not in KINDS:
        raise OptionError(f"kind={kind!r}; legal are {', '.join(KINDS)}")
    if high is not None and kind not in (None, "bounded"):
        raise OptionError(f"high={high!r} goes with kind='bounded', not with kind={kind!r}")
    if high is not None and not (isinstance(high, Real) and 1 <= high <= EXACT and high % 1 == 0):
        raise OptionError(f"high={high!r}; legal are whole numbers from 1 to {EXACT}")
    low, top = float(values.min()), float(values.max())
    if kind == "bounded" or high is not None:
        n = high or (255 if _are_pixels(values, shape, top) else min(max(top, 1.0), EXACT))
        return Choice("bounded", 0.0, float(n), "as asked")
    if kind == "binary":
        return Choice("binary", 0.0, 1.0, "as asked")
    if kind is not None:
        return Choice(kind, low, top, "as asked")
    return _infer(values, shape, low, top)


def require_support(
    values: np.ndarray,
    kind: str,
    high: float,
    names: tuple[str, ...] | None = None,
    shape: tuple[int, ...] = (),
) -> None:
    """Raise `DataError` at the first value that the kind rules out; shape (rows, columns).

    >>> require_support(np.array([[0.0, 3.0]]), "bounded", 16)
    """
    if kind == "real" or (values.dtype == np.uint8 and high >= np.iinfo(np.uint8).max):
        return
    # as float64, since half precision cannot hold the limit to compare with
    limit = np.float64(EXACT if kind == "count" else high)
    below, above = values < 0, values > limit
    bad = below | above
    if values.dtype.kind == "f":
        bad |= values != np.rint(values)
    if not bad.any():
        return
    row, column = (int(i) for i in np.argwhere(bad)[0])
    if below[row, column]:
        why = "is below 0"
    elif above[row, column]:
        why = f"is above {limit:.10g}"
    else:
        why = "is not a whole number"
    allowed = {
        "binary": "binary data hold 0 and 1",
        "bounded": f"bounded data hold whole numbers 0..{high:g}",
        "count": f"counts are whole numbers up to {EXACT:,}, the end of what 32-bit floats count",
    }[kind]
    raise DataError(
        f"{position(row, column, names, shape)}: {values[row, column]:.10g} {why}; {allowed}. "
        "Mend the value, or fit with another kind or likelihood"
    )


def _infer(values: np.ndarray, shape: tuple[int, ...], low: float, top: float) -> Choice:
    whole = _whole_columns(values)
    if not whole.all():
        return Choice("real", low, top, _why_real(values, whole))
    if low < 0:
        return Choice("real", low, top, "all values are whole, but some are below 0")
    if top <= 1:
        return Choice("binary", 0.0, 1.0, "all values are 0 or 1")
    if top > EXACT:
        reason = f"whole numbers above {EXACT:,} are not exact in 32-bit floats"
        return Choice("real", low, top, reason)
    if _are_pixels(values, shape, top):
        return Choice("bounded", 0.0, 255.0, "unsigned bytes, many to a row, are read as pixels")
    share = _share_at_top(values, top)
    if top <= 255 and share:
        reason = f"all values are whole, and {share:.0%} of the columns reach the same maximum"
        return Choice("bounded", 0.0, top, reason)
    tight = _share_too_tight(values)
    if tight > 0.5:
        reason = (
            f"whole numbers, but the other columns tell {tight:.0%} of them better than they could"
            " tell counts; kind='table' has their probabilities"
        )
        return Choice("real", low, top, reason)
    return Choice("count", low, top, "whole numbers from 0 up without a bound in common")


def _why_real(values: np.ndarray, whole: np.ndarray) -> str:
    if not whole.any():
        return "values have fractions"
    ends = values.min(axis=0), values.max(axis=0)
    binary = int((whole & (ends[0] >= 0) & (ends[1] <= 1)).sum())
    return (
        f"columns of mixed kinds ({binary} binary, {int(whole.sum()) - binary} of other whole "
        f"numbers, {int((~whole).sum())} with fractions), and one kind has to serve all"
    )


def _whole_columns(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f":
        return np.ones(values.shape[1], dtype=bool)
    return (values == np.rint(values)).all(axis=0)


def _are_pixels(values: np.ndarray, shape: tuple[int, ...], top: float) -> bool:
    many = len(shape) > 1 or values.shape[1] >= PIXEL_COLUMNS
    return values.dtype == np.uint8 and top > _PIXEL_FLOOR and many


def _share_at_top(values: np.ndarray, top: float) -> float:
    """Share of the varying columns that reach a bound; 0 where rule 5 finds none."""
    columns_top = values.max(axis=0)
    varying = values.min(axis=0) < columns_top
    reach = int((varying & (columns_top == top)).sum())
    if reach < 2 or reach < 0.25 * varying.sum():
        return 0.0
    floor = max(1, int(top) // 2)
    levels = int(top) - floor + 1
    usual = (values >= floor).sum() / levels
    return reach / int(varying.sum()) if (values == top).sum() >= 0.25 * usual else 0.0


def _share_too_tight(values: np.ndarray) -> float:
    """Share of the varying columns that linear regression on the others tells too well for counts.

    0 where there are too few rows to say, or too many columns. The variance that regression leaves
    of a column is one over its entry on the diagonal of the inverse covariance.
    """
    chosen = values[:: -(-len(values) // _MOST_ROWS)].astype(np.float64)
    chosen = chosen[:, chosen.min(axis=0) < chosen.max(axis=0)]
    rows, columns = chosen.shape
    if not 2 <= columns <= min(_MOST_COLUMNS, rows // _ROWS_A_COLUMN):
        return 0.0
    scale = chosen.std(axis=0)
    # A column that is told to the last digit would make the matrix singular.
    correlation = np.corrcoef(chosen, rowvar=False) + 1e-6 * np.eye(columns)
    share = rows / (rows - columns) / np.diag(np.linalg.inv(correlation))
    if share.min() < _EXACTLY:
        # Totals and their parts: of these the others tell more than the rate.
        return 0.0
    mean = chosen.mean(axis=0)
    tight = (mean >= _COARSE) & (share * scale**2 < _SHARE_OF_A_COUNT * mean)
    return float(np.mean(tight & (share < _TOLD)))
