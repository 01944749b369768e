"""The page's style sheet."""

__all__ = ["CSS"]

CSS = """
:root {
  color-scheme: light dark;
  --paper: #fcfcfb; --ink: #1f2429; --muted: #5b6570; --line: #e2e5e8; --soft: #f1f3f5;
  --accent: #1f6fb8; --warn: #a34a08;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181b; --ink: #e5e8ea; --muted: #a0a9b3; --line: #2d343a; --soft: #1d2226;
    --accent: #6fb1ec; --warn: #f0a062;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 960px; padding: 40px 24px 64px; background: var(--paper);
  color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
  overflow-wrap: break-word;
}
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 14px; }
h3 { font-size: 0.9rem; font-weight: 600; margin: 0 0 8px; color: var(--muted); }
p { margin: 0 0 12px; max-width: 72ch; }
ul { margin: 0 0 12px; padding-left: 1.2em; }
li { margin: 0 0 4px; max-width: 72ch; }
a { color: var(--accent); }
.about { color: var(--muted); margin: 0 0 16px; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; padding: 0; margin: 0; }
nav { font-size: 0.9rem; }
nav a { text-decoration: none; }
nav a:hover, nav a:focus { text-decoration: underline; }
section { border-top: 1px solid var(--line); margin-top: 36px; padding-top: 24px; }
.wide { overflow-x: auto; margin: 0 0 18px; }
table { border-collapse: collapse; width: 100%; font-size: 0.94rem; }
th, td { padding: 7px 20px 7px 0; text-align: left; vertical-align: baseline; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-size: 0.84rem; font-weight: 500; color: var(--muted); white-space: nowrap; }
tbody tr { border-top: 1px solid var(--line); }
tbody th { font-weight: 500; }
@media (min-width: 561px) { tbody th { white-space: nowrap; } }
@media (max-width: 560px) {
  .told thead { display: none; }
  .told tr { display: grid; grid-template-columns: 1fr auto; }
  .told td:not(.number) { grid-column: 1 / -1; padding-top: 0; }
}
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td:not(.number) { color: var(--muted); }
.marked .number:last-child { color: var(--warn); font-weight: 650; }
.sum { display: flex; flex-wrap: wrap; align-items: baseline; gap: 6px 18px; margin: 0 0 24px; }
.sum > div { font-variant-numeric: tabular-nums; font-size: 1.7rem; line-height: 1.2; }
.sum span { display: block; font-size: 0.84rem; color: var(--muted); }
.sum .sign { color: var(--muted); }
figure { margin: 0 0 26px; }
figcaption { color: var(--muted); font-size: 0.92rem; margin-top: 10px; max-width: 80ch; }
img { max-width: 100%; height: auto; image-rendering: pixelated; display: block; }
.side { display: grid; gap: 18px 28px; }
@media (min-width: 720px) { .two { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
.side > div { min-width: 0; }
.flow { display: flex; flex-wrap: wrap; gap: 16px 22px; list-style: none; padding: 0; margin: 0; }
.flow li { font-size: 0.86rem; font-variant-numeric: tabular-nums; line-height: 1.35; }
.flow img { margin-bottom: 6px; }
.flow span { display: block; color: var(--muted); }
.flow img + span { color: var(--ink); }
.chart { min-width: 0; }
.chart svg text { fill: var(--muted) !important; }
.chart svg .spikeline { stroke: var(--muted) !important; stroke-width: 1px !important; }
.chart svg .hoverlayer text { fill: #f2f3f4 !important; }
footer { border-top: 1px solid var(--line); margin-top: 36px; padding-top: 16px; }
footer { color: var(--muted); font-size: 0.88rem; }
@media (max-width: 560px) { body { padding: 24px 16px 48px; } .sum > div { font-size: 1.35rem; } }
@media print { nav { display: none; } section { break-inside: avoid; } }
"""
