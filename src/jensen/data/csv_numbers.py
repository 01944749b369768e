"""CSV files of numbers: delimiter and header found out, a bad cell named by line and column."""

import csv
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np

from jensen._words import counted
from jensen.data.csv_lines import (
    BY_SPACES,
    ENCODING,
    Text,
    bad_byte,
    by_spaces,
    first_line,
    header_names,
    is_header,
    lines_of,
    number,
)
from jensen.errors import DataError

_EXACT_FLOAT64 = 2**53


def read_csv(
    path: Path | Text, header: bool | None = None, known: Sequence[str] | None = None
) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Numbers, shape (rows, columns), and column names or None.

    The delimiter is a tab, semicolon or comma, the first of these that is in the first line.
    That line is a header if no cell of it is a number, or if it counts 0, 1, 2, ... as pandas
    writes it for columns without names; any other line of numbers alone (2019,2020,2021) is data,
    unless it equals the names `known`. `header` says whether it is one, whatever it looks like.
    Whole numbers come as int64, all others as float64.

    Raises:
        DataError: empty, ragged or not UTF-8; a cell that is empty, text, NaN or infinite; a
            header that repeats a name. The message names line (from 1) and column.

    """
    try:
        first, line, delimiter = first_line(path)
        if header is None:
            named = known is not None and first == list(known)
            header = named or is_header(path, line, first)
        names = header_names(path, line, first) if header else None
        values = _parse(path, line if header else line - 1, delimiter)
        if values is not None and len(values) == 0:
            raise DataError(f"{path}: a header and no rows; at least 1 row is needed")
        if values is None or values.shape[1] != len(first) or not np.isfinite(values).all():
            raise DataError(_diagnosis(path, delimiter, header, names, len(first)))
    except UnicodeDecodeError:
        raise DataError(f"{path}: {bad_byte(path)}") from None
    except csv.Error as error:
        raise DataError(f"{path}: not a CSV file ({error})") from None
    if (values == np.rint(values)).all() and np.abs(values).max() <= _EXACT_FLOAT64:
        values = values.astype(np.int64)
    return values, names


def _parse(path: Path | Text, skip: int, delimiter: str) -> np.ndarray | None:
    """All rows at NumPy's speed; None where a cell or a row is at fault."""
    with path.open(encoding=ENCODING) as file:
        lines = (line for line in islice(file, skip, None) if line.strip())
        first = next(lines, None)
        if first is None:
            return np.empty((0, 0))
        try:
            return np.loadtxt(
                chain([first], lines), delimiter=delimiter, quotechar='"', comments=None, ndmin=2
            )
        except UnicodeDecodeError:
            raise
        except ValueError:
            return None


def _diagnosis(
    path: Path | Text, delimiter: str, header: bool, names: tuple[str, ...] | None, width: int
) -> str:
    """Say what is wrong with the first cell or row that cannot be used."""
    lines = lines_of(path, delimiter)
    if header:
        next(lines)
    for line, cells in lines:
        if len(cells) != width:
            return (
                f"{path}: line {line} has {counted(len(cells), 'cell')} where the first line has "
                f"{width}; give every line as many"
            )
        for index, cell in enumerate(cells):
            value = number(cell)
            if value is not None and np.isfinite(value):
                continue
            named = f"column {names[index]!r}" if names else f"column {index + 1}"
            return f"{path}: line {line}, {named}: {_complaint(cell, value, delimiter, width)}"
    return f"{path}: cannot be read as numbers; write it as plain UTF-8 CSV"


def _complaint(cell: str, value: float | None, delimiter: str, width: int) -> str:
    if cell == "":
        return "the cell is empty; fill it or drop the line"
    if value is not None:
        what = "NaN" if np.isnan(value) else "infinity"
        return f"Input X contains {what}; fill the cell or drop the line"
    if delimiter != "," and number(cell.replace(",", ".", 1)) is not None:
        return f"{cell!r} has a decimal comma; write a decimal point"
    if by_spaces(cell):
        return f"{cell!r}: {BY_SPACES}"
    remedy = "encode the column as numbers or leave it out"
    if width == 1:
        remedy = "cells are separated by comma, semicolon or tab"
    return f"{cell!r} is text, not a number; {remedy}"
