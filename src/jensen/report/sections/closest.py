"""Samples beside the training images that are closest to them."""

import numpy as np

from jensen.report.content import ReportData
from jensen.report.markup import Section, figure
from jensen.report.pictures import image_tag, png_pairs

__all__ = ["closest"]


def closest(data: ReportData) -> Section | None:
    """Pairs of a sample and its closest training image: remembered, or new?"""
    if data.image_shape is None or data.closest is None or data.prior_samples is None:
        return None
    count = min(len(data.closest), len(data.prior_samples))
    left, right = data.images(data.prior_samples[:count]), data.images(data.closest[:count])
    picture = image_tag(
        png_pairs(left, right, data.value_range),
        f"{count} pairs of images: a sample and the training image closest to it",
    )
    caption = (
        "In each pair the left image is a sample from the prior and the right one the training"
        " image that is closest to it, by Euclidean distance, among those kept with the model."
        " Where both are the same, the model may remember it."
    )
    if data.closest_nearer is not None and np.isfinite(data.closest_nearer).any():
        few = int(np.sum(data.closest_nearer < 0.05))
        caption += (
            f" Of {count} samples {few} lie nearer to a training image than 95 in 100 held-out"
            " images do."
        )
    return Section("closest", "Remembered or new?", figure(picture, caption))
