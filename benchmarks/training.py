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
`results/training.md` and `results/training.json`. Other work on the machine spoils the
figures: PyTorch's threads wait for each other, and a step may take twenty times as long. So the
cores that others use are measured during each run, and no goal is judged on a disturbed one.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from _record import OtherLoad, environment, markdown_table, write_results

RIVALS = Path(__file__).parent / "rivals"
sys.path.append(str(RIVALS))
from _common import Job  # noqa: E402

ROWS = 4096
TIMEOUT = 600  # seconds for one process
BUSY = 0.05  # share of the cores in others' use above which a run counts as disturbed

JOBS = [
    Job("small", 20, (64, 64), 5, 128, 1e-3, data="", epochs_per_window=16, windows=5),
    Job("mnist-like", 784, (500, 500), 20, 128, 1e-3, data="", epochs_per_window=2, windows=5),
]


@dataclass(frozen=True)
class Entry:
    """One line of the table: a script, and whether it runs under the rivals' interpreter."""

    label: str
    script: str
    is_rival: bool = True
    tuned: bool = False


ENTRIES = [
    Entry("jensen", "jensen_.py", is_rival=False),
    Entry("matrix products", "blas_.py", is_rival=False),
    Entry("Pythae", "pythae_.py"),
    Entry("Pythae, tuned", "pythae_.py", tuned=True),
    Entry("Pyro", "pyro_.py"),
    Entry("Pyro, tuned", "pyro_.py", tuned=True),
    Entry("NumPyro", "numpyro_.py"),
]


@dataclass(frozen=True)
class Goal:
    """A bound on a ratio of step times: rival / jensen at least, or jensen / floor at most."""

    bound: float
    at_least: bool = True

    def met(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


GOALS = {
    ("small", "Pythae"): Goal(6),
    ("small", "Pythae, tuned"): Goal(6),
    ("small", "Pyro"): Goal(8),
    ("small", "Pyro, tuned"): Goal(8),
    ("mnist-like", "Pythae"): Goal(3),
    ("mnist-like", "Pythae, tuned"): Goal(3),
    ("mnist-like", "matrix products"): Goal(1.25, at_least=False),
}


def synthetic_rows(features: int) -> np.ndarray:
    """Binary rows from a logistic model with five latents, so that there is something to learn."""
    rng = np.random.default_rng(20)
    logits = rng.standard_normal((ROWS, 5)) @ rng.standard_normal((5, features))
    return (rng.random((ROWS, features)) < 1 / (1 + np.exp(-logits))).astype(np.float32)


def run_entry(entry: Entry, job: Job, rivals_python: str) -> dict:
    """The script's result, or `{"missing": why}`."""
    python = rivals_python if entry.is_rival else sys.executable
    argument = replace(job, tuned=entry.tuned).to_json()
    command = [python, str(RIVALS / entry.script), argument]
    try:
        with OtherLoad() as others:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return {"missing": str(problem).replace(argument, "JOB")}
    if done.returncode:
        return {"missing": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    return {**json.loads(done.stdout.splitlines()[-1]), "others": others.share}


def run_round(job: Job, rivals_python: str) -> dict[str, dict]:
    results = {}
    for entry in ENTRIES:
        results[entry.label] = result = run_entry(entry, job, rivals_python)
        figure = result.get("missing") or f"{1e3 * result['seconds_per_step']:.3f} ms a step"
        note = ", disturbed" if disturbed(result) else ""
        print(f"{job.name}: {entry.label}: {figure}{note}", flush=True)
    return results


def disturbed(result: dict) -> bool:
    return (result.get("others") or 0) > BUSY


def run_job(job: Job, repeats: int, rivals_python: str) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, synthetic_rows(job.features))
        job = replace(job, data=str(path))
        return [run_round(job, rivals_python) for _ in range(repeats)]


def ratios(rounds: list[dict], label: str) -> list[float]:
    """Rival / jensen per round; for the products jensen / products, as the goal states it."""
    values = []
    for results in rounds:
        mine, theirs = (results[name].get("seconds_per_step") for name in ("jensen", label))
        if mine and theirs:
            values.append(mine / theirs if label == "matrix products" else theirs / mine)
    return values


def quiet_rounds(rounds: list[dict], label: str) -> list[dict]:
    return [r for r in rounds if not (disturbed(r["jensen"]) or disturbed(r[label]))]


def summarise(job: Job, rounds: list[dict], label: str) -> dict:
    """One line of the table, as figures."""
    quiet = quiet_rounds(rounds, label)
    rounds = quiet or rounds
    results = [r[label] for r in rounds]
    ran = [r for r in results if "missing" not in r]
    values = ratios(rounds, label) if label != "jensen" else []
    goal = GOALS.get((job.name, label))
    met = goal.met(statistics.median(values)) if goal and values and quiet else None
    return {
        "configuration": job.name,
        "label": label,
        "version": ran[-1]["version"] if ran else None,
        "quiet_rounds": len(quiet),
        "missing": None if ran else results[-1]["missing"],
        "seconds_per_step": statistics.median(r["seconds_per_step"] for r in ran) if ran else None,
        "ratio": statistics.median(values) if values else None,
        "ratio_range": [min(values), max(values)] if values else None,
        "elbo_last": ran[-1]["elbo_last"] if ran else None,
        "goal": str(goal) if goal else None,
        "met": met,
    }


def table_row(line: dict) -> list[str]:
    def show(value, form: str) -> str:
        return "" if value is None else form.format(value)

    ratio = show(line["ratio"], "{:.2f}")
    if line["ratio_range"]:
        ratio += " ({:.2f} to {:.2f})".format(*line["ratio_range"])
    verdict = {True: "met", False: "missed", None: "not judged" if line["goal"] else ""}
    return [
        line["configuration"],
        f"{line['label']}: {line['version'] or 'missing'}",
        show(line["seconds_per_step"] and 1e3 * line["seconds_per_step"], "{:.3f}"),
        ratio,
        line["goal"] or "",
        verdict[line["met"]],
        str(line["quiet_rounds"]),
        show(line["elbo_last"], "{:.2f}"),
    ]


def page_text(lines: list[dict], repeats: int) -> str:
    header = [
        "configuration",
        "library",
        "ms per step",
        "ratio",
        "goal",
        "verdict",
        "quiet",
        "ELBO",
    ]
    missing = {f"{line['label']}: {line['missing']}" for line in lines if line["missing"]}
    shapes = "; ".join(
        f"{j.name}: {j.features} features, hidden {'-'.join(map(str, j.hidden))}, "
        f"latent {j.latent}, batch {j.batch}"
        for j in JOBS
    )
    paragraphs = [
        f"{shapes}. {ROWS} binary rows.",
        markdown_table(header, map(table_row, lines)),
        f"Ratio: the library's time over jensen's within one round; for the matrix products, "
        f"jensen's over theirs. Median and range over the quiet rounds, of {repeats}: those in "
        f"which others used at most {100 * BUSY:.0f} % of the cores during both runs. Where "
        "none was quiet the figures are of all rounds, only indicative, and no goal is judged. "
        "ELBO: nats per row over the last training epoch, to show that all did the same job.",
        *(f"Missing: {reason}" for reason in sorted(missing)),
    ]
    return "\n\n".join(paragraphs)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rivals-python", default=sys.executable, help="interpreter with the rivals installed"
    )
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default 3)")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    rounds = {job.name: run_job(job, arguments.repeats, arguments.rivals_python) for job in JOBS}
    lines = [summarise(job, rounds[job.name], entry.label) for job in JOBS for entry in ENTRIES]
    text = page_text(lines, arguments.repeats)
    record = environment(["jensen", "jax", "jaxlib", "numpy", "equinox", "optax", "numpyro"])
    data = {"environment": record, "summary": lines, "rounds": rounds}
    page = write_results("training", "Time of a training step", text, data)
    print(f"{text}\n\nWritten to {page}")
    return 0 if all(line["met"] for line in lines if line["goal"]) else 1


if __name__ == "__main__":
    sys.exit(main())
