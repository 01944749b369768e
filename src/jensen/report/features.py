"""Rows that are no images: lines or heat-maps by feature, each feature on its own scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jensen.report.charts import BLUE, axis, chart, label_text, plain
from jensen.report.content import ReportData
from jensen.report.markup import table
from jensen.report.numbers import general

__all__ = [
    "MOST_COLUMNS",
    "MOST_FEATURES",
    "Scale",
    "draws",
    "heat_map",
    "names",
    "value_table",
    "wide",
]

MOST_FEATURES = 200
_MOST_LINES = 40  # features; beyond, lines are a tangle and a heat-map is read more easily
_MOST_ROWS = 60
_MOST_NAMES = 24  # that find room along an axis
MOST_COLUMNS = 8
_ENDS: dict[str, Any] = {"tickvals": [0, 1], "ticktext": ["low", "high"], "range": [-0.05, 1.05]}


def names(data: ReportData) -> list[str]:
    """What each feature is called."""
    if data.feature_names is not None:
        return [str(name) for name in data.feature_names]
    return [str(i) for i in range(data.width)]


@dataclass(frozen=True)
class Scale:
    """Where a value stands between its feature's 1st and 99th percentile, from 0 to 1."""

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, data: ReportData) -> "Scale":
        """The scale that all pictures of a page share."""
        shown = [
            rows.reshape(len(rows), -1).astype(float)
            for rows in (
                data.originals,
                data.reconstructions,
                data.posterior_samples,
                data.prior_samples,
            )
            if rows is not None
        ]
        values = np.concatenate(shown)
        values = np.ma.masked_invalid(values).filled(np.nan)
        known = np.where(np.isnan(values).all(axis=0), 0.0, values)
        low, high = np.nanquantile(known, [0.01, 0.99], axis=0)
        # A feature that is nearly always the same still shows where it is not.
        narrow = high <= low
        low = np.where(narrow, np.nanmin(known, axis=0), low)
        high = np.where(narrow, np.nanmax(known, axis=0), high)
        return cls(low, high)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Places, shape (n, features); 0.5 for a feature that never changes, NaN stays."""
        span = self.high - self.low
        flat = rows.reshape(len(rows), -1).astype(float)
        place = np.where(span > 0, (flat - self.low) / np.where(span > 0, span, 1.0), 0.5)
        return np.where(np.isnan(flat), np.nan, np.clip(place, 0, 1))


def wide(data: ReportData) -> bool:
    """Whether a row has too many features for lines."""
    return data.width > _MOST_LINES


def draws(name: str, rows: np.ndarray, data: ReportData, label: str) -> str:
    """Samples: a line each where features are few, else a heat-map."""
    if wide(data):
        return heat_map(name, rows, data, label)
    rows = rows[:_MOST_ROWS]
    places = Scale.of(data)(rows)
    # One trace for all: a gap after each line keeps them apart.
    gaps = np.full((len(rows), 1), np.nan)
    trace = {
        "type": "scatter",
        "mode": "lines" if data.width > 12 else "lines+markers",
        "x": [*range(data.width), None] * len(rows),
        "y": plain(np.hstack([places, gaps]).ravel()),
        "line": {"color": BLUE, "width": 1},
        "marker": {"size": 4},
        "opacity": 0.45 if len(rows) > 8 else 0.9,
        "hoverinfo": "skip",
    }
    layout = {
        "xaxis": _feature_axis(data) | {"range": [-0.4, data.width - 0.6]},
        "yaxis": axis(**_ENDS),
        "showlegend": False,
    }
    return chart(name, [trace], layout, label=label)


def heat_map(name: str, rows: np.ndarray, data: ReportData, label: str) -> str:
    """Rows from top to bottom, features from left to right, bright where high."""
    rows = rows[:_MOST_ROWS]
    flat = rows.reshape(len(rows), -1)[:, :MOST_FEATURES]
    trace = {
        "type": "heatmap",
        "z": [plain(row) for row in Scale.of(data)(rows)[:, :MOST_FEATURES]],
        "customdata": [plain(row) for row in flat],
        "zmin": 0,
        "zmax": 1,
        "colorscale": "Cividis",
        "showscale": False,
        "hovertemplate": "%{x}: %{customdata}<extra></extra>",
    }
    layout = {
        "xaxis": _feature_axis(data) | {"showgrid": False},
        "yaxis": axis("rows", autorange="reversed", showgrid=False, showticklabels=False, ticks=""),
    }
    height = int(np.clip(14 * len(rows) + 90, 160, 420))
    return chart(name, [trace], layout, label=label, height=height)


def value_table(rows: np.ndarray, data: ReportData, first: dict[str, list[str]]) -> str:
    """The rows' values, after the columns `first`, for as many features as fit the page."""
    heads = [_short(name) for name in names(data)[:MOST_COLUMNS]]
    values = rows.reshape(len(rows), -1)[:, :MOST_COLUMNS]
    told = [
        [*(column[i] for column in first.values()), *map(general, row)]
        for i, row in enumerate(values)
    ]
    return table([*first, *heads], told, label="Values of rows")


def _feature_axis(data: ReportData) -> dict:
    shown = min(data.width, MOST_FEATURES)
    if data.feature_names is None:
        return axis("feature", tickformat="d", **({"dtick": 1} if shown <= 12 else {}))
    step = -(-shown // _MOST_NAMES)
    ticks: dict[str, Any] = {
        "tickvals": list(range(0, shown, step)),
        "ticktext": [label_text(_short(name)) for name in names(data)[:shown:step]],
        "tickangle": 0 if shown <= 3 else -55 if shown <= 14 else -90,
    }
    return axis(**ticks)


def _short(name: str, most: int = 18) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
