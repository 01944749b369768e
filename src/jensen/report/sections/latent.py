"""The latent space in one or two dimensions."""

import numpy as np

from jensen._words import counted
from jensen.report.charts import (
    BLUE,
    LEGEND,
    PALETTE,
    axis,
    bar_count,
    chart,
    label_text,
    plain,
    whole,
)
from jensen.report.content import ReportData
from jensen.report.markup import Section, figure

__all__ = ["latent"]

_MOST_POINTS = 4000


def latent(data: ReportData) -> Section | None:
    """A dot for each row; in one dimension, a histogram."""
    if data.latent is None:
        return None
    # Evenly spaced rows, so that a sorted data set is not shown by its beginning.
    step = -(-len(data.latent) // _MOST_POINTS)
    points = data.latent[::step].astype(float)
    labels = None if data.latent_labels is None else data.latent_labels[::step]
    n = counted(len(points), "row")
    if points.shape[1] == 1:
        picture, told = _histogram(points[:, 0], labels, n), "The bars count rows by their latent"
    else:
        picture, told = _scatter(points, labels, n), "Each dot is one row"
    told += f": {data.latent_note.rstrip('.')}" if data.latent_note else ""
    alike = "rows that lie together are alike to the model"
    coloured = "" if labels is None else ", and colours are your labels"
    note = f" One row in {step} is drawn." if step > 1 else ""
    return Section(
        "latent", "The latent space", figure(picture, f"{told}; {alike}{coloured}.{note}")
    )


def _scatter(points: np.ndarray, labels: np.ndarray | None, n: str) -> str:
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": plain(points[rows, 0]),
            "y": plain(points[rows, 1]),
            "name": name,
            "marker": {"size": 5 if len(points) > 300 else 7, "opacity": 0.75} | colour,
            "hovertemplate": f"{name}<extra></extra>" if name else "%{x}, %{y}<extra></extra>",
        }
        for name, rows, colour in _groups(labels, len(points))
    ]
    layout = {
        "xaxis": axis("first axis"),
        # One unit is as long up as across: distances in the picture are distances.
        "yaxis": axis("second axis", scaleanchor="x", scaleratio=1),
        "showlegend": len(traces) > 1,
        "legend": {"x": 1.01, "y": 1, "itemsizing": "constant"},
    }
    label = f"Scatter plot of {n} in two latent dimensions"
    return chart("latent", traces, layout, label=label, height=520)


def _histogram(values: np.ndarray, labels: np.ndarray | None, n: str) -> str:
    known = values[np.isfinite(values)]
    edges = np.histogram_bin_edges(known, bins=bar_count(len(known)))
    traces = []
    for name, rows, colour in _groups(labels, len(values), graded=False):
        counts = np.histogram(values[rows & np.isfinite(values)], edges)[0].tolist()
        traces.append(
            {
                "type": "bar",
                "x": plain((edges[1:] + edges[:-1]) / 2),
                "y": counts,
                "name": name,
                "marker": {"color": colour.get("color", BLUE)},
                "customdata": [counted(n, "row") for n in counts],
                "hovertemplate": "%{x}: %{customdata}<extra>" + name + "</extra>",
            }
        )
    layout = {
        "xaxis": axis("latent"),
        "yaxis": axis("rows", **whole(len(values))),
        "barmode": "stack",
        "bargap": 0.04,
        "showlegend": len(traces) > 1,
        "legend": LEGEND | {"traceorder": "normal"},
    }
    return chart("latent", traces, layout, label=f"Histogram of {n} in one latent dimension")


def _groups(
    labels: np.ndarray | None, n: int, graded: bool = True
) -> list[tuple[str, np.ndarray, dict]]:
    """Name, rows (a mask) and colour of each group; many different numbers make one, graded."""
    everything = np.ones(n, bool)
    if labels is None:
        return [("", everything, {"color": BLUE})]
    distinct, inverse, sizes = np.unique(
        labels.astype(str), return_inverse=True, return_counts=True
    )
    numeric = labels.dtype.kind in "iufb"
    if len(distinct) > len(PALETTE) and numeric:
        if not graded:
            return [("", everything, {"color": BLUE})]
        bar = {"thickness": 12, "outlinewidth": 0, "title": {"text": "label"}}
        shade = {"color": plain(labels), "colorscale": "Viridis", "showscale": True}
        return [("", everything, shade | {"colorbar": bar})]
    order = np.argsort(-sizes, kind="stable")[: len(PALETTE)]
    if len(distinct) > len(PALETTE):
        order = order[:-1]
    ranked = sorted(order, key=(lambda i: float(distinct[i])) if _numbers(distinct) else int)
    groups = [
        (label_text(distinct[i]), inverse == i, {"color": colour})
        for i, colour in zip(ranked, PALETTE, strict=False)
    ]
    rest = everything & ~np.isin(inverse, order)
    return [*groups, ("other", rest, {"color": PALETTE[-1]})] if rest.any() else groups


def _numbers(words: np.ndarray) -> bool:
    try:
        return bool(np.isfinite(words.astype(float)).all())
    except ValueError:
        return False
