"""Missing cells of a table filled, and cells that are known hidden and filled beside them."""

from jensen._words import counted
from jensen.report.content import ReportData
from jensen.report.markup import Section, figure, table

__all__ = ["filled"]


def filled(data: ReportData) -> Section | None:
    """One line a cell: what stands there, what the model puts there, and its interval."""
    if not data.filled_cells:
        return None
    lines = [
        [
            str(each["row"]),
            str(each["column"]),
            "missing" if each["known"] is None else str(each["known"]),
            str(each["filled"]),
            "" if each["low"] is None else f"{each['low']} to {each['high']}",
        ]
        for each in data.filled_cells
    ]
    head = ["row", "column", "in your data", "filled", "90 % interval"]
    caption = (
        "Cells of held-out rows as the model fills them by what the rest of their row says: the"
        " mean of what may stand there, or the most frequent category, and the interval that holds"
        " nine tenths of it. Cells whose value is known were hidden from the model."
    )
    hidden = [each for each in data.filled_cells if each["inside"] is not None]
    if hidden:
        inside = sum(bool(each["inside"]) for each in hidden)
        caption += f" Of {counted(len(hidden), 'hidden number')} {inside} lie inside."
    shown = table(head, lines, words=[1, 2, 3, 4], label="Cells filled by the model")
    return Section("filled", "Missing cells, filled", figure(shown, caption))
