"""Conditions of rows, from where the command line says that they are."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen._words import counted
from jensen.data import Conditioned, ConditionSchema, Dataset, TableSchema
from jensen.data.images import StoredImages
from jensen.data.numpy_files import keys_of, read_npy, read_npz
from jensen.data.tables.reading import SUFFIXES
from jensen.errors import DataError, OptionError

if TYPE_CHECKING:
    from jensen import VAE
    from jensen.cli._inputs import Source

__all__ = ["conditioned", "parsed", "with_condition"]

# What stands for the labels that come with the data.
_LABELS = "labels"


def conditioned(
    source: "Source", dataset: Dataset, known: ConditionSchema | None = None
) -> Dataset:
    """The same rows with the conditions that `source` names, if it names any.

    `known` is what a model was fitted with; then one condition may also stand for all rows.

    Raises:
        OptionError: no such labels, array or file, or rows that take no condition.
        DataError: what cannot be read, or another number of conditions than of rows.
    """
    if source.condition is None:
        return dataset
    if isinstance(dataset.X, StoredImages):
        raise OptionError(
            f"--condition {source.condition}: is of rows in memory, and {source.data} is not;"
            " give it more by --memory"
        )
    found = _found(source, dataset, known)
    if len(found) != len(dataset.X):
        raise DataError(
            f"--condition {source.condition}: {len(found):,} for"
            f" {counted(len(dataset.X), 'row')}; give one for each"
        )
    return replace(dataset, X=Conditioned(dataset.X, found))


def with_condition(vae: "VAE", source: "Source", dataset: Dataset) -> Dataset:
    """The same for rows to ask a model about, which may have to have one.

    Raises `OptionError` where the model is given none and one is named, or the other way round.
    """
    if isinstance(vae.schema_, TableSchema) or vae.condition_ is None:
        _refuse(source.condition)
        return dataset
    if source.condition is None:
        raise OptionError(
            "--condition: the model is given one with each row; name labels, which come with some"
            f" data, an array of the .npz, a file of one for each row, or for all rows alike"
            f" {vae.condition_.words.removeprefix('give ')}"
        )
    return conditioned(source, dataset, vae.condition_)


def parsed(vae: "VAE", condition: str | None) -> Any:
    """A condition that was typed for all rows; `OptionError` where the model is given none."""
    if condition is None or vae.condition_ is None:
        _refuse(condition)
        return None
    return vae.condition_.parse(condition)


def _refuse(condition: str | None) -> None:
    if condition is not None:
        raise OptionError(
            f"--condition {condition}: the model was fitted without one; leave it out"
        )


def _found(source: "Source", dataset: Dataset, known: ConditionSchema | None) -> np.ndarray:
    asked = source.condition or ""
    if asked == _LABELS and dataset.labels is not None:
        return dataset.labels
    path = Path(source.data)
    keys = keys_of(path) if path.suffix.lower() == ".npz" else ()
    if asked in keys:
        return read_npz(path, asked)
    if asked == _LABELS:
        raise OptionError(
            f"--condition {_LABELS}: none come with {source.data}; name an array of an .npz, or"
            " a file of one for each row"
        )
    if Path(asked).is_file():
        return _of_file(Path(asked))
    nothing = f"--condition {asked}: is no file"
    if keys:
        nothing += f", nor an array of {source.data}, which has {', '.join(keys)}"
    if known is not None:
        try:
            one = np.asarray(known.parse(asked))
        except OptionError:
            raise OptionError(f"{nothing}; nor one for all rows, for which {known.words}") from None
        return np.broadcast_to(one, (len(dataset.X), *one.shape))
    raise OptionError(
        f"{nothing}; give {_LABELS}, which come with digits and with folders of sub-folders, the"
        " name of an array of an .npz, or a .npy, .csv or .parquet file of one for each row"
    )


def _of_file(path: Path) -> np.ndarray:
    if path.suffix.lower() == ".npy":
        return read_npy(path)
    if path.suffix.lower() not in SUFFIXES:
        raise OptionError(
            f"--condition {path}: unknown kind of file; give a .npy, .csv, .tsv, .parquet or .arrow"
        )
    from jensen.data.tables import read_table

    frame = read_table(str(path))
    columns = frame.get_columns()
    return columns[0].to_numpy() if len(columns) == 1 else frame.to_numpy()
