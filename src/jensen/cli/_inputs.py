"""From what was typed to a model and rows that fit it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import jensen
from jensen.cli._conditions import with_condition
from jensen.cli._folder import read_run
from jensen.cli._output import say
from jensen.data import BUILT_IN, Dataset, TableSchema
from jensen.data.csv_lines import Text
from jensen.data.images import MEMORY, StoredImages
from jensen.data.sources import STDIN, place, read_stdin
from jensen.data.tables.reading import FRAMES
from jensen.errors import DataError, JensenError, OptionError

if TYPE_CHECKING:
    from jensen import VAE

__all__ = [
    "Source",
    "array_of",
    "chosen_pieces",
    "chosen_rows",
    "first_row",
    "fitting_pieces",
    "full_name",
    "in_polars",
    "is_frame_file",
    "load_model",
    "missing_spellings",
    "model_and_rows",
    "naming",
    "read_fitting_rows",
    "read_rows",
]


@dataclass(frozen=True)
class Source:
    """Where rows come from and how they are read, as `jensen.data.load` has it.

    Attributes:
        data: as it was typed.
        key: the array of an .npz file.
        header: whether a CSV's first line names the columns.
        na: what else stands in a CSV for a missing cell of a table.
        text: what came on standard input, once it was read.
        size: height and width to which images of a folder are resized; of a model's own size
            without it.
        memory: gigabytes that images may take to be kept in memory, as it was typed; those of
            `data.images.MEMORY` without it.
        condition: where what a model is given with each row is; see `cli._conditions`.
        quiet: do not tell on stderr what of a folder of images was left out or changed.
    """

    data: str
    key: str | None = None
    header: bool | None = None
    na: tuple[str, ...] = ()
    text: Text | None = None
    size: str | None = None
    memory: float | None = None
    condition: str | None = None
    quiet: bool = False

    @property
    def where(self) -> str | Text:
        """What the readers take."""
        return self.data if self.text is None else self.text

    @property
    def name(self) -> str:
        """What runs and pages are called after."""
        if self.data == STDIN:
            return "stdin"
        # The folder that one stands in has a name, too.
        return Path(self.data).resolve().name if self.is_folder else Path(self.data).stem

    @property
    def is_folder(self) -> bool:
        """Whether the rows are images of a folder, whatever it is called."""
        return self.data not in BUILT_IN and Path(self.data).is_dir()

    @property
    def budget(self) -> float:
        """Gigabytes that images may take."""
        return MEMORY if self.memory is None else self.memory

    def opened(self) -> "Source":
        """The same, to be read more than once: what comes on standard input comes once."""
        if self.data != STDIN or self.text is not None:
            return self
        return replace(self, text=Text(place(STDIN), read_stdin()))

    def load(
        self, names: Sequence[str] | None = None, shape: tuple[int, ...] | None = None
    ) -> Dataset:
        """All rows as numbers.

        `names` are those of a model's columns, and `shape` is that of its rows, which images of a
        folder are given.
        """
        if is_frame_file(self.data):
            from jensen.data.tables import read_table

            return array_of(self, read_table(self.data, header=self.header))
        if shape is not None and self.is_folder:
            return self._images_of(shape)
        return jensen.data.load(
            self.where, self.key, self.header, names, self.size, memory=self.budget
        )

    def _images_of(self, shape: tuple[int, ...]) -> Dataset:
        """Images of a folder in the shape of a model's rows."""
        channels = shape[2:]
        if len(shape) < 2 or channels not in ((), (1,), (3,)):
            raise DataError(
                f"{self.data}: a folder of images, and the model is of rows of shape {shape}; give"
                " rows of that shape"
            )
        found = jensen.data.load(
            self.data,
            self.key,
            self.header,
            size=shape[:2],
            colour=channels == (3,),
            memory=self.budget,
        )
        if channels != (1,):
            return found
        one = lambda X: X[..., None]
        stored = isinstance(found.X, StoredImages)
        return replace(found, X=found.X.through(one, "one channel") if stored else one(found.X))

    def tell(self, dataset: Dataset) -> Dataset:
        """The same rows; of images it is said which files were left out, as that moves the numbers
        of rows, and which were changed."""
        if dataset.files is not None:
            for line in [*dataset.notes, *dataset.cautions]:
                say(self.quiet, line)
        return dataset


def is_frame_file(data: str) -> bool:
    """Whether the rows are in a file whose columns have types."""
    return Path(data).suffix.lower() in FRAMES and not Path(data).is_dir()


def array_of(source: Source, frame: Any) -> Dataset:
    """The columns of a frame, all of them numbers, as an array."""
    if source.key is not None:
        raise OptionError(f"--key {source.key}: only .npz files have keys; leave it out")
    for cells in frame.get_columns():
        if not cells.dtype.is_numeric() and str(cells.dtype) != "Boolean":
            raise DataError(
                f"{place(source.data)}: column {cells.name!r} holds {cells.dtype}, and the model"
                " is of numbers; leave it out"
            )
        if cells.null_count():
            row = int(cells.is_null().arg_max() or 0)
            raise DataError(
                f"{place(source.data)}: row {row}, column {cells.name!r} is missing; fill the cell"
                " or drop the row"
            )
    return Dataset(source.name, frame.to_numpy(), tuple(frame.columns))


def full_name(data: str) -> str:
    """What a run notes of where its rows come from, to find them again from any folder."""
    return data if data in (*BUILT_IN, STDIN) else str(Path(data).resolve())


def load_model(path: Path) -> "VAE":
    """The model, answering with arrays, or of a table with frames of polars, whatever kind of
    frame it was fitted to."""
    vae = jensen.load(path)
    if isinstance(vae.schema_, TableSchema):
        vae.schema_ = in_polars(vae.schema_)
    else:
        vae.schema_ = replace(vae.schema_, container="numpy")
    return vae


def in_polars(schema: TableSchema) -> TableSchema:
    """A schema that gives frames of polars, from whatever the rows came in."""
    columns = tuple(replace(each, dtype=each.storage) for each in schema.columns)
    return replace(schema, columns=columns, container="polars")


def missing_spellings(model: Path) -> tuple[str, ...]:
    """What stood for a missing cell in the CSV that `jensen fit` read, beside the usual."""
    run = read_run(model) if model.is_dir() else None
    return tuple((run or {}).get("na") or ())


def model_and_rows(model: Path, source: Source, rows: str | None) -> tuple["VAE", Any]:
    """The model, and the rows asked for, which fit its schema."""
    vae = load_model(model)
    return vae, read_fitting_rows(vae, source, rows).X


@contextmanager
def naming(data: str, error: type[JensenError] = DataError) -> Iterator[None]:
    """Put where the rows come from before a complaint about them."""
    try:
        yield
    except error as complaint:
        complaint.args = (f"{place(data)}: {complaint}",)
        raise complaint from None


def read_rows(
    source: Source,
    rows: str | None,
    names: Sequence[str] | None = None,
    shape: tuple[int, ...] | None = None,
    vae: "VAE | None" = None,
) -> Dataset:
    """The rows asked for of a built-in set, a file or a folder of images, which get a `shape`.

    With a model they have the conditions that it is given.
    """
    dataset = source.tell(source.load(names, shape))
    return _taken(
        dataset if vae is None else with_condition(vae, source, dataset), rows, source.data
    )


def read_fitting_rows(vae: "VAE", source: Source, rows: str | None = None) -> Dataset:
    """The same, where every row of the data must fit the model's schema.

    Images that are not in memory are held to it when they are read. Of a conditional model rows
    come with their conditions.
    """
    if isinstance(vae.schema_, TableSchema):
        return _taken(_read_table(vae.schema_, source), rows, source.data)
    dataset = source.tell(source.load(vae.schema_.names, vae.schema_.shape))
    with naming(source.data):
        # All rows, so that the number in a complaint is the row's number in the file.
        if not isinstance(dataset.X, StoredImages):
            checked = vae.schema_.check(dataset.X, names=dataset.names)
            dataset = replace(dataset, X=checked)
    return _taken(with_condition(vae, source, dataset), rows, source.data)


def fitting_pieces(vae: "VAE", source: Source, rows: int) -> Iterator[tuple[int, Any]]:
    """The number of the first row, and up to so many `rows` of a file from there, each of which
    fits the model's schema. Arrays come in one piece, images that are not in memory in several."""
    if not isinstance(vae.schema_, TableSchema):
        X = read_fitting_rows(vae, source).X
        first = 0
        for piece in X.pieces() if isinstance(X, StoredImages) else [X]:
            yield first, piece
            first += len(piece)
        return
    from jensen.data.tables import CellError, pieces

    _require_table(source)
    first = 0
    for piece in pieces(source.where, vae.schema_, rows, source.na, source.header):
        with naming(source.data):
            try:
                vae.schema_.check(piece)
            except CellError as error:
                raise error.below(first) from None
        yield first, piece
        first += len(piece)


def chosen_pieces(
    vae: "VAE", source: Source, rows: str | None, at_once: int
) -> Iterator[tuple[np.ndarray, Any]]:
    """Of the rows that "A:B" stands for their numbers and they themselves, a piece at a time."""
    start, stop = _ends(rows)
    count, taken = 0, 0
    for first, piece in fitting_pieces(vae, source, at_once):
        count += len(piece)
        numbers = np.arange(max(first, start), count if stop is None else min(count, stop))
        if len(numbers):
            taken += len(numbers)
            yield numbers, piece[numbers - first]
    if not taken:
        raise _no_rows(rows, count, source.data)


def _require_table(source: Source) -> None:
    if source.data in BUILT_IN:
        raise DataError(f"{source.data}: is of numbers, and the model of a table; give its rows")
    if source.key is not None:
        raise OptionError(f"--key {source.key}: only .npz files have keys; leave it out")


def _read_table(schema: TableSchema, source: Source) -> Dataset:
    from jensen.data.tables import read_table

    _require_table(source)
    frame = read_table(source.where, source.na, source.header, schema=schema)
    with naming(source.data):
        schema.check(frame)
    return Dataset(source.name, frame, tuple(frame.columns))


def chosen_rows(count: int, rows: str | None, data: str) -> np.ndarray:
    """The numbers of the rows that "A:B" stands for, of `count`."""
    chosen = np.arange(count)[slice(*_ends(rows))]
    if not len(chosen):
        raise _no_rows(rows, count, data)
    return chosen


def first_row(rows: str | None) -> int:
    """The number of the first of the rows that "A:B" stands for."""
    return _ends(rows)[0]


def _ends(rows: str | None) -> tuple[int, int | None]:
    """The first row of "A:B" and that behind the last, `None` where it has no end."""
    if rows is None:
        return 0, None
    found = re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", rows)
    if found is None:
        raise OptionError(f"--rows={rows!r}: give A:B, A: or :B with whole numbers, such as 0:100")
    start, stop = found.groups()
    return int(start or 0), int(stop) if stop else None


def _no_rows(rows: str | None, count: int, data: str) -> JensenError:
    if rows is None:
        return DataError(f"{place(data)}: has no rows")
    return OptionError(f"--rows={rows!r} takes no row of {place(data)}, which has {count}")


def _taken(dataset: Dataset, rows: str | None, data: str) -> Dataset:
    if rows is None:
        return dataset
    chosen = chosen_rows(len(dataset.X), rows, data)
    labels = None if dataset.labels is None else dataset.labels[chosen]
    files = None if dataset.files is None else tuple(dataset.files[each] for each in chosen)
    return replace(dataset, X=dataset.X[chosen], labels=labels, files=files)
