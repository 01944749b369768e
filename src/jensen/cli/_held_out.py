"""Rows that a model was not fitted to, and where they stand in the user's data."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen._types import Datum
from jensen._words import counted
from jensen.cli._folder import read_run
from jensen.cli._inputs import (
    Source,
    chosen_rows,
    full_name,
    load_model,
    missing_spellings,
    read_fitting_rows,
)
from jensen.data import Dataset, TableSchema, values_of
from jensen.data.images import StoredImages
from jensen.data.sources import STDIN
from jensen.errors import DataError, OptionError

if TYPE_CHECKING:
    from jensen import VAE

__all__ = [
    "MOST_SCORED",
    "HeldOut",
    "digest",
    "held_out_by_fit",
    "held_out_of",
    "held_out_rows",
    "held_out_where_known",
    "limited",
]


# Of 784 columns and with the networks that come by default, so many take some seconds.
MOST_SCORED = 1000


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Held-out rows among the others of their file.

    Attributes:
        name: of the data.
        rows: all rows of the file, checked, shape (n, *event); of a table, a frame of polars.
        indices: which of them are held out.
        labels: one for each of `rows`, or `None`.
        training: the rows that the model was fitted to, where they are known.
        by_fit: whether it was `jensen fit` that held them out.
    """

    name: str
    rows: Any
    indices: np.ndarray
    labels: np.ndarray | None = None
    training: Any = None
    by_fit: bool = False

    @property
    def scored(self) -> Any:
        """The held-out rows.

        Raises `OptionError` where they are images that are not in memory, and too many for it.
        """
        if isinstance(self.rows, StoredImages) and len(self.indices) > self.rows.few:
            raise OptionError(
                f"{self.name}: {len(self.indices):,} images that are not in memory are too many to"
                f" be held beside each other; name some, as --rows :{self.rows.few}"
            )
        return self.rows[self.indices]

    @property
    def words(self) -> str:
        """How many there are, and whose choice they were."""
        whose = ", those that jensen fit held out" if self.by_fit else ""
        return counted(len(self.indices), "row") + whose


def limited(held_out: HeldOut) -> HeldOut:
    """As many held-out rows, evenly spread, as can be scored in seconds."""
    count = len(held_out.indices)
    if count <= MOST_SCORED:
        return held_out
    chosen = np.linspace(0, count - 1, MOST_SCORED).round().astype(int)
    return replace(held_out, indices=held_out.indices[chosen])


def digest(X: Any) -> str:
    """By which data are known again."""
    if isinstance(X, StoredImages):
        return X.identity
    X = values_of(X)
    if isinstance(X, Datum):
        mask = np.asarray(X.mask)
        known = np.where(mask, X.x, np.float32(0))
        return sha256(known.tobytes() + mask.tobytes()).hexdigest()
    return sha256(np.ascontiguousarray(X).tobytes()).hexdigest()


def _digest(vae: "VAE", dataset: Dataset) -> str:
    table = isinstance(vae.schema_, TableSchema)
    return digest(vae.schema_.check(dataset.X) if table else dataset.X)


def held_out_of(dataset: Dataset, indices: np.ndarray) -> HeldOut:
    """Some rows of a data set held out, all others fitted to.

    Of images that are not in memory some stand for these others.
    """
    X, left = dataset.X, np.delete(np.arange(len(dataset.X)), indices)
    others = X[X.some(left)] if isinstance(X, StoredImages) else X[left]
    return HeldOut(dataset.name, dataset.X, indices, dataset.labels, others, by_fit=True)


def held_out_rows(vae: "VAE", source: Source, rows: str | None) -> HeldOut:
    """The rows of a file that a user says were held out."""
    dataset = read_fitting_rows(vae, source)
    indices = chosen_rows(len(dataset.X), rows, source.data)
    return HeldOut(dataset.name, dataset.X, indices, dataset.labels)


def held_out_where_known(
    model: Path,
    data: str,
    key: str | None,
    header: bool | None,
    rows: str | None,
    *,
    condition: str | None = None,
    quiet: bool = False,
) -> tuple["VAE", HeldOut]:
    """A model, and the rows that a user names; without --rows those that `jensen fit` held out.

    It says so where it read the same data, and then all others were fitted to. Otherwise all
    rows are taken for held out.
    """
    vae = load_model(model)
    source = Source(data, key, header, missing_spellings(model), condition=condition, quiet=quiet)
    run = read_run(model) if rows is None else None
    if run is None:
        return vae, held_out_rows(vae, source, rows)
    if full_name(source.data) == run["data"]:
        source = replace(source, memory=run.get("memory"))
        if source.condition is None:
            source = replace(source, condition=run.get("condition"))
        if source.header is None:
            source = replace(source, header=run.get("header"))
    dataset = read_fitting_rows(vae, source)
    if _digest(vae, dataset) != run["digest"]:
        return vae, HeldOut(dataset.name, dataset.X, np.arange(len(dataset.X)), dataset.labels)
    if run.get("test_key") is not None:
        # The same rows in another file: its test rows are in the file that was fitted to.
        source = replace(source, data=run["data"])
    return vae, _held_out_of_run(vae, run, source, dataset)


def _held_out_of_run(vae: "VAE", run: dict[str, Any], source: Source, dataset: Dataset) -> HeldOut:
    """What `jensen fit` held out: another array of the same file, or rows of those it read."""
    if run["test_key"] is None:
        return held_out_of(dataset, np.array(run["test"], dtype=int))
    test = read_fitting_rows(vae, replace(source, key=run["test_key"]))
    indices = np.arange(len(test.X))
    return HeldOut(test.name, test.X, indices, test.labels, dataset.X, by_fit=True)


def held_out_by_fit(vae: "VAE", model: Path, *, quiet: bool = False) -> HeldOut:
    """The rows that `jensen fit` held out when it made `model`.

    Raises:
        OptionError: `jensen fit` left no note of them, or read them from standard input.
        DataError: the data are gone, or are others by now.
    """
    run = read_run(model)
    if run is None:
        raise OptionError(
            f"{model}: tells of no held-out rows; name some: jensen report MODEL DATA"
        )
    if run["data"] == STDIN:
        raise OptionError(
            f"{model}: was fitted to standard input, which is gone; name held-out rows: jensen"
            " report MODEL DATA"
        )
    source = Source(
        run["data"],
        run["key"],
        run.get("header"),
        tuple(run.get("na") or ()),
        memory=run.get("memory"),
        condition=run.get("condition"),
        quiet=quiet,
    )
    dataset = read_fitting_rows(vae, source)
    if _digest(vae, dataset) != run["digest"]:
        raise DataError(
            f"{run['data']}: has changed since {model} was fitted; name held-out rows: jensen"
            " report MODEL DATA"
        )
    return _held_out_of_run(vae, run, source, dataset)
