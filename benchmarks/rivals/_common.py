"""What every script of this folder shares: the job it reads, the clock, the line it prints.

Each script is its own process, so that no library's threads, allocator or settings touch
another's. It takes one argument, a `Job` as JSON, and prints one line of JSON:

    {"name", "version", "device", "seconds_per_step", "all", "elbo_last"}

`seconds_per_step` is the median of `all`, one figure per timed window of
`epochs_per_window` epochs; one window before them, compilation included, is not timed.
`elbo_last` is the mean training ELBO per row, in nats, over the last epoch: scripts that do the
same job end near the same value.

File names end in an underscore because a script's folder comes first on its import path:
`pyro.py` would import itself in place of Pyro.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isqrt
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Job:
    """One VAE to train: its data, shapes and optimiser, and how long to time it."""

    name: str
    features: int
    hidden: tuple[int, ...]
    latent: int
    batch: int
    learning_rate: float
    data: str
    epochs_per_window: int
    windows: int
    seed: int = 0
    how: str = ""  # a way to drive the library that is not the documented one
    network: str = "mlp"  # or "conv", whose rows are square images and hidden widths channels

    @classmethod
    def from_json(cls, text: str) -> "Job":
        fields = json.loads(text)
        return cls(**{**fields, "hidden": tuple(fields["hidden"])})

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def encoder_widths(self) -> list[int]:
        """Data to the mean and the log-scale of q(z | x), from one last layer."""
        return [self.features, *self.hidden, 2 * self.latent]

    @property
    def decoder_widths(self) -> list[int]:
        """Latent to one Bernoulli logit per feature."""
        return [self.latent, *reversed(self.hidden), self.features]

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.features,) if self.network == "mlp" else (self.sides[0],) * 2

    @property
    def sides(self) -> list[int]:
        """Of a square image, and of what each convolution of stride 2 makes of it."""
        return [isqrt(self.features) // 2**i for i in range(len(self.hidden) + 1)]

    def load(self) -> np.ndarray:
        """The rows, shape (rows, features)."""
        return np.load(self.data)

    def steps_per_epoch(self, rows: int) -> int:
        if rows % self.batch:
            raise ValueError(f"{rows} rows do not split into whole batches of {self.batch}")
        return rows // self.batch


def read_job() -> Job:
    if len(sys.argv) != 2:
        sys.exit(f"usage: {Path(sys.argv[0]).name} JOB, a job as JSON (see _common.py)")
    return Job.from_json(sys.argv[1])


def time_windows(
    train_epochs: Callable[[int], float], job: Job, steps: int
) -> tuple[list[float], float]:
    """Time `train_epochs(n)`, which trains n epochs to the end and returns the last one's ELBO.

    Returns seconds per step of each timed window, and the last ELBO.
    """
    elbo = train_epochs(job.epochs_per_window)
    seconds = []
    for _ in range(job.windows):
        start = time.perf_counter()
        elbo = train_epochs(job.epochs_per_window)
        seconds.append((time.perf_counter() - start) / (job.epochs_per_window * steps))
    return seconds, elbo


def report(
    name: str, version: str, seconds: list[float], elbo: float | None, device: str = "cpu"
) -> None:
    """Print the result as one line of JSON."""
    result = {
        "name": name,
        "version": version,
        "device": device,
        "seconds_per_step": statistics.median(seconds),
        "all": seconds,
        "elbo_last": elbo,
    }
    print(json.dumps(result))
