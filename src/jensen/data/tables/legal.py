"""What a column, or a table, would have taken in place of what was given, in words."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from math import floor, isfinite
from typing import Any

import numpy as np

from jensen.data.tables.columns import Column
from jensen.data.tables.types import UNITS

_FEW, _CLOSEST = 12, 10
# Of spellings as much alike as that one may be a slip for the other; difflib's own choice.
_ALIKE = 0.6


def choices(given: Any, known: Sequence[Any], are: str = "known are") -> str:
    """All that is known where that is little, else what is closest to what was given.

    Numbers are close by their values, all else by spelling (Ratcliff & Obershelp's ratio).

    >>> choices("Femal", ["Female", "Male"])
    "known are Female, Male; did you mean 'Female'?"
    >>> choices(41, range(0, 100, 5))
    'known are 20 values, the closest 40, 45, 35, 50, 30, 55, 25, 60, 20, 65'
    """
    number = _number(given) if all(isinstance(each, (int, float)) for each in known) else None
    if number is not None:
        near = sorted(known, key=lambda each: abs(each - number))
    else:
        near = sorted(known, key=lambda each: -_likeness(given, each))
    if len(known) <= _FEW:
        words = f"{are} {', '.join(map(str, known))}"
    else:
        words = f"{are} {len(known)} values, the closest {', '.join(map(str, near[:_CLOSEST]))}"
    if number is None and near and _likeness(given, near[0]) >= _ALIKE:
        words += f"; did you mean {near[0]!r}?"
    return words


def legal_cells(column: Column, given: Any) -> str:
    """What values a column takes."""
    if column.levels:
        return choices(given, (*column.levels, *column.rare))
    bounds = column.bounds_in_words()
    if column.kind == "datetime":
        step = column.step_in_words()
        steps = f" in steps of {f'a {step}' if step in UNITS else step}" if column.step else ""
        return f"legal are dates, as {column.format or '2024-12-31'}{bounds}{steps}"
    held = f", and such as {column.storage} holds" if "Int" in column.storage else ""
    if column.step is None:
        return f"legal are numbers{bounds}{held}"
    steps = f" in steps of {column.step_in_words()}{_beside(column, given)}"
    return f"legal are numbers{bounds}{steps}{held}"


def _beside(column: Column, given: Any) -> str:
    """The steps to either side of a number that lies between two."""
    import polars as pl

    number = _number(given)
    if number is None or not isfinite(number) or not column.between_steps(pl.Series([number]))[0]:
        return ""
    below = floor((number - column.origin) / column.step)
    closest = column.to_cells(np.array([below, below + 1.0]))
    return f", the closest {' and '.join(dict.fromkeys(map(str, closest)))}"


def _number(given: Any) -> float | None:
    try:
        return float(given)
    except (TypeError, ValueError):
        return None


def _likeness(given: Any, known: Any) -> float:
    """From 0 to 1, small and capital letters being the same."""
    return SequenceMatcher(None, str(given).casefold(), str(known).casefold()).ratio()
