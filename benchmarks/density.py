"""Held-out log evidence of tables of numbers, beside mixtures of normals and factor analysis.

The columns of numbers of three tables (concrete, energy, red wine), all of which were recorded in
steps, a fifth of the rows held out. jensen is fitted with every default. Mixtures of normals and
factor analysis are fitted by scikit-learn to the numbers of steps with uniform noise of one step
added, a new one in each of ten copies of the training rows; how many components and factors is
chosen by the figure that counts, on a quarter of the training rows. All are given the same
treatment of repeated values: the probability of the cell that a recorded row stands for,

    P(row) = ∫ p(row + u) du over one step of each column ≈ mean of p(row + u) over uniform u,

which for jensen's laws is in closed form given z. Nats per row, larger is better.

    python benchmarks/density.py [--splits 3] [--sets concrete,energy,wine]

Needs ../shared/data. Writes `results/density.md` and `.json`. Exit status 1 if a goal is missed.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.special import logsumexp
from sklearn.decomposition import FactorAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

import jensen
from _record import environment, finish, markdown_table
from _tables import TABLES, table

COPIES, DRAWS = 10, 1000


def of_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns that jensen takes for real or positive numbers, not for categories or counts."""
    schema = jensen.data.infer_table(frame)
    return frame.select(
        column.name for column in schema.modelled if column.kind in ("real", "positive")
    )


def mixture(size: int, copies: np.ndarray, seed: int) -> Any:
    return GaussianMixture(size, random_state=seed).fit(copies)


def factors(size: int, copies: np.ndarray, seed: int) -> Any:
    return FactorAnalysis(size, random_state=seed).fit(copies)


RIVALS: dict[str, tuple[Callable[..., Any], Sequence[int]]] = {
    "mixture of normals": (mixture, (1, 2, 4, 8, 12, 16, 24, 32, 48)),
    "factor analysis": (factors, range(1, 12)),
}


def probabilities(
    build: Callable[..., Any], size: int, train: np.ndarray, test: np.ndarray, seed: int, draws: int
) -> np.ndarray:
    """log P of each test row, of whole numbers of steps, by a density of scikit-learn."""
    rng = np.random.default_rng(seed)
    spread = lambda rows: rows + rng.random(rows.shape) - 0.5
    copies = np.concatenate([spread(train) for _ in range(COPIES)])
    scaler = StandardScaler().fit(copies)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = build(size, scaler.transform(copies), seed)
    terms = [model.score_samples(scaler.transform(spread(test))) for _ in range(draws)]
    return logsumexp(terms, axis=0) - np.log(draws) - np.log(scaler.scale_).sum()


def by_rival(name: str, train: np.ndarray, test: np.ndarray, seed: int) -> tuple[np.ndarray, int]:
    """log P of each test row, and the size that was chosen."""
    build, sizes = RIVALS[name]
    sizes = [size for size in sizes if size < train.shape[1] or build is mixture]
    order = np.random.default_rng(seed).permutation(len(train))
    cut = len(train) // 4
    fitted, judged = train[order[cut:]], train[order[:cut]]
    score = lambda size: probabilities(build, size, fitted, judged, seed, DRAWS // 10).mean()
    best = max(sizes, key=score)
    return probabilities(build, best, train, test, seed, DRAWS), best


def one_split(frame: pl.DataFrame, seed: int) -> dict[str, Any]:
    order = np.random.default_rng(seed).permutation(len(frame))
    cut = len(frame) // 5
    test, train = frame[order[:cut]], frame[order[cut:]]
    start = time.perf_counter()
    vae = jensen.VAE(random_state=seed).fit(train)
    seconds = time.perf_counter() - start
    assert vae.model_.likelihood.discrete, "a column without steps: its terms are densities"
    found = vae.log_evidence(test)
    own = np.asarray(found.values)
    told: dict[str, Any] = {
        "jensen": float(own.mean()),
        "stderr": float(found.stderr),
        "seconds": seconds,
    }
    in_steps = lambda each: np.asarray(vae.schema_.check(each).x, np.float64)
    for name in RIVALS:
        values, told[f"size of {name}"] = by_rival(name, in_steps(train), in_steps(test), seed)
        above = own - values
        told[name] = float(values.mean())
        told[f"above {name}"] = float(above.mean())
        told[f"error of above {name}"] = float(above.std(ddof=1) / np.sqrt(len(above)))
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--sets", default=",".join(TABLES))
    asked = parser.parse_args()
    packages = ["jensen", "jax", "jaxlib", "numpy", "scikit-learn", "polars"]
    data: dict[str, Any] = {"environment": environment(packages)}
    lines, met = [], {}
    for name in asked.sets.split(","):
        frame = of_numbers(table(name))
        data[name] = []
        for seed in range(asked.splits):
            data[name].append(one_split(frame, seed))
            print(name, seed, data[name][-1], file=sys.stderr, flush=True)
        mean = lambda key, name=name: float(np.mean([each[key] for each in data[name]]))
        lines.append(
            [f"{name}, {frame.width} columns", f"{mean('jensen'):.2f}",
             *(f"{mean(rival):.2f}" for rival in RIVALS), f"{mean('seconds'):.0f}"]
        )  # fmt: skip
        for rival in RIVALS:
            above, errors = mean(f"above {rival}"), mean(f"error of above {rival}")
            met[f"{name}: {above:.2f} ± {errors:.2f} nats above {rival}"] = above > 2 * errors
    header = ["held-out log P, nats a row", "jensen", *RIVALS, "fit, s"]
    text = f"Means of {asked.splits} splits.\n\n{markdown_table(header, lines)}"
    finish("density", "Evidence of rows held out", text, data, met)


if __name__ == "__main__":
    main()
