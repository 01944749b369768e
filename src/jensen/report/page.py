"""Pages: one HTML file each, that holds all it shows and asks nothing of a network."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from jensen._files import write_atomic
from jensen._words import counted
from jensen.report.content import ReportData
from jensen.report.markup import Section
from jensen.report.numbers import count, fixed, known
from jensen.report.sections import SECTIONS
from jensen.report.sections.diagnosis import DIAGNOSIS
from jensen.report.style import CSS

__all__ = ["write_diagnosis", "write_report"]

# The browser itself refuses whatever the page might ask of a network.
_POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)


def write_report(path: Path | str, data: ReportData) -> Path:
    """Write the report of `data` to the file `path`, whole or not at all; returns the path.

    Raises:
        FileError: the file cannot be written.
    """
    return _write(path, data.title, _about(data.summary), [make(data) for make in SECTIONS])


def write_diagnosis(path: Path | str, title: str, told: Mapping[str, Any]) -> Path:
    """Write a diagnosis as a page, whole or not at all; returns the path.

    Args:
        path: the file.
        title: of the page.
        told: `Diagnosis.to_json(per_row=True)`.

    Raises:
        FileError: the file cannot be written.
    """
    about = (
        f"{counted(told['gaps']['rows'], 'row')} annealed, latents of"
        f" {counted(told['information']['rows'], 'row')}"
    )
    return _write(path, title, about, [make(told) for make in DIAGNOSIS])


def _write(path: Path | str, title: str, about: str, sections: Sequence[Section | None]) -> Path:
    path = Path(path)
    write_atomic(path, _page(title, about, [each for each in sections if each is not None]))
    return path


def _page(title: str, about: str, sections: Sequence[Section]) -> str:
    body = "\n".join(_section(section) for section in sections)
    links = "".join(f'<li><a href="#{s.id}">{escape(s.title)}</a></li>' for s in sections)
    title = escape(title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{title}</title>
<style>{CSS}</style>
{_plotly() if 'class="chart"' in body else ""}
</head>
<body>
<header>
<h1>{title}</h1>
<p class="about">{escape(about)}</p>
<nav aria-label="Sections"><ul>{links}</ul></nav>
</header>
<main>
{body}
</main>
<footer>Made by jensen. Scores are log-probabilities in nats; larger is better.
Row numbers count from 0.</footer>
</body>
</html>
"""


def _section(section: Section) -> str:
    name = escape(section.id)
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{escape(section.title)}</h2>\n{section.body}\n</section>'
    )


def _plotly() -> str:
    return (
        "<script>window.PlotlyConfig = {MathJaxConfig: 'local'};</script>\n"
        f"<script>{get_plotlyjs()}</script>\n"
        "<noscript><style>.chart::before { content: 'This chart needs JavaScript.'; }</style>"
        "</noscript>"
    )


def _about(summary: Any) -> str:
    """What was fitted to what, in one line, from as much as is known."""
    rows = summary.get("rows") or {}
    names = {"train": "training", "validation": "validation", "test": "held-out"}
    sizes = [(rows[key], name) for key, name in names.items() if rows.get(key)]
    facts = []
    if sizes:
        *others, (size, last) = sizes
        told = [f"{count(other)} {name}" for other, name in others]
        facts.append(", ".join([*told, counted(size, f"{last} row")]))
    if known(summary.get("features")):
        facts.insert(0, counted(summary["features"], "feature"))
    if isinstance(summary.get("likelihood"), str):
        facts.append(f"{summary['likelihood']} likelihood")
    if known(summary.get("epochs")):
        facts.append(counted(summary["epochs"], "epoch"))
    if known(summary.get("seconds")):
        facts.append(f"{fixed(summary['seconds'], 1)} s")
    return " · ".join(facts)
