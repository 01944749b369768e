"""The matrix products of one training step and nothing else, float32.

Per layer: forward `x @ W`, weight gradient `x.T @ g`, input gradient `g @ W.T`; the encoder's
first layer needs no input gradient. A convolution is the product of its kernel with the pixels
that each of its places sees, laid out side by side; a transposed one, of each pixel with the
kernel. Results go to arrays made beforehand and the operands stay the same, so this is a floor:
no step can be much faster on the same BLAS.

On a CPU the BLAS is NumPy's; on an accelerator the products are JAX's, at full single precision.
"""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from _common import Job, read_job, report, time_windows

STEPS = 32  # products do not depend on the data; this only sets how many make an epoch
KERNEL = 4 * 4  # places of a convolution's kernel

Product = tuple[np.ndarray, np.ndarray]


def layers(job: Job) -> list[tuple[int, int, int]]:
    """Of each layer: how many rows its products have for one row of data, and their widths."""
    if job.network == "mlp":
        widths = [*itertools.pairwise(job.encoder_widths), *itertools.pairwise(job.decoder_widths)]
        return [(1, *each) for each in widths]
    channels = [1, *job.hidden]
    small = [side**2 for side in job.sides[1:]]
    down = [
        (pixels, KERNEL * before, after)
        for pixels, (before, after) in zip(small, itertools.pairwise(channels), strict=True)
    ]
    flat = small[-1] * channels[-1]
    up = [(pixels, after, KERNEL * before) for pixels, before, after in _turned(small, channels)]
    return [*down, (1, flat, 2 * job.latent), (1, job.latent, flat), *up]


def _turned(small: list[int], channels: list[int]) -> list[tuple[int, int, int]]:
    """Pixels and channels of the transposed convolutions, which undo the others in turn."""
    return list(zip(small, channels[:-1], channels[1:], strict=True))[::-1]


def step_products(job: Job) -> list[Product]:
    """The operands of each product."""
    rng = np.random.default_rng(job.seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    products: list[Product] = []
    for number, (rows, wide_in, wide_out) in enumerate(layers(job)):
        x, g = normal(job.batch * rows, wide_in), normal(job.batch * rows, wide_out)
        W = normal(wide_in, wide_out)
        products += [(x, W), (x.T, g)] + ([(g, W.T)] if number else [])
    return products


def by_numpy(products: list[Product]) -> Callable[[], Any]:
    into = [np.empty((a.shape[0], b.shape[1]), np.float32) for a, b in products]

    def step() -> None:
        for (a, b), out in zip(products, into, strict=True):
            np.matmul(a, b, out=out)

    return step


def by_jax(products: list[Product]) -> Callable[[], Any]:
    there = jax.device_put(products)
    multiply = lambda pairs: [jax.numpy.matmul(a, b, precision="highest") for a, b in pairs]
    compiled = jax.jit(multiply)
    return lambda: compiled(there)


def main() -> None:
    job = read_job()
    on_cpu = jax.default_backend() == "cpu"
    step = (by_numpy if on_cpu else by_jax)(step_products(job))

    def run_epochs(epochs: int) -> float:
        result = None
        for _ in range(epochs * STEPS):
            result = step()
        jax.block_until_ready(result)
        return float("nan")

    seconds, _ = time_windows(run_epochs, job, STEPS)
    version = f"NumPy {np.__version__}" if on_cpu else f"jax {jax.__version__}"
    report("products", version, seconds, None, jax.devices()[0].device_kind)


if __name__ == "__main__":
    main()
