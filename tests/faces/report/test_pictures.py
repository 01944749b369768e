"""Rows as images: every pixel in its place and shade."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from jensen.report.pictures import png_grid


def test_pictures_are_png_of_the_expected_size(case):
    data, page = case
    images = page.images()
    if data.image_shape is None:
        assert not images
        return
    h, w = data.image_shape[:2]
    scale = round(56 / min(h, w))
    n = len(data.originals)
    prior, means, posterior, given, of_given, near, both, moved, between, *least = images
    columns = min(n, 446 // (scale * w + 6))
    rows = -(-n // columns)
    assert prior.size == means.size == posterior.size
    assert prior.size == (columns * (scale * w + 6) - 6, rows * (scale * h + 6) - 6)
    enlarged = round(56 / min(h, 2 * w + 1))
    pair = enlarged * (2 * w + 1)
    columns = min(n, 934 // (pair + 24))
    assert both.size == (columns * (pair + 24) - 24, -(-n // columns) * (enlarged * h + 24) - 24)
    columns = min(len(data.closest), 934 // (pair + 24))
    assert near.size[0] == columns * (pair + 24) - 24
    # A line of the picture is a walk.
    lines_of = (
        (data.given_labels, given),
        (data.given_labels_means, of_given),
        (data.traversals, moved),
        (data.between, between),
    )
    for walks, image in lines_of:
        lines, steps = walks.shape[:2]
        assert image.size == (steps * (scale * w + 6) - 6, lines * (scale * h + 6) - 6)
    assert [image.size for image in least] == [(scale * w, scale * h)] * len(data.least_likely)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_grid_shows_each_pixel(mode):
    colours = (3,) if mode == "RGBA" else ()
    images = np.random.default_rng(0).integers(0, 17, (5, 8, 8, *colours)).astype(float)
    images[0, 0, 0] = np.nan
    image = Image.open(BytesIO(png_grid(images, (0, 16), columns=3)))
    assert image.mode == mode
    pixels = np.asarray(image)
    assert pixels.shape[:2] == (2 * 56 + 6, 3 * 56 + 12)
    for i, expected in enumerate(images):
        tile = pixels[62 * (i // 3) :, 62 * (i % 3) :][3:56:7, 3:56:7]
        known = ~np.isnan(expected) if mode == "LA" else ~np.isnan(expected).any(-1)
        shown = tile[..., 0] if mode == "LA" else tile[..., :3]
        np.testing.assert_array_equal(shown[known], np.rint(expected / 16 * 255)[known])
        assert (tile[..., -1] == 255).all()
    # What is unknown is hatched in two greys, whatever the page behind it.
    hatched = pixels[:7, :7, 0]
    assert set(np.unique(hatched)) == {89, 166}
    assert 0.3 < (hatched == 89).mean() < 0.7
    assert (pixels[56:62, ..., -1] == 0).all()
    assert (pixels[62:, 2 * 62 :, ..., -1] == 0).all()


def test_a_constant_range_and_large_images_are_drawn():
    assert Image.open(BytesIO(png_grid(np.ones((1, 4, 4)), (1, 1)))).size == (56, 56)
    large = np.zeros((9, 1000, 1000))
    assert Image.open(BytesIO(png_grid(large, (0, 1), columns=9))).size == (4018, 1000)
