"""A figure of lines on logarithmic axes, as plain SVG, readable on light and on dark pages."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from pathlib import Path

__all__ = ["draw"]

COLOURS = ("#3f8fd6", "#e08238", "#43a35c", "#d4524e", "#9673c9", "#a3745c", "#2fa8a8")
GREY = "#7f8994"
WIDE, HIGH, LEFT, TOP, BOTTOM, LEGEND = 440, 300, 62, 34, 46, 18

Points = Sequence[tuple[float, float]]


def draw(path: Path, panels: Mapping[str, Mapping[str, Points]], x: str, y: str) -> None:
    """One panel beside the other: title -> name of a line -> its points (x, y), all above zero."""
    most = max(len(lines) for lines in panels.values())
    height = TOP + HIGH + BOTTOM + LEGEND * most
    width = (LEFT + WIDE + 16) * len(panels)
    every = [point for lines in panels.values() for points in lines.values() for point in points]
    ranges = [_decades([point[axis] for point in every]) for axis in (0, 1)]
    body = [
        _panel(title, lines, ranges, (LEFT + WIDE + 16) * number + LEFT, x, y)
        for number, (title, lines) in enumerate(panels.items())
    ]
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' font-family="system-ui, sans-serif" font-size="12" fill="{GREY}">\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return low, max(high, low + 1)


def _panel(title, lines, ranges, left, x, y) -> str:
    (x0, x1), (y0, y1) = ranges
    across = lambda value: left + WIDE * (log10(value) - x0) / (x1 - x0)
    up = lambda value: TOP + HIGH * (1 - (log10(value) - y0) / (y1 - y0))
    text = lambda where, content, more="": (
        f'<text x="{where[0]:.1f}" y="{where[1]:.1f}" {more}>{escape(content)}</text>'
    )
    middle = 'text-anchor="middle"'
    parts = [text((left + WIDE / 2, 18), title, f'{middle} font-weight="600"')]
    for power in range(x0, x1 + 1):
        at = across(10.0**power)
        parts.append(f'<path d="M{at:.1f} {TOP}V{TOP + HIGH}" stroke="{GREY}" opacity=".25"/>')
        parts.append(text((at, TOP + HIGH + 16), f"{10.0**power:g}", middle))
    for power in range(y0, y1 + 1):
        at = up(10.0**power)
        parts.append(f'<path d="M{left} {at:.1f}H{left + WIDE}" stroke="{GREY}" opacity=".25"/>')
        parts.append(text((left - 6, at + 4), f"{10.0**power:g}", 'text-anchor="end"'))
    parts.append(text((left + WIDE / 2, TOP + HIGH + 36), x, middle))
    turned = f'{middle} transform="rotate(-90 {left - 46} {TOP + HIGH / 2})"'
    parts.append(text((left - 46, TOP + HIGH / 2), y, turned))
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [(across(a), up(b)) for a, b in points]
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{colour}"/>' for a, b in places]
        below = TOP + HIGH + BOTTOM + LEGEND * number + 8
        parts.append(f'<circle cx="{left + 6}" cy="{below - 4}" r="4" fill="{colour}"/>')
        parts.append(text((left + 16, below), name))
    return "\n".join(parts)
