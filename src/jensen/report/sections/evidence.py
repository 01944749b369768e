"""Evidence row by row: how it spreads, and the rows that the model finds least likely."""

from itertools import pairwise

import numpy as np

from jensen._words import counted
from jensen.report.charts import (
    BLUE,
    GREY,
    ORANGE,
    axis,
    bar_count,
    chart,
    label_text,
    plain,
    whole,
)
from jensen.report.content import ReportData
from jensen.report.markup import Section, figure
from jensen.report.numbers import count, fixed
from jensen.report.sections.least_likely import least_likely

__all__ = ["evidence"]


def evidence(data: ReportData) -> Section | None:
    """A histogram, then the least likely rows."""
    parts = []
    if data.row_evidence is not None and np.isfinite(data.row_evidence).any():
        parts.append(_histogram(data))
    if data.least_likely is not None:
        parts.append(least_likely(data))
    return Section("evidence", "Evidence of each row", "\n".join(parts)) if parts else None


def _histogram(data: ReportData) -> str:
    values = np.asarray(data.row_evidence, float)
    known = values[np.isfinite(values)]
    start = _start(known)
    gathered = np.maximum(known, start)
    edges = np.histogram_bin_edges(gathered, bins=bar_count(len(known)))
    counts = np.histogram(gathered, edges)[0]
    top = 1.06 * float(counts.max())
    bars = {
        "type": "bar",
        "x": plain((edges[1:] + edges[:-1]) / 2),
        "y": counts.tolist(),
        "width": plain(np.diff(edges) * 0.96),
        "marker": {"color": BLUE},
        "customdata": [
            f"{fixed(a, 1)} to {fixed(b, 1)} nats: {counted(n, 'row')}"
            for (a, b), n in zip(pairwise(edges), counts, strict=True)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "showlegend": False,
    }
    traces = [
        bars,
        *(
            _upright(name, x, top, colour, dash)
            for name, x, colour, dash in _marks(data, known)
            if edges[0] <= x <= edges[-1]
        ),
    ]
    layout = {
        "xaxis": axis("log evidence, nats"),
        "yaxis": axis("rows", range=[0, top], **whole(top)),
        "margin": {"l": 60, "r": 14, "t": 34, "b": 44},
    }
    label = f"Histogram of the log evidence of {counted(len(known), 'held-out row')}"
    caption = (
        "Each bar counts held-out rows by their log evidence; rows further right fit the model"
        " better, and a long tail on the left is what the model does not know."
    )
    if (below := int((known < start).sum())) > 0:
        caption += f" The leftmost bar also holds {count(below)} of less than {fixed(start, 1)}."
    if len(known) < len(values):
        caption += f" Rows without a finite evidence, left out: {count(len(values) - len(known))}."
    if data.row_errors is not None and np.any(data.row_errors > 0):
        typical = fixed(np.nanmedian(data.row_errors), 3)
        caption += f" The median standard error of a row is {typical} nats."
    return figure(chart("evidence", traces, layout, label=label), caption)


def _start(values: np.ndarray) -> float:
    """Where the axis begins, lest one row far out squash all others."""
    low, high = np.quantile(values, [0.25, 0.75])
    least = float(values.min())
    return max(least, float(low - 4 * (high - low))) if high > low else least


def _marks(data: ReportData, values: np.ndarray) -> list[tuple[str, float, str, str]]:
    """Name, place, colour and dash of the lines to draw across the bars."""
    marks = [("mean of this model", float(values.mean()), GREY, "solid")]
    found = {
        name: float(value)
        for name, value in (data.summary.get("baselines") or {}).items()
        if value is not None and np.isfinite(value)
    }
    if found:
        best = max(found, key=found.__getitem__)
        marks.append((f"mean of the best baseline, {best}", found[best], ORANGE, "dash"))
    return marks


def _upright(name: str, x: float, top: float, colour: str, dash: str) -> dict:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x, x],
        "y": [0, top],
        "name": label_text(f"{name}: {fixed(x, 1)}"),
        "line": {"color": colour, "width": 2, "dash": dash},
        "hoverinfo": "skip",
    }
