"""Are unlikely rows the anomalous ones? Beside neighbours, forests, mixtures and PyOD's VAE.

Six of ADBench's classical sets. Half of the normal rows to train on, drawn by seed; the other half
and all anomalies to score. Area under the receiver operating characteristic, in hundredths, with
every default of every method:

- jensen: `VAE(random_state=seed).fit(rows)`, −log p(x) by `score_samples`;
- neighbours: the distance to the fifth nearest training row, columns standardised;
- forest: scikit-learn's `IsolationForest`;
- mixture: scikit-learn's `GaussianMixture`, 1 to 10 components by BIC, columns standardised;
- PyOD's `VAE`, in an environment of its own.

    python -m venv /tmp/rivals
    /tmp/rivals/bin/python -m pip install -r benchmarks/requirements-anomaly.txt
    python benchmarks/anomaly.py --rivals-python /tmp/rivals/bin/python

Needs ../shared/data. Writes `results/anomaly.md` and `.json`. Exit status 1 if a goal is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

import jensen
from _record import environment, finish, markdown_table
from _tables import DATA

RIVALS = Path(__file__).parent / "rivals"
NEIGHBOURS, MOST_COMPONENTS = 5, 10


def parts(X: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows to train on, rows to score, and which of these are anomalies."""
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
    half = len(normal) // 2
    test = np.concatenate([normal[half:], np.flatnonzero(y == 1)])
    return X[normal[:half]], X[test], y[test]


def of_scikit_learn(train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    scaler = StandardScaler().fit(train)
    a, b = scaler.transform(train), scaler.transform(test)
    distance, _ = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(a).kneighbors(b)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixtures = [
            GaussianMixture(k, random_state=seed).fit(a)
            for k in range(1, min(MOST_COMPONENTS, len(a)) + 1)
        ]
    mixture = min(mixtures, key=lambda model: model.bic(a))
    return {
        "neighbours": distance[:, -1],
        "forest": -IsolationForest(random_state=seed).fit(train).score_samples(test),
        "mixture": -mixture.score_samples(b),
    }


def of_pyod(train: np.ndarray, test: np.ndarray, seed: int, python: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        files = {"train": f"{folder}/train.npy", "test": f"{folder}/test.npy"}
        np.save(files["train"], train)
        np.save(files["test"], test)
        done = subprocess.run(
            [python, str(RIVALS / "pyod_.py"), json.dumps(files | {"seed": seed})],
            capture_output=True,
            text=True,
        )
    if done.returncode:
        sys.exit(f"pyod_.py failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def one_run(X: np.ndarray, y: np.ndarray, seed: int, python: str) -> dict[str, Any]:
    train, test, anomalous = parts(X, y, seed)
    start = time.perf_counter()
    vae = jensen.VAE(random_state=seed).fit(train)
    fitted = time.perf_counter()
    scores = {"jensen": -vae.score_samples(test)}
    scored = time.perf_counter()
    theirs = of_pyod(train, test, seed, python)
    scores |= of_scikit_learn(train, test, seed) | {"PyOD's VAE": np.array(theirs["scores"])}
    told = {
        name: 100 * float(roc_auc_score(anomalous, np.nan_to_num(each)))
        for name, each in scores.items()
    }
    return {
        "auroc": told,
        "fit_seconds": fitted - start,
        "score_seconds": scored - fitted,
        "pyod_seconds": theirs["seconds"],
        "pyod": theirs["version"],
        "likelihood": vae.model_.likelihood.name,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rivals-python", default=sys.executable)
    asked = parser.parse_args()
    packages = ["jensen", "jax", "jaxlib", "numpy", "scikit-learn"]
    data: dict[str, Any] = {"environment": environment(packages)}
    means: list[dict[str, float]] = []
    lines = []
    for path in sorted((DATA / "adbench").glob("*.npz")):
        name = path.stem.partition("_")[2]
        with np.load(path) as file:
            X, y = file["X"], file["y"]
        runs = [one_run(X, y, seed, asked.rivals_python) for seed in range(asked.seeds)]
        data[name] = runs
        means.append(
            {key: float(np.mean([run["auroc"][key] for run in runs])) for key in runs[0]["auroc"]}
        )
        seconds = [
            float(np.mean([run[key] for run in runs])) for key in ("fit_seconds", "pyod_seconds")
        ]
        lines.append(
            [f"{name}, {len(X)} × {X.shape[1]}", runs[0]["likelihood"],
             *(f"{each:.1f}" for each in means[-1].values()), *(f"{each:.0f}" for each in seconds)]
        )  # fmt: skip
        print(lines[-1], file=sys.stderr, flush=True)
    whole = {key: float(np.mean([each[key] for each in means])) for key in means[0]}
    lines.append(["mean", "", *(f"{each:.2f}" for each in whole.values()), "", ""])
    met = {
        f"mean {whole['jensen']:.2f} above {each:.2f} of {key}": whole["jensen"] > each
        for key, each in whole.items()
        if key != "jensen"
    }
    data["environment"]["versions"]["pyod"] = data[name][0]["pyod"]
    header = ["AUROC, %", "likelihood", *whole, "jensen fit, s", "PyOD fit, s"]
    text = f"Means of {asked.seeds} seeds.\n\n{markdown_table(header, lines)}"
    finish("anomaly", "Unlikely rows and anomalous ones", text, data, met)


if __name__ == "__main__":
    main()
