"""Files that are whole or absent: written beside, flushed, renamed."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from jensen._runtime import on_device
from jensen.errors import FileError

__all__ = [
    "dump_arrays",
    "parse_arrays",
    "read_bytes",
    "sweep",
    "tree_arrays",
    "tree_with",
    "write_atomic",
    "write_together",
]


# Ends the name of what is written, until it is renamed.
_PART = ".jensen-part"


def write_atomic(path: Path, data: bytes | str) -> None:
    """Replace `path` with `data` in one step: whoever reads it sees the old file or the new.

    Raises `FileError` where the folder cannot be written to.
    """
    raw = data.encode() if isinstance(data, str) else data
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _beside(path) as handle:
            handle.write(raw)
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror or error}).") from error


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Any]:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_PART)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            yield handle
        # A temporary file is private; what replaces it is as open as any new file.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_together(folder: Path, contents: dict[str, bytes]) -> None:
    """Write several files, in order: all beside their places first, and then all renamed."""
    waiting = {name: folder / f".{name}{_PART}" for name in contents}
    for name, data in contents.items():
        write_atomic(waiting[name], data)
    for name in contents:
        waiting[name].replace(folder / name)


def sweep(folder: Path) -> None:
    """Remove what was being written beside its place when a process was killed."""
    for path in folder.glob(f".*{_PART}"):
        path.unlink(missing_ok=True)


def dump_arrays(arrays: dict[str, np.ndarray], note: dict[str, Any] | None = None) -> bytes:
    """Named arrays, and a note of plain values, as the bytes of a safetensors file."""
    # Of an array that is not laid out in order, safetensors would write the memory as it lies.
    ordered = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return save(ordered, metadata={"note": json.dumps(note or {})})


def parse_arrays(data: bytes, where: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What `dump_arrays` made into bytes; `FileError`, naming `where`, if it is damaged."""
    try:
        arrays = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return arrays, json.loads(header.get("__metadata__", {}).get("note", "{}"))
    except (SafetensorError, ValueError, KeyError) as error:
        raise FileError(
            f"{where}: truncated or damaged ({error}). Restore it from a copy."
        ) from error


def read_bytes(path: Path) -> bytes:
    """The content of a file; `FileError` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error}).") from error


def _named_leaves(tree: Any) -> list[tuple[str, Any]]:
    leaves = jax.tree_util.tree_leaves_with_path(eqx.filter(tree, eqx.is_array))
    return [(jax.tree_util.keystr(path).lstrip("."), leaf) for path, leaf in leaves]


def tree_arrays(tree: Any) -> dict[str, np.ndarray]:
    """The arrays of a pytree, named by where they stand in it."""
    return {name: np.asarray(leaf) for name, leaf in _named_leaves(tree)}


def tree_with(tree: Any, arrays: dict[str, np.ndarray], where: str) -> Any:
    """`tree` with its arrays replaced by those named in `arrays`.

    Raises `FileError`, naming the file `where`, unless names, shapes and types are the same.
    """
    named = _named_leaves(tree)
    if {name for name, _ in named} != set(arrays):
        odd = sorted({name for name, _ in named} ^ set(arrays))
        raise FileError(f"{where}: holds other arrays than this model, first {odd[0]!r}.")
    for name, leaf in named:
        found = arrays[name]
        if found.shape != leaf.shape or found.dtype != leaf.dtype:
            raise FileError(
                f"{where}: {name} is {found.dtype}{list(found.shape)}, but this model has"
                f" {leaf.dtype}{list(leaf.shape)}."
            )
    filled = iter([on_device(arrays[name]) for name, _ in named])
    return jax.tree.map(lambda leaf: next(filled) if eqx.is_array(leaf) else leaf, tree)
