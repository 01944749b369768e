"""Cells of later rows whose values no training row had, counted as they are met."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen._words import counted
from jensen.data.tables.columns import Column

if TYPE_CHECKING:
    import polars as pl


@dataclass
class Unseen:
    """Of each column of categories how many such cells there are, and the first of them.

    Attributes:
        columns: of the table.
        found: by column the number of cells, the first one's row, and its value.
    """

    columns: Sequence[Column]
    found: dict[str, tuple[int, int, Any]] = field(default_factory=dict)

    def add(self, frame: "pl.DataFrame", first: int = 0) -> None:
        """Take in some rows, which fit the schema; `first` is the number of the first of them."""
        for column in self.columns:
            if not (column.modelled and column.law.of_levels):
                continue
            cells = frame[column.name]
            numbers, there = column.to_numbers(cells)
            rows = np.flatnonzero(there & (numbers >= column.level_count))
            if len(rows):
                row = int(rows[0])
                count, *where = self.found.get(column.name, (0, first + row, cells[row]))
                self.found[column.name] = (count + len(rows), where[0], where[1])

    def lines(self, *, of_levels: bool = False) -> list[str]:
        """What to tell of them, a line for each column; `of_levels`, of rows that are to be fitted
        to levels that were given."""
        return [
            _line(column, *self.found[column.name], of_levels)
            for column in self.columns
            if column.name in self.found
        ]


def _line(column: Column, count: int, row: int, value: Any, of_levels: bool) -> str:
    one = count == 1
    if of_levels:
        what = f"{'has' if one else 'have'} a value that is none of its levels"
    elif column.in_order:
        ends = f"{column.levels[0]:.10g}..{column.levels[-1]:.10g}"
        what = f"{'lies' if one else 'lie'} outside of {ends}, as no training row's does"
    else:
        what = f"{'has' if one else 'have'} a value that no training row had"
    return (
        f"column {column.name!r}: {counted(count, 'cell')} {what}; scored as never seen"
        f" ({'' if one else 'the first: '}row {row}, {value!r})"
    )
