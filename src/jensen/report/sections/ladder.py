"""The ladder: estimates of the evidence of the same rows, from the worst bound to the best."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jensen.report.charts import BLUE, GREY, ORANGE, axis, chart, label_text, plain
from jensen.report.content import ReportData
from jensen.report.markup import Section, figure
from jensen.report.numbers import fixed, known, with_error

__all__ = ["ladder"]

# A rung further below the others than this many times their own spread is left to an arrow,
# lest the others be drawn on top of each other.
_FAR = 8.0
# Of so few effective draws an error is not to be believed.
_FEW = 10
_UPPER = "upper side"


def ladder(data: ReportData) -> Section | None:
    """One rung an estimate, with error bars."""
    rungs = [each for each in data.ladder if known(each["value"]) and np.isfinite(each["value"])]
    if len(rungs) < 2:
        return None
    start = _start(np.array([each["value"] for each in rungs]))
    shown = [each for each in rungs if each["value"] >= start]
    below = [each for each in rungs if each["value"] < start]
    names = [label_text(each["name"]) for each in rungs]
    traces = [_points(shown, upper) for upper in (False, True)]
    layout: dict[str, Any] = {
        "xaxis": axis("mean log evidence, nats per row"),
        "yaxis": axis(
            type="category",
            categoryorder="array",
            categoryarray=names,
            range=[-0.5, len(names) - 0.5],
        ),
        "showlegend": False,
        "shapes": _band(shown),
    }
    if below:
        layout["annotations"] = [_arrow(each) for each in below]
    label = f"Estimates of the log evidence: {', '.join(map(_told, rungs))}"
    picture = chart("ladder", [t for t in traces if t["x"]], layout, label=label, height=300)
    return Section("ladder", "How close the estimates come", figure(picture, _caption(data, rungs)))


def _caption(data: ReportData, rungs: list[Mapping[str, Any]]) -> str:
    told = (
        "Each rung estimates the same number, the mean log evidence of the same rows, with two"
        " standard errors of chance; in the mean all but the upper side (orange) lie below it, so"
        " that a rung further right is nearer to the truth, which is to be looked for in the shaded"
        " band between the annealed rung and the upper side."
    )
    if any(map(_hollow, rungs)):
        told += (
            " Hollow rungs rest on fewer than ten effective draws a row, so that their error bars"
            " are too short."
        )
    return f"{told} {data.ladder_note}".strip()


def _hollow(rung: Mapping[str, Any]) -> bool:
    return known(rung.get("effective")) and rung["effective"] < _FEW


def _told(rung: Mapping[str, Any]) -> str:
    text = f"{rung['name']} {with_error(rung['value'], rung.get('stderr'))}"
    if known(rung.get("effective")):
        text += f" ({fixed(rung['effective'], 1)} effective draws)"
    return text


def _points(rungs: list[Mapping[str, Any]], upper: bool) -> dict[str, Any]:
    mine = [each for each in rungs if (each.get("kind") == _UPPER) == upper]
    colour = ORANGE if upper else BLUE
    errors = [2 * each["stderr"] if known(each.get("stderr")) else 0.0 for each in mine]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": plain([each["value"] for each in mine]),
        "y": [label_text(each["name"]) for each in mine],
        "error_x": {"type": "data", "array": plain(errors), "color": colour, "thickness": 1.5},
        "marker": {
            "color": colour,
            "size": 10,
            "symbol": [
                ("diamond" if upper else "circle") + ("-open" if _hollow(each) else "")
                for each in mine
            ],
        },
        "customdata": [label_text(f"{_told(each)} nats") for each in mine],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _start(values: np.ndarray) -> float:
    """Where the axis begins."""
    least, *others = np.sort(values)
    spread = others[-1] - others[0]
    far = len(others) > 1 and spread > 0 and others[0] - least > _FAR * spread
    return float(others[0] if far else least)


def _band(rungs: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """From the best lower bound to the upper one, where there are both."""
    above = [each["value"] for each in rungs if each.get("kind") == _UPPER]
    below = [each["value"] for each in rungs if each.get("kind") != _UPPER]
    if not above or not below:
        return []
    low, high = plain([max(below), min(above)])
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": low,
            "x1": high,
            "y0": 0,
            "y1": 1,
            "fillcolor": ORANGE,
            "opacity": 0.18,
            "line": {"width": 1, "color": ORANGE},
            "layer": "below",
        }
    ]


def _arrow(rung: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "xref": "paper",
        "x": 0,
        "xanchor": "left",
        "y": label_text(rung["name"]),
        "text": f"← {fixed(rung['value'], 1)}",
        "showarrow": False,
        "font": {"color": GREY},
    }
