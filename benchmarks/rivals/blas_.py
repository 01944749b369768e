"""The matrix products of one training step and nothing else, in NumPy's BLAS, float32.

Per dense layer: forward `x @ W`, weight gradient `x.T @ g`, input gradient `g @ W.T`; the
encoder's first layer needs no input gradient. Results go to arrays made beforehand and the
operands stay the same, so this is a floor: no step can be much faster on the same BLAS.
"""

import itertools

import numpy as np
from _common import Job, read_job, report, time_windows

ROWS = 4096  # products do not depend on the data; this only sets how many make an epoch


def layer_products(rng, batch: int, wide_in: int, wide_out: int, input_gradient: bool) -> list:
    """Operands and destination of each product of one layer."""

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    x, W, g = normal(batch, wide_in), normal(wide_in, wide_out), normal(batch, wide_out)
    pairs = [(x, W), (x.T, g)] + ([(g, W.T)] if input_gradient else [])
    return [(a, b, np.empty((a.shape[0], b.shape[1]), np.float32)) for a, b in pairs]


def step_products(job: Job) -> list:
    rng = np.random.default_rng(job.seed)
    layers = [*itertools.pairwise(job.encoder_widths), *itertools.pairwise(job.decoder_widths)]
    return [
        product
        for i, (wide_in, wide_out) in enumerate(layers)
        for product in layer_products(rng, job.batch, wide_in, wide_out, input_gradient=i > 0)
    ]


def main() -> None:
    job = read_job()
    products = step_products(job)
    steps = job.steps_per_epoch(ROWS)

    def run_epochs(epochs: int) -> float:
        for _ in range(epochs * steps):
            for a, b, out in products:
                np.matmul(a, b, out=out)
        return float("nan")

    seconds, _ = time_windows(run_epochs, job, steps)
    report("blas", f"NumPy {np.__version__}", seconds, None)


if __name__ == "__main__":
    main()
