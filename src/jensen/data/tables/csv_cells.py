"""Cells of CSV files, which are text, as columns of a type.

A column is, in this order: truth values, where all cells are true or false; whole numbers; numbers;
dates and times, where one way of writing them fits all cells; else text. Numbers with leading zeros
(007) are text, as codes are; so are whole numbers beyond 64 bits, and dates of which it is open
whether the day or the month comes first.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jensen.data.csv_lines import Text
from jensen.data.tables.types import family, polars_type
from jensen.errors import DataError

if TYPE_CHECKING:
    import polars as pl

    from jensen.data.tables.columns import Column

MISSING = (
    "", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "none", "?", "-", "#N/A", "<NA>",
)  # fmt: skip
"""Cells that say that there is no value."""

_TRUTH = r"^(?i:true|false)$"
_WHOLE = r"^[+-]?\d+$"
_CODE = r"^[+-]?0\d"
_INFINITE = r"^(?i:[+-]?inf(inity)?)$"
_DECIMAL_COMMA = r"^[+-]?\d+,\d+$"
# A pattern for strptime, and what cells must look like, as strptime takes more than that.
_DATES = (
    ("%Y-%m-%d", r"^\d{4}-\d{1,2}-\d{1,2}$"),
    ("%d.%m.%Y", r"^\d{1,2}\.\d{1,2}\.\d{4}$"),
    ("%d/%m/%Y", r"^\d{1,2}/\d{1,2}/\d{4}$"),
    ("%m/%d/%Y", r"^\d{1,2}/\d{1,2}/\d{4}$"),
)
_MINUTES, _ZONE = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d", r"(Z|[+-]\d\d:?\d\d)$"
_TIMES = tuple(
    (f"%Y-%m-%d{mark}%H:%M{seconds}{zone}", pattern.replace("[T ]", mark) + end)
    for mark in "T "
    for seconds, pattern in (("", _MINUTES), (":%S%.f", _MINUTES + r":\d\d(\.\d{1,9})?"))
    for zone, end in (("", "$"), ("%#z", _ZONE))
)


class Place(NamedTuple):
    """Where cells stand: the file, the line of each row, the delimiter."""

    path: Path | Text
    lines: Sequence[int]
    delimiter: str

    def complain(self, cells: "pl.Series", bad: "pl.Series", what: str) -> DataError:
        """An error on the first cell for which `bad` is true."""
        row = int(np.argmax(bad.fill_null(False).to_numpy()))
        cell = cells[row]
        return DataError(
            f"{self.path}: line {self.lines[row]}, column {cells.name!r}: {cell!r} {what}"
        )


def typed(cells: "pl.Series", place: Place) -> tuple["pl.Series", str | None]:
    """A column of text in the type that fits all of it, and how it writes dates.

    Raises:
        DataError: infinity, or decimal commas among the cells of numbers.
    """
    import polars as pl

    there = cells.drop_nulls()
    if not len(there):
        return cells.cast(pl.Null), None
    if there.str.contains(_TRUTH).all():
        return cells.str.to_lowercase() == "true", None
    if not there.str.contains(_CODE).any():
        if there.str.contains(_WHOLE).all():
            whole = cells.cast(pl.Int64, strict=False)
            return (whole if whole.null_count() == cells.null_count() else cells), None
        numbers = _numbers(cells, place)
        if numbers.null_count() == cells.null_count():
            return numbers, None
        if place.delimiter != "," and there.str.contains(f"{_DECIMAL_COMMA}|{_WHOLE}").all():
            bad = cells.str.contains(_DECIMAL_COMMA)
            raise place.complain(cells, bad, "has a decimal comma; write a decimal point")
    return _dates(cells, there)


def typed_as(cells: "pl.Series", column: "Column", place: Place) -> "pl.Series":
    """A column of text in the type that a schema says.

    Raises:
        DataError: a cell that is of another type, by line and column.
    """
    import polars as pl

    due = family(polars_type(column.storage, column.categories))
    if due == "text":
        return cells
    if due == "number":
        numbers = _numbers(cells, place)
        _require(cells, numbers, place, "is text, not a number")
        if not polars_type(column.storage).is_integer():
            return numbers
        whole = cells.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == cells.null_count() else numbers
    if due == "truth":
        known = {"true": True, "false": False}
        lower = cells.str.to_lowercase()
        found = lower.replace_strict(known, return_dtype=pl.Boolean, default=None)
        _require(cells, found, place, "is neither true nor false")
        return found
    patterns = [(column.format, "")] if column.format else [*_DATES[:1], *_TIMES, *_DATES[1:]]
    # The pattern that fits most cells, so that the first that does not fit is what is wrong.
    tried = [_parsed(cells, pattern, looks) for pattern, looks in patterns]
    dates = min(tried, key=lambda each: each.null_count())
    written = f"written as {column.format}" if column.format else "as 2024-12-31"
    _require(cells, dates, place, f"is no date {written}")
    return dates


def _numbers(cells: "pl.Series", place: Place) -> "pl.Series":
    import polars as pl

    numbers = cells.cast(pl.Float64, strict=False)
    infinite = numbers.is_infinite().fill_null(False)
    if infinite.any() and numbers.null_count() == cells.null_count():
        # A text among other texts may well be called inf.
        raise place.complain(cells, infinite, "is infinite; replace the cell or drop the line")
    return numbers


def _dates(cells: "pl.Series", there: "pl.Series") -> tuple["pl.Series", str | None]:
    fits = []
    for pattern, looks in (*_DATES, *_TIMES):
        if there.str.contains(looks).all():
            found = _parsed(cells, pattern, "")
            if found.null_count() == cells.null_count():
                fits.append((found, pattern))
    if not fits or (len(fits) > 1 and not fits[0][0].equals(fits[1][0], null_equal=True)):
        return cells, None
    return fits[0]


def _parsed(cells: "pl.Series", pattern: Any, looks: str) -> "pl.Series":
    """Dates or datetimes; null where a cell is none of that pattern."""
    if "%H" in pattern:
        found = cells.str.to_datetime(pattern, time_unit="us", strict=False)
    else:
        found = cells.str.to_date(pattern, strict=False)
    if looks:
        found = found.zip_with(cells.str.contains(looks).fill_null(False), found.clear(len(found)))
    return found


def _require(cells: "pl.Series", found: "pl.Series", place: Place, what: str) -> None:
    if found.null_count() > cells.null_count():
        remedy = "; mend the cell, or name it among the missing values"
        raise place.complain(cells, found.is_null() & cells.is_not_null(), what + remedy)
