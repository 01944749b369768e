"""One file of a picture as bytes, and what had to be done to it on the way."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["SUFFIXES", "TREATMENTS", "Decoded", "UnreadableError", "decode"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
# Of what Pillow reads, no more than that: some of the rest starts other programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")

TREATMENTS = {
    "palette": "with a palette, read as the colours that it shows",
    "transparent": "with transparency, laid over white",
    "16-bit": "of 16 bits a pixel, scaled to 8: value / 257, rounded",
    "16-bit colour": "of 16 bits a channel, of which the upper 8 are kept",
    "1-bit": "of 1 bit a pixel, read as 0 and 255",
    "converted": "in CMYK or another space of colours, converted to RGB",
    "turned": "turned as their EXIF orientation says",
    "frames": "of several frames, of which the first is read",
    "grey": "stored in colour and grey all over, read as grey",
}
"""What is done to a file that is not plain grey or RGB of 8 bits, in words to be counted."""

_ORIENTATION = 0x0112
_SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N")
_GREY = ("1", "L", "LA", "La", *_SIXTEEN)
_PALETTE = ("P", "PA")
_SPACES = ("CMYK", "YCbCr", "LAB", "HSV", "RGBX")


class UnreadableError(Exception):
    """A file without a picture to read; the message goes on behind its name."""


class Decoded(NamedTuple):
    """A picture.

    Attributes:
        pixels: uint8, shape (h, w) where it is grey, else (h, w, 3).
        stored: its height and width in the file, turned upright.
        treatments: keys of `TREATMENTS`.
    """

    pixels: np.ndarray
    stored: tuple[int, int]
    treatments: tuple[str, ...]


def decode(path: Path, size: tuple[int, int] | None = None) -> Decoded:
    """Read a picture, upright, without transparency, and grey where all of it is.

    `size` is the height and width to resize to, by averages over the pixels that each new one
    covers, weighted by a triangle (Pillow's bilinear filter). It makes no value beyond those that
    were there, as sharper filters do. Profiles of colours are not applied.

    Raises `UnreadableError`, whatever is wrong with the file.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise UnreadableError("is empty")
            file.seek(0)
            with Image.open(file, formats=_FORMATS) as image:
                return _decoded(image, size)
    except UnreadableError:
        raise
    except UnidentifiedImageError:
        raise UnreadableError("is no image of a kind that is read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableError(_too_large(Image.MAX_IMAGE_PIXELS)) from None
    except MemoryError:
        raise UnreadableError("needs more memory than there is") from None
    except OSError as error:
        if error.errno is not None:
            raise UnreadableError(f"cannot be read ({error.strerror})") from None
        raise UnreadableError("is truncated or damaged") from None
    except Exception:
        # What Pillow lets through of damaged files has no base in common, and one bad file must
        # not end the reading of thousands.
        raise UnreadableError("is truncated or damaged") from None


def _decoded(image: "Image.Image", size: tuple[int, int] | None) -> Decoded:
    from PIL import Image, ImageOps

    most = Image.MAX_IMAGE_PIXELS
    # Pillow itself only warns of up to twice as many.
    if most is not None and image.width * image.height > most:
        raise UnreadableError(_too_large(most))
    mode, done = image.mode, []
    stored_as = [str(tile.args) for tile in getattr(image, "tile", ())]
    deep = any(";16" in each and ";16S" not in each for each in stored_as)
    if getattr(image, "is_animated", False):
        done.append("frames")
    if image.getexif().get(_ORIENTATION, 1) in range(2, 9):
        image = ImageOps.exif_transpose(image)
        done.append("turned")
    stored = image.height, image.width
    if mode in _SIXTEEN or (mode == "I" and deep):
        done.append("16-bit")
        image = Image.fromarray(_upper(np.asarray(image)))
    elif deep:
        done.append("16-bit colour")
    if mode in _PALETTE:
        done.append("palette")
    elif mode == "1":
        done.append("1-bit")
    elif mode in _SPACES:
        done.append("converted")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if np.asarray(image.getchannel("A")).min() < 255:
            done.append("transparent")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB")
    elif mode in (*_PALETTE, *_SPACES):
        image = image.convert("RGB")
    elif mode == "1":
        image = image.convert("L")
    if image.mode not in ("L", "RGB"):
        raise UnreadableError(
            f"holds numbers of a kind whose black and white are unknown ({image.mode}); save it"
            " with 8 or 16 bits"
        )
    if size is not None and size != stored:
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.array(image)
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0].copy()
        if mode not in (*_GREY, *_PALETTE):
            done.append("grey")
    return Decoded(pixels, stored, tuple(done))


def _upper(values: np.ndarray) -> np.ndarray:
    """round(value / 257), which takes 65535 to 255; there are no ties, as 257 is odd."""
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _too_large(most: int | None) -> str:
    return f"has more than {most or 0:,} pixels, as files made to fill the memory have"
