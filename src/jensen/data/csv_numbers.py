"""CSV files of numbers: delimiter and header found out, a bad cell named by line and column."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

import numpy as np

from jensen._words import counted
from jensen.data.frames import require_distinct
from jensen.errors import DataError

_ENCODING = "utf-8-sig"
_EXACT_FLOAT64 = 2**53
_BY_SPACES = (
    "the numbers are separated by spaces; cells must be separated by comma, semicolon or tab"
)


@dataclass(frozen=True)
class Text:
    """What came by another way than a file, to be opened again and again like one."""

    name: str
    data: bytes

    def open(self, *, encoding: str, newline: str | None = None) -> TextIO:
        """From the beginning."""
        return io.TextIOWrapper(io.BytesIO(self.data), encoding=encoding, newline=newline)

    def read_bytes(self) -> bytes:
        """All of it."""
        return self.data

    def __str__(self) -> str:
        return self.name


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
        first, line, delimiter = _first_line(path)
        if header is None:
            named = known is not None and first == list(known)
            header = named or _is_header(path, line, first)
        names = _names(path, line, first) if header else None
        values = _parse(path, line if header else line - 1, delimiter)
        if values is not None and len(values) == 0:
            raise DataError(f"{path}: a header and no rows; at least 1 row is needed")
        if values is None or values.shape[1] != len(first) or not np.isfinite(values).all():
            raise DataError(_diagnosis(path, delimiter, header, names, len(first)))
    except UnicodeDecodeError:
        raise DataError(f"{path}: {_bad_byte(path)}") from None
    except csv.Error as error:
        raise DataError(f"{path}: not a CSV file ({error})") from None
    if (values == np.rint(values)).all() and np.abs(values).max() <= _EXACT_FLOAT64:
        values = values.astype(np.int64)
    return values, names


def _lines(path: Path | Text, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every line that is not blank."""
    with path.open(encoding=_ENCODING, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        for cells in reader:
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield reader.line_num, [cell.strip() for cell in cells]


def _first_line(path: Path | Text) -> tuple[list[str], int, str]:
    with path.open(encoding=_ENCODING) as file:
        text = next((line for line in file if line.strip()), "")
    if not text:
        raise DataError(f"{path}: the file is empty")
    delimiter = next((mark for mark in "\t;," if mark in text), ",")
    line, cells = next(_lines(path, delimiter))
    if len(cells) == 1 and _by_spaces(cells[0]):
        raise DataError(f"{path}: line {line}: {_BY_SPACES}")
    return cells, line, delimiter


def _is_header(path: Path | Text, line: int, cells: list[str]) -> bool:
    if len(cells) > 1 and cells == [str(index) for index in range(len(cells))]:
        return True
    text = [cell for cell in cells if _number(cell) is None]
    if text and len(text) < len(cells) and any(text):
        raise DataError(
            f"{path}: line {line} mixes numbers and text ({next(filter(None, text))!r}): give "
            "every column a name that is no number, or make the cell a number; or say that these "
            "are names with header=True (--header)"
        )
    return len(text) == len(cells)


def _names(path: Path | Text, line: int, cells: list[str]) -> tuple[str, ...]:
    if "" in cells:
        raise DataError(
            f"{path}: line {line}: column {cells.index('') + 1} has no name; name it, or leave "
            "the index out when writing (pandas: to_csv(index=False))"
        )
    try:
        require_distinct(cells)
    except DataError as error:
        raise DataError(f"{path}: line {line}: {error}") from None
    return tuple(cells)


def _parse(path: Path | Text, skip: int, delimiter: str) -> np.ndarray | None:
    """All rows at NumPy's speed; None where a cell or a row is at fault."""
    with path.open(encoding=_ENCODING) as file:
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
    lines = _lines(path, delimiter)
    if header:
        next(lines)
    for line, cells in lines:
        if len(cells) != width:
            return (
                f"{path}: line {line} has {counted(len(cells), 'cell')} where the first line has "
                f"{width}; give every line as many"
            )
        for index, cell in enumerate(cells):
            value = _number(cell)
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
    if delimiter != "," and _number(cell.replace(",", ".", 1)) is not None:
        return f"{cell!r} has a decimal comma; write a decimal point"
    if _by_spaces(cell):
        return f"{cell!r}: {_BY_SPACES}"
    remedy = "encode the column as numbers or leave it out"
    if width == 1:
        remedy = "cells are separated by comma, semicolon or tab"
    return f"{cell!r} is text, not a number; {remedy}"


def _by_spaces(cell: str) -> bool:
    """Whether a cell holds several numbers with spaces between them."""
    parts = cell.split()
    return len(parts) > 1 and all(_number(part) is not None for part in parts)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _bad_byte(path: Path | Text) -> str:
    data = path.read_bytes()
    try:
        data.decode(_ENCODING)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return f"line {line}: not UTF-8 (byte 0x{data[error.start]:02x}); save it as UTF-8"
    return "not UTF-8; save it as UTF-8"
