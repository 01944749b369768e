"""The idx format, in which MNIST and its kin are published: plain, or compressed by gzip.

Two zero bytes, one that names the type, the number of axes; each axis as four bytes; then the
numbers. All is big-endian. (LeCun, Cortes & Burges, "The MNIST database", 1998.)
"""

import gzip
import re
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from jensen.errors import DataError

__all__ = ["is_idx", "is_packed", "map_idx", "name_of", "read_idx"]

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_NAME = re.compile(r"(-ubyte|\.idx\d?)(\.gz)?$", re.IGNORECASE)
_GZIP = b"\x1f\x8b"
# Deflate makes no more than this of a byte.
_MOST_OF_A_BYTE = 1100


def is_idx(path: str | Path) -> bool:
    """Whether a file's name is one of the format's.

    >>> is_idx("train-images-idx3-ubyte.gz"), is_idx("t10k-images.idx3-ubyte"), is_idx("x.npy")
    (True, True, False)
    """
    return _NAME.search(Path(path).name) is not None


def name_of(path: Path) -> str:
    """The name of what is in the file, without those of its format.

    >>> name_of(Path("data/train-images-idx3-ubyte.gz")), name_of(Path("rows.idx"))
    ('train-images', 'rows')
    """
    name = re.sub(r"\.gz$", "", path.name, flags=re.IGNORECASE)
    return re.sub(r"([-.]idx\d?)?-ubyte$|\.idx\d?$", "", name, flags=re.IGNORECASE) or name


def read_idx(path: Path) -> np.ndarray:
    """The array of a file, in its own type and shape.

    Whether it is compressed is told by its first bytes, since browsers unpack a .gz and keep the
    name.

    Raises:
        DataError: another format, less or more than the header says, or a damaged .gz.
        OSError: a file that cannot be opened.

    """
    size = path.stat().st_size
    packed = is_packed(path)
    with path.open("rb") as file:
        try:
            if not packed:
                return _array(path, file, size)
            with gzip.open(file) as unpacked:
                return _array(path, unpacked, size * _MOST_OF_A_BYTE)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise DataError(
                f"{path}: the compressed file is truncated or damaged; download it again"
            ) from None
        except (MemoryError, OverflowError):
            raise DataError(f"{path}: holds more numbers than there is memory for") from None


def is_packed(path: Path) -> bool:
    """Whether the file is compressed, whatever its name says."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def map_idx(path: Path) -> np.ndarray:
    """The array of a file that is not compressed, whose rows are read when they are asked for.

    In the file's own order of bytes; errors as of `read_idx`.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        dtype, shape = _header(path, file)
        offset = file.tell()
    _require_length(path, dtype, shape, size - offset)
    return np.asarray(np.memmap(path, dtype, "r", offset, shape))


def _header(path: Path, file: BinaryIO | gzip.GzipFile) -> tuple[np.dtype, tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not magic[3]:
        raise DataError(
            f"{path}: is not in idx format: it begins with {magic.hex(' ') or 'nothing'}, where two"
            f" zero bytes, a type ({', '.join(f'{code:02x}' for code in TYPES)}) and the number of"
            " axes are due; download it again, or give it the suffix of what it is"
        )
    dtype, axes = np.dtype(TYPES[magic[2]]), magic[3]
    sizes = file.read(4 * axes)
    shape = tuple(int(n) for n in np.frombuffer(sizes[: len(sizes) // 4 * 4], ">u4"))
    if len(shape) < axes:
        raise DataError(f"{path}: ends within its header; it is truncated; download it again")
    return dtype, shape


def _array(path: Path, file: BinaryIO | gzip.GzipFile, most: int) -> np.ndarray:
    dtype, shape = _header(path, file)
    due = prod(shape) * dtype.itemsize
    # Looked at first, as a damaged header may ask for more than any memory holds.
    data = file.read(due + 1) if due <= most else b""
    _require_length(path, dtype, shape, len(data))
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _require_length(path: Path, dtype: np.dtype, shape: tuple[int, ...], found: int) -> None:
    """Raise `DataError` where behind the header there are more bytes, or fewer, than it says."""
    due = prod(shape) * dtype.itemsize
    if found != due:
        told = f"{' x '.join(map(str, shape))} numbers of {dtype.name}"
        fault = "goes on behind them" if found > due else "ends before them; it is truncated"
        raise DataError(f"{path}: its header says {told}, and it {fault}; download it again")
