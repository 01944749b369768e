"""Rows to fit a model to: numbers of one kind, or a table, whichever the source holds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import jensen
from jensen.cli._inputs import Source, array_of, in_polars, is_frame_file
from jensen.data import Dataset, Schema, TableSchema, infer_table, is_table
from jensen.data.images import is_idx
from jensen.data.images.stored import require_memory
from jensen.data.sources import STDIN, place
from jensen.data.tables import Reading, mixes_kinds, read
from jensen.data.tables.reading import TEXTS
from jensen.errors import DataError, FileError, OptionError

__all__ = ["Fitting", "overrides_of", "read_schema", "read_to_fit", "schema_digest"]

# What says of all columns what a table says of each.
_OF_NUMBERS = {
    "high": None,
    "shape": None,
    "dtype": None,
    "binarise": "none",
    "likelihood": "auto",
}


@dataclass(frozen=True, eq=False)
class Fitting:
    """Rows to fit, and what is assumed of all of them.

    Attributes:
        dataset: the rows as they were read.
        schema: of numbers of one kind, or of a table.
    """

    dataset: Dataset
    schema: Any

    @property
    def table(self) -> bool:
        """Whether each column has a kind of its own."""
        return isinstance(self.schema, TableSchema)


def read_to_fit(source: Source, settings: Mapping[str, Any], asked: Path | None) -> Fitting:
    """All rows of a source, as numbers of one kind where they are, else as a table.

    Args:
        source: where they come from.
        settings: parameters of `jensen.VAE`, overrides of the inference among them.
        asked: a file with the schema of a table, or `None`.

    Raises:
        DataError: rows that cannot be read, or of which nothing can be inferred.
        OptionError: an option that such rows cannot have.
    """
    kind = settings["kind"]
    if source.size is not None and not source.is_folder:
        raise OptionError(
            f"--size {source.size}: only folders of images are resized, and {place(source.data)} is"
            " none; leave it out"
        )
    if source.memory is not None:
        require_memory(source.memory)
        if not (source.is_folder or is_idx(source.data) or Path(source.data).suffix == ".npy"):
            raise OptionError(
                f"--memory {source.memory:g}: only images of a folder, and .npy and idx files, are"
                f" read in pieces, and {place(source.data)} is none; leave it out"
            )
    forced = "--schema" if asked else "--na" if source.na else "--kind table"
    if asked or source.na or kind == "table":
        if kind not in (None, "table"):
            raise OptionError(f"--kind {kind}: is of numbers of one kind, and {forced} of tables")
        if not (source.data == STDIN or is_frame_file(source.data) or _is_csv(source.data)):
            raise OptionError(
                f"{forced}: {place(source.data)} is no table; tables are .csv, .tsv, .parquet and"
                " .arrow files"
            )
        schema = None if asked is None else read_schema(asked)
        return _table(source, settings, _read(source, schema), schema)
    if kind is None and is_frame_file(source.data):
        found = _read(source, None)
        if is_table(found.frame):
            return _table(source, settings, found, None)
        return _numbers(source, settings, array_of(source, found.frame))
    if kind is None and (source.data == STDIN or _is_csv(source.data)):
        # What comes from standard input comes once, and may be read twice.
        source = source.opened()
        try:
            dataset = source.load()
        except DataError:
            return _table(source, settings, _read(source, None), None)
        if not mixes_kinds(dataset.X.T):
            return _numbers(source, settings, dataset)
        return _table(source, settings, _read(source, None), None)
    return _numbers(source, settings, source.load())


def overrides_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What of a model's settings the inference of numbers of one kind is told."""
    return {name: settings[name] for name in ("kind", "high", "shape", "dtype", "binarise")}


def read_schema(path: Path) -> TableSchema:
    """The schema of a table, as a model's folder has it; `FileError` where it is none."""
    try:
        given = json.loads(path.read_bytes())
    except OSError as error:
        raise FileError(f"--schema {path}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:
        raise FileError(f"--schema {path}: is no JSON ({error})") from None
    if not isinstance(given, dict) or "columns" not in given:
        raise FileError(
            f"--schema {path}: is no schema of a table; a fit of a table writes one to its folder,"
            " as schema.json"
        )
    try:
        return in_polars(TableSchema.from_json(given))
    except FileError as error:
        raise FileError(f"--schema {path}: {error}") from None


def schema_digest(path: Path | None) -> str | None:
    """By which a schema that was asked for is known again."""
    if path is None:
        return None
    return sha256(json.dumps(read_schema(path).to_json()).encode()).hexdigest()


def _read(source: Source, schema: TableSchema | None) -> Reading:
    if source.key is not None:
        raise OptionError(f"--key {source.key}: only .npz files have keys, and these are a table")
    return read(source.where, source.na, source.header, schema=schema)


def _table(
    source: Source, settings: Mapping[str, Any], found: Reading, schema: TableSchema | None
) -> Fitting:
    for name, default in _OF_NUMBERS.items():
        if settings[name] != default:
            raise OptionError(
                f"--{name}: is of numbers of one kind, and {place(source.data)} is a table; say"
                " what a column is with --schema, or take all as numbers with --kind real"
            )
    frame, cautions = found.frame, tuple[str, ...]()
    try:
        if schema is None:
            schema = infer_table(frame, formats=found.formats)
        else:
            schema.check(frame)
            cautions = tuple(f"caution: {line}" for line in schema.contradictions(frame))
    except DataError as error:
        raise DataError(f"{place(source.data)}: {error}") from None
    dataset = Dataset(
        source.name,
        frame,
        tuple(frame.columns),
        cautions=cautions,
        notes=_on_missing(found.missing),
    )
    return Fitting(dataset, schema)


def _on_missing(spellings: dict[str, int]) -> tuple[str, ...]:
    """A line on the cells of a CSV file that were taken to be missing, the most first."""
    most = sorted(spellings.items(), key=lambda item: -item[1])
    written = [f"{number:,} {repr(each) if each else 'empty'}" for each, number in most]
    return (f"cells taken as missing: {', '.join(written)}",) if written else ()


def _numbers(source: Source, settings: Mapping[str, Any], dataset: Dataset) -> Fitting:
    try:
        schema: Schema = jensen.data.infer(dataset.X, names=dataset.names, **overrides_of(settings))
    except DataError as error:
        raise DataError(f"{place(source.data)}: {error}") from None
    return Fitting(dataset, schema)


def _is_csv(data: str) -> bool:
    return Path(data).suffix.lower() in TEXTS and not Path(data).is_dir()
