"""Predictive checks: what data drawn from the model look like beside the data."""

from jensen.report.content import ReportData
from jensen.report.markup import Section, paragraph, table
from jensen.report.numbers import general, known, p_value

__all__ = ["checks"]

_DOUBTFUL = 0.05


def checks(data: ReportData) -> Section | None:
    """A table; rows with a small p-value are set off."""
    if not data.checks:
        return None
    rows = [
        [
            check["name"],
            general(check.get("observed")),
            general(check.get("model_mean")),
            p_value(check.get("p_value")),
        ]
        for check in data.checks
    ]
    marked = [
        i
        for i, check in enumerate(data.checks)
        if known(check.get("p_value")) and check["p_value"] < _DOUBTFUL
    ]
    told = (
        "Each line compares a figure of the held-out rows with the same figure of data drawn from"
        " the model; a small p-value says that the model seldom makes data like yours in this"
        " respect, and those below 0.05 are set in bold."
    )
    head = ["check", "in your data", "mean over the model's data", "p-value"]
    return Section(
        "checks",
        "Predictive checks",
        table(head, rows, marked=marked, label="Predictive checks") + paragraph(told),
    )
