"""Bits a pixel of 8-bit MNIST: what a model needs, beside what compressors of images take.

jensen is fitted to 10,000 training images with every default. Its figure is −log₂ p(x) / 784 of
test images, by importance sampling with 1,000 draws, which is never too low but for its error: a
lossless code has that length, and some bits a message. PNG and WebP are written for each image
alone by Pillow, at their highest effort, headers counted in, as they are in files; bz2, of all
test images in one stream, which pays for no header.

    python benchmarks/bits.py [--rows 1000]

Needs ../shared/data. Writes `results/bits.md` and `.json`. Exit status 1 if a goal is missed.
"""

import argparse
import bz2
import io
import time
from typing import Any

import numpy as np
from PIL import Image

import jensen
from _mnist import mnist
from _record import environment, finish, markdown_table


def of_files(images: np.ndarray, kind: str, **options: Any) -> float:
    """Bits a pixel of each image as a file of its own."""
    sizes = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, kind, **options)
        sizes.append(buffer.tell())
    return 8 * float(np.mean(sizes)) / images[0].size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    asked = parser.parse_args()
    packages = ["jensen", "jax", "jaxlib", "numpy", "pillow"]
    data: dict[str, Any] = {"environment": environment(packages)}
    train, test = mnist(asked.rows)
    start = time.perf_counter()
    vae = jensen.VAE(random_state=0).fit(train)
    fitted = time.perf_counter()
    found = vae.log_evidence(test)
    pixels = test[0].size * np.log(2)
    rivals = {
        "PNG": of_files(test, "PNG", optimize=True),
        "WebP, lossless": of_files(test, "WebP", lossless=True, quality=100, method=6),
        "bz2, all in one": 8 * len(bz2.compress(test.tobytes(), 9)) / test.size,
    }
    own = -found.value / pixels
    data |= {
        "jensen": {
            "bits": own,
            "error": found.stderr / pixels,
            "likelihood": vae.likelihood_,
            "fit_seconds": fitted - start,
            "evidence_seconds": time.perf_counter() - fitted,
            "epochs": vae.n_iter_,
            "unreliable": found.warning(),
        },
        "rivals": rivals,
    }
    lines = [[f"jensen, {vae.likelihood_}", f"{own:.3f} ± {found.stderr / pixels:.3f}"]]
    lines += [[name, f"{bits:.3f}"] for name, bits in rivals.items()]
    met = {f"{own:.3f} below {bits:.3f} of {name}": own < bits for name, bits in rivals.items()}
    text = (
        f"{len(test):,} test images. Fitting took {fitted - start:.0f} s.\n\n"
        + markdown_table(["", "bits a pixel"], lines)
        + (f"\n\n{found.warning()}" if found.warning() else "")
    )
    finish("bits", "Bits a pixel of 8-bit MNIST", text, data, met)


if __name__ == "__main__":
    main()
