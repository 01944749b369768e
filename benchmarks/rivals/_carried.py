"""What the evidence scripts of this folder share: carried weights, the clock, the line printed.

Each takes one argument, JSON with `weights` (an .npz file of a model that jensen trained),
`rows` (an .npy file), `draws` (a list) and `repeats`, and prints one line of JSON: a record for
each number of draws, with `seconds` after a first call, `first_seconds` of that, and `values`,
log p(x) of each row in nats.

The model: an encoder of dense ReLU layers on standardised rows, whose last layer holds the
mean and the raw scale of a normal q(z | x), σ = softplus(raw + 0.5413249) + 1e-5; a standard
normal prior; a decoder of dense ReLU layers, whose last layer holds the likelihood's numbers;
the likelihood by jensen's name.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

# softplus(this) is one: how jensen makes a positive scale of a network's output.
UNIT_SOFTPLUS = 0.5413249
SMALLEST_SCALE = 1e-5


@dataclass(frozen=True)
class Carried:
    """A trained model as arrays; layers are (weight of shape (out, in), bias)."""

    likelihood: str
    encoder: list[tuple[np.ndarray, np.ndarray]]
    decoder: list[tuple[np.ndarray, np.ndarray]]
    shift: np.ndarray
    scale: np.ndarray

    @classmethod
    def load(cls, path: str) -> "Carried":
        arrays = np.load(path)
        likelihood = str(arrays["likelihood"])
        networks = layers_of(arrays, "encoder"), layers_of(arrays, "decoder")
        return cls(likelihood, *networks, arrays["shift"], arrays["scale"])

    @property
    def latent(self) -> int:
        return self.decoder[0][0].shape[1]


def layers_of(arrays: Mapping, network: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight and bias of each layer of "encoder" or "decoder"."""
    count = sum(key.startswith(f"{network}_weight") for key in arrays)
    return [(arrays[f"{network}_weight{i}"], arrays[f"{network}_bias{i}"]) for i in range(count)]


def read_job() -> dict:
    if len(sys.argv) != 2:
        sys.exit("usage: SCRIPT JOB, a job as JSON (see _carried.py)")
    return json.loads(sys.argv[1])


def measure(job: dict, version: str, make: Callable[[int], Callable[[int], np.ndarray]]) -> None:
    """Time `make(draws)(seed)`, which gives log p(x) of all rows, and print the records."""
    records = []
    for draws in job["draws"]:
        estimate = make(draws)
        start = time.perf_counter()
        estimate(0)
        first = time.perf_counter() - start
        seconds, values = [], []
        for repeat in range(job["repeats"]):
            start = time.perf_counter()
            values.append(np.asarray(estimate(1 + repeat), np.float64).tolist())
            seconds.append(time.perf_counter() - start)
        records.append({
            "version": version, "draws": draws, "first_seconds": first,
            "seconds": statistics.median(seconds), "values": values,
        })  # fmt: skip
    print(json.dumps(records))
