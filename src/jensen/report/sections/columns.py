"""The columns of a table: what each was taken for, and data beside what the model draws."""

from collections.abc import Mapping
from typing import Any

from jensen.report.charts import BLUE, ORANGE, axis, chart, label_text, plain
from jensen.report.content import ReportData
from jensen.report.markup import Section, figure, side_by_side, table

__all__ = ["columns"]

_MOST_CHARTS = 40
_HEIGHT = 220


def columns(data: ReportData) -> Section | None:
    """A table of all columns, and a small chart of each that the model sees."""
    if not data.columns:
        return None
    rows = [
        [
            str(each["name"]),
            str(each["kind"]),
            str(each["likelihood"] or "left out"),
            f"{each['missing']:.1%}" if each["missing"] else "",
        ]
        for each in data.columns
    ]
    body = [table(["column", "kind", "likelihood", "missing"], rows, words=[1, 2], label="Columns")]
    drawn = [each for each in data.columns if each.get("data") is not None]
    if drawn:
        shown = drawn[:_MOST_CHARTS]
        panels = [(str(each["name"]), _chart(j, each)) for j, each in enumerate(shown)]
        caption = (
            "Blue is the share of your rows whose cell is there, orange that of rows drawn from the"
            " model; both should look alike, unless what is missing differs from what is there."
        )
        if len(drawn) > len(shown):
            caption += f" The first {len(shown)} of {len(drawn)} columns are shown."
        body.append(figure(side_by_side(*panels), caption))
    return Section("columns", "Columns", "\n".join(body))


def _chart(number: int, column: Mapping[str, Any]) -> str:
    labels = column.get("labels")
    x = [label_text(each) for each in labels] if labels is not None else plain(column["at"])
    traces = [
        {
            "type": "bar",
            "x": x,
            "y": plain(column[name]),
            "name": told,
            "marker": {"color": colour},
            "opacity": 1.0 if labels is not None else 0.6,
            "hovertemplate": "%{x}: %{y:.1%}<extra>" + told + "</extra>",
        }
        for name, told, colour in (("data", "your data", BLUE), ("model", "model", ORANGE))
    ]
    layout = {
        "xaxis": axis(**({"type": "category"} if labels is not None else {})),
        "yaxis": axis(tickformat=".0%", rangemode="tozero"),
        "barmode": "group" if labels is not None else "overlay",
        "bargap": 0.15 if labels is not None else 0.02,
        "showlegend": number == 0,
    }
    label = f"Column {column['name']}: shares in the data and in rows drawn from the model"
    return chart(f"column-{number}", traces, layout, label=label, height=_HEIGHT)
