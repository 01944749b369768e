"""Lines of CSV files: delimiter and header found out, faults named by line."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from jensen.data.frames import require_distinct
from jensen.errors import DataError

ENCODING = "utf-8-sig"
BY_SPACES = (
    "the numbers are separated by spaces; cells must be separated by comma, semicolon or tab"
)
_QUOTED = re.compile('"[^"]*"')


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


def lines_of(
    path: Path | Text, delimiter: str, *, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every line that is not blank.

    With `strict` quotes that do not end, or not at the end of a cell, are a `csv.Error`, and NUL
    bytes a `DataError`.
    """
    with path.open(encoding=ENCODING, newline="") as file:
        lines = _without_nul(path, file) if strict else file
        reader = csv.reader(lines, delimiter=delimiter, strict=strict)
        for cells in reader:
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield reader.line_num, [cell.strip() for cell in cells]


def _without_nul(path: Path | Text, file: TextIO) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        if "\0" in line:
            raise DataError(
                f"{path}: line {number} has a NUL byte; the file is damaged, or UTF-16: save it as"
                " UTF-8"
            )
        yield line


def first_line(path: Path | Text) -> tuple[list[str], int, str]:
    """Cells of the first line, its number, and the delimiter.

    That is a tab, semicolon or comma: the first of these that the line has outside of quotes.
    """
    with path.open(encoding=ENCODING) as file:
        text = next((line for line in file if line.strip()), "")
    if not text:
        raise DataError(f"{path}: the file is empty")
    bare = _QUOTED.sub("", text)
    delimiter = next((mark for mark in "\t;," if mark in bare), ",")
    line, cells = next(lines_of(path, delimiter))
    if len(cells) == 1 and by_spaces(cells[0]):
        raise DataError(f"{path}: line {line}: {BY_SPACES}")
    return cells, line, delimiter


def is_header(path: Path | Text, line: int, cells: list[str], *, table: bool = False) -> bool:
    """Whether a first line names the columns: no cell is a number, or they count 0, 1, 2, ...

    Raises:
        DataError: numbers and text; the remedy is another in a `table`, where rows have both.
    """
    if len(cells) > 1 and cells == [str(index) for index in range(len(cells))]:
        return True
    text = [cell for cell in cells if number(cell) is None]
    if text and len(text) < len(cells) and any(text):
        found = f"{path}: line {line} mixes numbers and text ({next(filter(None, text))!r})"
        if table:
            raise DataError(
                f"{found}: say whether it names the columns, with header=True (--header) or"
                " header=False (--no-header)"
            )
        raise DataError(
            f"{found}: give "
            "every column a name that is no number, or make the cell a number; or say that these "
            "are names with header=True (--header)"
        )
    return len(text) == len(cells)


def header_names(path: Path | Text, line: int, cells: list[str]) -> tuple[str, ...]:
    """The cells of a header, if they can be names."""
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


def by_spaces(cell: str) -> bool:
    """Whether a cell holds several numbers with spaces between them."""
    parts = cell.split()
    return len(parts) > 1 and all(number(part) is not None for part in parts)


def number(cell: str) -> float | None:
    """What a cell says, if it is a number."""
    try:
        return float(cell)
    except ValueError:
        return None


def bad_byte(path: Path | Text) -> str:
    """Where the file stops being UTF-8, and what to do."""
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "line 1: not UTF-8 but UTF-16; save it as UTF-8"
    try:
        data.decode(ENCODING)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return f"line {line}: not UTF-8 (byte 0x{data[error.start]:02x}); save it as UTF-8"
    return "not UTF-8; save it as UTF-8"
