"""The MNIST subset that benchmarks of images share."""

from pathlib import Path

import numpy as np

FILE = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "mnist_small.npz"


def mnist(test: int) -> tuple[np.ndarray, np.ndarray]:
    """10,000 training images and the first `test` test images, bytes, (rows, 28, 28)."""
    with np.load(FILE) as file:
        train, held_out = file["train"], file["test"][:test]
    return train.reshape(-1, 28, 28), held_out.reshape(-1, 28, 28)
