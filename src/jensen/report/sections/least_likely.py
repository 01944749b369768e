"""The rows that the model finds least likely, for a person to look at."""

from jensen.report.content import ReportData
from jensen.report.features import MOST_COLUMNS, value_table
from jensen.report.markup import figure, flow, table
from jensen.report.numbers import with_error
from jensen.report.pictures import image_tag, png_grid

__all__ = ["least_likely"]

_MOST_ROWS = 16


def least_likely(data: ReportData) -> str:
    """Images with row number and evidence under each, or a table of values."""
    assert data.least_likely is not None
    rows = data.least_likely[:_MOST_ROWS]
    numbers, scores = _numbers(data, len(rows)), _scores(data, len(rows))
    if data.least_likely_cells:
        cells = zip(numbers, scores, data.least_likely_cells, strict=False)
        picture = table(
            ["row", "log evidence", *data.cell_names],
            [[number, score, *row] for number, score, row in cells],
            label="Values of rows",
        )
    elif data.image_shape is None:
        picture = value_table(rows, data, {"row": numbers, "log evidence": scores})
    else:
        picture = flow(
            (
                image_tag(png_grid(image[None], data.value_range), f"row {number}"),
                [f"row {number}", f"{score} nats"],
            )
            for image, number, score in zip(data.images(rows), numbers, scores, strict=True)
        )
    caption = (
        "Held-out rows of least evidence, the least first, by their number in your data: look for"
        " errors in the data, and for kinds of rows of which there are too few to learn."
    )
    plain = data.image_shape is None and not data.least_likely_cells
    if plain and data.width > MOST_COLUMNS:
        caption += f" The first {MOST_COLUMNS} of {data.width:,} features are shown."
    return f"<h3>The least likely rows</h3>{figure(picture, caption)}"


def _numbers(data: ReportData, n: int) -> list[str]:
    if data.least_likely_rows is None:
        return ["–"] * n
    return [str(int(row)) for row in data.least_likely_rows[:n]]


def _scores(data: ReportData, n: int) -> list[str]:
    if data.least_likely_evidence is None:
        return ["–"] * n
    errors: dict[str, float] = {}
    if data.row_errors is not None and data.row_indices is not None:
        errors = {str(int(i)): e for i, e in zip(data.row_indices, data.row_errors, strict=True)}
    return [
        with_error(value, errors.get(number))
        for value, number in zip(data.least_likely_evidence[:n], _numbers(data, n), strict=True)
    ]
