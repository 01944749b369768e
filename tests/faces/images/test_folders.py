"""Folders of images: what is read, what is done to it, and what each bad file is told."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jensen.data import load
from jensen.data.images import decoding
from jensen.errors import DataError, OptionError

RNG = np.random.default_rng(11)


def grey(h=8, w=8):
    return RNG.integers(0, 256, (h, w)).astype(np.uint8)


def colour(h=8, w=8):
    return RNG.integers(0, 256, (h, w, 3)).astype(np.uint8)


def saved(path, picture, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(path, **options)
    return path


def test_grey_images_come_in_order_with_their_folders_as_labels(tmp_path):
    pictures = {name: grey() for name in ("b/2.png", "a/10.bmp", "a/9.tiff", "b/c/1.PNG")}
    for name, picture in pictures.items():
        saved(tmp_path / "digits" / name, picture)
    found = load(tmp_path / "digits")
    order = ("a/10.bmp", "a/9.tiff", "b/2.png", "b/c/1.PNG")
    assert (found.name, found.files) == ("digits", order)
    assert (found.X.shape, found.X.dtype) == ((4, 8, 8), np.uint8)
    np.testing.assert_array_equal(found.X, [pictures[name] for name in order])
    assert found.labels.tolist() == ["a", "a", "b", "b/c"]
    assert found.notes[0] == "images: 4 of 8 × 8, grey"
    assert found.notes[1].startswith("labels: 3, the names of sub-folders")
    assert found.cautions == ()


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "webp", "jpg", "jpeg"])
def test_each_kind_of_file(tmp_path, suffix):
    flat = np.full((8, 8), 64, np.uint8)
    for name in "ab":
        options = {"lossless": True} if suffix == "webp" else {}
        saved(tmp_path / f"{name}.{suffix}", flat, **options)
    found = load(tmp_path)
    assert found.labels is None
    np.testing.assert_array_equal(found.X, [flat, flat])


def test_colour_and_grey_among_it(tmp_path):
    first, second = grey(), colour()
    saved(tmp_path / "1.png", first)
    saved(tmp_path / "2.png", second)
    found = load(tmp_path)
    np.testing.assert_array_equal(found.X[0], np.stack([first] * 3, axis=-1))
    np.testing.assert_array_equal(found.X[1], second)
    assert found.notes == (
        "images: 2 of 8 × 8, colour",
        "1 image in grey among those in colour, read as colour",
    )


def test_a_model_of_colour_takes_grey_and_one_of_grey_no_colour(tmp_path):
    saved(tmp_path / "1.png", grey())
    assert load(tmp_path, colour=True).X.shape == (1, 8, 8, 3)
    assert load(tmp_path, colour=False).X.shape == (1, 8, 8)
    saved(tmp_path / "2.png", colour())
    with pytest.raises(DataError, match=r"1 image in colour, 2.png for one, .* of grey ones"):
        load(tmp_path, colour=False)


def only(tmp_path):
    """The one image of a folder, and how it was treated."""
    found = load(tmp_path)
    assert len(found.X) == 1
    return found.X[0].tolist(), list(found.notes[1:])


def test_images_stored_in_colour_but_grey_are_grey(tmp_path):
    picture = grey()
    saved(tmp_path / "1.png", np.stack([picture] * 3, axis=-1))
    assert only(tmp_path) == (
        picture.tolist(),
        ["1 image stored in colour and grey all over, read as grey"],
    )


def test_palettes_are_the_colours_that_they_show(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([7, 7, 7, 9, 9, 9])
    image.putpixel((1, 0), 1)
    saved(tmp_path / "grey" / "1.png", image)
    told = ["1 image with a palette, read as the colours that it shows"]
    assert only(tmp_path / "grey") == ([[7, 9]], told)
    image.putpalette([7, 7, 7, 10, 20, 30])
    saved(tmp_path / "colour" / "1.png", image)
    assert only(tmp_path / "colour") == ([[[7, 7, 7], [10, 20, 30]]], told)
    # An entry that is transparent is white.
    saved(tmp_path / "clear" / "1.png", image, transparency=1)
    told.append("1 image with transparency, laid over white")
    assert only(tmp_path / "clear") == ([[7, 255]], told)


def test_transparency_is_laid_over_white(tmp_path):
    image = Image.new("RGBA", (4, 1))
    for x, pixel in enumerate([(0, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 51), (200, 100, 0, 255)]):
        image.putpixel((x, 0), pixel)
    saved(tmp_path / "rgba" / "1.png", image)
    told = ["1 image with transparency, laid over white"]
    # 204 = 255 · (1 − 51 / 255)
    shown = [[0, 0, 0], [255, 255, 255], [204, 204, 204], [200, 100, 0]]
    assert only(tmp_path / "rgba") == ([shown], told)
    image = Image.new("LA", (2, 1), (100, 255))
    image.putpixel((1, 0), (100, 0))
    saved(tmp_path / "la" / "1.png", image)
    assert only(tmp_path / "la") == ([[100, 255]], told)
    saved(tmp_path / "opaque" / "1.png", Image.new("RGBA", (1, 1), (1, 2, 3, 255)))
    assert only(tmp_path / "opaque") == ([[[1, 2, 3]]], [])


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path, suffix):
    values = np.array([[0, 128, 129, 257, 385, 386, 65535, 65406]], np.uint16)
    saved(tmp_path / f"1.{suffix}", values)
    told = ["1 image of 16 bits a pixel, scaled to 8: value / 257, rounded"]
    assert only(tmp_path) == ([np.rint(values[0] / 257).astype(int).tolist()], told)


def png(width, height, depth, colour, rows):
    """A PNG of which Pillow writes no such kind."""
    chunk = lambda name, data: (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    )
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_sixteen_bits_a_channel_keep_the_upper_eight(tmp_path):
    rows = b"\0" + np.array([0x0180, 0x02FF, 0xFF00], ">u2").tobytes()
    (tmp_path / "1.png").write_bytes(png(1, 1, 16, 2, rows))
    told = ["1 image of 16 bits a channel, of which the upper 8 are kept"]
    assert only(tmp_path) == ([[[1, 2, 255]]], told)


def test_one_bit_is_black_and_white(tmp_path):
    saved(tmp_path / "1.png", np.array([[True, False]]))
    assert only(tmp_path) == ([[255, 0]], ["1 image of 1 bit a pixel, read as 0 and 255"])


def test_cmyk_is_converted(tmp_path):
    saved(tmp_path / "1.tiff", Image.new("CMYK", (1, 1), (0, 255, 255, 0)))
    told = ["1 image in CMYK or another space of colours, converted to RGB"]
    assert only(tmp_path) == ([[[255, 0, 0]]], told)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_orientation_is_obeyed(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    saved(tmp_path / f"1.{suffix}", np.array([[1, 2, 3], [4, 5, 6]], np.uint8), exif=exif)
    found = load(tmp_path)
    assert found.X[0].tolist() == [[4, 1], [5, 2], [6, 3]]
    assert found.notes == (
        "images: 1 of 3 × 2, grey",
        "1 image turned as their EXIF orientation says",
    )


@pytest.mark.parametrize("suffix", ["gif", "tiff", "png"])
def test_the_first_frame_is_read(tmp_path, suffix):
    frames = [Image.fromarray(np.full((2, 2), value, np.uint8)) for value in (50, 200)]
    saved(tmp_path / f"1.{suffix}", frames[0], save_all=True, append_images=frames[1:])
    shown, told = only(tmp_path)
    assert shown == [[50, 50], [50, 50]]
    assert told[0] == "1 image of several frames, of which the first is read"


def test_sizes_that_differ_are_refused_by_name_and_number(tmp_path):
    for n in range(3):
        saved(tmp_path / "a" / f"{n}.png", grey(8, 6))
    for n in range(2):
        saved(tmp_path / "b" / f"{n}.png", colour(7, 7))
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: images of several sizes, height × width: a/0.png is 8 × 6 and b/0.png is"
        " 7 × 7; in all 3 of 8 × 6, 2 of 7 × 7; make them one size with --size 8x6"
    )
    for n in range(3):
        saved(tmp_path / "c" / f"{n}.png", grey(n + 1, 1))
    with pytest.raises(DataError, match=r"1 of 1 × 1 and 2 of 2 other sizes; make them"):
        load(tmp_path)


@pytest.mark.parametrize("size", ["2x1", (2, 1), [np.int64(2), 1], " 2 X 1 ", "2×1"])
def test_images_are_resized_on_request(tmp_path, size):
    saved(tmp_path / "1.png", np.array([[0, 100], [0, 100], [200, 40], [200, 40]], np.uint8))
    saved(tmp_path / "2.png", np.array([[3], [5]], np.uint8))
    saved(tmp_path / "3.png", np.full((4, 4), 9, np.uint8))
    found = load(tmp_path, size=size)
    assert found.X.shape == (3, 2, 1)
    # A triangle over two pixels each way weighs them 3/8 and 1/8 on either side.
    reference = Image.open(tmp_path / "1.png").resize((1, 2), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(found.X[0], np.asarray(reference))
    assert found.X[1:].tolist() == [[[3], [5]], [[9], [9]]]
    assert found.notes[0] == (
        "images: 3 of 2 × 1, grey; 2 of them resized, from 4 × 2, 4 × 4 (bilinear)"
    )
    assert "1 image of other proportions stretched to 2 × 1" in found.cautions[0]


@pytest.mark.parametrize("size", ["28", "0x3", "3x-1", "ax3", (28,), (1, 2, 3), (1.5, 2), 28, "x"])
def test_a_size_that_is_none(tmp_path, size):
    saved(tmp_path / "1.png", grey())
    with pytest.raises(OptionError, match="give height and width, as in 28x28"):
        load(tmp_path, size=size)


BAD = {
    "cut.png": "cut.png is truncated or damaged",
    "text.png": "text.png is no image of a kind that is read",
    "empty.jpg": "empty.jpg is empty",
    "bomb.png": "bomb.png has more than 89,478,485 pixels",
    "huge.png": "huge.png has more than 89,478,485 pixels",
    "floats.tiff": "floats.tiff holds numbers of a kind whose black and white are unknown (F)",
    "flipped.png": "flipped.png is truncated or damaged",
    "nowhere.png": "nowhere.png is no file that can be opened",
    "script.png": "script.png is no image of a kind that is read",
    "pipe.png": "pipe.png is no file that can be opened",
}


def spoil(folder, name):
    path = folder / name
    whole = saved(folder / "whole.png", grey(32, 32)).read_bytes()
    (folder / "whole.png").unlink()
    if name == "floats.tiff":
        saved(path, np.ones((8, 8), np.float32))
    elif name == "nowhere.png":
        path.symlink_to(folder / "gone.png")
    elif name == "pipe.png":
        os.mkfifo(path)
    else:
        path.write_bytes(
            {
                "cut.png": whole[: len(whole) // 2],
                "text.png": b"not a picture, but text\n" * 9,
                "empty.jpg": b"",
                "bomb.png": png(60_000, 60_000, 8, 0, b"\0" * 99),
                "huge.png": png(10_000, 10_000, 8, 0, b"\0" * 99),
                "flipped.png": whole[:60] + bytes(byte ^ 255 for byte in whole[60:90]) + whole[90:],
                "script.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n",
            }[name]
        )


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_and_left_out(tmp_path, name):
    spoil(tmp_path, name)
    with pytest.raises(DataError, match="no image in it can be read") as caught:
        load(tmp_path)
    assert BAD[name] in str(caught.value)
    assert "\n" not in str(caught.value)
    picture = grey()
    saved(tmp_path / "good.png", picture)
    found = load(tmp_path)
    np.testing.assert_array_equal(found.X, picture[None])
    (caution,) = found.cautions
    assert caution.startswith(f"caution: {tmp_path}: 1 file left out: {BAD[name]}")


def test_many_bad_files_are_counted(tmp_path):
    for n in range(6):
        (tmp_path / f"{n}.png").write_text("text")
    saved(tmp_path / "good.png", grey())
    (caution,) = load(tmp_path).cautions
    assert "6 files left out: 0.png is" in caution
    assert caution.endswith("2.png is no image of a kind that is read; and 3 more")


def test_files_that_may_not_be_read(tmp_path, monkeypatch):
    saved(tmp_path / "1.png", grey())
    saved(tmp_path / "2.png", grey())
    opened = Path.open

    def refuse(path, *arguments, **options):
        if path.name == "1.png":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    found = load(tmp_path)
    assert found.files == ("2.png",)
    assert "1 file left out: 1.png cannot be read (Permission denied)" in found.cautions[0]


def test_folders_that_may_not_be_read(tmp_path, monkeypatch):
    saved(tmp_path / "a" / "1.png", grey())
    saved(tmp_path / "b" / "2.png", grey())
    scandir = os.scandir

    def refuse(path):
        if Path(path) == tmp_path / "a":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = load(tmp_path)
    assert found.files == ("b/2.png",)
    assert "1 file left out: a cannot be read (Permission denied)" in found.cautions[0]
    with pytest.raises(DataError, match=r"a: cannot be read \(Permission denied\)"):
        load(tmp_path / "a")


def test_a_fault_of_pillows_own_ends_nothing(tmp_path, monkeypatch):
    saved(tmp_path / "1.png", grey())
    saved(tmp_path / "2.png", grey())
    decoded = decoding._decoded
    calls = []

    def fail(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        return decoded(*arguments)

    monkeypatch.setattr(decoding, "_decoded", fail)
    found = load(tmp_path)
    assert len(found.X) == 1
    assert "is truncated or damaged" in found.cautions[0]


def test_other_files_are_ignored_and_counted(tmp_path):
    saved(tmp_path / "1.png", grey())
    for name in ("README.txt", ".DS_Store", "._1.png"):
        (tmp_path / name).write_text("x")
    saved(tmp_path / ".thumbnails" / "1.png", grey(2, 2))
    found = load(tmp_path)
    assert found.files == ("1.png",)
    assert found.notes[1:] == ("3 files of other types ignored",)


def test_a_folder_without_images(tmp_path):
    for _ in range(2):
        with pytest.raises(DataError, match=r"a folder without images .*\.png.*; give one that"):
            load(tmp_path)
        (tmp_path / "README.txt").write_text("x")
    for options in ({"key": "a"}, {"header": True}):
        with pytest.raises(OptionError, match="leave it out"):
            load(tmp_path, **options)


def test_only_folders_are_resized(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((2, 2)))
    for source in ("digits", tmp_path / "x.npy", "-"):
        with pytest.raises(OptionError, match="only folders of images are resized"):
            load(source, size="8x8")


def test_links_in_circles_end(tmp_path):
    saved(tmp_path / "a" / "1.png", grey())
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert load(tmp_path).files == ("a/1.png",)
