"""Images that need not fit into memory: kept there where they do, else read when asked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any, Self

import numpy as np

from jensen._words import counted
from jensen.data.images.folders import height_and_width, look_through
from jensen.data.images.idx import is_idx, is_packed, map_idx, name_of, read_idx
from jensen.data.images.readers import FolderReader, MappedReader, Reader
from jensen.data.numpy_files import read_npy
from jensen.errors import DataError, OptionError

__all__ = ["MEMORY", "StoredImages", "images", "require_memory", "rows_of_bytes"]

MEMORY = 1.0
"""Gigabytes that images may take as bytes to be kept in memory.

In single precision, as which they are checked, they take four times that, and machines that fit
models have 8 or more.
"""

# Images that stand for all where some are enough: a mean over so many is known to 1.4 % of a
# standard deviation, and those of 28 x 28 are read in a second.
_SOME = 5_000
# They are held as single-precision numbers, too, which is four times that.
_SOME_BYTES = 256 * 10**6
# Of all, to go through them once.
_PIECE_BYTES = 32 * 10**6
_SEED = 0
_GIGA = 10**9


@dataclass(frozen=True, eq=False)
class StoredImages:
    """Images of a folder or of a file, of which those that are asked for are read.

    `len(X)` tells how many there are. `X[3:8]`, and `X[numbers]` or `X[mask]`, are an array of
    these, shape (n, *shape), read anew at each call unless all are kept in memory.

    `VAE.fit` takes it. Where the images are not kept, each epoch of training reads all of them
    once, in an order drawn by seed and epoch: a permutation of all, 8 bytes an image. In blocks
    they are decoded by up to eight threads, and put on the device, while the block before is
    trained on; files are opened one by one, and mapped arrays read row by row, so a disk that is
    slow at jumping about slows them down. `jensen.VAE` looks at `some()` for what needs some rows
    only.

    Attributes:
        name: of the folder or file.
        reader: what reads them.
        kept: all of them where they are in memory, else `None`.
        labels: the sub-folder that each lies in, or `None`.
        files: the path of each below its folder, or `None`.
        notes: lines on what was read, and how.
        cautions: lines on what was left out, or changed.
        chosen: which of the reader's images these are; `None` is all.
        changed: what is done to images whenever they are read, and a name for it.

    Example:
        >>> import tempfile
        >>> X = np.arange(40 * 64, dtype=np.uint8).reshape(40, 8, 8)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/pixels.npy", X)
        ...     stored = images(f"{folder}/pixels.npy", memory=0)
        ...     (stored[[5, 3]] == X[[5, 3]]).all(), stored.shape, stored.kept is None
        (np.True_, (8, 8), True)
    """

    name: str
    reader: Reader
    kept: np.ndarray | None = None
    labels: np.ndarray | None = None
    files: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    chosen: np.ndarray | None = None
    changed: tuple[Callable[[np.ndarray], np.ndarray], str] | None = None

    def __len__(self) -> int:
        return self.reader.count if self.chosen is None else len(self.chosen)

    def __getitem__(self, which: Any) -> np.ndarray:
        numbers = self._numbers(which)
        found = self.reader.read(numbers) if self.kept is None else self.kept[numbers]
        if self.changed is None or not len(found):
            return found
        try:
            return self.changed[0](found)
        except DataError:
            self._blame(numbers, found)
            raise

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of them, where they are in memory.

        Raises `DataError` where they are not.
        """
        if self.kept is None:
            raise DataError(
                f"{self.name}: {len(self):,} images that are not in memory, and this takes rows"
                " that are; give some of them (X[:1000], or --rows :1000), or open them with more"
                " memory"
            )
        return np.array(self[:], dtype=dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image as it was stored: (h, w), (h, w, 3), or (numbers,) of flat rows."""
        return self.reader.shape

    @property
    def nbytes(self) -> int:
        """Bytes of all of them."""
        return len(self) * prod(self.shape)

    @property
    def identity(self) -> str:
        """A digest by which a run that is resumed knows them again.

        Of a folder it is made of the names, sizes and times of modification of the files, of a
        mapped array of its shape and 256 rows; and of which of them these are, and what is done
        to them.
        """
        chosen = b"" if self.chosen is None else self.chosen.astype("<i8").tobytes()
        changed = "" if self.changed is None else self.changed[1]
        return sha256(f"{self.reader.identity} {changed}".encode() + chosen).hexdigest()

    def part(self, which: Any) -> Self:
        """Those of these numbers, which are not read until they are asked for."""
        chosen = self._numbers(which)
        labels = None if self.labels is None else self.labels[which]
        files = None if self.files is None else tuple(np.array(self.files, object)[which])
        return replace(self, chosen=chosen, labels=labels, files=files)

    def through(self, change: Callable[[np.ndarray], np.ndarray], name: str) -> Self:
        """The same images, to which something more is done whenever they are read.

        `name` is what `identity` tells it by. A `DataError` of `change` is told with the image's
        name in place of its row.
        """
        if self.changed is None:
            return replace(self, changed=(change, name))
        first, known = self.changed
        return replace(self, changed=(lambda found: change(first(found)), f"{known}, {name}"))

    @property
    def few(self) -> int:
        """How many may be held in memory, by their number and their size: 5,000, or 256 MB."""
        return int(min(_SOME, max(2, _SOME_BYTES // prod(self.shape))))

    def some(self, among: np.ndarray | None = None) -> np.ndarray:
        """The numbers of `few` of them, drawn once and for all, ascending; all if they are no more.

        `among` are the numbers to draw from, if not all.
        """
        numbers = np.arange(len(self)) if among is None else among
        if len(numbers) <= self.few:
            return numbers
        drawn = np.random.default_rng(_SEED).choice(len(numbers), self.few, replace=False)
        return numbers[np.sort(drawn)]

    def pieces(self) -> Iterator[np.ndarray]:
        """All of them in their order, 32 MB at a time."""
        each = max(1, _PIECE_BYTES // prod(self.shape))
        for first in range(0, len(self), each):
            yield self[first : first + each]

    def describe(self) -> str:
        """A line on how many they are, how large, and whether they are kept in memory."""
        noun, size = "image" if self.shape[1:] else "row", " × ".join(map(str, self.shape[:2]))
        told = f"{counted(len(self), noun)} of {size}, {_amount(self.nbytes)}"
        return f"{told}: {'read anew in each epoch' if self.kept is None else 'kept in memory'}"

    def _numbers(self, which: Any) -> np.ndarray:
        """What was asked for in numbers of the reader's images."""
        if isinstance(which, (int, np.integer)):
            raise DataError(f"{self.name}: X[{which}] is one image; ask for rows: X[[{which}]]")
        if np.size(which) == 0:
            return np.zeros(0, int)
        if self.chosen is not None:
            return self.chosen[which]
        if isinstance(which, slice):
            return np.arange(*which.indices(len(self)))
        numbers = np.asarray(which)
        return np.flatnonzero(numbers) if numbers.dtype == bool else numbers

    def _blame(self, numbers: np.ndarray, found: np.ndarray) -> None:
        """Tell which image a change refuses; its place among those read means nothing to anyone."""
        assert self.changed is not None
        for place, number in enumerate(numbers):
            try:
                self.changed[0](found[place : place + 1])
            except DataError as error:
                why = str(error).removeprefix("row 0 (counting from 0), ")
                raise DataError(f"{self.reader.name_of(int(number))}: {why}") from None


def images(
    path: str | Path,
    size: str | Sequence[int] | None = None,
    colour: bool | None = None,
    memory: float = MEMORY,
) -> StoredImages:
    """Images of a folder, or rows of bytes in a .npy or idx file, for `VAE.fit`.

    All files of a folder are read once to know their sizes, which are grey, and which cannot be
    read (`data.images.read_folder` has the rules). What takes no more than `memory` is kept, and
    is an array like any other; the rest is read whenever it is asked for.

    Args:
        path: a folder of images; or a .npy file, or one in MNIST's idx format, of uint8.
        size: height and width to which the images of a folder are resized: "28x28" or (28, 28).
        colour: whether images of a folder are to be in colour; `None` goes by what they show.
        memory: gigabytes (10⁹ bytes) that the images may take as bytes to be kept; 0 keeps none.

    Raises:
        DataError: nothing there, no images, or rows of anything but bytes; the file is named.
        OptionError: an impossible `size` or `memory`, or a `size` for what is no folder.
    """
    most = require_memory(memory) * _GIGA
    place = Path(path)
    if place.is_dir():
        return _of_folder(place, None if size is None else height_and_width(size), colour, most)
    if size is not None:
        raise OptionError(
            f"size={size!r}: only folders of images are resized, and {path} is none; leave it out"
        )
    if not (is_idx(place) or place.suffix.lower() == ".npy"):
        raise OptionError(
            f"{str(path)!r}: images are read of folders, and of .npy and idx files; read others"
            " with jensen.data.load"
        )
    if not place.exists():
        raise DataError(f"{path}: no such file or folder")
    found = rows_of_bytes(place, memory)
    if found is None:
        raise DataError(
            f"{path}: holds no rows of bytes, uint8, as images are read; read it with"
            " jensen.data.load"
        )
    return found


def rows_of_bytes(path: Path, memory: float) -> StoredImages | None:
    """Those of a .npy or idx file, as `images` has them; `None` where it holds something else."""
    most = require_memory(memory) * _GIGA
    try:
        packed = is_idx(path) and is_packed(path)
        if packed:
            array = read_idx(path)
        else:
            array = map_idx(path) if is_idx(path) else read_npy(path, mapped=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    if array.dtype != np.uint8 or array.ndim < 2 or not array.size:
        return None
    found = StoredImages(name_of(path) if is_idx(path) else path.stem, MappedReader(path, array))
    if found.nbytes <= most:
        return replace(found, kept=array if packed else np.array(array))
    if packed:
        raise DataError(
            f"{path}: {_amount(found.nbytes)} once unpacked, and {_amount(most)} may be kept in"
            " memory; unpack it (gunzip), so that it can be read row by row, or allow more memory"
        )
    return found


def require_memory(memory: Any) -> float:
    """Gigabytes as a number; `OptionError` for what is none of at least 0."""
    number = isinstance(memory, (int, float, np.number)) and not isinstance(memory, bool)
    if not (number and memory >= 0):
        raise OptionError(f"memory={memory!r}: must be a number of gigabytes of at least 0")
    return float(memory)


def _of_folder(
    path: Path, size: tuple[int, int] | None, colour: bool | None, most: float
) -> StoredImages:
    try:
        looked = look_through(path, size, colour, most)
        reader = FolderReader(path, looked, size)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    found = looked.images
    return StoredImages(
        path.resolve().name,
        reader,
        found.X,
        labels=found.labels,
        files=found.files,
        notes=found.notes,
        cautions=found.cautions,
    )


def _amount(size: float) -> str:
    """Bytes for a person.

    >>> _amount(47_040_000), _amount(12.34e9), _amount(2560)
    ('47 MB', '12.3 GB', '2.56 kB')
    """
    for unit, name in ((_GIGA, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:.0f} bytes"
