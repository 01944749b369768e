"""A schema in words: an aligned table of its columns, and what to beware of."""

from collections.abc import Sequence

from jensen._words import counted
from jensen.data.tables.columns import RARE, Column

_MOST_LEFT_OUT = 8


def described(columns: Sequence[Column], container: str, *, discrete: bool) -> list[str]:
    """Lines on the columns of a table."""
    modelled = [column for column in columns if column.modelled]
    left_out = [column for column in columns if not column.modelled]
    lines = [
        f"columns: {len(columns)}, as {container}"
        + (f"; {counted(len(left_out), 'column')} left out" if left_out else ""),
        *_aligned([("column", "kind", "likelihood", "step", "missing", "reason")]
                  + [_row(column) for column in modelled]),
        f"scores: {'probabilities' if discrete else 'densities'}, in nats per row",
    ]  # fmt: skip
    stepped = [column.name for column in modelled if column.step is not None]
    if stepped:
        lines.append("values between two steps are rounded to the nearer one")
    ordered = [
        f"{column.name} ({column.levels[0]:.10g}..{column.levels[-1]:.10g})"
        for column in modelled
        if column.in_order
    ]
    if ordered:
        lines.append(
            "numbers between two ordered categories count as the nearer one, and beyond them as"
            f" never seen: {', '.join(ordered)}"
        )
    # A column without any value is kept as a constant is.
    kinds = ["empty" if each.missing == 1 else each.kind for each in left_out]
    lines += [
        f"left out: {each.name!r} ({kind}: {each.reason})"
        for each, kind in zip(left_out, kinds, strict=True)
    ]
    for column in columns:
        lines += [f"caution: column {column.name!r}: {each}" for each in column.cautions]
    return lines


def _row(column: Column) -> tuple[str, ...]:
    likelihood = column.likelihood or ""
    if column.levels:
        likelihood += f" of {column.level_count}" + (f" with {RARE}" if column.rare else "")
    missing = f"{column.missing:.1%}" if column.missing else ""
    return column.name, column.kind, likelihood, column.step_in_words(), missing, column.reason


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return ["  " + line.rstrip() for line in padded]
