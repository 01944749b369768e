"""Images as PNG: grids of tiles, each pixel a square that can be seen."""

import base64
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image

__all__ = ["image_tag", "pairs", "png_grid"]

_TILE = 56  # width that small tiles are enlarged to, in pixels of the screen
_MOST_PIXELS = 4_000_000
_STRIPE = 4


def png_grid(
    images: np.ndarray,
    value_range: tuple[float, float],
    *,
    columns: int | None = None,
    width: int = 460,
    gap: int = 6,
) -> bytes:
    """One PNG of images, shape (n, h, w) or (n, h, w, 3), row by row from the top left.

    Each pixel becomes a square of k x k, the whole k that brings a tile nearest to 56 wide. The
    range's low end is black and its high end white; values beyond are clipped, what is NaN is
    hatched, and gaps, of infinite values, are transparent. Without `columns`, as many as fit
    `width`. Of large images only as many are drawn as make four million pixels.
    """
    scale = max(1, round(_TILE / min(images.shape[1:3])))
    h, w = scale * images.shape[1], scale * images.shape[2]
    images = images[: max(1, _MOST_PIXELS // (h * w))]
    n = len(images)
    columns = min(n, columns or max(1, (width + gap) // (w + gap)))
    rows = -(-n // columns)
    size = (rows * (h + gap) - gap, columns * (w + gap) - gap)
    canvas = np.full((*size, *images.shape[3:]), np.inf)
    for i, image in enumerate(images):
        top, left = (h + gap) * (i // columns), (w + gap) * (i % columns)
        large = image.repeat(scale, axis=0).repeat(scale, axis=1)
        canvas[top : top + h, left : left + w] = _hatched(large, value_range)
    return _png(canvas, value_range)


def pairs(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Each image of `left` with that of `right` beside it, as one image."""
    gap = np.full((*left.shape[:2], max(1, left.shape[2] // 14), *left.shape[3:]), np.inf)
    return np.concatenate([left, gap, right], axis=2)


def png_pairs(left: np.ndarray, right: np.ndarray, value_range: tuple[float, float]) -> bytes:
    """One PNG of such pairs, over the width of a page."""
    return png_grid(pairs(left, right), value_range, width=910, gap=24)


def image_tag(png: bytes, alt: str) -> str:
    """HTML that holds the PNG itself."""
    with Image.open(BytesIO(png)) as image:
        w, h = image.size
    data = base64.b64encode(png).decode()
    return f'<img src="data:image/png;base64,{data}" width="{w}" height="{h}" alt="{escape(alt)}">'


def _hatched(image: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """The same with slanting stripes of two greys where it is NaN, on a page of any colour."""
    low, high = value_range
    line, column = np.indices(image.shape[:2])
    stripes = low + (high - low) * np.where((line + column) // _STRIPE % 2, 0.35, 0.65)
    if image.ndim == 3:
        stripes = stripes[..., None]
    return np.where(np.isnan(image), stripes, image)


def _png(values: np.ndarray, value_range: tuple[float, float]) -> bytes:
    low, high = value_range
    known = np.isfinite(values)
    share = (np.where(known, values, low) - low) / ((high - low) or 1.0)
    shades = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    colour = values.ndim == 3
    opaque = known.all(axis=-1) if colour else known
    channels = shades if colour else shades[..., None]
    stacked = np.concatenate([channels, 255 * opaque[..., None].astype(np.uint8)], axis=-1)
    file = BytesIO()
    Image.fromarray(stacked, "RGBA" if colour else "LA").save(file, "PNG", optimize=True)
    return file.getvalue()
