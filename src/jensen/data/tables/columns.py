"""A column of a table: what is assumed of it, and its cells as the numbers that models see.

A column with a step is counted in steps: k = (value − origin) / step, a whole number. Without one
the model sees value − origin in float32, and without a change of any density: a shift has no
Jacobian. Categories are numbered; the number after the last stands for any that was never seen.
Numbers above 2**24 are not exact in float32, so that no column has more steps, or finer ones.
"""

from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen.data.tables.cells import (
    LARGEST,
    as_numbers,
    digits,
    floats,
    from_ticks,
    from_values,
    to_ticks,
    with_nulls,
)
from jensen.data.tables.laws import LEFT_OUT, OF_LEVELS, Likelihood, likelihood_of
from jensen.data.tables.types import SECOND, UNITS, family, polars_type, ticks_of
from jensen.errors import DataError

if TYPE_CHECKING:
    import polars as pl

MOST = 2**24
"""Up to here every whole number is one of float32's."""

RARE = "(rare)"
_SMALLEST = float(np.finfo(np.float32).tiny)
_OFF = 1e-3
_REACH = 400_000_000_000_000_000


def shown(value: Any) -> str:
    """A bound or a step as it is read."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


class CellError(DataError):
    """A cell that does not fit its column; `row` counts from 0 in the frame that was checked."""

    def __init__(self, row: int, what: str):
        super().__init__(f"row {row} (counting from 0), {what}")
        self.row, self.what = row, what

    def below(self, rows: int) -> "CellError":
        """The same in a table in which so many rows come before that frame."""
        return CellError(self.row + rows, self.what)


@dataclass(frozen=True)
class Column:
    """What is assumed of a column: made by `infer_table`, stored with the model.

    Attributes:
        name: of the column.
        kind: one of `laws.KINDS`.
        dtype: the type of its cells, as the container it came in writes it.
        storage: the type that its cells have in a polars frame.
        likelihood: the law's name; None for constants and identifiers, which no model sees.
        origin: the value that the model's 0 stands for.
        step: between neighbouring values; in seconds for times; None where there is a density.
        low: no value lies below; None where there is no such bound.
        high: no value lies above.
        atom: the value that comes more often than its neighbours; None where there is none.
        levels: values of the categories, in the order of their numbers; of a constant, its value.
        rare: categories that share the number after those of `levels`.
        rare_rows: how many rows had each of them.
        categories: all that the type has, where it is a type of categories.
        format: how a CSV file writes its dates, as for strptime.
        missing: share of rows without a value.
        reason: why this kind.
        cautions: what the user should know.

    Numbers `origin`, `low`, `high` and `atom` are in the column's own unit, or are dates.
    """

    name: str
    kind: str
    dtype: str
    storage: str
    likelihood: str | None = None
    origin: Any = 0.0
    step: float | None = None
    low: Any = None
    high: Any = None
    atom: Any = None
    levels: tuple = ()
    rare: tuple = ()
    rare_rows: tuple[int, ...] = ()
    categories: tuple | None = None
    format: str | None = None
    missing: float = 0.0
    reason: str = ""
    cautions: tuple[str, ...] = ()

    @property
    def modelled(self) -> bool:
        """Whether a model sees the column."""
        return self.kind not in LEFT_OUT

    @property
    def law(self) -> Likelihood:
        """The likelihood's name, taken apart."""
        return likelihood_of(self.likelihood or "")

    @property
    def level_count(self) -> int:
        """How many numbers stand for categories, that of the rare ones included."""
        return len(self.levels) + bool(self.rare)

    def worth(self) -> np.ndarray | None:
        """The categories themselves, where all of them are numbers."""
        if self.kind not in OF_LEVELS or self.rare:
            return None
        numbers = all(isinstance(level, (int, float)) for level in self.levels)
        return np.asarray(self.levels, np.float64) if numbers else None

    @property
    def in_order(self) -> bool:
        """Whether its categories are numbers that ascend, so that others lie between or beyond."""
        levels = self.worth() if self.kind == "ordinal" else None
        return levels is not None and bool((np.diff(levels) > 0).all())

    def facts(self) -> dict[str, Any]:
        """Fields of `parts.columns.Facts`, in the numbers that models see."""
        found: dict[str, Any] = {"law": self.likelihood}
        if self.kind in OF_LEVELS:
            return found | {"levels": self.level_count}
        for field, rounded in (("low", ceil), ("high", floor)):
            bound = getattr(self, field)
            if bound is not None:
                number = self._number(bound)
                slack = -_OFF if field == "low" else _OFF
                found[field] = float(rounded(number + slack)) if self.step else float(number)
        if self.atom is not None:
            number = self._number(self.atom)
            found["atom"] = float(np.rint(number) if self.step else np.float32(number))
        return found

    def step_in_words(self) -> str:
        """Its step as it is read, in its own unit; empty where it has none."""
        if self.kind == "datetime":
            units = {seconds: unit for unit, seconds in UNITS.items()}
            return units.get(self.step or 0.0, f"{self.step:g} s")
        return "" if self.step is None else f"{self.step:.6g}"

    def between_steps(self, cells: "pl.Series") -> np.ndarray:
        """Which cells lie between two steps and count as the nearer one, shape (rows,)."""
        if self.step is None or self.kind in OF_LEVELS:
            return np.zeros(len(cells), bool)
        if self.kind == "datetime":
            origin = ticks_of(self.origin)
            off: np.ndarray = (to_ticks(cells).fill_null(origin).to_numpy() - origin) % self._ticks
            return off != 0
        values = np.where(cells.is_not_null().to_numpy(), floats(cells), self.origin)
        steps = (values - self.origin) / self.step
        slack = np.full(len(values), _OFF)
        if self.storage == "Float32":
            slack += np.abs(values) / self.step * np.finfo(np.float32).eps
        between: np.ndarray = np.abs(steps - np.rint(steps)) >= slack
        return between

    def on_step(self, cells: "pl.Series") -> "pl.Series":
        """Numbers on the steps that they are next to; of a column of none as they are."""
        import polars as pl

        if self.step is None or self.kind in (*OF_LEVELS, "datetime"):
            return cells
        steps = np.rint((floats(cells) - self.origin) / self.step)
        return pl.Series(cells.name, self._of_steps(steps))

    def to_numbers(self, cells: "pl.Series") -> tuple[np.ndarray, np.ndarray]:
        """Cells as float32, 0 where none was observed; and which were, both shape (rows,).

        Raises:
            DataError: a cell of another type, infinite, or outside of the column's support.
        """
        cells = self.typed(cells)
        observed = cells.is_not_null().to_numpy()
        if self.kind in OF_LEVELS:
            return self._codes(cells), observed
        if self.kind == "datetime":
            return self._whole_steps(cells, observed), observed
        values = np.where(observed, floats(cells), self._inside())
        self._require(np.isfinite(values), cells, "is infinite; replace the cell or drop the row")
        self._require_support(values, cells)
        numbers = (values - self.origin) / (self.step or 1.0)
        if self.step is not None:
            numbers = np.rint(numbers)
        elif self.law.logarithmic:
            # What is not 0 is no 0 in float32 either.
            at = (values == 0.0) if self.atom is None else self._at_atom(numbers)
            numbers = np.where(at, numbers, np.maximum(numbers, _SMALLEST))
        self._require(
            np.abs(numbers) <= LARGEST, cells, "is beyond 32-bit floats; change the column's unit"
        )
        return np.where(observed, numbers, 0.0).astype(np.float32), observed

    def to_cells(
        self,
        numbers: np.ndarray,
        observed: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
    ) -> "pl.Series":
        """Cells in the column's type, from the numbers of a model, shape (rows,).

        Null where `observed` is false and where a number is NaN. A number that stands for all
        rare categories becomes one of them, drawn by `rng` as often as they came.
        """
        import polars as pl

        numbers = np.asarray(numbers, np.float64)
        there = np.isfinite(numbers) if observed is None else observed & np.isfinite(numbers)
        numbers = np.where(there, numbers, 0.0)
        dtype = polars_type(self.storage, self.categories)
        if self.kind in OF_LEVELS:
            return self._categories(numbers, there, rng or np.random.default_rng(0))
        if self.kind == "datetime":
            # No further than years that can be written, so that nothing wraps around.
            reach = _REACH // self._ticks
            steps = np.clip(np.rint(numbers), -reach, reach).astype(np.int64)
            ticks = ticks_of(self.origin) + steps * self._ticks
            low, high = (None if each is None else ticks_of(each) for each in (self.low, self.high))
            if low is not None or high is not None:
                ticks = np.clip(ticks, low, high)
            return with_nulls(from_ticks(pl.Series(self.name, ticks), dtype), there)
        if self.step is not None:
            values = self._of_steps(numbers)
        else:
            values = self.origin + numbers
            if self.atom is not None:
                values = np.where(self._at_atom(numbers), self.atom, values)
        if self.low is not None or self.high is not None:
            values = np.clip(values, self.low, self.high)
        return with_nulls(as_numbers(self.name, values, dtype), there)

    def _of_steps(self, steps: np.ndarray) -> np.ndarray:
        """Values so many steps from the origin, without what floats add to their decimals."""
        step = self.step or 1.0
        return np.round(self.origin + steps * step, max(digits(step), digits(self.origin)))

    def in_units(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers of a model in the column's own unit, not rounded to its type; float64.

        Times are seconds since 1970; categories keep their numbers.
        """
        numbers = np.asarray(numbers, np.float64)
        if self.kind in OF_LEVELS:
            return numbers
        if self.kind == "datetime":
            return (ticks_of(self.origin) + numbers * self._ticks) / SECOND
        return self.origin + numbers * (self.step or 1.0)

    @property
    def _ticks(self) -> int:
        """Microseconds in a step of time."""
        return round((self.step or UNITS["microsecond"]) * SECOND)

    def _at_atom(self, numbers: np.ndarray) -> np.ndarray:
        """Where numbers of a column without a step are its atom, as models see both: in float32."""
        # What float32 cannot hold is refused elsewhere.
        with np.errstate(over="ignore"):
            at: np.ndarray = np.float32(numbers) == np.float32(self._number(self.atom))
        return at

    def _number(self, value: Any) -> float:
        """A value in the column's own unit as models see it, before it is rounded."""
        if self.kind == "datetime":
            return (ticks_of(value) - ticks_of(self.origin)) / self._ticks
        return (float(value) - self.origin) / (self.step or 1.0)

    def typed(self, cells: "pl.Series") -> "pl.Series":
        """The cells, if they are of the right family; text from numbers where text is due."""
        import polars as pl

        due, given = family(polars_type(self.storage, self.categories)), family(cells.dtype)
        if cells.dtype in (pl.Float32, pl.Float64):
            cells = cells.fill_nan(None)
        if given == "nothing" or cells.null_count() == len(cells):
            return cells
        if due == "text":
            return cells.cast(pl.String)
        if given == due or {given, due} == {"number", "truth"}:
            return cells
        row = int(cells.is_not_null().arg_max() or 0)
        what = {"text": "text", "number": "a number", "truth": "a truth value", "time": "a date"}
        wanted = {"number": "numbers", "truth": "truth values", "time": "dates"}.get(due, "nothing")
        raise CellError(
            row,
            f"column {self.name!r}: {str(cells[row])!r} is "
            f"{what.get(given, 'of another type')}, and the column holds {wanted}; mend the cell",
        )

    def _codes(self, cells: "pl.Series") -> np.ndarray:
        """Numbers of categories; one that was never seen has the first number after all.

        A number between two categories in order is the nearer one, of two as near the lower.
        """
        import polars as pl

        known = {level: code for code, level in enumerate(self.levels)}
        known |= dict.fromkeys(self.rare, len(self.levels))
        seen = cells.unique().drop_nulls()
        if not len(seen):
            return np.zeros(len(cells), np.float32)
        values = seen.to_list()
        codes = [known.get(value, self.level_count) for value in values]
        if self.in_order:
            levels = np.asarray(self.levels, np.float64)
            for place, value in enumerate(values):
                if levels[0] < value < levels[-1]:
                    codes[place] = int(np.abs(levels - float(value)).argmin())
        numbers = cells.replace_strict(seen, codes, return_dtype=pl.Int64, default=None)
        return numbers.fill_null(0).to_numpy().astype(np.float32)

    def _whole_steps(self, cells: "pl.Series", observed: np.ndarray) -> np.ndarray:
        if not observed.any():
            return np.zeros(len(cells), np.float32)
        origin = ticks_of(self.origin)
        ticks = to_ticks(cells).fill_null(origin).to_numpy()
        for bound, sign in ((self.low, 1), (self.high, -1)):
            if bound is not None:
                self._require(sign * (ticks - ticks_of(bound)) >= 0, cells, self._outside())
        return ((ticks - origin + self._ticks // 2) // self._ticks).astype(np.float32)

    def _categories(
        self, numbers: np.ndarray, there: np.ndarray, rng: np.random.Generator
    ) -> "pl.Series":
        codes = np.clip(np.rint(numbers), 0, self.level_count - 1).astype(np.int64)
        values = np.empty(self.level_count, dtype=object)
        values[: len(self.levels)] = self.levels
        cells = values[codes]
        rare = np.flatnonzero(codes >= len(self.levels))
        if len(rare):
            weights = np.asarray(self.rare_rows or np.ones(len(self.rare)), np.float64)
            picks = rng.choice(len(self.rare), size=len(rare), p=weights / weights.sum())
            cells[rare] = [self.rare[pick] for pick in picks]
        cells[~there] = None
        return from_values(self.name, cells.tolist(), polars_type(self.storage, self.categories))

    def _inside(self) -> float:
        """A value in the support."""
        if self.atom is not None:
            return float(self.atom)
        if self.low is not None:
            return float(self.low) + (1.0 if self.step is None else 0.0)
        return float(self.origin if self.high is None else self.high)

    def _require_support(self, values: np.ndarray, cells: "pl.Series") -> None:
        slack = (self.step or 0.0) * (0.5 - _OFF)
        fits = np.ones(len(values), dtype=bool)
        if self.low is not None:
            fits &= values >= self.low - slack
        if self.high is not None:
            fits &= values <= self.high + slack
        self._require(fits, cells, self._outside())
        if self.law.logarithmic and self.step is None:
            above = values > 0
            if self.atom is not None:
                above |= self._at_atom(values - self.origin)
            self._require(above, cells, f"is not above 0, as {self.likelihood} asks")

    def _outside(self) -> str:
        return (
            f"is outside of the column's bounds,{self.bounds_in_words()}; mend the cell, or give"
            " the column other bounds in the schema and fit again"
        )

    def bounds_in_words(self) -> str:
        """What bounds there are, behind a word: " from 0 up to 9"."""
        if self.low is None:
            return "" if self.high is None else f" up to {shown(self.high)}"
        return f" from {shown(self.low)} up" + (
            "" if self.high is None else f" to {shown(self.high)}"
        )

    def _require(self, fits: np.ndarray, cells: "pl.Series", what: str) -> None:
        if not fits.all():
            row = int(np.argmin(fits))
            raise CellError(row, f"column {self.name!r}: {cells[row]} {what}")
