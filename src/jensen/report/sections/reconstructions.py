"""Held-out rows beside what the model makes of them."""

from jensen.report.content import ReportData
from jensen.report.features import MOST_FEATURES, heat_map
from jensen.report.markup import Section, figure, side_by_side
from jensen.report.pictures import image_tag, png_pairs

__all__ = ["reconstructions"]

_MOST_PAIRS = 40


def reconstructions(data: ReportData) -> Section | None:
    """Originals beside reconstructions."""
    if data.originals is None or data.reconstructions is None:
        return None
    if data.image_shape is None:
        panels = [
            (head, heat_map(head.lower(), rows, data, f"Heat-map of {len(rows)} {head.lower()}"))
            for head, rows in (
                ("Originals", data.originals),
                ("Reconstructions", data.reconstructions),
            )
        ]
        picture = side_by_side(*panels)
        caption = (
            "A line across is one held-out row, a column one feature, dark low and bright high on"
            " that feature's own scale; what the right picture lacks is what the latent does not"
            " carry."
        )
        if data.width > MOST_FEATURES:
            caption += f" The first {MOST_FEATURES} of {data.width:,} features are shown."
    else:
        left, right = data.images(data.originals), data.images(data.reconstructions)
        left, right = left[:_MOST_PAIRS], right[:_MOST_PAIRS]
        picture = image_tag(
            png_pairs(left, right, data.value_range),
            f"{len(left)} pairs of images: a held-out original and its reconstruction",
        )
        caption = (
            "In each pair the left image is a held-out row and the right one its reconstruction;"
            " what the right one lacks is what the latent does not carry."
        )
    return Section("reconstructions", "Originals and reconstructions", figure(picture, caption))
