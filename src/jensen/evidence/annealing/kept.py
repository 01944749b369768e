"""What a long estimate has done so far, kept in a folder for the call that goes on with it."""

import re
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jensen._files import dump_arrays, parse_arrays, read_bytes, write_atomic
from jensen._sampling import SCHEME
from jensen.errors import OptionError

__all__ = ["Keeper"]


class Keeper:
    """Does a piece of work, or gives back what was kept of it.

    A piece follows from the call's arguments and its own name alone, so that a call without a
    limit of time that goes on ends with the numbers of one that was not stopped.

    Attributes:
        seconds_per_temperature: of one batch of rows, as measured so far; the first piece,
            which holds the compilation, is left out where there are others.
    """

    def __init__(self, folder: Path | None, *call: Any):
        """`call` is what the work follows from, pytrees and plain values.

        Raises `OptionError` where the folder keeps another call's work, or other files.
        """
        self._folder = None if folder is None else Path(folder)
        self._paces: list[float] = []
        if self._folder is None:
            return
        note, digest = self._folder / "call.txt", _digest((SCHEME, call))
        if not note.exists() and self._folder.is_dir() and any(self._folder.iterdir()):
            raise OptionError(
                f"folder={self._folder}: holds other files; give a new folder, or an empty one."
            )
        if note.exists() and read_bytes(note).decode() != digest:
            raise OptionError(
                f"folder={self._folder}: keeps the work of another call (other rows, model, seed"
                " or options); give another folder."
            )
        write_atomic(note, digest)

    @property
    def seconds_per_temperature(self) -> float:
        """Of one batch of rows, as measured so far; zero where nothing was."""
        return float(np.median(self._paces[1:] or self._paces or [0.0]))

    def __call__(
        self, name: str, temperatures: int, compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """What `compute` gives, by this `name`; it goes through so many `temperatures`."""
        path = None if self._folder is None else self._folder / f"{name}.safetensors"
        if path is not None and path.exists():
            arrays, note = parse_arrays(read_bytes(path), str(path))
            self._paces.append(note["seconds_per_temperature"])
            return arrays
        began = time.monotonic()
        result = compute()
        self._paces.append((time.monotonic() - began) / temperatures)
        if path is not None:
            note = {"seconds_per_temperature": self._paces[-1]}
            write_atomic(path, dump_arrays(result, note))
        return result


def _digest(call: Any) -> str:
    """By which a call is known again: how it is made up, its arrays and its plain values."""
    # Where a function stands in memory is not part of what it is.
    structure = re.sub(r" at 0x[0-9a-f]+", "", str(jax.tree.structure(call)))
    digest = sha256(structure.encode())
    for leaf in jax.tree.leaves(call):
        if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        plain = isinstance(leaf, (str, int, float))
        array = np.frombuffer(repr(leaf).encode(), np.uint8) if plain else np.asarray(leaf)
        digest.update(f"|{array.dtype}{array.shape}|".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
