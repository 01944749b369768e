"""The few pieces of HTML that sections are made of. Text is escaped here, and nowhere else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Section", "figure", "flow", "lines", "paragraph", "side_by_side", "table"]


@dataclass(frozen=True)
class Section:
    """A heading of the page, and the HTML below it."""

    id: str
    title: str
    body: str


def paragraph(text: Any) -> str:
    """Text as a paragraph.

    >>> paragraph("1 < 2")
    '<p>1 &lt; 2</p>'
    """
    return f"<p>{escape(str(text))}</p>"


def lines(sentences: Sequence[Any]) -> str:
    """Sentences as a list, one alone as a paragraph."""
    if len(sentences) == 1:
        return paragraph(sentences[0])
    items = "".join(f"<li>{escape(str(sentence))}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>"


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Sequence[int] = (),
    marked: Sequence[int] = (),
    label: str,
) -> str:
    """A table whose first column heads its rows; other columns are numbers, or `words`.

    `marked` are the numbers of rows to be set off; `label` is for those who cannot see it.
    """

    def kind(column: int) -> str:
        return "" if column == 0 or column in words else ' class="number"'

    cells = "".join(f'<th scope="col"{kind(i)}>{escape(name)}</th>' for i, name in enumerate(head))
    body = "".join(
        ('<tr class="marked">' if i in marked else "<tr>")
        + f'<th scope="row">{escape(str(first))}</th>'
        + "".join(f"<td{kind(j)}>{escape(str(cell))}</td>" for j, cell in enumerate(rest, 1))
        + "</tr>"
        for i, (first, *rest) in enumerate(rows)
    )
    told = ' class="told"' if words else ""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}"><table{told}>'
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def figure(picture: str, caption: str) -> str:
    """A picture with the sentence that says how to read it."""
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def side_by_side(*panels: tuple[str, str]) -> str:
    """Pictures under their headings, beside each other where the window is wide enough."""
    shown = "".join(f"<div><h3>{escape(head)}</h3>{picture}</div>" for head, picture in panels)
    # Charts are drawn as the page is read, so the columns must be known before they are filled.
    return f'<div class="side{" two" if len(panels) > 1 else ""}">{shown}</div>'


def flow(cards: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Small pictures with lines of text under each, as many in a line as fit."""
    shown = "".join(
        "<li>" + picture + "".join(f"<span>{escape(text)}</span>" for text in texts) + "</li>"
        for picture, texts in cards
    )
    return f'<ul class="flow">{shown}</ul>'
