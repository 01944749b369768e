"""A hidden block of 14 × 14 pixels of MNIST, filled by what the other pixels say.

jensen is fitted to 10,000 training images with every default, and fills the middle of test images
by the posterior mean. Beside it scikit-learn's imputers, which are given the same training images:
the mean image, the five nearest neighbours, and `IterativeImputer` with ridge regression on the
100 pixels that tell most (of all 783 it would take hours). Errors are mean squares over hidden
pixels, black 0 and white 1. Intervals: the share of hidden pixels inside the 90 % interval, and
the same by randomised ranks, which is 90 % exactly where the posterior is right, as an interval of
whole numbers, often of black alone, holds more.

    python benchmarks/inpainting.py [--rows 160]

Most images want chains of z, run for 32 images at a time, which take minutes. Needs
../shared/data. Writes `results/inpainting.md`, `.json` and a picture. Exit status 1 if a goal is
missed.
"""

import argparse
import time
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import Ridge

import jensen
from _holes import LEVEL, coverage
from _mnist import mnist
from _record import RESULTS, environment, finish, markdown_table
from jensen.report.pictures import png_grid

BLOCK = np.zeros((28, 28), bool)
BLOCK[7:21, 7:21] = True
COVERED, SHOWN = (0.85, 0.95), 12


def by_imputer(imputer: Any, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    holes = np.where(BLOCK, np.nan, test.astype(float)).reshape(len(test), -1)
    # Both together, as an imputer learns to predict what it has seen missing.
    rows = np.concatenate([train.reshape(len(train), -1).astype(float), holes])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        filled = imputer.fit_transform(rows)[len(train) :]
    return np.clip(filled, 0, 255).reshape(test.shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=160)
    asked = parser.parse_args()
    packages = ["jensen", "jax", "jaxlib", "numpy", "scikit-learn"]
    data: dict[str, Any] = {"environment": environment(packages)}
    train, test = mnist(asked.rows)
    seconds = {}
    start = time.perf_counter()
    vae = jensen.VAE(random_state=0).fit(train)
    seconds["jensen, fit"] = time.perf_counter() - start
    start = time.perf_counter()
    found = vae.impute(test, level=LEVEL, missing=BLOCK, keep=200)
    seconds["jensen"] = time.perf_counter() - start
    guesses = {"jensen": found.mean}
    ridge = IterativeImputer(
        Ridge(), max_iter=3, n_nearest_features=100, skip_complete=True, random_state=0
    )
    imputers = {"mean": SimpleImputer(), "KNN": KNNImputer(), "iterative, ridge": ridge}
    for name, imputer in imputers.items():
        start = time.perf_counter()
        guesses[name] = by_imputer(imputer, train, test)
        seconds[name] = time.perf_counter() - start
    errors = {
        name: float(np.mean(((guess - test) / 255)[:, BLOCK] ** 2))
        for name, guess in guesses.items()
    }
    draws = np.stack(found.draws)
    cells = np.broadcast_to(BLOCK, test.shape)
    shares = coverage(found.lower, found.upper, draws, test, cells, seed=0)
    inside, ranked = shares["inside"], shares["rank"]
    data |= {
        "errors": errors,
        "seconds": seconds,
        **shares,
        "unreliable": int(found.unreliable.sum()),
        "likelihood": vae.likelihood_,
    }
    met = {
        f"error {errors['jensen']:.4f} below {errors[name]:.4f} of {name}": errors["jensen"]
        < errors[name]
        for name in ("KNN", "iterative, ridge")
    }
    met[f"{inside:.1%} inside 90 % intervals, {COVERED[0]:.0%} to {COVERED[1]:.0%}"] = (
        COVERED[0] <= inside <= COVERED[1]
    )
    hidden = np.where(BLOCK, 0, test[:SHOWN])
    rows = [test[:SHOWN], hidden, *(guesses[name][:SHOWN] for name in guesses), draws[0][:SHOWN]]
    RESULTS.mkdir(exist_ok=True)
    picture = png_grid(np.concatenate(rows).astype(float), (0.0, 255.0), columns=SHOWN)
    (RESULTS / "inpainting.png").write_bytes(picture)
    lines = [[name, f"{error:.4f}", f"{seconds[name]:.0f}"] for name, error in errors.items()]
    text = (
        f"{len(test)} test images; {vae.likelihood_}; fitting took {seconds['jensen, fit']:.0f} s."
        f" Of hidden pixels {inside:.1%} lie in their 90 % interval, {ranked:.1%} by randomised"
        f" ranks; the draws of {int(found.unreliable.sum())} images are unreliable.\n\n"
        + markdown_table(["", "squared error", "seconds"], lines)
        + "\n\n![Test images, what is seen, what each method fills in, and one draw of jensen's]"
        "(inpainting.png)"
    )
    finish("inpainting", "A hidden block, filled", text, data, met)


if __name__ == "__main__":
    main()
