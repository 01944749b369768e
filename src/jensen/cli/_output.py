"""Results to stdout or a file, in one of the forms asked for."""

import csv
import io
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jensen._files import write_atomic
from jensen._words import counted
from jensen.data.tables.reading import SUFFIXES
from jensen.errors import OptionError

__all__ = ["Answer", "plain", "print_json", "require_suffix", "say", "write_array"]

_TEXT = {".csv": ",", ".tsv": "\t"}
_SUFFIXES = (".npy", *SUFFIXES)


def say(quiet: bool, line: str | None) -> None:
    """One line on stderr."""
    if line and not quiet:
        print(line, file=sys.stderr)


def plain(value: Any) -> Any:
    """Plain JSON types: arrays become lists, and what is not finite becomes `None`.

    >>> plain({"a": np.array([1.5, np.nan]), "b": (np.int64(2), True)})
    {'a': [1.5, None], 'b': [2, True]}
    """
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    print(json.dumps(plain(value), allow_nan=False))


def require_suffix(out: Path | None, legal: Sequence[str] = _SUFFIXES, option: str = "out") -> None:
    """Refuse a file's name early, before any work is done for it."""
    if out is not None and out.suffix.lower() not in legal:
        words = f"{', '.join(legal[:-1])} or {legal[-1]}" if len(legal) > 1 else legal[0]
        raise OptionError(f"--{option} {out}: must end in {words}")


def write_array(out: Path, array: np.ndarray, header: Sequence[str] | None = None) -> None:
    """Write to a .npy file, or to a file of columns with a row's entries side by side."""
    suffix = out.suffix.lower()
    if suffix == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        write_atomic(out, buffer.getvalue())
    elif suffix in _TEXT:
        text = io.StringIO()
        _write_csv(text, array, header, _TEXT[suffix])
        write_atomic(out, text.getvalue())
    else:
        flat = array.reshape(len(array), -1)
        names = header or [f"column_{index}" for index in range(flat.shape[1])]
        _write_columns(out, dict(zip(names, flat.T, strict=True)))


def _write_columns(out: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write columns, each in its own type, to a .parquet or an Arrow file."""
    import polars as pl

    from jensen.cli._frames import write_frame

    # polars takes no views of other arrays whose numbers lie apart.
    write_frame(out, pl.DataFrame({k: np.ascontiguousarray(v) for k, v in columns.items()}))


@dataclass(frozen=True)
class Answer:
    """The form in which rows are asked for; a file of an unknown kind is refused at once.

    Attributes:
        out: file to write them to; JSON then names it in place of the numbers.
        as_json: one JSON object on stdout.
        quiet: do not tell on stderr what was written.
    """

    out: Path | None
    as_json: bool
    quiet: bool

    def __post_init__(self):
        require_suffix(self.out)

    def require(self, *, table: bool) -> None:
        """Refuse a file that rows of a table cannot be written to, if that is what they are."""
        if table:
            from jensen.cli._frames import require_table_suffix

            require_table_suffix(self.out)

    def show_rows(
        self, name: str, rows: Any, schema: Any, more: dict[str, Any] | None = None
    ) -> None:
        """Give rows of data, which are a table where the model is of one."""
        if isinstance(rows, np.ndarray):
            self.show(name, rows, schema.names, more)
            return
        from jensen.cli._frames import csv_of, drawn, records, write_frame

        rows = drawn(rows)
        if self.out is not None:
            write_frame(self.out, rows, schema)
            self.say(f"wrote {counted(len(rows), 'row')} to {self.out}")
        if self.as_json:
            given = {"out": self.out, "shape": rows.shape} if self.out else {name: records(rows)}
            print_json(given | (more or {}))
        elif self.out is None:
            sys.stdout.write(csv_of(rows, schema))

    def say(self, line: str) -> None:
        """One line on stderr."""
        say(self.quiet, line)

    def show_columns(
        self, name: str, columns: Mapping[str, np.ndarray], more: dict[str, Any] | None = None
    ) -> None:
        """Give columns of numbers side by side; files whose columns have types keep theirs."""
        if self.out is None or self.out.suffix.lower() in (".npy", *_TEXT):
            self.show(name, np.column_stack(list(columns.values())), tuple(columns), more)
            return
        _write_columns(self.out, columns)
        rows = len(next(iter(columns.values())))
        self.say(f"wrote {rows} x {len(columns)} numbers to {self.out}")
        if self.as_json:
            print_json({"out": self.out, "shape": (rows, len(columns))} | (more or {}))

    def show(
        self,
        name: str,
        array: np.ndarray,
        header: Sequence[str] | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        """Give rows in that form.

        Args:
            name: what they are called in JSON.
            array: shape (rows, *event).
            header: column names for CSV.
            more: further entries of the JSON object.
        """
        if self.out is not None:
            write_array(self.out, array, header)
            self.say(f"wrote {' x '.join(map(str, array.shape))} numbers to {self.out}")
        if self.as_json:
            given = {"out": self.out, "shape": array.shape} if self.out else {name: array}
            print_json(given | (more or {}))
        elif self.out is None:
            _write_csv(sys.stdout, array, header)


def _write_csv(
    file: Any, array: np.ndarray, header: Sequence[str] | None, delimiter: str = ","
) -> None:
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    if header is not None:
        writer.writerow(header)
    for row in array.reshape(len(array), -1):
        writer.writerow([_text(value) for value in row.tolist()])


def _text(value: Any) -> str:
    # Nine digits give back every 32-bit float, which is what models compute with.
    return f"{value:.9g}" if isinstance(value, float) else str(int(value))
