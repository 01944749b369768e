"""From what was typed to a model and rows that fit it."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import jensen
from jensen.data import Dataset
from jensen.errors import DataError, OptionError

if TYPE_CHECKING:
    from jensen import VAE

__all__ = ["chosen_rows", "load_model", "read_fitting_rows", "read_rows"]


def load_model(path: Path) -> "VAE":
    """The model, answering with arrays whatever kind of frame it was fitted to."""
    vae = jensen.load(path)
    vae.schema_ = replace(vae.schema_, container="numpy")
    return vae


def read_rows(data: str, key: str | None, rows: str | None) -> Dataset:
    """The rows asked for of a built-in set or a file."""
    dataset = jensen.data.load(data, key)
    return _taken(dataset, rows, data)


def read_fitting_rows(vae: "VAE", data: str, key: str | None, rows: str | None) -> Dataset:
    """The same, where every row of the data must fit the model's schema."""
    dataset = jensen.data.load(data, key)
    try:
        # All rows, so that the number in a complaint is the row's number in the file.
        checked = vae.schema_.check(dataset.X, names=dataset.names)
    except DataError as error:
        raise DataError(f"{data}: {error}") from None
    return _taken(replace(dataset, X=checked), rows, data)


def chosen_rows(count: int, rows: str | None, data: str) -> np.ndarray:
    """The numbers of the rows that "A:B" stands for, of `count`."""
    if rows is None:
        return np.arange(count)
    found = re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", rows)
    if found is None:
        raise OptionError(f"--rows {rows}: give A:B, A: or :B with whole numbers, such as 0:100")
    chosen = np.arange(count)[slice(*(int(end) if end else None for end in found.groups()))]
    if not len(chosen):
        raise OptionError(f"--rows {rows}: takes no row of {data}, which has {count}")
    return chosen


def _taken(dataset: Dataset, rows: str | None, data: str) -> Dataset:
    if rows is None:
        return dataset
    chosen = chosen_rows(len(dataset.X), rows, data)
    labels = None if dataset.labels is None else dataset.labels[chosen]
    return replace(dataset, X=dataset.X[chosen], labels=labels)
