"""Saved models: a folder, or one `.jensen` zip of it, of JSON and safetensors; no pickle.

config.json            format and version, how to assemble the model, digests of the rest
schema.json            what was assumed of the data
weights.safetensors    the model's arrays, by where they stand in it
rows.safetensors       training rows kept for sampling from the posterior and for checks, and
                       held-out ones for tail probabilities
history.jsonl          one record an epoch
"""

import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jensen import __version__
from jensen._files import (
    dump_arrays,
    parse_arrays,
    tree_arrays,
    tree_with,
    write_atomic,
    write_together,
)
from jensen._types import Data, Datum, as_datum
from jensen.errors import FileError
from jensen.model import Model
from jensen.parts.priors import MOST_COMPONENTS
from jensen.recipes import build_model

__all__ = ["FORMAT", "SUFFIX", "Saved", "load", "save"]

FORMAT = 1
SUFFIX = ".jensen"

# Written from the last to the first: a folder without config.json is no model yet.
_PARTS = ("config.json", "schema.json", "weights.safetensors", "rows.safetensors", "history.jsonl")
# What a run of `jensen fit` has in its folder from its beginning, and after some epochs.
_UNFINISHED = ("run.json", "checkpoint.safetensors")
# Parts that a caller made and that no file can bring back without running code from it.
_CUSTOM = ("prior", "likelihood", "encoder", "decoder")
_HELD_OUT = "held_out_"


@dataclass(frozen=True)
class Saved:
    """What a saved model holds.

    Attributes:
        model: the model.
        assembly: the options of `recipes.build_model` that made it.
        schema: the schema, as plain values.
        history: one record an epoch of training.
        rows: training rows kept, shape (rows, *event), or a `Datum` of such arrays.
        details: whatever else the saver noted, as plain values.
        held_out: rows kept of those that training was stopped by, like `rows`.
        version: of the jensen that wrote it; of this one, where nothing was written yet.
    """

    model: Model
    assembly: dict[str, Any]
    schema: dict[str, Any]
    history: list[dict[str, Any]] = field(default_factory=list)
    rows: Data | None = None
    details: dict[str, Any] = field(default_factory=dict)
    held_out: Data | None = None
    version: str = __version__


def save(path: str | Path, saved: Saved) -> Path:
    """Write a model to `path`: a zip where it ends in `.jensen`, else a folder.

    Raises `FileError` where it cannot be written.
    """
    path = Path(path)
    rows = _arrays("", saved.rows) | _arrays(_HELD_OUT, saved.held_out)
    contents = {
        "schema.json": _json(saved.schema),
        "weights.safetensors": dump_arrays(tree_arrays(saved.model)),
        "rows.safetensors": dump_arrays(rows),
        "history.jsonl": "".join(json.dumps(record) + "\n" for record in saved.history).encode(),
    }
    custom = [name for name in _CUSTOM if not _plain(saved.assembly.get(name))]
    config = {
        "format": FORMAT,
        "jensen": __version__,
        "assembly": {k: v for k, v in saved.assembly.items() if k not in custom},
        "custom": custom,
        "training_rows": saved.details.get("training_rows", MOST_COMPONENTS),
        "details": saved.details,
        "digests": {name: sha256(data).hexdigest() for name, data in contents.items()},
    }
    config["digest"] = _digest(config)
    contents["config.json"] = _json(config)
    if path.suffix == SUFFIX:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in _PARTS:
                archive.writestr(name, contents[name])
        write_atomic(path, packed.getvalue())
    else:
        write_together(path, {name: contents[name] for name in reversed(_PARTS)})
    return path


def load(path: str | Path, **custom: Any) -> Saved:
    """Read what `save` wrote; nothing of it is executed.

    Args:
        path: the folder or `.jensen` file.
        custom: the parts of the caller's own that the model was built with, by the names they
            were given under: `encoder`, `decoder`, `likelihood`, `prior`.

    Raises:
        FileError: missing, truncated, altered, of a newer format, or in need of `custom` parts.
    """
    path = Path(path)
    contents = _read(path)
    config = _parsed(path, "config.json", contents)
    if not isinstance(config, dict) or not isinstance(config.get("format"), int):
        raise FileError(f"{path}: config.json is not of a model of jensen.")
    if config["format"] > FORMAT:
        raise FileError(
            f"{path}: written by jensen {config.get('jensen')}, in format {config['format']}; this"
            f" version reads up to {FORMAT}. Upgrade jensen: pip install -U jensen."
        )
    if config.get("digest") != _digest(config):
        raise FileError(f"{path}: config.json was altered or truncated. Restore it from a copy.")
    for name, digest in config["digests"].items():
        if sha256(contents[name]).hexdigest() != digest:
            raise FileError(f"{path}: {name} was altered or truncated. Restore it from a copy.")
    needed, given = set(config["custom"]), set(custom)
    if needed != given:
        raise FileError(
            f"{path}: the model has parts of its maker's own: {sorted(needed) or 'none'}, but"
            f" {sorted(given) or 'none'} were given. Pass them by name: jensen.load(path,"
            f" {', '.join(f'{name}=...' for name in sorted(needed))})."
        )
    schema = _parsed(path, "schema.json", contents)
    arrays, _ = parse_arrays(contents["weights.safetensors"], f"{path}: weights.safetensors")
    rows, _ = parse_arrays(contents["rows.safetensors"], f"{path}: rows.safetensors")
    assembly = config["assembly"] | custom
    columns = assembly.get("columns")
    shape = schema["shape"] if columns is None else (len(columns),)
    # Of columns, some laws take logarithms.
    blank = 0.0 if columns is None else 1.0
    skeleton = np.full((min(config["training_rows"], MOST_COMPONENTS), *shape), blank)
    model = build_model(skeleton, key=jax.random.key(0), **assembly)
    lines = contents["history.jsonl"].decode().splitlines()
    return Saved(
        model=tree_with(model, arrays, f"{path}: weights.safetensors"),
        assembly=assembly,
        schema=schema,
        history=[json.loads(line) for line in lines],
        rows=_data("", rows),
        held_out=_data(_HELD_OUT, rows),
        details=config["details"],
        version=config["jensen"],
    )


def _arrays(which: str, data: Data | None) -> dict[str, np.ndarray]:
    """Rows as arrays of a file, "rows", "mask" and "condition", with `which` before these names."""
    if data is None:
        return {}
    kept = as_datum(data)
    beside = {"mask": kept.mask, "condition": kept.condition}
    found = {name: np.asarray(each) for name, each in beside.items() if each is not None}
    return {
        f"{which}{name}": each
        for name, each in ({"rows": np.asarray(kept.x, np.float32)} | found).items()
    }


def _data(which: str, arrays: dict[str, np.ndarray]) -> Data | None:
    rows, mask, condition = (arrays.get(f"{which}{name}") for name in ("rows", "mask", "condition"))
    if rows is None or (mask is None and condition is None):
        return rows
    return Datum(rows, mask, condition)


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def _digest(config: dict[str, Any]) -> str:
    rest = {name: value for name, value in config.items() if name != "digest"}
    return sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _parsed(path: Path, name: str, contents: dict[str, bytes]) -> Any:
    try:
        return json.loads(contents[name])
    except ValueError as error:
        raise FileError(
            f"{path}: {name} is truncated or damaged ({error}). Restore it from a copy."
        ) from error


def _read(path: Path) -> dict[str, bytes]:
    try:
        if path.is_dir():
            return {name: (path / name).read_bytes() for name in _PARTS}
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in _PARTS}
    except FileNotFoundError as error:
        what = Path(error.filename).name if path.is_dir() else "no such file or folder"
        missing = f"{what} is missing" if path.is_dir() else what
        remedy = "Name a model that `jensen fit` made."
        if (path / _PARTS[0]).exists():
            remedy = "Restore it from a copy."
        elif any((path / name).exists() for name in _UNFINISHED):
            remedy = f"It is an unfinished run; go on with `jensen fit ... --resume --out {path}`."
        raise FileError(f"{path}: {missing}. {remedy}") from error
    except (zipfile.BadZipFile, KeyError, OSError, EOFError, zlib.error) as error:
        raise FileError(
            f"{path}: truncated, altered, or not a model of jensen ({error}). Restore it from a"
            " copy."
        ) from error
