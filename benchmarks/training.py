"""Does a training step of jensen take the share of its rivals' time that the project claims?

Trains the same VAE (Bernoulli likelihood, standard-normal prior, diagonal-normal posterior,
ReLU layers, Adam) on the same synthetic binary rows with jensen, Pythae, Pyro and NumPyro, and
times the step's matrix products alone in NumPy. Each run is its own process, one at a time, in
turn within a round; a ratio compares two runs of one round, and the table gives the median and
range over rounds. "tuned" rows use the fastest way found of driving a rival, beyond the one
its documentation shows. Exit status 1 if a goal was missed or could not be judged.

    python -m venv /tmp/rivals
    /tmp/rivals/bin/python -m pip install -r benchmarks/requirements-training.txt
    python benchmarks/training.py --rivals-python /tmp/rivals/bin/python

jensen and the products run under the interpreter that runs this script. Writes
`results/training.md` and `results/training.json`. Where other work on the machine disturbs a run,
no goal is judged on it (`_rounds.py`).
"""

import argparse
import sys

import numpy as np

from _record import environment, write_results
from _rounds import PRODUCTS, Entry, Goal, Job, run_job, summarise, table_text

ROWS = 4096

JOBS = [
    Job("small", 20, (64, 64), 5, 128, 1e-3, data="", epochs_per_window=16, windows=5),
    Job("mnist-like", 784, (500, 500), 20, 128, 1e-3, data="", epochs_per_window=2, windows=5),
]


ENTRIES = [
    Entry("jensen", "jensen_.py", is_rival=False),
    Entry(PRODUCTS, "blas_.py", is_rival=False),
    Entry("Pythae", "pythae_.py"),
    Entry("Pythae, tuned", "pythae_.py", how="tuned"),
    Entry("Pyro", "pyro_.py"),
    Entry("Pyro, tuned", "pyro_.py", how="tuned"),
    Entry("NumPyro", "numpyro_.py"),
]


GOALS = {
    ("small", "Pythae"): Goal(6),
    ("small", "Pythae, tuned"): Goal(6),
    ("small", "Pyro"): Goal(8),
    ("small", "Pyro, tuned"): Goal(8),
    ("mnist-like", "Pythae"): Goal(3),
    ("mnist-like", "Pythae, tuned"): Goal(3),
    ("mnist-like", PRODUCTS): Goal(1.25, at_least=False),
}


def synthetic_rows(features: int) -> np.ndarray:
    """Binary rows from a logistic model with five latents, so that there is something to learn."""
    rng = np.random.default_rng(20)
    logits = rng.standard_normal((ROWS, 5)) @ rng.standard_normal((5, features))
    return (rng.random((ROWS, features)) < 1 / (1 + np.exp(-logits))).astype(np.float32)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rivals-python", default=sys.executable, help="interpreter with the rivals installed"
    )
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default 3)")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    repeats, python = arguments.repeats, arguments.rivals_python
    rounds = {
        job.name: run_job(job, ENTRIES, synthetic_rows(job.features), repeats, python)
        for job in JOBS
    }
    lines = [
        summarise(job, rounds[job.name], entry.label, GOALS.get((job.name, entry.label)))
        for job in JOBS
        for entry in ENTRIES
    ]
    shapes = "; ".join(
        f"{j.name}: {j.features} features, hidden {'-'.join(map(str, j.hidden))}, "
        f"latent {j.latent}, batch {j.batch}"
        for j in JOBS
    )
    text = f"{shapes}. {ROWS} binary rows.\n\n{table_text(lines, repeats)}"
    record = environment(["jensen", "jax", "jaxlib", "numpy", "equinox", "optax", "numpyro"])
    data = {"environment": record, "summary": lines, "rounds": rounds}
    page = write_results("training", "Time of a training step", text, data)
    print(f"{text}\n\nWritten to {page}")
    return 0 if all(line["met"] for line in lines if line["goal"]) else 1


if __name__ == "__main__":
    sys.exit(main())
