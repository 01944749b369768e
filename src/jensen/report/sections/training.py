"""The ELBO and its two terms over training."""

from typing import Any

import numpy as np

from jensen.report.charts import BLUE, GREY, LEGEND, ORANGE, axis, chart, plain, thin, whole
from jensen.report.content import ReportData
from jensen.report.markup import Section, figure
from jensen.report.numbers import count

__all__ = ["training"]

_TERMS = ("elbo", "reconstruction", "kl")
_TITLES = ("ELBO", "reconstruction", "KL")
# Heights of the three panels, from the top, as shares of the chart.
_DOMAINS = ([0.68, 1.0], [0.34, 0.64], [0.0, 0.30])


def training(data: ReportData) -> Section | None:
    """Three panels over epochs: training and validation rows, and the epoch that was kept."""
    if not data.history:
        return None
    validated = any(record.get("validation_elbo") is not None for record in data.history)
    best = _best_epoch(data, validated)
    parts = [("train", GREY if validated else BLUE)] + [("validation", BLUE)] * validated
    traces = [
        _line(data, f"{part}_{term}", part, colour, panel)
        for panel, term in enumerate(_TERMS, 1)
        for part, colour in parts
    ]
    layout: dict[str, Any] = {
        "xaxis": axis("epoch", anchor="y3", **whole(len(data.history))),
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "showlegend": validated,
        "legend": LEGEND | {"y": 1.04},
        "margin": {"l": 64, "r": 14, "t": 44 if validated else 24, "b": 44},
    }
    cut = False
    for panel, (term, title, domain) in enumerate(zip(_TERMS, _TITLES, _DOMAINS, strict=True), 1):
        view = _view([_column(data, f"{part}_{term}") for part, _ in parts])
        cut = cut or bool(view)
        name = f"yaxis{panel if panel > 1 else ''}"
        layout[name] = axis(f"{title}, nats", domain=domain, anchor="x", **view)
    if best is not None:
        layout |= _mark(best, len(data.history))
    what = "training and validation rows" if validated else "training rows"
    picture = chart(
        "training",
        traces,
        layout,
        label=f"Line chart of ELBO, reconstruction and KL over epochs, on {what}",
        height=600,
    )
    return Section(
        "training", "The ELBO over training", figure(picture, _caption(validated, best, cut))
    )


def _column(data: ReportData, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs and values of one entry of the history, where it has a finite value."""
    found = [
        (record.get("epoch", i), record[key])
        for i, record in enumerate(data.history, 1)
        if record.get(key) is not None
    ]
    pairs = np.asarray(found, float).reshape(-1, 2)
    epochs, values = pairs[np.isfinite(pairs).all(axis=1)].T
    return epochs, values


def _best_epoch(data: ReportData, validated: bool) -> int | None:
    if data.best_epoch is not None or not validated:
        return data.best_epoch
    # What an objective has of its own to judge by comes before the ELBO.
    epochs, values = _column(data, "validation_objective")
    if not len(values):
        epochs, values = _column(data, "validation_elbo")
    return int(epochs[np.argmax(values)]) if len(values) else None


def _line(data: ReportData, key: str, part: str, colour: str, panel: int) -> dict:
    x, y = thin(*_column(data, key))
    return {
        "type": "scatter",
        "mode": "lines" if len(x) > 1 else "markers",
        "x": [int(epoch) for epoch in x],
        "y": plain(y),
        "yaxis": "y" if panel == 1 else f"y{panel}",
        "name": part,
        "legendgroup": part,
        "showlegend": panel == 1,
        "line": {"color": colour, "width": 1.6, "simplify": False},
        "marker": {"color": colour},
        "hovertemplate": f"{part} {_TITLES[panel - 1]} %{{y:.2f}}<extra></extra>",
    }


def _view(lines: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """A range for the axis that the first epochs, far off, do not squash."""
    late = [y[max(1, len(y) // 20) :] for _, y in lines if len(y) >= 20]
    if not late:
        return {}
    low, high = min(y.min() for y in late), max(y.max() for y in late)
    room = 0.06 * (high - low) or 0.5
    return {"range": plain([low - room, high + room])}


def _mark(best: int, epochs: int) -> dict:
    """A dotted line through all panels, named at its upper end."""
    span = {"xref": "x", "x0": best, "x1": best, "yref": "paper", "y0": 0, "y1": 1}
    line = {"color": ORANGE, "width": 1.4, "dash": "dot"}
    name = {"text": f"best epoch {best:,}", "showarrow": False, "yanchor": "bottom"}
    name["xanchor"] = "right" if best > epochs / 2 else "left"
    return {
        "shapes": [{"type": "line", "line": line, **span}],
        "annotations": [{"x": best, "xref": "x", "y": 1, "yref": "paper", **name}],
    }


def _caption(validated: bool, best: int | None, cut: bool) -> str:
    told = "The top panel is the middle one minus the bottom one, and training pushes it up"
    if validated:
        told += (
            "; where training (grey) goes on rising and validation (blue) turns down, the model"
            " starts to learn its rows by heart"
        )
    if best is not None:
        told += f", and the weights kept are those of epoch {count(best)}, the dotted line"
    hidden = " The first epochs may lie outside the view: a double click shows all." if cut else ""
    return f"{told}.{hidden}"
