"""Cells that no row of the table's kind could have."""

from typing import Any

import numpy as np

from jensen.data import Column, TableSchema

__all__ = ["impossible_rows"]

# Of a step; single precision keeps whole numbers, so that a fraction is none by rounding.
_OFF = 1e-3
# Relative, of numbers that have been to the user's type and back.
_ROUNDING = 1e-5


def impossible_rows(x: np.ndarray, mask: np.ndarray, schema: TableSchema) -> dict[str, Any]:
    """How many rows have a cell that their schema rules out.

    Of categories one that no training row had; of numbers with a step one off the grid; one
    beyond `low` or `high`, not above 0 where the law says so, or beyond what the column's type
    holds; and what is not finite.

    Args:
        x: numbers of the schema, as models draw them, before `restore`; (rows, width).
        mask: which cells there are, of the same shape.
        schema: of both.

    Returns:
        `rows` and `share`, and of the first one `first`: `row`, `column`, `why`; else `None`.
    """
    wrong = np.zeros(len(x), bool)
    first: dict[str, Any] | None = None
    for j, column in enumerate(schema.modelled):
        for why, cells in _faults(column, np.asarray(x[:, j], np.float64)):
            cells = cells & mask[:, j]
            wrong |= cells
            if cells.any() and (first is None or np.argmax(cells) < first["row"]):
                first = {"row": int(np.argmax(cells)), "column": column.name, "why": why}
    return {"rows": int(wrong.sum()), "share": float(wrong.mean()), "first": first}


def _faults(column: Column, x: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """What may be wrong with a cell, and which have it."""
    finite = np.isfinite(x)
    found = [("is not finite", ~finite)]
    x = np.where(finite, x, 0.0)
    if column.law.of_levels:
        known = (x == np.rint(x)) & (x >= 0) & (x < column.level_count)
        return [*found, ("is a category that no training row had", finite & ~known)]
    facts = column.facts()
    if column.step is not None:
        found.append(("is off the column's grid", finite & (np.abs(x - np.rint(x)) > _OFF)))
    for bound, sign in (("low", 1), ("high", -1)):
        if bound in facts:
            slack = _ROUNDING * max(1.0, abs(facts[bound]))
            beyond = sign * (x - facts[bound]) < -slack
            found.append((f"is beyond the column's bound, {getattr(column, bound)}", beyond))
    if column.law.logarithmic and column.step is None:
        below = (x <= 0) & (x != facts.get("atom", np.nan))
        found.append((f"is not above 0, as {column.likelihood} asks", finite & below))
    so_far = np.any([cells for _, cells in found], axis=0)
    return [*found, ("is beyond what the column's type holds", ~so_far & _beyond_type(column, x))]


def _beyond_type(column: Column, x: np.ndarray) -> np.ndarray:
    """Which numbers change by more than rounding where they are written in the user's type."""
    there = column.to_cells(x)
    if column.kind == "datetime":
        given = column.in_units(column.to_numbers(there)[0])
    else:
        given = there.cast(float).to_numpy()
    meant = column.in_units(x)
    # A column of whole numbers that has a density all the same is rounded for its user.
    half = 0.5 if there.dtype.is_integer() and column.step is None else 0.0
    scale = np.abs(meant) + (column.step or 0.0)
    return np.abs(given - meant) > half + _ROUNDING * scale
