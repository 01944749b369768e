"""What reads images when they are asked for: files of a folder, or an array mapped from a file."""

import warnings
from abc import ABC, abstractmethod
from hashlib import sha256
from pathlib import Path

import numpy as np

from jensen.data.images.decoding import UnreadableError, decode
from jensen.data.images.folders import Looked, in_shape
from jensen.data.images.threads import in_threads
from jensen.errors import DataError

__all__ = ["FolderReader", "MappedReader", "Reader"]

# Rows of a mapped array that its digest is made of: to read all would take as long as an epoch.
_ROWS_OF_A_DIGEST = 256


class Reader(ABC):
    """Images by their numbers.

    Attributes:
        count: how many there are.
        shape: of each.
        identity: a digest by which the same images are known again.
    """

    count: int
    shape: tuple[int, ...]
    identity: str

    @abstractmethod
    def read(self, which: np.ndarray) -> np.ndarray:
        """Those of these numbers, in that order: uint8, shape (len(which), *shape).

        Raises `DataError`, naming the file, where one cannot be read, or is another by now.
        """

    @abstractmethod
    def name_of(self, number: int) -> str:
        """What messages call one of them."""


class FolderReader(Reader):
    """Files of a folder that was looked through, decoded anew whenever they are asked for.

    They are known again by their names, sizes and times of modification.
    """

    def __init__(self, folder: Path, looked: Looked, size: tuple[int, int] | None):
        self.count, self.shape = len(looked.paths), looked.shape
        self._folder, self._paths, self._names = folder, looked.paths, looked.images.files
        self._size = size
        digest = sha256(repr(self.shape).encode())
        for name, path in zip(self._names, self._paths, strict=True):
            known = path.stat()
            digest.update(f"{name}\0{known.st_size}\0{known.st_mtime_ns}\n".encode())
        self.identity = digest.hexdigest()
        # Of files that are odd but readable, which was told when they were looked through. They are
        # read in other threads, where no filter can be set for a while.
        warnings.filterwarnings("ignore", module=r"PIL(\.|$)")

    def read(self, which: np.ndarray) -> np.ndarray:
        result = np.empty((len(which), *self.shape), np.uint8)
        for place, image in enumerate(in_threads(self._image, which)):
            result[place] = image
        return result

    def name_of(self, number: int) -> str:
        return f"{self._folder}: {self._names[number]}"

    def _image(self, number: int) -> np.ndarray:
        advice = "it was another when the folder was looked through; put it back, or begin anew"
        try:
            picture = decode(self._paths[number], self._size)
        except UnreadableError as error:
            raise DataError(f"{self.name_of(number)} {error}; {advice}") from None
        image = in_shape(picture.pixels, self.shape)
        if image.shape[:2] != self.shape[:2] or image.ndim != len(self.shape):
            what = " × ".join(map(str, picture.pixels.shape))
            raise DataError(f"{self.name_of(number)} is of {what}; {advice}")
        return image


class MappedReader(Reader):
    """Rows of an array of bytes in a file, .npy or idx, read as they are.

    They are known again by the array's shape and a digest of 256 rows, evenly spread.
    """

    def __init__(self, path: Path, array: np.ndarray):
        self._path, self._array = path, array
        self.count, self.shape = len(array), array.shape[1:]
        known = min(self.count, _ROWS_OF_A_DIGEST)
        spread = np.linspace(0, self.count - 1, known).round().astype(int)
        digest = sha256(repr(array.shape).encode() + array[spread].tobytes())
        self.identity = digest.hexdigest()

    def read(self, which: np.ndarray) -> np.ndarray:
        # In the order of the file, which disks and their caches are made for.
        order = np.argsort(which, kind="stable")
        result = np.empty((len(which), *self.shape), np.uint8)
        result[order] = self._array[which[order]]
        return result

    def name_of(self, number: int) -> str:
        return f"{self._path}: row {number} (counting from 0)"
