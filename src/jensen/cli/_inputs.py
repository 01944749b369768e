"""From what was typed to a model and rows that fit it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import jensen
from jensen.data import BUILT_IN, Dataset
from jensen.data.sources import STDIN, place
from jensen.errors import DataError, JensenError, OptionError

if TYPE_CHECKING:
    from jensen import VAE

__all__ = [
    "Source",
    "chosen_rows",
    "full_name",
    "load_model",
    "model_and_rows",
    "naming",
    "read_fitting_rows",
    "read_rows",
]


@dataclass(frozen=True)
class Source:
    """Where rows come from and how they are read, as `jensen.data.load` has it."""

    data: str
    key: str | None = None
    header: bool | None = None

    def load(self, names: Sequence[str] | None = None) -> Dataset:
        """All rows; `names` are those of a model's columns."""
        return jensen.data.load(self.data, self.key, self.header, names)


def full_name(data: str) -> str:
    """What a run notes of where its rows come from, to find them again from any folder."""
    return data if data in (*BUILT_IN, STDIN) else str(Path(data).resolve())


def load_model(path: Path) -> "VAE":
    """The model, answering with arrays whatever kind of frame it was fitted to."""
    vae = jensen.load(path)
    vae.schema_ = replace(vae.schema_, container="numpy")
    return vae


def model_and_rows(model: Path, source: Source, rows: str | None) -> tuple["VAE", np.ndarray]:
    """The model, and the rows asked for, which fit its schema."""
    vae = load_model(model)
    return vae, read_fitting_rows(vae, source, rows).X


@contextmanager
def naming(data: str, error: type[JensenError] = DataError) -> Iterator[None]:
    """Put where the rows come from before a complaint about them."""
    try:
        yield
    except error as complaint:
        raise type(complaint)(f"{place(data)}: {complaint}") from None


def read_rows(source: Source, rows: str | None, names: Sequence[str] | None = None) -> Dataset:
    """The rows asked for of a built-in set or a file."""
    return _taken(source.load(names), rows, source.data)


def read_fitting_rows(vae: "VAE", source: Source, rows: str | None = None) -> Dataset:
    """The same, where every row of the data must fit the model's schema."""
    dataset = source.load(vae.schema_.names)
    with naming(source.data):
        # All rows, so that the number in a complaint is the row's number in the file.
        checked = vae.schema_.check(dataset.X, names=dataset.names)
    return _taken(replace(dataset, X=checked), rows, source.data)


def chosen_rows(count: int, rows: str | None, data: str) -> np.ndarray:
    """The numbers of the rows that "A:B" stands for, of `count`."""
    if rows is None:
        return np.arange(count)
    found = re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", rows)
    if found is None:
        raise OptionError(f"--rows {rows}: give A:B, A: or :B with whole numbers, such as 0:100")
    chosen = np.arange(count)[slice(*(int(end) if end else None for end in found.groups()))]
    if not len(chosen):
        raise OptionError(f"--rows {rows}: takes no row of {place(data)}, which has {count}")
    return chosen


def _taken(dataset: Dataset, rows: str | None, data: str) -> Dataset:
    if rows is None:
        return dataset
    chosen = chosen_rows(len(dataset.X), rows, data)
    labels = None if dataset.labels is None else dataset.labels[chosen]
    return replace(dataset, X=dataset.X[chosen], labels=labels)
