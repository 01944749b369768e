"""Frames of pandas and polars and arrays of NumPy, taken as frames of polars.

Column by column and without PyArrow. NaN counts as missing, as it does in pandas.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jensen.data.frames import container_of, require_distinct
from jensen.data.rows import as_array, require_two_dimensions
from jensen.data.tables.types import require_usable, type_name
from jensen.errors import DataError

if TYPE_CHECKING:
    import polars as pl

ORDERED = "category, ordered"


class Taken(NamedTuple):
    """A table as a frame of polars, and what it was before."""

    frame: "pl.DataFrame"
    container: str
    dtypes: tuple[str, ...]
    categories: tuple[tuple | None, ...]


def frame_of(X: Any, names: Sequence[str] | None = None) -> "pl.DataFrame":
    """Rows of any container as a frame of polars, null where a cell is missing.

    Raises:
        DataError: no rows or columns, a name that comes twice or is no text, a type of cells
            that no table may have.

    >>> frame_of(np.array([[1.0, np.nan]])).columns
    ['column_0', 'column_1']
    """
    return take(X, names).frame


def take(X: Any, names: Sequence[str] | None = None) -> Taken:
    """A table taken apart; `names` are those of an array's columns."""
    import polars as pl

    container = container_of(X)
    if container == "polars":
        frame = X
        natives = [type_name(dtype) for dtype in X.dtypes]
        categories = [_categories(dtype) for dtype in X.dtypes]
    elif container == "pandas":
        _require_text(list(X.columns))
        series = [column for _, column in X.items()]
        natives = [_pandas_name(column.dtype) for column in series]
        categories = [
            tuple(column.cat.categories.tolist()) if natives[i].startswith("category") else None
            for i, column in enumerate(series)
        ]
        frame = pl.DataFrame([_from_pandas(str(column.name), column) for column in series])
    else:
        values = as_array(X)
        require_two_dimensions(values)
        if values.ndim > 2:
            raise DataError(f"X has shape {values.shape}; a table has rows and columns: reshape it")
        labels = [f"column_{index}" for index in range(values.shape[1])] if names is None else names
        if len(labels) != values.shape[1]:
            raise DataError(f"X has {values.shape[1]} columns, and {len(labels)} are expected")
        require_distinct(list(labels))
        columns = zip(labels, values.T, strict=True)
        frame = pl.DataFrame([_from_array(name, column) for name, column in columns])
        natives = [values.dtype.name if values.dtype.kind in "biuf" else "object"] * len(labels)
        categories = [None] * len(labels)
    if not len(frame) or not frame.width:
        raise DataError(f"the table has {len(frame)} rows and {frame.width} columns; give some")
    require_usable(frame)
    frame = frame.with_columns(pl.col(pl.Float32, pl.Float64).fill_nan(None))
    return Taken(frame, container, tuple(natives), tuple(categories))


def _categories(dtype: Any) -> tuple | None:
    import polars as pl

    return tuple(dtype.categories.to_list()) if isinstance(dtype, pl.Enum) else None


def _require_text(names: list) -> None:
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        raise DataError(
            f"column name {wrong[0]!r} is no text; use X.columns = X.columns.astype(str)"
        )
    require_distinct(names)


def _pandas_name(dtype: Any) -> str:
    return ORDERED if getattr(dtype, "ordered", False) is True else str(dtype)


def _from_pandas(name: str, column: Any) -> "pl.Series":
    import polars as pl

    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biufmM":
        return _from_array(name, column.to_numpy())
    if hasattr(dtype, "tz"):
        naive = _from_array(name, column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
        return naive.dt.replace_time_zone("UTC").dt.convert_time_zone(str(dtype.tz))
    kind = getattr(dtype, "kind", "O")
    if kind in "biuf" and hasattr(column.array, "_mask"):
        # Masked arrays, of which 64-bit integers would lose digits as floats.
        missing = column.isna().to_numpy()
        filled = column.fillna(False if kind == "b" else 0).to_numpy(dtype.numpy_dtype)
        return pl.Series(name, filled).set(pl.Series(missing), None)
    if kind in "biuf":
        return _from_array(name, np.asarray(column))
    return from_objects(name, column.astype(object).tolist())


def _from_array(name: str, values: np.ndarray) -> "pl.Series":
    import polars as pl

    kind = values.dtype.kind
    if kind == "f" and values.dtype.itemsize not in (4, 8):
        values = values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
    if kind in "biuf":
        return pl.Series(name, np.ascontiguousarray(values).astype(values.dtype.newbyteorder("=")))
    if kind == "M":
        unit = np.datetime_data(values.dtype)[0]
        wanted = unit if unit in ("ms", "us", "ns") else "us"
        dates = pl.Series(name, np.ascontiguousarray(values).astype(f"datetime64[{wanted}]"))
        return dates.cast(pl.Date) if unit == "D" else dates
    if kind in "OUT":
        return from_objects(name, values.tolist())
    raise DataError(
        f"column {name!r} holds {values.dtype}; a table has numbers, truth values, text, "
        "categories and dates: convert it, or leave it out"
    )


def from_objects(name: str, values: Sequence[Any]) -> "pl.Series":
    """Python's values as a column: of one type, of numbers, or of text where types are mixed."""
    import polars as pl

    cells = [None if _is_missing(each) else each for each in values]
    types = {type(each) for each in cells if each is not None}
    whole = lambda t: issubclass(t, (int, np.integer)) and not issubclass(t, bool)
    number = lambda t: whole(t) or issubclass(t, (float, np.floating, Decimal))
    if not types:
        return pl.Series(name, cells, dtype=pl.Null)
    if all(issubclass(t, str) for t in types):
        return pl.Series(name, cells, dtype=pl.String)
    if all(issubclass(t, (bool, np.bool_)) for t in types):
        return pl.Series(name, [None if c is None else bool(c) for c in cells])
    if all(map(whole, types)) and all(c is None or -(2**63) <= c < 2**63 for c in cells):
        return pl.Series(name, [None if c is None else int(c) for c in cells], dtype=pl.Int64)
    if all(map(number, types)):
        return pl.Series(name, [None if c is None else float(c) for c in cells], dtype=pl.Float64)
    if all(issubclass(t, datetime) for t in types):
        return pl.Series(name, cells)
    if all(issubclass(t, date) and not issubclass(t, datetime) for t in types):
        return pl.Series(name, cells, dtype=pl.Date)
    plain = (str, bool, np.bool_, int, float, np.number, Decimal, date)
    odd = next((t for t in types if not issubclass(t, plain)), None)
    if odd is not None:
        raise DataError(
            f"column {name!r} holds objects of type {odd.__name__}; a table has numbers, truth "
            "values, text, categories and dates: convert it, or leave it out"
        )
    return pl.Series(name, [None if c is None else str(c) for c in cells], dtype=pl.String)


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and value != value
