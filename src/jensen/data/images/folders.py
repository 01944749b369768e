"""A folder of pictures as one array: their sizes, labels, and the files that cannot be read."""

import os
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from math import inf, prod
from operator import index
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jensen._words import counted
from jensen.data.images.decoding import SUFFIXES, TREATMENTS, Decoded, UnreadableError, decode
from jensen.data.images.threads import in_threads
from jensen.errors import DataError, OptionError

__all__ = ["Images", "Looked", "height_and_width", "look_through", "read_folder"]

# Bad files, and sizes, that are named one by one.
_NAMED = 3


class Images(NamedTuple):
    """The pictures of a folder.

    Attributes:
        X: uint8, shape (n, h, w) where all are grey, else (n, h, w, 3).
        labels: the sub-folder that each lies in, or `None` where all lie in one.
        files: the path of each below the folder.
        notes: lines on what was read, and how.
        cautions: lines on what was not, or was changed.
    """

    X: Any
    labels: np.ndarray | None
    files: tuple[str, ...]
    notes: tuple[str, ...]
    cautions: tuple[str, ...]


class Looked(NamedTuple):
    """What was found out by reading all pictures of a folder once.

    Attributes:
        images: as `read_folder` has them; `X` is `None` where they take more memory than was
            given for them.
        paths: the file of each.
        shape: of one picture, (h, w) or (h, w, 3).
    """

    images: Images
    paths: tuple[Path, ...]
    shape: tuple[int, ...]


class _Found(NamedTuple):
    """Files of a folder: pictures by name, how many others, and what cannot be entered."""

    paths: list[Path]
    others: int
    bad: list[tuple[str, str]]


class _Gathered(NamedTuple):
    """Pictures that were read: which of the files, their pixels, their sizes in the files.

    Where the pixels are not `kept`, none of them are, and their arrays tell grey from colour.
    """

    chosen: list[int]
    pixels: list[np.ndarray]
    stored: list[tuple[int, int]]
    treated: Counter[str]
    bad: list[tuple[str, str]]
    kept: bool


def height_and_width(size: str | Sequence[int]) -> tuple[int, int]:
    """A size as it may be given, as whole numbers: the height first, as arrays have it.

    Raises `OptionError` for anything else.

    >>> height_and_width("28x20"), height_and_width((28, 20))
    ((28, 20), (28, 20))
    """
    wrong = OptionError(f"size={size!r}: give height and width, as in 28x28")
    if isinstance(size, str):
        found = re.fullmatch(r"\s*(\d{1,6})\s*[x×]\s*(\d{1,6})\s*", size, re.IGNORECASE)
        if found is None:
            raise wrong
        size = [int(found[1]), int(found[2])]
    try:
        height, width = (index(n) for n in size)
    except (TypeError, ValueError):
        raise wrong from None
    if height < 1 or width < 1:
        raise wrong
    return height, width


def read_folder(
    path: Path, size: tuple[int, int] | None = None, colour: bool | None = None
) -> Images:
    """Read all pictures below a folder, in the order of their paths, several at a time.

    A file that cannot be read is left out and told of; files of other types, and files and
    folders whose names begin with a dot, are none of the data, and counted. `decode` says what
    is done to files that are not plain grey or RGB.

    Args:
        path: the folder.
        size: height and width to resize to; without it all must have one size.
        colour: whether grey pictures are to be colour too, and pictures in colour are wanted at
            all; `None` goes by what the pictures show.

    Raises:
        DataError: no picture, none that can be read, several sizes without `size`, or pictures in
            colour where `colour` is false. It names the folder, and files.

    """
    return look_through(path, size, colour, inf).images


def look_through(
    path: Path, size: tuple[int, int] | None, colour: bool | None, most: float
) -> Looked:
    """Read all pictures of a folder once, and keep them where they take no more than `most` bytes.

    Whether a picture is grey, of what size it is, and whether it can be read at all is known once
    it is decoded, and not before. Arguments and errors otherwise as of `read_folder`.
    """
    found = _find(path)
    if not found.paths and not found.bad:
        raise DataError(
            f"{path}: a folder without images ({', '.join(SUFFIXES)}); give one that holds some, or"
            " a file"
        )
    names = [each.relative_to(path).as_posix() for each in found.paths]
    gathered = _gather(found, names, size, most)
    bad = [*found.bad, *gathered.bad]
    if not gathered.chosen:
        raise DataError(f"{path}: no image in it can be read: {_listed(bad)}")
    files = tuple(names[each] for each in gathered.chosen)
    if size is None:
        _require_one_size(path, files, gathered.stored)
    in_colour = [each.ndim == 3 for each in gathered.pixels]
    if colour is False and any(in_colour):
        raise DataError(
            f"{path}: {counted(sum(in_colour), 'image')} in colour, {files[in_colour.index(True)]}"
            " for one, and the model is of grey ones; convert them"
        )
    labels = _labels(files)
    channels = (3,) if any(in_colour) or colour else ()
    shape = (*(size or gathered.stored[0]), *channels)
    kept = gathered.kept and len(files) * prod(shape) <= most
    X = _stacked(path, gathered.pixels, shape) if kept else None
    notes = [_what(len(files), shape, gathered.stored), *_label_notes(labels)]
    notes += [f"{counted(n, 'image')} {TREATMENTS[each]}" for each, n in gathered.treated.items()]
    if 0 < sum(in_colour) < len(files):
        grey = len(files) - sum(in_colour)
        notes.append(f"{counted(grey, 'image')} in grey among those in colour, read as colour")
    if found.others:
        notes.append(f"{counted(found.others, 'file')} of other types ignored")
    stretched = sum(h * shape[1] != w * shape[0] for h, w in gathered.stored)
    cautions = []
    if stretched:
        cautions.append(
            f"caution: {path}: {counted(stretched, 'image')} of other proportions stretched to"
            f" {_size(shape[:2])}; crop them first to keep the proportions"
        )
    if bad:
        cautions.append(f"caution: {path}: {counted(len(bad), 'file')} left out: {_listed(bad)}")
    images = Images(X, labels, files, tuple(notes), tuple(cautions))
    return Looked(images, tuple(found.paths[each] for each in gathered.chosen), shape)


def _find(path: Path) -> _Found:
    """Links to files are followed, links to folders are not, as they may lead in circles."""
    paths: list[Path] = []
    bad: list[tuple[str, str]] = []
    others = 0

    def note(error: OSError) -> None:
        place = Path(error.filename)
        if place == path:
            raise error
        bad.append((place.relative_to(path).as_posix(), f"cannot be read ({error.strerror})"))

    for folder, folders, files in os.walk(path, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            each = Path(folder, name)
            if each.is_symlink():
                place = each.relative_to(path).as_posix()
                bad.append((place, "is a link to a folder, which is not followed"))
        for name in files:
            each = Path(folder, name)
            if name.startswith(".") or each.suffix.lower() not in SUFFIXES:
                others += 1
            elif _is_file(each):
                paths.append(each)
            else:
                # a link to nothing; or a pipe, which would be waited for
                bad.append((each.relative_to(path).as_posix(), "is no file that can be opened"))
    return _Found(sorted(paths, key=lambda each: each.parts), others, bad)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _gather(
    found: _Found, names: list[str], size: tuple[int, int] | None, most: float
) -> _Gathered:
    result = _Gathered([], [], [], Counter(), [], kept=True)
    # Once two sizes are seen there will be an error, and what takes more memory than is given is
    # read again: pictures are kept no longer.
    gone: list[bool] = []
    taken = 0

    def read(path: Path) -> Decoded | UnreadableError:
        try:
            picture = decode(path, size)
        except UnreadableError as error:
            return error
        return picture._replace(pixels=picture.pixels[:0].copy()) if gone else picture

    with warnings.catch_warnings():
        # Of files that are odd but readable; what is done about them is counted.
        warnings.simplefilter("ignore")
        for number, picture in enumerate(in_threads(read, found.paths)):
            if isinstance(picture, UnreadableError):
                result.bad.append((names[number], str(picture)))
                continue
            result.chosen.append(number)
            result.pixels.append(picture.pixels)
            result.stored.append(picture.stored)
            result.treated.update(picture.treatments)
            taken += picture.pixels.nbytes
            if not gone and (taken > most or (size is None and picture.stored != result.stored[0])):
                gone.append(True)
                result.pixels[:] = [each[:0].copy() for each in result.pixels]
    return result._replace(kept=not gone)


def _require_one_size(path: Path, files: Sequence[str], stored: list[tuple[int, int]]) -> None:
    sizes = Counter(stored).most_common()
    if len(sizes) == 1:
        return
    usual, other = sizes[0][0], sizes[1][0]
    named = " and ".join(f"{files[stored.index(size)]} is {_size(size)}" for size in (usual, other))
    told = ", ".join(f"{n:,} of {_size(size)}" for size, n in sizes[:_NAMED])
    if len(sizes) > _NAMED:
        rest = sum(n for _, n in sizes[_NAMED:])
        told += f" and {rest:,} of {counted(len(sizes) - _NAMED, 'other size')}"
    raise DataError(
        f"{path}: images of several sizes, height × width: {named}; in all {told}; make them one"
        f" size with --size {usual[0]}x{usual[1]}"
    )


def _stacked(path: Path, pixels: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """All pictures as one array; the list is emptied on the way, to hold them but once."""
    whole = (len(pixels), *shape)
    try:
        X = np.empty(whole, np.uint8)
    except MemoryError:
        raise DataError(
            f"{path}: {_size(whole)} numbers are more than there is memory for; make the images"
            " smaller with --size, or have them read anew in each epoch with --memory"
        ) from None
    for number, image in enumerate(pixels):
        X[number] = in_shape(image, shape)
        pixels[number] = image[:0, :0].copy()
    return X


def in_shape(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A picture as one of this shape: grey among those in colour has three equal channels."""
    return image[..., None] if len(shape) > image.ndim else image


def _labels(files: Sequence[str]) -> np.ndarray | None:
    folders = [name.rpartition("/")[0] or "." for name in files]
    return np.array(folders) if len({*folders}) > 1 else None


def _what(count: int, shape: tuple[int, ...], stored: list[tuple[int, int]]) -> str:
    told = f"images: {count:,} of {_size(shape[:2])}, {'colour' if shape[2:] else 'grey'}"
    others = Counter(size for size in stored if size != shape[:2]).most_common()
    if not others:
        return told
    sizes = ", ".join(_size(size) for size, _ in others[:_NAMED])
    more = f" and {counted(len(others) - _NAMED, 'other size')}" if len(others) > _NAMED else ""
    resized = sum(n for _, n in others)
    return f"{told}; {resized:,} of them resized, from {sizes}{more} (bilinear)"


def _label_notes(labels: np.ndarray | None) -> list[str]:
    if labels is None:
        return []
    return [
        f"labels: {len({*labels.tolist()})}, the names of sub-folders; they colour pictures, and no"
        " model sees them"
    ]


def _listed(bad: list[tuple[str, str]]) -> str:
    told = "; ".join(f"{name} {why}" for name, why in bad[:_NAMED])
    return told + (f"; and {len(bad) - _NAMED:,} more" if len(bad) > _NAMED else "")


def _size(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
