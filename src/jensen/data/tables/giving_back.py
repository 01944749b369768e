"""Columns of polars back to the container, the types and the categories that the user has."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen.data.tables.containers import ORDERED
from jensen.data.tables.types import polars_type
from jensen.errors import DataError, OptionError

if TYPE_CHECKING:
    import polars as pl

_NULLABLE = {"bool": "boolean", **{f"int{n}": f"Int{n}" for n in (8, 16, 32, 64)}} | {
    f"uint{n}": f"UInt{n}" for n in (8, 16, 32, 64)
}


def give_back(
    columns: list["pl.Series"],
    container: str,
    dtypes: list[str],
    categories: list[tuple | None],
    like: Any = None,
) -> Any:
    """A table in its container; cells observed in `like`, a table of the same shape, are kept.

    Where a column of integers or truth values of pandas has cells missing, it becomes that of
    pandas' nullable type; an array becomes one of float64.
    """
    if container == "polars":
        return _polars(columns, dtypes, categories, like)
    if container == "pandas":
        return _pandas(columns, dtypes, categories, like)
    return _array(columns, dtypes, like)


def _polars(
    columns: list["pl.Series"], dtypes: list[str], categories: list[tuple | None], like: Any
) -> "pl.DataFrame":
    import polars as pl

    result = []
    for new, name, cats in zip(columns, dtypes, categories, strict=True):
        if like is None:
            result.append(new.cast(polars_type(name, cats)))
            continue
        old = like[new.name]
        missing = old.is_null()
        if old.dtype in (pl.Float32, pl.Float64):
            missing = missing | old.is_nan().fill_null(False)
        if old.dtype.is_integer() and new.dtype.is_float():
            new = new.round()
        result.append(new.cast(old.dtype).zip_with(missing, old) if missing.any() else old)
    return pl.DataFrame(result)


def _pandas(
    columns: list["pl.Series"], dtypes: list[str], categories: list[tuple | None], like: Any
) -> Any:
    try:
        pd = import_module("pandas")
    except ImportError:
        raise OptionError(
            "the model was fitted on a pandas frame and pandas is not installed: pip install pandas"
        ) from None
    result = {}
    for new, name, cats in zip(columns, dtypes, categories, strict=True):
        if like is None:
            result[new.name] = _series(pd, new, name, cats)
            continue
        old = like[new.name]
        places = np.flatnonzero(old.isna().to_numpy())
        if len(places):
            kept = ORDERED if getattr(old.dtype, "ordered", False) else str(old.dtype)
            theirs = tuple(old.cat.categories) if kept.startswith("category") else None
            old = old.copy()
            old.iloc[places] = _series(pd, new, kept, theirs).iloc[places].array
        result[new.name] = old
    return pd.DataFrame(result, index=None if like is None else like.index)


def _series(pd: Any, cells: "pl.Series", dtype: str, categories: tuple | None) -> Any:
    """One column of pandas, of the type that it calls `dtype`."""
    if dtype.startswith("category"):
        values = pd.Categorical(cells.to_list(), categories=categories, ordered=dtype == ORDERED)
        return pd.Series(values)
    if dtype.startswith("datetime64"):
        zone = getattr(cells.dtype, "time_zone", None)
        naive = cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zone else cells
        dates = pd.Series(naive.to_numpy())
        return (dates.dt.tz_localize("UTC") if "," in dtype else dates).astype(dtype)
    if dtype == "object":
        return pd.Series(cells.to_list(), dtype=object)
    if cells.null_count():
        dtype = _NULLABLE.get(dtype, dtype)
    if dtype.startswith(("float", "Sparse")):
        return pd.Series(cells.cast(polars_type("Float64")).to_numpy()).astype(dtype)
    return pd.Series(pd.array(cells.to_list(), dtype=dtype))


def _array(columns: list["pl.Series"], dtypes: list[str], like: Any) -> np.ndarray:
    # A frame's columns may be of types that no array has.
    dtype = np.dtype(dtypes[0]) if like is None else np.asarray(like).dtype
    missing = any(cells.null_count() for cells in columns)
    if dtype.kind == "O":
        result = np.empty((len(columns[0]), len(columns)), dtype=object)
        for index, cells in enumerate(columns):
            result[:, index] = cells.to_list()
    else:
        wanted = np.dtype(np.float64) if missing and dtype.kind != "f" else dtype
        float64 = polars_type("Float64")
        arrays = [
            (cells.cast(float64) if wanted.kind == "f" else cells).to_numpy().astype(wanted)
            for cells in columns
        ]
        result = np.column_stack(arrays)
    if like is None:
        return result
    theirs = np.asarray(like)
    if theirs.dtype.kind == "O":
        there = np.array([[cell is not None and cell == cell for cell in row] for row in theirs])
    else:
        there = ~np.isnan(theirs) if theirs.dtype.kind == "f" else np.ones(theirs.shape, bool)
    return np.where(there, theirs, result).astype(theirs.dtype)


def require_like(like: "pl.DataFrame", names: tuple[str, ...], rows: int) -> None:
    """Raise `DataError` unless a frame has these columns, in any order, and as many rows."""
    if set(like.columns) != set(names) or len(like) != rows:
        raise DataError(
            f"like has {len(like)} rows and columns {like.columns}; {rows} rows and columns "
            f"{list(names)} are needed"
        )
