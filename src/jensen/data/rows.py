"""Whatever the user passes, read as rows of numbers or refused with the place and the remedy.

The wordings that scikit-learn's conformance suite looks for are kept word by word.
"""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from jensen.data.frames import DataTypeError, container_of, take_apart
from jensen.errors import DataError


class Rows(NamedTuple):
    """Rows of numbers, shape (rows, *shape), and the form in which they came."""

    values: np.ndarray
    names: tuple[str, ...] | None
    dtypes: tuple[str, ...] | None
    container: str


def read_rows(X: Any) -> Rows:
    """Rows of booleans, integers or floats from an array, a nested sequence or a frame.

    NaN and infinity pass; `to_float32` refuses them.

    Raises:
        DataError: text, dates, complex or sparse data, masked or ragged rows, fewer than two
            dimensions, no row or no column. For an object that is no number at all the error
            is a `TypeError` too.

    >>> read_rows([[1, 2], [3, 4]]).values.shape
    (2, 2)

    """
    container = container_of(X)
    if container == "numpy":
        values = as_array(X)
        require_two_dimensions(values)
        flat = _numbers(values.reshape(len(values), prod(values.shape[1:])))
        return Rows(flat.reshape(values.shape), None, None, container)
    frame = take_apart(X, container)
    require_two_dimensions(np.empty((len(X), len(frame.columns)), dtype=bool))
    columns = [
        _numbers(column[:, None], frame.names, first=index)
        for index, column in enumerate(frame.columns)
    ]
    return Rows(np.hstack(columns), frame.names, frame.dtypes, container)


def to_float32(
    values: np.ndarray, names: tuple[str, ...] | None = None, shape: tuple[int, ...] = ()
) -> np.ndarray:
    """Copy of `values`, shape (rows, columns), as finite float32 in C order.

    Raises:
        DataError: NaN, infinity or a value beyond float32 (3.4e38), with row and column.

    """
    with np.errstate(over="ignore"):
        result = np.array(values, dtype=np.float32, order="C")
    if values.dtype.kind != "f" or np.isfinite(result).all():
        return result
    row, column = np.argwhere(~np.isfinite(result))[0]
    value, place = values[row, column], position(row, column, names, shape)
    if np.isnan(value):
        raise DataError(f"Input X contains NaN, first at {place}; fill the cell or drop the row")
    if np.isinf(value):
        raise DataError(
            f"Input X contains infinity, first at {place}; replace the cell or drop the row"
        )
    raise DataError(
        f"Input X contains infinity or a value too large for dtype('float32'): {value:g} at "
        f"{place}; change the unit of the column"
    )


def position(
    row: int, column: int, names: tuple[str, ...] | None = None, shape: tuple[int, ...] = ()
) -> str:
    """Name a cell for a person.

    >>> position(3, 1, ("age", "income"))
    "row 3 (counting from 0), column 'income' (index 1)"
    >>> position(3, 9, shape=(8, 8))
    'row 3 (counting from 0), entry (1, 1)'
    """
    return f"row {row} (counting from 0), {column_label(column, names, shape)}"


def column_label(
    column: int, names: tuple[str, ...] | None = None, shape: tuple[int, ...] = ()
) -> str:
    """Name a column, or the entry of an image.

    >>> column_label(2)
    'column 2'
    """
    if names is not None:
        return f"column {names[column]!r} (index {column})"
    if len(shape) > 1:
        return f"entry {tuple(int(i) for i in np.unravel_index(column, shape))}"
    return f"column {column}"


def as_array(X: Any) -> np.ndarray:
    """What was passed as an array, or refused."""
    if type(X).__module__.startswith("scipy.sparse") or hasattr(X, "tocsr"):
        raise DataTypeError(
            "Sparse data was passed for X, but dense data is required. "
            "Use '.toarray()' to convert to a dense numpy array."
        )
    if isinstance(X, np.matrix):
        raise DataTypeError("np.matrix is not supported. Please convert to a numpy array.")
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        raise DataError("X has masked cells; fill them with X.filled(value) or drop their rows")
    if isinstance(X, (str, bytes)):
        raise DataError("X is text, not rows of numbers; read a file with jensen.data.load")
    try:
        values = np.asarray(X)
        if values.dtype.kind in "US" and not isinstance(X, np.ndarray):
            # one text cell makes text of all others: look at the cells as they were given
            values = np.asarray(X, dtype=object)
        return values
    except DataError:
        # of images that are not in memory, which say so
        raise
    except ValueError as error:
        raise DataError(
            f"X is no array of rows of equal length ({error}); give every row as many values"
        ) from None


def require_two_dimensions(values: np.ndarray) -> None:
    """Raise `DataError` for what has no rows and columns."""
    if values.ndim < 2:
        got = "scalar" if values.ndim == 0 else "1D"
        raise DataError(
            f"Expected 2D array, got {got} array instead. Reshape your data either using "
            "array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) "
            "if it contains a single sample."
        )
    if len(values) == 0:
        raise DataError(
            f"Found array with 0 sample(s) (shape={values.shape}) while a minimum of 1 is required."
        )
    if values.size == 0:
        raise DataError(
            f"Found array with 0 feature(s) (shape={values.shape}) "
            "while a minimum of 1 is required."
        )


def _numbers(
    values: np.ndarray, names: tuple[str, ...] | None = None, first: int = 0
) -> np.ndarray:
    """Numbers from an array, shape (rows, columns), whose first column has index `first`."""
    kind = values.dtype.kind
    if kind in "biuf":
        return values
    if kind in "OSUT":
        return _from_objects(values.astype(object), names, first)
    which = f" ({column_label(first, names)})" if values.shape[1] == 1 else ""
    if kind == "c":
        raise DataError(
            f"Complex data not supported{which}: pass real and imaginary parts as columns"
        )
    if kind in "mM":
        raise DataError(f"X holds dates or durations{which}; convert them to numbers first")
    raise DataError(f"X has dtype {values.dtype}{which}, no plain number; use X.astype('float64')")


def _from_objects(values: np.ndarray, names: tuple[str, ...] | None, first: int) -> np.ndarray:
    result = np.empty(values.shape)
    for row, cells in enumerate(values):
        for column, cell in enumerate(cells):
            if isinstance(cell, (str, bytes)):
                raise DataError(
                    f"{position(row, first + column, names)}: {cell!r} is text, not a number; "
                    "encode the column as numbers or leave it out"
                )
            if cell is None or type(cell).__name__ == "NAType":
                cell = np.nan
            try:
                result[row, column] = float(cell)
            except (TypeError, ValueError, OverflowError) as error:
                raise DataTypeError(
                    f"{position(row, first + column, names)}: {error}; "
                    "encode the column as numbers or leave it out"
                ) from None
    return result
