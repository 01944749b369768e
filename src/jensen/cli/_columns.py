"""What a report shows of a table: its columns beside the model's, and rows as text."""

from typing import TYPE_CHECKING, Any

import numpy as np

from jensen.data import Column, TableSchema

if TYPE_CHECKING:
    import polars as pl

    from jensen import VAE

__all__ = ["as_text", "column_pictures", "filled_cells"]

_MOST_LEVELS, _BARS = 12, 24
_MOST_COLUMNS, _MOST_LETTERS = 12, 24
# Missing cells to fill, and as many to hide.
_FILLED = 12


def column_pictures(
    schema: TableSchema, data: "pl.DataFrame", drawn: "pl.DataFrame"
) -> list[dict[str, Any]]:
    """Of each column its kind and likelihood, and shares of `data` and `drawn` side by side.

    Categories, and numbers of few values, have "labels", the most frequent first where there are
    too many; others the middles of their bars, "at", of which the outermost hold all beyond.
    """
    result = []
    for column in schema.columns:
        told: dict[str, Any] = {
            "name": column.name,
            "kind": column.kind,
            "likelihood": column.likelihood,
            "missing": column.missing,
        }
        if column.modelled and column.name in data.columns:
            cells = data[column.name].drop_nulls()
            if len(cells):
                told |= _shares(column, cells, drawn[column.name].drop_nulls())
        result.append(told)
    return result


def _shares(column: Column, cells: "pl.Series", drawn: "pl.Series") -> dict[str, Any]:
    if column.law.of_levels:
        of, there = (each.cast(_text()).value_counts(sort=True) for each in (drawn, cells))
        names = column.name
        most = [str(each) for each in there[names].head(_MOST_LEVELS)]
        known = [str(each) for each in column.levels if str(each) in most]
        labels = known + [each for each in most if each not in known]

        def share_of(counts: "pl.DataFrame", n: int) -> list[float]:
            found = dict(counts.iter_rows())
            return [float(found.get(each, 0)) / max(1, n) for each in labels]

        shares = (share_of(there, len(cells)), share_of(of, len(drawn)))
        return {"labels": labels, "data": shares[0], "model": shares[1]}
    if column.kind == "datetime":
        cells, drawn = (each.cast(_time()) for each in (cells, drawn))
    x, y = (each.cast(_number()).to_numpy() for each in (cells, drawn))
    low, high = np.quantile(x, [0.005, 0.995])
    low, high = (low, high) if high > low else (float(x.min()) - 0.5, float(x.max()) + 0.5)
    bars = _BARS
    if column.step is not None and column.kind != "datetime":
        # As many steps in each bar, lest some bars stand out.
        steps = round((high - low) / column.step) + 1
        width = -(-steps // _BARS) * column.step
        low -= column.step / 2
        bars = int(np.ceil((high - low) / width))
        high = low + bars * width
    edges = np.linspace(low, high, bars + 1)
    inside = lambda v: np.clip(v, np.nextafter(low, high), np.nextafter(high, low))
    share = lambda v: (np.histogram(inside(v), edges)[0] / max(1, len(v))).tolist()
    at = (edges[1:] + edges[:-1]) / 2
    if column.kind == "datetime":
        times = np.rint(at).astype("datetime64[ms]")
        days = high - low > 86_400_000 * _BARS
        labels = [str(each.astype("datetime64[D]") if days else each) for each in times]
        return {"labels": labels, "data": share(x), "model": share(y)}
    return {"at": at.tolist(), "data": share(x), "model": share(y)}


def filled_cells(vae: "VAE", rows: "pl.DataFrame", indices: np.ndarray) -> list[dict[str, Any]]:
    """Missing cells of some rows, and as many known ones hidden, filled with their intervals.

    `indices` are the rows' numbers in the user's data.
    """
    import polars as pl

    columns = [each for each in vae.schema_.columns if each.modelled and each.name in rows.columns]
    there = rows.select(each.name for each in columns).select(pl.all().is_not_null()).to_numpy()
    holes = np.argwhere(~there)[:_FILLED]
    rng = np.random.default_rng(0)
    # One cell of a row that has another left; the columns take turns.
    some = rng.permutation(np.flatnonzero(there.sum(axis=1) > 1))
    turns = np.column_stack([some, np.arange(len(some)) % len(columns)])
    hidden = turns[there[tuple(turns.T)]][:_FILLED]
    cells = np.concatenate([holes, hidden])
    if not len(cells):
        return []
    chosen, places = np.unique(cells[:, 0], return_inverse=True)
    gone = np.zeros((len(chosen), len(columns)), bool)
    gone[places[len(holes) :], hidden[:, 1]] = True
    known = rows[chosen]
    blank = known.with_columns(
        pl.when(pl.Series(~of_column)).then(pl.col(column.name)).alias(column.name)
        for column, of_column in zip(columns, gone.T, strict=True)
    )
    found = vae.impute(blank, keep=0)
    result = []
    for (row, number), place in zip(cells, places, strict=True):
        column = columns[number]
        value, best, low, high = (
            frame[int(place), column.name]
            for frame in (known, found.table, found.lower, found.upper)
        )
        ordered = not column.law.of_levels
        result.append(
            {
                "row": int(indices[row]),
                "column": _short(column.name),
                "known": None if value is None else _shown(value),
                "filled": _shown(best),
                "low": _shown(low) if ordered else None,
                "high": _shown(high) if ordered else None,
                "inside": bool(low <= value <= high) if ordered and value is not None else None,
            }
        )
    return result


def as_text(frame: "pl.DataFrame", most: int = _MOST_COLUMNS) -> tuple[list[str], list[list[str]]]:
    """Names and cells, short enough to be read; empty where a cell is missing."""
    names = frame.columns[:most]
    rows = [[_shown(cell) for cell in row[:most]] for row in frame.iter_rows()]
    return [_short(name) for name in names], rows


def _shown(cell: Any) -> str:
    if cell is None:
        return ""
    return _short(f"{cell:.6g}" if isinstance(cell, float) else str(cell))


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1] + "…"


def _text() -> Any:
    import polars as pl

    return pl.String


def _number() -> Any:
    import polars as pl

    return pl.Float64


def _time() -> Any:
    import polars as pl

    return pl.Datetime("ms")
