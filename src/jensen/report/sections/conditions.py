"""A conditional model label by label: how likely rows are given theirs, and what it makes of it."""

from jensen.report.content import ReportData
from jensen.report.markup import Section, figure, side_by_side, table
from jensen.report.numbers import count, with_error
from jensen.report.sections.walks import lines_of_images

__all__ = ["conditions"]


def conditions(data: ReportData) -> Section | None:
    """Evidence of the rows of each label; of images, samples given it, one label a line."""
    if not data.conditions:
        return None
    cells = [
        [
            str(each["name"]),
            count(each["rows"]),
            with_error(each["value"], each["stderr"]),
            count(each["unreliable"]),
        ]
        for each in data.conditions
    ]
    head = ["label", "held-out rows", "log evidence, nats a row", "unreliable rows"]
    kind = (data.summary.get("log_evidence") or {}).get("kind")
    told = (
        "The mean estimate of log p(x | label) over the held-out rows that have the label"
        + (f" (a {kind})" if kind == "lower bound" else "")
        + ", and the standard error that comes of how many they are. Unreliable: rows whose Pareto"
        " k̂ is above 0.7, of which it may lie higher."
    )
    if data.conditions_left:
        told += f" The most frequent labels are shown; {count(data.conditions_left)} more are not."
    body = figure(table(head, cells, label="Evidence by label"), told)
    if data.image_shape is not None and data.given_labels is not None:
        panels = [("Samples", lines_of_images(data.given_labels, data, "labels, samples of each"))]
        if data.given_labels_means is not None:
            means = lines_of_images(data.given_labels_means, data, "labels, means of each")
            panels.append(("Their means", means))
        named = ", ".join(str(each["name"]) for each in data.conditions)
        caption = (
            f"In each line z is drawn from the prior given one label: {named}, from top to bottom."
        )
        body += figure(side_by_side(*panels), caption)
    return Section("conditions", "Given each label", body)
