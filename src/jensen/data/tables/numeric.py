"""Columns of numbers: grid, atom and law. The rules stand at the head of `inferring`."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, log10
from typing import Any

import numpy as np

from jensen._words import counted
from jensen.data.tables.columns import MOST
from jensen.data.tables.grids import CLOSE, Grid, find_grid, skewness
from jensen.data.tables.laws import Likelihood, likelihood_of
from jensen.errors import DataError, OptionError

REPEATS = 0.95
# Of numbers on a grid: a heap has so many times the rows of its neighbours, and heaps together so
# large a share of the rows beside the atom; of so many distinct values at most, most of the grid
# between their ends, and each with so many rows on average.
_HEAP, _HEAPS, _MOST_HEAPED, _FILLED, ROWS_OF_LEVEL = 2.0, 0.2, 100, 0.5, 20
# Classes of which all are known. More are grades, which are told by where they stand: red wine's
# quality, 3 to 8, was filled in with an error of 0.71 as steps and of 0.72 as categories.
_MOST_CODES = 4
# Numbers above are years, say, and next year's is one of them.
_HIGHEST_CODE = 99
ATOM_SHARE = 0.15
FEW_LEVELS = 20
_FEW_FOR_ATOM = 5
_SKEWED = 1.0
_RARE_EVENTS = 10.0
_DISPERSED = 0.7
_BLURRED = 1e-4
# Between these a deviation has a square, and its reciprocal, that float32 can hold.
_SCALES = (1e-15, 1e15)


@dataclass(frozen=True)
class Numbers:
    """What was observed in a column of numbers."""

    name: str
    values: np.ndarray
    distinct: np.ndarray
    rows: np.ndarray
    single: bool

    @classmethod
    def of(cls, name: str, values: np.ndarray, *, single: bool = False) -> "Numbers":
        """From the observed values, float64, shape (rows,)."""
        distinct, rows = np.unique(values, return_counts=True)
        return cls(name, values, distinct, rows, single)

    @property
    def repeats(self) -> bool:
        """Whether values come more than once too often for real numbers."""
        return len(self.distinct) < REPEATS * len(self.values)

    def grid(self) -> Grid | None:
        """The grid on which they were recorded."""
        return find_grid(self.distinct, self.single)

    def atom(self) -> float | None:
        """The value that many rows share."""
        most = int(self.rows.argmax())
        often = self.rows[most] >= ATOM_SHARE * len(self.values)
        return float(self.distinct[most]) if often and len(self.distinct) > _FEW_FOR_ATOM else None

    def codes(self) -> bool:
        """Whether they are a few neighbouring whole numbers, such as classes 1, 2 and 3, and no
        counts: codes, beside which there is no other."""
        span = self.distinct[-1] - self.distinct[0]
        whole = bool((self.distinct == np.rint(self.distinct)).all())
        gapless = whole and span == len(self.distinct) - 1 and self.distinct[-1] <= _HIGHEST_CODE
        grid = Grid(1.0, 0.0)
        return gapless and len(self.distinct) <= _MOST_CODES and not _are_counts(self, grid)

    def heaped(self) -> bool:
        """Whether people rounded some of them: 38, 39, and far more often 40 and 45."""
        few = FEW_LEVELS < len(self.distinct) <= _MOST_HEAPED
        if not few or len(self.values) < ROWS_OF_LEVEL * len(self.distinct):
            return False
        grid = self.grid()
        if grid is None:
            return False
        place = np.rint((self.distinct - self.distinct[0]) / grid.step).astype(int)
        if len(place) < _FILLED * (place[-1] + 1):
            return False
        rows = np.zeros(place[-1] + 1)
        rows[place] = self.rows
        atom = self.atom()
        if atom is not None:
            rows[place[self.distinct == atom]] = 0
        beside = (rows[:-4] + rows[1:-3] + rows[3:-1] + rows[4:]) / 4
        above = rows[2:-2] - beside
        return float(above[rows[2:-2] > _HEAP * beside].sum()) > _HEAPS * rows.sum()


def number_fields(numbers: Numbers, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a `Column` of kind real, positive or count.

    Raises:
        OptionError: what was asked for contradicts the values.
        DataError: numbers that float32 cannot hold.
    """
    _require_scale(numbers)
    law = likelihood_of(asked["likelihood"]) if asked.get("likelihood") else None
    atom = asked["atom"] if "atom" in asked else numbers.atom()
    if law is not None and not law.over and "atom" not in asked:
        atom = None
    if law is not None and law.over and atom is None:
        atom = float(numbers.distinct[numbers.rows.argmax()])
    cautions: list[str] = []
    grid = _grid(numbers, asked, law, cautions)
    low = asked["low"] if "low" in asked else (0.0 if numbers.distinct[0] >= 0 else None)
    base, reason = _law(numbers, grid, atom, asked, law)
    if asked.get("kind") == "count" and grid is None:
        raise OptionError(
            f"column {numbers.name!r}, kind='count': the values are no steps of a grid; legal are "
            "real and positive, or give a step"
        )
    over = ""
    if atom is not None:
        over = law.over if law is not None and law.over else _over(numbers, grid, atom)
        reason += f"; {_share(numbers, atom):.0%} of the rows are {atom:.6g}"
    likelihood = likelihood_of(f"{over}:{base}" if over else base)
    if grid is not None and atom is not None:
        _require_place(numbers, grid, atom, over)
    if over == "hurdle" and grid is not None and atom is not None:
        low = atom if low is None else max(low, atom)
    _require_support(numbers, likelihood, low, asked.get("high"), atom)
    origin, step = _counted(numbers, grid, likelihood, asked)
    return {
        "kind": likelihood.kind if asked.get("kind") is None else asked["kind"],
        "likelihood": f"{over}:{base}" if over else base,
        "origin": origin,
        "step": step,
        "low": low,
        "high": asked.get("high"),
        "atom": atom,
        "reason": reason,
        "cautions": tuple(cautions),
    }


def _grid(
    numbers: Numbers, asked: Mapping[str, Any], law: Likelihood | None, cautions: list[str]
) -> Grid | None:
    """The grid to count by, or None where the column is to have a density."""
    if "step" in asked:
        if asked["step"] is None:
            return None
        return Grid(float(asked["step"]), float(asked.get("origin", 0.0)))
    if law is not None and law.density:
        return None
    found = numbers.grid()
    if law is not None and found is None:
        raise OptionError(
            f"column {numbers.name!r}, likelihood={asked['likelihood']!r}: the values are no steps "
            "of a grid; legal are the laws of real numbers, or give a step"
        )
    wanted = law is not None or asked.get("kind") == "count"
    if not wanted and not numbers.repeats:
        return None
    if found is None:
        cautions.append(
            "values repeat and lie on no grid: a density there can grow without limit; give "
            "the step in which they were recorded, if there is one"
        )
        return None
    if (numbers.distinct[-1] - numbers.distinct[0]) / found.step > MOST:
        cautions.append(
            f"recorded in steps of {found.step:.6g}, more of them than 32-bit floats count: "
            "scored by a density"
        )
        return None
    return Grid(found.step, float(asked.get("origin", found.origin)))


def _law(
    numbers: Numbers,
    grid: Grid | None,
    atom: float | None,
    asked: Mapping[str, Any],
    law: Likelihood | None,
) -> tuple[str, str]:
    """Base law, and why."""
    if law is not None:
        return law.base, "as asked"
    stepped = grid is not None
    what = f"steps of {grid.step:.6g}" if grid is not None else "no recorded step"
    kind = asked.get("kind")
    if kind is not None:
        base = {
            "real": ("student-t", "rounded"),
            "positive": ("log-normal", "rounded-log-normal"),
            "count": ("negative-binomial", "negative-binomial"),
        }[kind][stepped]
        return base, f"as asked; {what}"
    if grid is not None and _are_counts(numbers, grid):
        return "negative-binomial", "small whole numbers from 0 up"
    if _are_skewed(numbers, grid, atom):
        return ("rounded-log-normal" if stepped else "log-normal"), f"{what}, positive and skewed"
    return ("rounded" if stepped else "student-t"), what


def _are_counts(numbers: Numbers, grid: Grid) -> bool:
    if grid.step != 1 or grid.origin != 0 or numbers.distinct[0] < 0:
        return False
    mean = float(numbers.values.mean())
    return 0 < mean < _RARE_EVENTS and float(numbers.values.var()) / mean > _DISPERSED


def _are_skewed(numbers: Numbers, grid: Grid | None, atom: float | None) -> bool:
    others = numbers.values if atom is None else numbers.values[numbers.values != atom]
    # A law of whole numbers has a place for 0, the law of a logarithm has none.
    least = float(others.min())
    if least < 0 or (grid is None and least == 0):
        return False
    if grid is not None:
        others = np.maximum(others, grid.step / 4)
    elif _blur(others) > _BLURRED:
        return False
    plain = skewness(others)
    return plain > _SKEWED and abs(skewness(np.log(others))) < abs(plain)


def _over(numbers: Numbers, grid: Grid | None, atom: float) -> str:
    return "hurdle" if grid is None or atom <= numbers.distinct[0] else "inflated"


def _counted(
    numbers: Numbers, grid: Grid | None, law: Likelihood, asked: Mapping[str, Any]
) -> tuple[float, float | None]:
    """Origin and step, such that float32 holds the model's numbers."""
    if grid is not None:
        ends = (numbers.distinct[[0, -1]] - grid.origin) / grid.step
        if np.abs(ends).max() <= MOST or "origin" in asked:
            return grid.origin, grid.step
        if law.logarithmic:
            raise OptionError(
                f"column {numbers.name!r}: {asked.get('likelihood')!r} needs steps from 0 up, and "
                "these are more than 32-bit floats count; give a wider step, or step=None"
            )
        middle = float(np.rint(ends.mean()))
        return grid.origin + middle * grid.step, grid.step
    if "origin" in asked and asked["origin"] is not None:
        return float(asked["origin"]), None
    if law.logarithmic or _blur(numbers.values) <= _BLURRED:
        return 0.0, None
    digit = 10.0 ** floor(log10(float(np.ptp(numbers.values))))
    return float(np.rint(np.median(numbers.values) / digit) * digit), None


def _blur(values: np.ndarray) -> float:
    """Mean rounding error of float32 over mean absolute deviation."""
    deviation = float(np.abs(values - values.mean()).mean())
    error = float(np.abs(values.astype(np.float32).astype(np.float64) - values).mean())
    return error / deviation if deviation > 0 else 0.0


def _share(numbers: Numbers, value: float) -> float:
    return float((numbers.values == value).mean())


def _require_place(numbers: Numbers, grid: Grid, atom: float, over: str) -> None:
    """Raise `OptionError` for an atom between two steps, or one that a hurdle cannot stand at."""
    steps = (atom - grid.origin) / grid.step
    if abs(steps - np.rint(steps)) > CLOSE:
        raise OptionError(
            f"column {numbers.name!r}, atom={atom:.10g}: it lies between steps of {grid.step:.6g}; "
            "legal are values on a step"
        )
    if over == "hurdle" and numbers.distinct[0] < atom:
        raise OptionError(
            f"column {numbers.name!r}: a hurdle over steps stands at the least value, "
            f"{numbers.distinct[0]:.10g}, and not at {atom:.10g}; legal is inflated:LAW there"
        )


def _require_scale(numbers: Numbers) -> None:
    deviation = float(np.abs(numbers.values - numbers.values.mean()).mean())
    if not _SCALES[0] <= deviation <= _SCALES[1]:
        raise DataError(
            f"column {numbers.name!r}: the values vary by some {deviation:.1g}, and 32-bit floats "
            f"hold the squares of {_SCALES[0]:g} to {_SCALES[1]:g} only; change the column's unit"
        )


def _require_support(
    numbers: Numbers, law: Likelihood, low: float | None, high: float | None, atom: float | None
) -> None:
    """Raise `OptionError` where the rows at hand contradict what was asked for."""
    least, most = float(numbers.distinct[0]), float(numbers.distinct[-1])
    who = f"column {numbers.name!r}"
    if low is not None and least < low:
        raise OptionError(f"{who}, low={low:.10g}: a value is {least:.10g}; legal is up to that")
    if high is not None and most > high:
        raise OptionError(f"{who}, high={high:.10g}: a value is {most:.10g}; legal is from there")
    others = numbers.distinct if atom is None else numbers.distinct[numbers.distinct != atom]
    if not len(others) or not law.logarithmic:
        return
    if others[0] < 0 or (law.density and others[0] == 0):
        found = counted(int((numbers.values == others[0]).sum()), "row")
        raise OptionError(
            f"{who}, likelihood={law.base!r} is of values above 0, and {others[0]:.10g} comes in "
            f"{found}; legal are student-t and rounded, or an atom there"
        )
