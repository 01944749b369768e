"""Does jensen train a convolutional VAE at the rate of PyTorch, and twice that of Pythae?

The same data (MNIST made black and white), the same layers (`network="conv"` as it is by default
for 28 × 28: convolutions of 4 × 4 at stride 2 to 32 and 64 channels, a linear layer, ten latents,
and the transposes back, ReLU between them), batches of 128, Adam: jensen, Pythae under its own
trainer, and PyTorch in a plain eager loop, driven in each of the ways that may suit it best, every
one of which jensen is to match. Beside them the matrix products of one step, alone. Each run is
its own process, one at a time, in turn within a round (`_rounds.py`). Exit status 1 if a goal was
missed or could not be judged.

    python -m venv /tmp/rivals
    /tmp/rivals/bin/python -m pip install -r benchmarks/requirements-training.txt
    python benchmarks/images.py --rivals-python /tmp/rivals/bin/python

Where JAX finds an accelerator, and PyTorch a GPU, all of it runs there, and the goals are five
times both libraries; `JAX_PLATFORMS=cpu CUDA_VISIBLE_DEVICES=` keeps all on the CPU.

Needs ../shared/data. Writes `results/images.md` and `.json`, or with `--only` nothing.
"""

import argparse
import sys

from _mnist import mnist
from _record import environment, write_results
from _rounds import OWN, PRODUCTS, Entry, Goal, Job, run_job, summarise, table_text

JOB = Job(
    "conv", 784, (32, 64), 10, 128, 1e-3, data="", epochs_per_window=1, windows=3, network="conv"
)
ENTRIES = [
    Entry(OWN, "jensen_.py", is_rival=False),
    Entry(PRODUCTS, "blas_.py", is_rival=False),
    Entry("PyTorch", "torch_.py"),
    Entry("PyTorch, one thread", "torch_.py", how="one thread"),
    Entry("PyTorch, channels last", "torch_.py", how="channels last"),
    Entry("Pythae", "pythae_.py"),
    Entry("Pythae, tuned", "pythae_.py", how="tuned"),
]
ON_CPU = {"PyTorch": Goal(1), "Pythae": Goal(2)}
ON_GPU = {"PyTorch": Goal(5), "Pythae": Goal(5)}


def chosen(only: str) -> list[Entry]:
    """jensen, and the entries of the libraries named; all, where none is."""
    named = {name.strip().lower() for name in only.split(",")} - {""}
    library = lambda entry: entry.label.partition(",")[0]
    known = {library(entry).lower() for entry in ENTRIES}
    if not named <= known:
        sys.exit(f"--only: choose of {', '.join(sorted(known))}")
    return [each for each in ENTRIES if not named or library(each).lower() in {*named, OWN}]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rivals-python", default=sys.executable, help="interpreter with the rivals installed"
    )
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--steps", type=int, default=78, help="in a timed window (default 78)")
    parser.add_argument("--only", default="", help="libraries, with commas between them")
    asked = parser.parse_args()
    entries = chosen(asked.only)
    train, _ = mnist(0)
    if not 1 <= asked.steps <= len(train) // JOB.batch:
        sys.exit(f"--steps: from 1 to {len(train) // JOB.batch}, which are all images")
    # Whole batches; each window is an epoch of them.
    images = train[: asked.steps * JOB.batch]
    rows = (images.reshape(len(images), -1) > 127).astype("float32")
    rounds = run_job(JOB, entries, rows, asked.repeats, asked.rivals_python)
    device = rounds[0][OWN].get("device", "cpu")
    goals = ON_CPU if device == "cpu" else ON_GPU
    lines = [
        summarise(JOB, rounds, each.label, goals.get(each.label.partition(",")[0]))
        for each in entries
    ]
    text = (
        f"{len(rows):,} binary images of 28 × 28, convolutions to"
        f" {' and '.join(map(str, JOB.hidden))} channels, {JOB.latent} latents, batches of"
        f" {JOB.batch}. On {'the CPU' if device == 'cpu' else device}."
        f"\n\n{table_text(lines, asked.repeats)}"
    )
    record = environment(["jensen", "jax", "jaxlib", "numpy", "equinox", "optax", "numpyro"])
    data = {"environment": record, "device": device, "summary": lines, "rounds": rounds}
    print(text)
    if not asked.only:
        page = write_results("images", "Rate of training on images", text, data)
        print(f"\nWritten to {page}")
    return 0 if all(line["met"] for line in lines if line["goal"]) else 1


if __name__ == "__main__":
    sys.exit(main())
