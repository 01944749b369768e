"""Charts: Plotly figures as plain dicts, in one quiet style that is read on light and dark."""

from html import escape
from typing import Any

import numpy as np
from plotly.io import to_html

__all__ = [
    "BLUE",
    "GREY",
    "LEGEND",
    "ORANGE",
    "PALETTE",
    "axis",
    "bar_count",
    "chart",
    "label_text",
    "plain",
    "thin",
    "whole",
]

BLUE, ORANGE, GREY = "#3f8fd6", "#e08238", "#8b95a1"
# Twelve hues of middling lightness, told apart on white and on black.
PALETTE = (
    BLUE,
    ORANGE,
    "#43a35c",
    "#d4524e",
    "#9673c9",
    "#a3745c",
    "#de7fbe",
    "#7f8994",
    "#b4ae35",
    "#2fb2bf",
    "#6367dd",
    "#cf9c1d",
)
_CLEAR = "rgba(0,0,0,0)"
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": _CLEAR}
_LAYOUT: dict[str, Any] = {
    "paper_bgcolor": _CLEAR,
    "plot_bgcolor": _CLEAR,
    "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#6b7480"},
    "margin": {"l": 60, "r": 14, "t": 14, "b": 44},
    "hovermode": "closest",
    "hoverlabel": {"bgcolor": "#23282e", "bordercolor": "#23282e", "font": {"color": "#f2f3f4"}},
    "legend": LEGEND,
}
_CONFIG = {"displayModeBar": False, "responsive": True, "plotlyServerURL": ""}


def chart(
    name: str, traces: list[dict], layout: dict[str, Any], *, label: str, height: int = 320
) -> str:
    """A Plotly figure as HTML, for a page that holds plotly.js.

    Args:
        name: unlike that of any other chart of the page.
        traces: of `plotly.graph_objects`, as dicts. Text in them goes through `label_text`.
        layout: additions to the common style.
        label: what the chart shows, for those who cannot see it.
        height: in pixels.
    """
    body = to_html(
        {"data": traces, "layout": _LAYOUT | layout},
        config=_CONFIG,
        include_plotlyjs=False,
        full_html=False,
        default_height=f"{height}px",
        validate=False,
        div_id=f"chart-{name}",
    )
    return f'<div class="chart" role="img" aria-label="{escape(label)}">{body}</div>'


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis in the common style."""
    return {
        "title": {"text": title, "standoff": 8},
        "gridcolor": "rgba(128,136,146,0.22)",
        "linecolor": "rgba(128,136,146,0.5)",
        "zeroline": False,
        "automargin": True,
    } | more


def whole(most: float) -> dict[str, Any]:
    """Additions to an axis of whole numbers up to `most`, lest a tick stands between two."""
    return {"tickformat": ",d"} | ({"dtick": 1} if most < 6 else {})


def bar_count(n: int) -> int:
    """How many bars a histogram of `n` rows bears.

    >>> bar_count(1), bar_count(180), bar_count(10**6)
    (1, 20, 40)
    """
    return max(1, min(40, int(1.5 * n**0.5)))


def label_text(text: Any) -> str:
    """A user's words for use in a chart, where Plotly would read tags in them.

    >>> label_text("<b>&")
    '&lt;b&gt;&amp;'
    """
    return escape(str(text), quote=False)


def plain(values: Any) -> list:
    """Numbers as a list with six significant digits, `None` for those not finite.

    >>> plain([1.23456789, float("nan")])
    [1.23457, None]
    """
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in np.asarray(values, float)]


def thin(x: np.ndarray, y: np.ndarray, most: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """A line of at most `most` points that keeps every stretch's lowest and highest.

    >>> x = np.arange(10_000)
    >>> short, _ = thin(x, np.sin(x / 100))
    >>> len(short) <= 600, int(short[0]), int(short[-1])
    (True, 0, 9999)
    """
    if len(x) <= most:
        return x, y
    stretches = np.array_split(np.arange(len(x)), most // 2 - 1)
    ends = [i[pick(y[i])] for i in stretches for pick in (np.argmin, np.argmax)]
    kept = np.unique([0, *ends, len(x) - 1])
    return x[kept], y[kept]
