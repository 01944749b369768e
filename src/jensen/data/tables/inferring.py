"""From a table to its schema: what is assumed of each column, each assumption open to an override.

The rules, in order, for a column without any override; "values" are those that are there.

 1. no value, or one and the same in all rows            -> constant, left out
 2. truth values, or two distinct values of any type     -> binary
 3. a type of categories: with an order                  -> ordinal, ordered-logistic
    without one                                          -> categorical, all of the type's
 4. text: of 20 rows or more, over 90 % of them distinct -> identifier, left out
    else                                                 -> categorical; of more than 20
    categories those with fewer than 10 rows, or beyond the 100 most frequent, share one number
 5. dates                                                -> datetime, rounded: steps of the largest
    of day, hour, minute, second, ms, us that all are multiples of; a larger one where there would
    be more steps than float32 counts
 6. integers that count up by 1 from row to row          -> identifier, left out
 7. numbers with 20 rows or more for each that is
    distinct: on no grid, at most 20 of them             -> ordinal, categorical
    at most 4 neighbouring whole numbers, no counts      -> ordinal, categorical
    on a grid that is half full, 21 to 100 of them, and
    beside the atom a fifth of the rows in heaps         -> ordinal, ordered-logistic
 8. numbers that repeat (fewer than 95 % distinct) and
    lie on a grid: k = (value − origin) / step
      from 0 up in steps of 1, mean below 10, variance
      above 0.7 of the mean                              -> count, negative-binomial
      skewed                                             -> positive, rounded-log-normal
      other                                              -> real, rounded
 9. other numbers: skewed                                -> positive, log-normal
      other                                              -> real, student-t

"Skewed" is a skewness above 1 of values from 0 up (above 0, where there is no grid) whose
logarithm is less skewed. A heap is what a value has beyond the mean of the two on either side of
it, where it has more than twice that. A value that 15 % of the rows share, in a column of more
than 5 distinct ones, is an atom: over a density, or where it is the least value, "hurdle:" stands
before the law, and "inflated:" elsewhere. Where no value is below 0, none ever is.

A type of categories that has more than two of them is under rule 3, whichever of them occur.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen.data.tables.cells import to_ticks
from jensen.data.tables.columns import MOST, Column
from jensen.data.tables.containers import ORDERED, take
from jensen.data.tables.laws import NUMBERS
from jensen.data.tables.levels import level_fields
from jensen.data.tables.numeric import FEW_LEVELS, ROWS_OF_LEVEL, Numbers, number_fields
from jensen.data.tables.overrides import checked_overrides, group_of
from jensen.data.tables.schema import TableSchema
from jensen.data.tables.types import SECOND, UNITS, family, ticks_of, time_of, type_name
from jensen.errors import DataError, OptionError

if TYPE_CHECKING:
    import polars as pl

_DISTINCT_TEXT = 0.9
_TEXT_ROWS = 20


def infer_table(
    frame: Any,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    formats: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
) -> TableSchema:
    """Schema of a table, by the rules at the head of this module.

    Args:
        frame: of pandas or polars, or an array; NaN and null are missing.
        overrides: by column, fields in place of what is inferred: kind, likelihood, step (None for
            a density), origin, atom, low, high, levels. What depends on them follows.
        formats: how a CSV file wrote its dates, by column.
        names: of an array's columns.

    Raises:
        DataError: fewer than two rows, no column to model, infinite numbers, or such as 32-bit
            floats cannot hold.
        OptionError: an override that is unknown or contradicts the column.

    >>> import polars as pl
    >>> frame = pl.DataFrame({"age": [31, 44, 44, 52] * 50, "name": ["ann", "bo", "cy", "di"] * 50})
    >>> [(column.name, column.kind) for column in infer_table(frame).columns]
    [('age', 'real'), ('name', 'categorical')]
    >>> infer_table(frame, {"age": {"kind": "ordinal"}}).modelled[0].likelihood
    'categorical'
    """
    taken = take(frame, names)
    if len(taken.frame) < 2:
        raise DataError("the table has 1 row; at least 2 are needed to tell what its columns are")
    families = {name: family(dtype) for name, dtype in taken.frame.schema.items()}
    asked = checked_overrides(overrides, families)
    columns = [
        _column(cells, dtype, categories, asked.get(cells.name, {}))
        for cells, dtype, categories in zip(
            taken.frame.get_columns(), taken.dtypes, taken.categories, strict=True
        )
    ]
    columns = [replace(each, format=(formats or {}).get(each.name)) for each in columns]
    if not any(column.modelled for column in columns):
        raise DataError("no column is left to model: all are constants or identifiers")
    return TableSchema(tuple(columns), taken.container)


def _column(
    cells: "pl.Series", dtype: str, categories: tuple | None, asked: Mapping[str, Any]
) -> Column:
    there = cells.drop_nulls()
    known: dict[str, Any] = {
        "name": cells.name,
        "dtype": dtype,
        "storage": type_name(cells.dtype),
        "categories": categories,
        "missing": cells.null_count() / len(cells),
    }
    if family(cells.dtype) == "number":
        _require_finite(cells)
    kind, reason = _kind(cells, there, dtype, categories, asked)
    if kind == "constant":
        return Column(kind=kind, reason=reason, levels=tuple(there[:1].to_list()), **known)
    if kind == "identifier":
        return Column(kind=kind, reason=reason, **known)
    if kind == "datetime":
        return Column(kind=kind, **known | _time_fields(there, asked))
    if kind in (*NUMBERS, "numbers"):
        return Column(**known | number_fields(_numbers(there), asked))
    fields = level_fields(there, kind, categories, dtype == ORDERED, asked)
    # What the rules said of the column is said where no one asked for anything else.
    return Column(kind=kind, reason=reason, **known | fields)


def _numbers(there: "pl.Series") -> Numbers:
    import polars as pl

    values = there.cast(pl.Float64).to_numpy()
    return Numbers.of(there.name, values, single=there.dtype == pl.Float32)


def _kind(
    cells: "pl.Series",
    there: "pl.Series",
    dtype: str,
    categories: tuple | None,
    asked: Mapping[str, Any],
) -> tuple[str, str]:
    """Kind and reason, "numbers" where that is for the law to say."""
    distinct = there.n_unique()
    if asked.get("kind") == "identifier":
        return "identifier", "as asked"
    if distinct <= 1:
        if group_of(asked) not in (None, "constant"):
            raise OptionError(
                f"overrides: column {cells.name!r} has {distinct} distinct values, and no law can"
                " be told from them; leave it to be left out"
            )
        where = "where there is any" if cells.null_count() else "in all rows"
        return "constant", f"one value {where}" if distinct else "no value in any row"
    group = group_of(asked)
    if group is not None:
        return _asked_kind(there, group, asked), "as asked"
    count = distinct if categories is None else len(categories)
    kind = family(cells.dtype)
    if kind == "truth" or count == 2:
        return "binary", "truth values" if kind == "truth" else "two distinct values"
    if dtype == ORDERED:
        return "ordinal", "categories with an order"
    if categories is not None or type_name(cells.dtype) == "Categorical":
        return "categorical", "a type of categories"
    if kind == "text":
        if len(there) >= _TEXT_ROWS and distinct > _DISTINCT_TEXT * len(there):
            return "identifier", f"text, {distinct / len(there):.0%} of it distinct"
        return "categorical", "text that repeats"
    if kind == "time":
        return "datetime", ""
    counts_up = cells.dtype.is_integer() and not cells.null_count()
    if counts_up and (cells[1:] == cells[:-1] + 1).all():
        return "identifier", "counts up by 1 from row to row"
    if len(there) >= ROWS_OF_LEVEL * distinct:
        numbers = _numbers(there)
        if distinct <= FEW_LEVELS and numbers.grid() is None:
            return "ordinal", f"{distinct} distinct numbers"
        if numbers.codes():
            return "ordinal", f"{distinct} neighbouring whole numbers"
        if numbers.heaped():
            return "ordinal", f"{distinct} distinct numbers, some of them heaps"
    return "numbers", ""


def _asked_kind(there: "pl.Series", group: str, asked: Mapping[str, Any]) -> str:
    if group == "numbers" and family(there.dtype) == "time":
        return "datetime"
    levels = asked.get("levels", ())
    if group == "levels":
        if len(levels) == 2:
            return "binary"
        return "ordinal" if family(there.dtype) == "number" else "categorical"
    count = len(levels) or there.n_unique()
    if group == "binary" and count > 2:
        raise OptionError(
            f"overrides: column {there.name!r}, kind='binary': it has {count} distinct values; "
            "legal are categorical and ordinal"
        )
    return group


def _time_fields(there: "pl.Series", asked: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a column of dates."""
    from datetime import datetime

    import polars as pl

    ticks = to_ticks(there).to_numpy()
    dates = there.dtype == pl.Date
    sizes = {unit: round(seconds * SECOND) for unit, seconds in UNITS.items()}
    recorded = "day" if dates else next(u for u, n in sizes.items() if not (ticks % n).any())
    if "step" in asked:
        step, reason = round(asked["step"] * SECOND), "as asked"
    else:
        span = int(ticks.max()) - int(ticks.min())
        unit = next(
            u for u in reversed(sizes) if sizes[u] >= sizes[recorded] and span <= sizes[u] * MOST
        )
        step = sizes[unit]
        reason = "dates" if dates else f"times to the {recorded}"
        if unit != recorded:
            reason += f", counted by the {unit} as 32-bit floats count no more {recorded}s"
    middle = (int(ticks.min()) + int(ticks.max())) // 2 // step * step
    origin = asked.get("origin") or time_of(middle)
    if dates and isinstance(origin, datetime):
        origin = origin.date()
    for field, end, sign in (("low", ticks.min(), 1), ("high", ticks.max(), -1)):
        bound = asked.get(field)
        if bound is not None and sign * (int(end) - ticks_of(bound)) < 0:
            raise OptionError(
                f"overrides: column {there.name!r}, {field}={bound}: a value is {time_of(end)}"
            )
    return {
        "likelihood": "rounded",
        "step": step / SECOND,
        "origin": origin,
        "low": asked.get("low"),
        "high": asked.get("high"),
        "reason": reason,
    }


def _require_finite(cells: "pl.Series") -> None:
    import polars as pl

    infinite = cells.cast(pl.Float64).is_infinite().fill_null(False)
    if infinite.any():
        row = int(np.argmax(infinite.to_numpy()))
        raise DataError(
            f"row {row} (counting from 0), column {cells.name!r}: the cell is infinite; replace it"
            " or drop the row"
        )
