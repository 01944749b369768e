"""Data by name or file, for the command line: built-in sets, arrays, CSV of numbers, images."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from jensen.data.cautions import header_of_numbers
from jensen.data.csv_lines import Text
from jensen.data.csv_numbers import read_csv
from jensen.data.images.folders import height_and_width
from jensen.data.images.idx import is_idx, name_of, read_idx
from jensen.data.images.stored import StoredImages, images, rows_of_bytes
from jensen.data.numpy_files import read_npy, read_npz
from jensen.data.rows import position, read_rows
from jensen.errors import DataError, OptionError

SUFFIXES = (".npy", ".npz", ".csv", ".tsv")
_IDX = ("-ubyte", ".idx")
STDIN = "-"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows from a source.

    Attributes:
        name: built-in name, or the file's name without suffix.
        X: numbers, shape (rows, *event), in the source's own type, finite; a table, as a frame
            of polars; or `images.StoredImages`, where these are not in memory.
        names: column names, or None.
        labels: one a row, to colour pictures by, or None; no model sees them.
        cautions: lines on how the file was read, where another reading is likely too; and on what
            could not be read.
        notes: lines on what was read, of images.
        files: of a folder of images the path of each, below the folder.
        stored: of a folder of images, and of rows of bytes in a .npy or idx file where `load` was
            told how much memory they may take: `X` as `images.StoredImages`, kept or not.

    """

    name: str
    X: Any
    names: tuple[str, ...] | None = None
    labels: np.ndarray | None = None
    cautions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] | None = None
    stored: StoredImages | None = None


def load(
    source: str | Path | Text,
    key: str | None = None,
    header: bool | None = None,
    names: Sequence[str] | None = None,
    size: str | Sequence[int] | None = None,
    colour: bool | None = None,
    memory: float | None = None,
) -> Dataset:
    """Read a built-in set, a file or a folder of images; nothing is unpickled.

    Args:
        source: a name in `BUILT_IN`; the path of a .npy, .npz, .csv or .tsv file, of one in MNIST's
            idx format (train-images-idx3-ubyte.gz), or of a folder of images; or "-", which is CSV
            on standard input. A file called like a built-in set is meant by "./digits". What was
            read already comes as `Text`.
        key: the array of an .npz file; may be left out where it holds one.
        header: whether the first line of a .csv names the columns; None finds it out: a line of
            numbers alone is data, but for 0, 1, 2, ..., as pandas numbers columns.
        names: known names of columns: where `header` is None, a first line that equals them
            names the columns, whatever it looks like.
        size: height and width to which the images of a folder are resized: "28x28" or (28, 28);
            without it all must have one size (`images.read_folder`).
        colour: whether images of a folder are to be in colour; None goes by what they show.
        memory: gigabytes that images of a folder, and rows of bytes in a .npy or idx file, may
            take; larger ones are read when they are asked for. None is no limit.

    Raises:
        OptionError: neither a file nor a built-in name, an unknown suffix, a `key` for a file
            without keys, a `header` for one without lines, or a `size` for what is no folder.
        DataError: the file is missing, empty, damaged or holds no finite numbers; it is named.

    >>> digits = load("digits")
    >>> digits.X.shape, digits.labels.shape
    ((1797, 64), (1797,))
    >>> load("digit")
    Traceback (most recent call last):
    jensen.errors.OptionError: 'digit': neither a file nor a built-in set; built-in are digits,
    files end in .npy, .npz, .csv, .tsv, -ubyte, .idx; a folder holds images

    """
    sides = None if size is None else height_and_width(size)
    if str(source) in BUILT_IN:
        _refuse_size(size, str(source))
        _refuse_key(key, str(source))
        _refuse_header(header, str(source))
        return BUILT_IN[str(source)]()
    if source == STDIN or isinstance(source, Text):
        _refuse_size(size, place(STDIN))
        _refuse_key(key, place(STDIN))
        text = source if isinstance(source, Text) else Text(place(STDIN), read_stdin())
        X, found = read_csv(text, header, names)
        return _dataset("stdin", text.name, X, found, guessed=header is None)
    path = Path(source)
    if path.is_dir():
        _refuse_key(key, str(path))
        _refuse_header(header, str(path))
        return _images(path, sides, colour, inf if memory is None else memory)
    _refuse_size(size, str(path))
    _require_file(path)
    is_csv = path.suffix.lower() in (".csv", ".tsv")
    if not is_csv:
        _refuse_header(header, str(path))
    found = None
    try:
        if is_idx(path) or path.suffix.lower() == ".npy":
            _refuse_key(key, str(path))
            found_bytes = None if memory is None else rows_of_bytes(path, memory)
            if found_bytes is not None:
                return _stored(found_bytes)
        if is_idx(path):
            return _dataset(name_of(path), str(path), _of_images(path, read_idx(path)), None)
        if path.suffix.lower() == ".npz":
            X = read_npz(path, key)
        elif path.suffix.lower() == ".npy":
            X = read_npy(path)
        else:
            _refuse_key(key, str(path))
            X, found = read_csv(path, header, names)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    return _dataset(path.stem, str(path), X, found, guessed=is_csv and header is None)


def place(source: str | Path) -> str:
    """What messages call a source.

    >>> place("rows.csv"), place("-")
    ('rows.csv', 'standard input')
    """
    return "standard input" if source == STDIN else str(source)


def _dataset(
    name: str,
    where: str,
    X: np.ndarray,
    names: tuple[str, ...] | None,
    *,
    guessed: bool = False,
) -> Dataset:
    """Numbers that were read, once they are rows and finite.

    `guessed` says that it was for us to tell whether the first line names the columns.
    """
    try:
        X = read_rows(X).values
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    _require_finite(where, X)
    doubts = header_of_numbers(X) if guessed and names is None else ()
    return Dataset(name, X, names, cautions=tuple(f"caution: {where}: {each}" for each in doubts))


def _images(
    path: Path, size: tuple[int, int] | None, colour: bool | None, memory: float
) -> Dataset:
    return _stored(images(path, size, colour, memory))


def _stored(found: StoredImages) -> Dataset:
    return Dataset(
        found.name,
        found if found.kept is None else found.kept,
        labels=found.labels,
        cautions=found.cautions,
        notes=found.notes,
        files=found.files,
        stored=found,
    )


def _of_images(path: Path, X: np.ndarray) -> np.ndarray:
    """The array of an idx file, unless it holds the labels of such images."""
    if X.ndim == 1:
        raise DataError(
            f"{path}: holds one number for each row, as labels do; give the file of the images"
        )
    return X


def read_stdin() -> bytes:
    """All that comes on standard input; `DataError` where nothing does."""
    try:
        # None where whoever started the program closed it.
        data = sys.stdin.buffer.read() if sys.stdin is not None else b""
    except OSError as error:
        raise DataError(f"standard input: cannot be read ({error.strerror or error})") from None
    if not data.strip():
        raise DataError("standard input: nothing came; pipe rows to it as CSV")
    return data


def _digits() -> Dataset:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Dataset("digits", bunch.data, labels=bunch.target)


BUILT_IN: dict[str, Callable[[], Dataset]] = {"digits": _digits}
"""Sets that come with jensen's dependencies: 1,797 digits of 8 x 8 pixels, 0..16."""


def _require_file(path: Path) -> None:
    legal = (
        f"built-in are {', '.join(BUILT_IN)}, files end in {', '.join((*SUFFIXES, *_IDX))}; a"
        " folder holds images"
    )
    if path.suffix.lower() not in SUFFIXES and not is_idx(path):
        what = "unknown kind of file" if path.exists() else "neither a file nor a built-in set"
        raise OptionError(f"{str(path)!r}: {what}; {legal}")
    if not path.exists():
        raise DataError(f"{path}: no such file; {legal}")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")


def _refuse_key(key: str | None, source: str) -> None:
    if key is not None:
        raise OptionError(
            f"key={key!r}: only .npz files have keys, {source} has none; leave it out"
        )


def _refuse_size(size: str | Sequence[int] | None, source: str) -> None:
    if size is not None:
        raise OptionError(
            f"size={size!r}: only folders of images are resized, and {source} is none; leave it out"
        )


def _refuse_header(header: bool | None, source: str) -> None:
    if header is not None:
        raise OptionError(
            f"header={header!r}: only .csv and .tsv files have a first line, {source} has none;"
            " leave it out"
        )


def _require_finite(where: str, X: np.ndarray) -> None:
    if X.dtype.kind != "f" or np.isfinite(X).all():
        return
    flat = X.reshape(len(X), -1)
    row, column = (int(i) for i in np.argwhere(~np.isfinite(flat))[0])
    what = "NaN" if np.isnan(flat[row, column]) else "infinity"
    place = position(row, column, shape=X.shape[1:])
    raise DataError(
        f"{where}: Input X contains {what}, first at {place}; fill the cell or drop the row"
    )
