"""Files of tables: CSV, Parquet and Arrow, whole or in pieces."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jensen._words import counted
from jensen.data.csv_lines import (
    Text,
    bad_byte,
    first_line,
    header_names,
    is_header,
    lines_of,
)
from jensen.data.sources import STDIN, place, read_stdin
from jensen.data.tables.csv_cells import MISSING, Place, typed, typed_as
from jensen.errors import DataError, OptionError

if TYPE_CHECKING:
    import polars as pl

    from jensen.data.tables.schema import TableSchema

TEXTS = (".csv", ".tsv")
_PARQUET = ".parquet"
FRAMES = (_PARQUET, ".arrow", ".ipc", ".feather")
"""Files whose columns have types."""
SUFFIXES = (*TEXTS, *FRAMES)
_AT_ONCE = 50_000


class Reading(NamedTuple):
    """A table, and how a CSV file wrote it.

    Attributes:
        frame: null where a cell is missing.
        formats: of dates, by column.
        missing: how many cells of each spelling were taken to say that there is no value.
    """

    frame: "pl.DataFrame"
    formats: dict[str, str]
    missing: dict[str, int]


class _Piece(NamedTuple):
    """Some lines of a CSV file.

    Attributes:
        text: their cells, null where one is missing.
        where: where they stand in the file.
        missing: as of `Reading`.
    """

    text: "pl.DataFrame"
    where: Place
    missing: Counter[str]


def read_table(
    source: str | Path | Text,
    na: Sequence[str] = (),
    header: bool | None = None,
    names: Sequence[str] | None = None,
    schema: "TableSchema | None" = None,
) -> "pl.DataFrame":
    """Read a table; null where a cell is missing.

    Args:
        source: a .csv, .tsv, .parquet, .arrow, .ipc or .feather file; "-" is CSV on standard input,
            which comes as `Text` if it was read already.
        na: cells of a CSV file that say that there is no value, beside `csv_cells.MISSING`.
        header: whether the first line of CSV names the columns; None finds it out: it does where
            no cell of it is a number.
        names: where `header` is None, a first line that equals them names the columns.
        schema: the types that columns are to have, in place of those that their cells look like.

    Raises:
        DataError: a file that is missing, empty, damaged, not UTF-8, or without rows; a line with
            more or fewer cells than the first; a cell that is infinite, or not of the schema's
            type. The message names line and column.
        OptionError: an unknown suffix, or a `header` for a file without lines.
    """
    return read(source, na, header, names, schema).frame


def read(
    source: str | Path | Text,
    na: Sequence[str] = (),
    header: bool | None = None,
    names: Sequence[str] | None = None,
    schema: "TableSchema | None" = None,
) -> Reading:
    """As `read_table`, with the formats of dates, for `infer_table`."""
    import polars as pl

    path = _opened(source, header)
    if not _is_csv(path):
        return Reading(_scanned(path), {}, {})
    known = names if schema is None or names is not None else schema.names
    read = list(_csv_pieces(path, na, header, known, _AT_ONCE))
    text = pl.concat([piece.text for piece in read])
    lines = [line for piece in read for line in piece.where.lines]
    missing = sum((piece.missing for piece in read), Counter[str]())
    return _typed_frame(_Piece(text, read[0].where._replace(lines=lines), missing), schema)


def pieces(
    source: str | Path | Text,
    schema: "TableSchema",
    rows: int = _AT_ONCE,
    na: Sequence[str] = (),
    header: bool | None = None,
) -> Iterator["pl.DataFrame"]:
    """The rows of a file, `rows` at a time, in the schema's types; the rest stays on disk.

    Raises as `read_table` does, at the piece that is at fault.
    """
    import polars as pl

    if rows < 1:
        raise OptionError(f"rows={rows!r}; legal are whole numbers from 1 up")
    path = _opened(source, header)
    if _is_csv(path):
        for piece in _csv_pieces(path, na, header, schema.names, rows):
            yield _typed_frame(piece, schema).frame
        return
    try:
        scan = (pl.scan_parquet if _suffix(path) == _PARQUET else pl.scan_ipc)(str(path))
        total = int(scan.select(pl.len()).collect().item())
        for start in range(0, total, rows):
            yield scan.slice(start, rows).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(path, error) from None


def _opened(source: str | Path | Text, header: bool | None) -> Path | Text:
    """The file, if it is one that can be read."""
    if isinstance(source, Text):
        return source
    if source == STDIN:
        return Text(place(source), read_stdin())
    path = Path(source)
    legal = f"files of tables end in {', '.join(SUFFIXES)}"
    if path.is_dir():
        raise DataError(f"{path}: a folder; {legal}")
    if _suffix(path) not in SUFFIXES:
        raise OptionError(f"{str(path)!r}: unknown kind of file; {legal}")
    if not path.exists():
        raise DataError(f"{path}: no such file; {legal}")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    if header is not None and not _is_csv(path):
        raise OptionError(
            f"header={header!r}: only .csv and .tsv files have a first line, {path} has none; "
            "leave it out"
        )
    return path


def _suffix(path: Path | Text) -> str:
    return TEXTS[0] if isinstance(path, Text) else path.suffix.lower()


def _is_csv(path: Path | Text) -> bool:
    return _suffix(path) in TEXTS


def _scanned(path: Any) -> "pl.DataFrame":
    import polars as pl

    try:
        frame = (pl.read_parquet if _suffix(path) == _PARQUET else pl.read_ipc)(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(path, error) from None
    if not len(frame):
        raise DataError(f"{path}: no rows; at least 1 is needed")
    return frame


def _damaged(path: Any, error: Exception) -> DataError:
    kind = "a Parquet file" if _suffix(path) == _PARQUET else "an Arrow file"
    first = str(error).partition("\n")[0]
    return DataError(f"{path}: not {kind}, or damaged ({first}); write it again")


def _csv_pieces(
    path: Path | Text,
    na: Sequence[str],
    header: bool | None,
    known: Sequence[str] | None,
    rows: int,
) -> Iterator[_Piece]:
    """A file's rows as text, in order."""
    try:
        first, line, delimiter = first_line(path)
        if header is None:
            named = known is not None and first == list(known)
            header = named or is_header(path, line, first, table=True)
        width = len(first)
        numbered = tuple(f"column_{index}" for index in range(width))
        unnamed = tuple(known) if known is not None and len(known) == width else numbered
        names = header_names(path, line, first) if header else unnamed
        lines = lines_of(path, delimiter, strict=True)
        if header:
            next(lines)
        some = False
        while batch := list(islice(_even(path, lines, width), rows)):
            some = True
            where = Place(path, [number for number, _ in batch], delimiter)
            yield _piece(batch, where, names, (*MISSING, *na))
        if not some:
            raise DataError(f"{path}: a header and no rows; at least 1 row is needed")
    except UnicodeDecodeError:
        raise DataError(f"{path}: {bad_byte(path)}") from None
    except csv.Error as error:
        raise DataError(f"{path}: {_unreadable(path, delimiter)}; it is no CSV ({error})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def _unreadable(path: Path | Text, delimiter: str) -> str:
    """The line at which the reader gave up."""
    last = 0
    try:
        for line, _ in lines_of(path, delimiter, strict=True):
            last = line
    except csv.Error:
        pass
    return f"a quote in or after line {last + 1} is not closed, or not at the end of its cell"


def _even(
    path: Path | Text, lines: Iterator[tuple[int, list[str]]], width: int
) -> Iterator[tuple[int, list[str]]]:
    for number, cells in lines:
        if len(cells) != width:
            raise DataError(
                f"{path}: line {number} has {counted(len(cells), 'cell')} where the first line has "
                f"{width}; give every line as many"
            )
        yield number, cells


def _piece(
    batch: list[tuple[int, list[str]]], where: Place, names: Sequence[str], missing: Sequence[str]
) -> _Piece:
    import polars as pl

    columns, spellings = [], Counter[str]()
    for name, cells in zip(names, zip(*(cells for _, cells in batch), strict=True), strict=True):
        text = pl.Series(name, cells, dtype=pl.String)
        none = text.is_in(list(missing))
        spellings.update(text.filter(none).to_list())
        columns.append(text.set(none, None))
    return _Piece(pl.DataFrame(columns), where, spellings)


def _typed_frame(piece: _Piece, schema: "TableSchema | None") -> Reading:
    import polars as pl

    known = {} if schema is None else {column.name: column for column in schema.modelled}
    columns, formats = [], {}
    for cells in piece.text.get_columns():
        if cells.name in known:
            columns.append(typed_as(cells, known[cells.name], piece.where))
            continue
        found, pattern = typed(cells, piece.where)
        columns.append(found.alias(cells.name))
        if pattern is not None:
            formats[cells.name] = pattern
    return Reading(pl.DataFrame(columns), formats, dict(piece.missing))
