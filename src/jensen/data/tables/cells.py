"""Cells of a polars column to arrays, and arrays to cells of a type."""

from math import floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen.data.tables.types import family, ticks_of

if TYPE_CHECKING:
    import polars as pl

LARGEST = float(np.finfo(np.float32).max)
# Dates that Python can write: 0001-01-01 to 9999-12-31, in microseconds.
_PYTHON = (-62135596800_000_000, 253402300799_999_999)
# What 64 bits of nanoseconds hold.
_NANOSECONDS = (-9223372036854775, 9223372036854775)


def to_ticks(cells: "pl.Series") -> "pl.Series":
    """Microseconds since 1970, of a column of dates or datetimes; null where it is."""
    import polars as pl

    return cells.cast(pl.Datetime("us")).dt.timestamp("us")


def from_ticks(ticks: "pl.Series", dtype: Any) -> "pl.Series":
    """Dates or datetimes of `dtype`, from microseconds since 1970; clipped to the years 1..9999."""
    import polars as pl

    nanoseconds = isinstance(dtype, pl.Datetime) and dtype.time_unit == "ns"
    times = ticks.clip(*(_NANOSECONDS if nanoseconds else _PYTHON)).cast(pl.Datetime("us"))
    if not isinstance(dtype, pl.Datetime):
        return times.cast(dtype)
    times = times.dt.cast_time_unit(dtype.time_unit)
    if dtype.time_zone:
        times = times.dt.replace_time_zone("UTC").dt.convert_time_zone(dtype.time_zone)
    return times


def from_values(name: str, values: list, dtype: Any) -> "pl.Series":
    """Cells from Python's values, `None` among them."""
    import polars as pl

    if family(dtype) == "time":
        ticks = [None if each is None else ticks_of(each) for each in values]
        return from_ticks(pl.Series(name, ticks, dtype=pl.Int64), dtype)
    if family(dtype) == "number":
        return pl.Series(name, values, strict=False).cast(dtype)
    return pl.Series(name, values, dtype=dtype)


def floats(cells: "pl.Series") -> np.ndarray:
    """Numbers or truth values as float64, 0 where there is none."""
    import polars as pl

    return cells.cast(pl.Float64).fill_null(0.0).to_numpy()


def with_nulls(cells: "pl.Series", there: np.ndarray) -> "pl.Series":
    """The same cells, null where `there` is false."""
    import polars as pl

    return cells if there.all() else cells.set(pl.Series(~there), None)


def digits(step: float) -> int:
    """Decimals to round multiples of a step to: its own, or as many as floats keep.

    >>> digits(0.25), digits(5.0), digits(1 / 3)
    (2, 0, 13)
    """
    for places in range(11):
        scaled = abs(step) * 10**places
        if abs(scaled - round(scaled)) <= 1e-13 * scaled:
            return places
    return 12 - min(0, floor(log10(abs(step))))


def as_numbers(name: str, values: np.ndarray, dtype: Any) -> "pl.Series":
    """Numbers in a type, rounded and clipped to what it holds."""
    import polars as pl

    if dtype.is_integer():
        bits = int("".join(filter(str.isdigit, str(dtype))))
        signed = not str(dtype).startswith("U")
        bottom, top = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
        # The largest float64 below the end, which itself would wrap around.
        values = np.clip(np.rint(values), float(bottom), np.nextafter(float(top), 0))
        if bits <= 32:
            values = np.clip(values, bottom, top - 1)
        kind = np.int64 if signed else np.uint64
        return pl.Series(name, values.astype(kind)).cast(dtype)
    if isinstance(dtype, pl.Boolean):
        return pl.Series(name, values >= 0.5)
    if isinstance(dtype, pl.Float32):
        values = np.clip(values, -LARGEST, LARGEST)
    return pl.Series(name, values).cast(dtype)
