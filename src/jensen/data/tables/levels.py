"""Columns of categories: their order, and which of them are rare."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jensen._words import counted
from jensen.data.tables.types import family
from jensen.errors import OptionError

if TYPE_CHECKING:
    import polars as pl

_MANY = 20
_FEW_ROWS = 10
_MOST = 100
_MOSTLY = 0.5
_DAY_OR_MONTH = r"^\d{1,2}/\d{1,2}/\d{4}$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def level_fields(
    there: "pl.Series",
    kind: str,
    categories: tuple | None,
    ordered: bool,
    asked: Mapping[str, Any],
) -> dict[str, Any]:
    """Fields of a `Column` of categories, from the values that are there.

    Raises:
        OptionError: levels were asked for that leave out values of the column.
    """
    import polars as pl

    text = family(there.dtype) == "text"
    values = there.cast(pl.String) if text else there
    rare: list[Any] = []
    rows: list[int] = []
    if "levels" in asked:
        levels = _asked_levels(values, asked["levels"])
    elif categories is not None:
        levels = list(categories)
    else:
        levels, rare, rows = _split(values, text and there.dtype == pl.String and kind != "ordinal")
    numbers = family(there.dtype) == "number"
    # Of few numbers each may go its own way; many are told apart by where they stand.
    in_order = kind == "ordinal" and (ordered or not numbers or len(levels) > _MANY)
    default = "ordered-logistic" if in_order else "categorical"
    cautions = list(text_cautions(values) if text and categories is None else ())
    if rare:
        cautions.append(
            f"{counted(len(rare), 'rare category').replace('categorys', 'categories')} of "
            f"{counted(sum(rows), 'row')} share one level, (rare)"
        )
    return {
        "likelihood": asked.get("likelihood") or default,
        "levels": tuple(levels),
        "rare": tuple(rare),
        "rare_rows": tuple(rows),
        "cautions": tuple(cautions),
    }


def text_cautions(values: "pl.Series") -> tuple[str, ...]:
    """What looks like numbers or dates, and is read as text."""
    if values.str.contains(_DAY_OR_MONTH).all():
        return (
            f"dates such as {values[0]} may have the day or the month first: read as text; "
            "write them as 2024-12-31",
        )
    numbers = values.str.contains(_NUMBER)
    share = float(numbers.mean() or 0.0)  # type: ignore[arg-type]
    if share == 1 and not values.str.contains(r"^0\d").any():
        return ("all cells are numbers written as text: convert the column to have a law of those",)
    if _MOSTLY <= share < 1:
        others = values.filter(~numbers)
        are = "is" if len(others) == 1 else "are"
        return (
            f"numbers and text: {counted(len(others), 'cell')} {are} text, as {others[0]!r}, so "
            "that all are categories; mend them, or name them as missing values",
        )
    return ()


def _asked_levels(values: "pl.Series", levels: tuple) -> list:
    unknown = [value for value in values.unique().to_list() if value not in levels]
    if unknown:
        raise OptionError(
            f"overrides: column {values.name!r}, levels={list(levels)!r} lack {unknown[0]!r}, "
            "which it has; legal are lists of all its values"
        )
    return list(levels)


def _split(values: "pl.Series", may_share: bool) -> tuple[list, list, list[int]]:
    """Categories in order; those that share a level, most frequent first; and their rows."""
    found = values.value_counts(name="rows").sort(["rows", values.name], descending=[True, False])
    categories, rows = found[values.name].to_list(), found["rows"].to_list()
    kept = len(categories)
    if may_share and kept > _MANY:
        often = sum(n >= _FEW_ROWS for n in rows)
        kept = min(max(often, 1), _MOST)
        # One category alone has nothing to share a level with.
        kept = len(categories) if kept == len(categories) - 1 else kept
    return sorted(categories[:kept]), categories[kept:], rows[kept:]
