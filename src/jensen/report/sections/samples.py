"""New rows from the prior and from the posterior, side by side."""

import numpy as np

from jensen._words import counted
from jensen.report.content import ReportData
from jensen.report.features import draws, wide
from jensen.report.markup import Section, figure, side_by_side, table
from jensen.report.pictures import image_tag, png_grid

__all__ = ["samples"]

_MOST_ROWS = 56


def samples(data: ReportData) -> Section | None:
    """z from the prior and from the posterior of training rows; of images, means of the first
    beside them; of a table, rows as they would stand in a file."""
    if data.sample_cells:
        shown = table(
            ["", *data.cell_names],
            [[str(number), *row] for number, row in enumerate(data.sample_cells)],
            label="Rows drawn from the model",
        )
        told = "Rows drawn from the model, z from the prior; they should look like your data."
        return Section("samples", "Samples", figure(shown, told))
    sources = [
        ("prior", data.prior_samples, "From the prior: z ~ p(z)"),
        ("posterior", data.posterior_samples, "From the posterior: z ~ q(z | x), x a training row"),
    ]
    if data.image_shape is not None:
        means = ("prior, their means", data.prior_means, "The first ones' means: E[x | z]")
        sources.insert(1, means)
    panels = [
        (head, _picture(source, rows, data)) for source, rows, head in sources if rows is not None
    ]
    if not panels:
        return None
    caption = "They should look like your data"
    if data.posterior_samples is not None and data.prior_samples is not None:
        caption += (
            "; where only those from the posterior do, the prior puts weight on latents that no"
            " row uses"
        )
    if data.image_shape is not None and data.prior_means is not None:
        caption += (
            ". Given z pixels are drawn one by one, and the means show images without that noise"
        )
    if data.image_shape is None:
        low, high = ("low, dark", "high, bright") if wide(data) else ("low", "high")
        caption += (
            f". Every feature has its own scale, from its 1st ({low}) to its 99th percentile"
            f" ({high}) over all rows pictured on this page, and values beyond are drawn as its end"
        )
    return Section("samples", "Samples", figure(side_by_side(*panels), caption + "."))


def _picture(source: str, rows: np.ndarray, data: ReportData) -> str:
    rows = rows[:_MOST_ROWS]
    label = f"{counted(len(rows), 'sample')} with latents from the {source}"
    if data.image_shape is None:
        return draws(f"samples-{source}", rows, data, label)
    return image_tag(png_grid(data.images(rows), data.value_range, width=440), label)
