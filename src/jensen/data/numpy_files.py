"""NumPy's files: .npy, read or mapped, and .npz."""

import zlib
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile

import numpy as np

from jensen.errors import DataError

__all__ = ["keys_of", "read_npy", "read_npz"]

# What NumPy and zipfile let through of damaged files, one kind for each thing damaged.
_UNREADABLE = (
    ValueError, EOFError, BadZipFile, AttributeError, TypeError, zlib.error, TokenError,
    RuntimeError, MemoryError, OverflowError,
)  # fmt: skip


def read_npy(path: Path, *, mapped: bool = False) -> np.ndarray:
    """The array of a .npy file; `mapped`, its rows are read when they are asked for.

    Raises `DataError` where it is damaged, or holds objects, and `OSError` where it cannot be
    opened.
    """
    try:
        if mapped:
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except _UNREADABLE as error:
        raise DataError(f"{path}: {_why_unreadable(error)}") from None


def keys_of(path: Path) -> tuple[str, ...]:
    """The names of the arrays of a .npz file; `DataError` where it is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return tuple(archive.files)
    except _UNREADABLE as error:
        raise DataError(f"{path}: {_why_unreadable(error)}") from None


def read_npz(path: Path, key: str | None) -> np.ndarray:
    """One array of a .npz file, that of name `key` where it holds several; errors as above."""
    try:
        # opened here, as numpy leaves the file open where the archive is damaged
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            keys = archive.files
            if key is None and len(keys) == 1:
                key = keys[0]
            if key not in keys:
                asked = f"no array {key!r}" if key is not None else f"{len(keys)} arrays"
                raise DataError(
                    f"{path}: {asked}; choose one with --key: {', '.join(keys) or '(none)'}"
                )
            return archive[key]
    except DataError:
        raise
    except _UNREADABLE as error:
        raise DataError(f"{path}: {_why_unreadable(error)}") from None


def _why_unreadable(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "says that it holds more numbers than there is memory for; save it again"
    if "encrypted" in str(error):
        return "is encrypted; save it without a password"
    # Of a file that is mapped NumPy says it in other words.
    if "Object arrays" in str(error) or "Python objects" in str(error):
        return "holds Python objects as a pickle, which could run code; save an array of numbers"
    return "not a NumPy file, or damaged; save it again with numpy.save or numpy.savez"
