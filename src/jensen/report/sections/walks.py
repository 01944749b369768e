"""What each latent does to an image, and what lies between two images."""

import numpy as np

from jensen.report.content import ReportData
from jensen.report.markup import Section, figure
from jensen.report.pictures import image_tag, png_grid

__all__ = ["lines_of_images", "walks"]


def walks(data: ReportData) -> Section | None:
    """Traversals of the latents, one a line, and ways between images, one a line."""
    if data.image_shape is None:
        return None
    body = ""
    if data.traversals is not None and data.traversed is not None:
        latents = ", ".join(str(int(each)) for each in data.traversed)
        caption = (
            "In each line one latent alone goes from the least to the largest of the values that"
            " 98 in 100 training rows have; the others stay at the training rows' mean. From top"
            f" to bottom latent {latents} (counting from 0), the one that varies most first."
        )
        body += figure(lines_of_images(data.traversals, data, "traversals of latents"), caption)
    if data.between is not None:
        caption = (
            "Each line goes evenly along the straight line between the posterior means of two"
            " held-out rows, whose reconstructions are its ends."
        )
        body += figure(lines_of_images(data.between, data, "ways between two rows"), caption)
    return Section("walks", "Walks through the latent space", body) if body else None


def lines_of_images(walks: np.ndarray, data: ReportData, label: str) -> str:
    """Images in lines, shape (lines, steps, *event), as one picture; `label` says what they are."""
    count, steps = walks.shape[:2]
    images = data.images(walks.reshape(count * steps, *walks.shape[2:]))
    grid = png_grid(images, data.value_range, columns=steps)
    return image_tag(grid, f"{count} {label}, {steps} in each line")
