"""Tables to stdout or a file: CSV, Parquet or Arrow, columns in the types of the schema."""

import io
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen._files import write_atomic
from jensen.data import TableSchema
from jensen.data.tables.reading import SUFFIXES, TEXTS
from jensen.errors import FileError, OptionError

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "csv_of",
    "drawn",
    "records",
    "require_table_suffix",
    "write_frame",
    "write_pieces",
]

_PARQUET = ".parquet"


def drawn(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Rows that a model made, without the digits by which float64 tells a float32 apart."""
    import polars as pl

    cells = []
    for series in frame.get_columns():
        if series.dtype == pl.Float64:
            values = series.to_numpy()
            single = values.astype(np.float32)
            short = single.astype(str).astype(np.float64)
            series = pl.Series(series.name, np.where(single == values, short, values))
            series = series.set(frame[series.name].is_null(), None)
        cells.append(series)
    return pl.DataFrame(cells)


def require_table_suffix(out: Path | None, option: str = "out") -> None:
    """Refuse a file's name where no table can be written to it."""
    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise OptionError(f"--{option} {out}: a table goes to one of {', '.join(SUFFIXES)}")


def csv_of(
    frame: "pl.DataFrame", schema: TableSchema | None, *, header: bool = True, separator: str = ","
) -> str:
    """A table as CSV, dates as the file that was fitted wrote them."""
    import polars as pl

    columns = () if schema is None else schema.columns
    formats = {column.name: column.format for column in columns}
    cells = []
    for series in frame.get_columns():
        pattern = formats.get(series.name)
        if pattern is not None and series.dtype.is_temporal():
            series = series.dt.strftime(pattern)
        cells.append(series)
    return pl.DataFrame(cells).write_csv(include_header=header, separator=separator)


def write_frame(out: Path, frame: "pl.DataFrame", schema: TableSchema | None = None) -> None:
    """Write a table, whole or not at all; `schema` says how CSV writes its dates."""
    suffix = out.suffix.lower()
    if suffix in TEXTS:
        write_atomic(out, csv_of(frame, schema, separator=_separator(out)))
        return
    buffer = io.BytesIO()
    if suffix == _PARQUET:
        frame.write_parquet(buffer)
    else:
        frame.write_ipc(buffer)
    write_atomic(out, buffer.getvalue())


def write_pieces(out: Path, pieces: Iterable["pl.DataFrame"], schema: TableSchema) -> None:
    """Write a table that comes in pieces, of which only one need be in memory.

    Pieces are kept in a folder beside the file until all are there; what stood in `out` stays
    until then.
    """
    import polars as pl

    suffix = out.suffix.lower()
    try:
        with TemporaryDirectory(dir=out.parent, prefix=".jensen-") as folder:
            parts, whole = [], Path(folder) / f"whole{suffix}"
            for number, piece in enumerate(pieces):
                if suffix in TEXTS:
                    text = csv_of(piece, schema, header=not number, separator=_separator(out))
                    with whole.open("a", encoding="utf-8", newline="") as file:
                        file.write(text)
                    continue
                parts.append(Path(folder) / f"{number}.parquet")
                piece.write_parquet(parts[-1])
            if parts:
                scan = pl.scan_parquet(parts)
                (scan.sink_parquet if suffix == _PARQUET else scan.sink_ipc)(whole)
            whole.replace(out)
    except OSError as error:
        raise FileError(f"{out}: cannot be written ({error.strerror or error})") from None


def records(frame: "pl.DataFrame") -> list[dict[str, Any]]:
    """Rows as JSON holds them: dates as ISO text, null where a cell is missing."""
    import polars as pl

    cells = [
        series.dt.to_string("iso") if series.dtype.is_temporal() else series
        for series in frame.get_columns()
    ]
    return pl.DataFrame(cells).to_dicts()


def _separator(out: Path) -> str:
    return "\t" if out.suffix.lower() == ".tsv" else ","
