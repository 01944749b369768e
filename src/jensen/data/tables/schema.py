"""The schema of a table: checked on every later row, and obeyed by what models draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from jensen._words import counted
from jensen.data.csv_lines import Text
from jensen.data.frames import CONTAINERS, container_of, require_distinct
from jensen.data.tables import stored
from jensen.data.tables.cells import floats
from jensen.data.tables.columns import Column
from jensen.data.tables.containers import take
from jensen.data.tables.csv_cells import Place, typed_as
from jensen.data.tables.describing import described
from jensen.data.tables.giving_back import give_back, require_like
from jensen.data.tables.laws import OF_LEVELS
from jensen.data.tables.legal import choices, legal_cells
from jensen.data.tables.types import UNITS, polars_type
from jensen.data.tables.unseen import Unseen
from jensen.errors import DataError, OptionError

if TYPE_CHECKING:
    import polars as pl

    from jensen._types import Datum

# Names of columns in a message.
_SHOWN = 8


@dataclass(frozen=True)
class TableSchema:
    """What the columns of a table are: made by `infer_table`, stored with the model.

    Attributes:
        columns: all columns, in the user's order.
        container: "pandas" | "polars" | "numpy", what rows come back in.

    Raises:
        OptionError: a name that comes twice, or an unknown container.

    >>> import polars as pl
    >>> from jensen.data.tables import infer_table
    >>> frame = pl.DataFrame({"x": [0.5, None, 2.5, 7.25], "ok": [True, False, None, True]})
    >>> schema = infer_table(frame)
    >>> rows = schema.check(frame)
    >>> rows.mask.sum(axis=0)
    array([3, 3])
    >>> schema.restore(rows.x, rows.mask).equals(frame)
    True
    """

    columns: tuple[Column, ...]
    container: str = "polars"

    kind: ClassVar[str] = "table"

    def __post_init__(self):
        if self.container not in CONTAINERS:
            raise OptionError(f"container={self.container!r}; legal are {', '.join(CONTAINERS)}")
        require_distinct(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns."""
        return tuple(column.name for column in self.columns)

    @property
    def modelled(self) -> tuple[Column, ...]:
        """The columns that models see, one number each."""
        return tuple(column for column in self.columns if column.modelled)

    @property
    def width(self) -> int:
        """Numbers in one row."""
        return len(self.modelled)

    @property
    def shape(self) -> tuple[int]:
        """Event shape of one row."""
        return (self.width,)

    @property
    def discrete(self) -> bool:
        """Whether rows have a probability; with a density among the columns they have none."""
        return not any(column.law.density for column in self.modelled)

    def facts(self) -> list[dict[str, Any]]:
        """What the law of each modelled column must know, as fields of `parts.columns.Facts`."""
        return [column.facts() for column in self.modelled]

    def worth(self) -> np.ndarray | None:
        """What each category counts for in a mean, shape (width, most categories and one).

        The last is for what was never seen. NaN in columns whose categories are no numbers;
        `None` where no column has such.
        """
        each = [column.worth() for column in self.modelled]
        if all(values is None for values in each):
            return None
        most = max(column.level_count for column in self.modelled)
        table = np.full((self.width, most + 1), np.nan)
        for row, values in zip(table, each, strict=True):
            if values is not None:
                row[:] = values.mean()
                row[: len(values)] = values
        return table

    def describe(self) -> list[str]:
        """Lines to print before training: what was assumed, why, and what to beware of."""
        return described(self.columns, self.container, discrete=self.discrete)

    def check(self, X: Any, names: Sequence[str] | None = None) -> "Datum":
        """Rows as a `Datum`: float32 and what was observed, both of shape (rows, width).

        Columns are found by name, those of an array without `names` by their place; columns that
        are left out of the model need not be there. Values off a column's step are rounded to it,
        and numbers between two ordered categories to the nearer one; `cautions` tells of values
        that no training row had.

        Raises:
            DataError: a `ValueError`; missing or unknown columns, or the first cell that does not
                fit, with its row and column.
        """
        from jensen._types import Datum

        frame = self._frame(X, names)
        pairs = [column.to_numbers(frame[column.name]) for column in self.modelled]
        x = np.stack([numbers for numbers, _ in pairs], axis=1)
        return Datum(x, np.stack([observed for _, observed in pairs], axis=1))

    def cautions(self, X: Any, names: Sequence[str] | None = None) -> list[str]:
        """What to beware of in later rows: a line for each column with values never seen.

        They are scored as `parts.columns` scores what is unseen, at 1 in n + 2; a number that lies
        between two ordered categories is not among them, but counts as the nearer one. Arguments
        and errors are those of `check`.

        >>> import polars as pl
        >>> from jensen.data.tables import infer_table
        >>> schema = infer_table(pl.DataFrame({"c": ["a", "b", "c"] * 9}))
        >>> print(*schema.cautions(pl.DataFrame({"c": ["b", "d"]})))
        column 'c': 1 cell has a value that no training row had; scored as never seen (row 1, 'd')
        """
        unseen = Unseen(self.columns)
        unseen.add(self._frame(X, names))
        return unseen.lines()

    def contradictions(self, X: Any) -> list[str]:
        """What a schema that was given says otherwise than the rows to fit: a line for a column.

        Categories that no level stands for, and numbers that are rounded to a step. Arguments and
        errors are those of `check`.
        """
        frame = self._frame(X, None)
        unseen = Unseen(self.columns)
        unseen.add(frame)
        lines = unseen.lines(of_levels=True)
        for column in self.modelled:
            moved = int(column.between_steps(frame[column.name]).sum())
            if moved:
                a = "a " if column.step_in_words() in UNITS else ""
                lines.append(
                    f"column {column.name!r}: {counted(moved, 'cell')} between steps of"
                    f" {a}{column.step_in_words()}, rounded to the nearer one"
                )
        return lines

    def restore(
        self,
        x: Any,
        mask: Any = None,
        like: Any = None,
        rng: np.random.Generator | None = None,
        cells: Mapping[str, Any] | None = None,
    ) -> Any:
        """Give numbers from a model, shape (rows, width), the form of the user's table.

        Args:
            x: numbers as `check` gives them.
            mask: which cells have a value, shape (rows, width); others are missing.
            like: the user's own table: cells that are there stay exactly as they are, and only
                missing ones are filled.
            rng: draws among the rare categories of a column.
            cells: by column, what stands in every row as it is: what `row` was given.

        Constants have their one value in every row; identifiers are missing, but for `like`.

        Raises:
            DataError: a shape that is not the schema's, or another table in `like`.
            OptionError: the container's library is not installed.
        """
        import polars as pl

        x = np.asarray(x, np.float64)
        if x.ndim != 2 or x.shape[1] != self.width:
            raise DataError(f"x has shape {x.shape}; (rows, {self.width}) is needed")
        there = np.isfinite(x) if mask is None else np.asarray(mask, bool)
        if there.shape != x.shape:
            raise DataError(f"mask has shape {there.shape}; that of x, {x.shape}, is needed")
        rng = np.random.default_rng(0) if rng is None else rng
        given = {} if cells is None else cells
        places = {column.name: j for j, column in enumerate(self.modelled)}
        result = []
        for column in self.columns:
            if column.modelled:
                j = places[column.name]
                drawn = column.to_cells(x[:, j], there[:, j], rng)
                # Single precision, and one number for all rare categories, may hide which it was.
                if column.name in given:
                    cell = column.on_step(_one_cell(column, given[column.name]))
                    drawn = cell.cast(drawn.dtype).new_from_index(0, len(x))
                result.append(drawn)
                continue
            value = column.levels[0] if column.levels else None
            dtype = polars_type(column.storage, column.categories)
            constant = pl.Series(column.name, [value], strict=False).cast(dtype)
            result.append(constant.new_from_index(0, len(x)))
        container = self.container
        if like is not None:
            taken = take(like, self.names if container_of(like) == "numpy" else None)
            require_like(taken.frame, self.names, len(x))
            container = taken.container
        return give_back(
            result,
            container,
            [column.dtype for column in self.columns],
            [column.categories for column in self.columns],
            like,
        )

    def in_units(self, x: Any) -> np.ndarray:
        """Numbers from a model, shape (..., width), in each column's own unit, as float64.

        They are not rounded to the column's type. Times are seconds since 1970, and categories
        keep their numbers.
        """
        x = np.asarray(x, np.float64)
        each = [column.in_units(x[..., j]) for j, column in enumerate(self.modelled)]
        return np.stack(each, axis=-1)

    def row(self, cells: Mapping[str, Any]) -> "Datum":
        """One row of which some cells are known, by column; shape (width,), with its mask.

        Values may be text, as typed: they are read as the column's type.

        Raises:
            DataError: a column that the model does not see, or a value that it cannot have, such
                as one between two steps.
        """
        from jensen._types import Datum

        modelled = {column.name: column for column in self.modelled}
        x, mask = np.zeros(self.width, np.float32), np.zeros(self.width, bool)
        for name, value in cells.items():
            if name not in modelled:
                those = choices(name, list(modelled), "those that are:")
                raise DataError(f"column {name!r} is not in the model; {those}")
            j = list(modelled).index(name)
            x[j], mask[j] = _one_number(modelled[name], value), True
        return Datum(x, mask)

    def far_cells(self, row: "Datum", known: "Datum") -> list[str]:
        """A line for each number or date of a row that lies beyond those of all rows `known`."""
        x, there = np.asarray(row.x), np.asarray(row.mask)
        lines = []
        for j, column in enumerate(self.modelled):
            if not there[j] or column.kind in OF_LEVELS:
                continue
            seen = np.asarray(known.x)[:, j]
            seen = seen if known.mask is None else seen[np.asarray(known.mask)[:, j]]
            if len(seen) and not seen.min() <= x[j] <= seen.max():
                ends = column.to_cells(np.array([x[j], seen.min(), seen.max()]))
                # Single precision has no more figures.
                value, low, high = (_positional(end) for end in ends)
                lines.append(
                    f"column {column.name!r}: {value} lies beyond the training rows kept, {low} to"
                    f" {high}; what is drawn given it is a guess"
                )
        return lines

    def to_json(self) -> dict[str, Any]:
        """Fields as plain JSON types; `from_json` reads them back."""
        columns = [stored.column_to_json(column) for column in self.columns]
        return {"kind": self.kind, "container": self.container, "columns": columns}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """Schema from `to_json`'s dict.

        Raises:
            FileError: a field that is unknown, missing or impossible, by column and name.
        """
        columns, container = stored.table_from_json(given)
        return cls(columns, container)

    def _frame(self, X: Any, names: Sequence[str] | None) -> "pl.DataFrame":
        if container_of(X) == "numpy" and names is None:
            width = np.asarray(X, dtype=object).shape[-1] if np.ndim(X) > 1 else 0
            modelled = tuple(column.name for column in self.modelled)
            names = modelled if width == len(modelled) != len(self.names) else self.names
            if width and width != len(names):
                raise DataError(
                    f"X has {counted(width, 'column')}, and the table has {len(self.names)}: "
                    f"{', '.join(self.names[:_SHOWN])}{', ...' * (len(self.names) > _SHOWN)}; give "
                    "them in this order, or those that the model sees"
                )
        frame = take(X, names).frame
        self._require_columns(frame.columns)
        return frame

    def _require_columns(self, names: Sequence[str]) -> None:
        """Raise `DataError` for columns that are missing, or that the table did not have."""
        missing = [each.name for each in self.modelled if each.name not in names]
        unexpected = [name for name in names if name not in self.names]
        told = []
        if missing:
            told.append(
                f"{_listed(missing)} missing: add {_it(missing)}, with empty cells if unknown"
            )
        if unexpected:
            told.append(f"{_listed(unexpected)} not of the model's table: drop {_it(unexpected)}")
        if told:
            both = " (or rename one into the other)" * (len(told) > 1)
            raise DataError("; ".join(told) + both)


def _listed(names: Sequence[str]) -> str:
    """
    >>> _listed(["a"]), _listed(["a", "b"])
    ("column 'a' is", "columns 'a', 'b' are")
    """
    some = ", ".join(map(repr, names[:_SHOWN])) + ", ..." * (len(names) > _SHOWN)
    return f"column {some} is" if len(names) == 1 else f"columns {some} are"


def _it(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _positional(value: Any) -> str:
    """A number of single precision without an exponent; all else as it is."""
    if not isinstance(value, float):
        return str(value)
    return np.format_float_positional(np.float32(value), trim="-")


def _one_number(column: Column, value: Any) -> float:
    """A value, which may be text as it was typed, as models see it; `DataError` if it has none."""
    try:
        cell = _one_cell(column, value)
        numbers, observed = column.to_numbers(cell)
        known = bool(observed[0]) and _is_held(column, cell, numbers[0])
    except DataError:
        # What was wrong is said of a row in a file, and there is none.
        known = False
    if not known:
        legal = legal_cells(column, value)
        raise DataError(f"column {column.name!r}: {value!r} is no value of it; {legal}")
    return float(numbers[0])


def _is_held(column: Column, cell: "pl.Series", number: float) -> bool:
    """Whether a column has the very value, and no neighbour that stands for it."""
    if column.kind in OF_LEVELS:
        return number < column.level_count and not (
            column.in_order and cell[0] not in column.levels
        )
    if column.between_steps(cell)[0]:
        return False
    dtype, value = polars_type(column.storage), column.on_step(cell)
    # Of a fraction the cast would make a whole number.
    whole = not dtype.is_integer() or floats(value)[0] == np.rint(floats(value)[0])
    return bool(whole and not value.cast(dtype, strict=False).null_count())


def _one_cell(column: Column, value: Any) -> "pl.Series":
    """A value, which may be text as it was typed, as a cell of the column."""
    import polars as pl

    if not isinstance(value, str):
        return column.typed(pl.Series(column.name, [value], strict=False))
    place = Place(Text("what is given", b""), [1], ",")
    return typed_as(pl.Series(column.name, [value.strip()]), column, place)
