"""What was missing, filled by jensen: what the benchmarks of tables and images share."""

import time
from typing import Any

import numpy as np
import polars as pl

import jensen

LEVEL = 0.9


def with_holes(frame: pl.DataFrame, missing: np.ndarray) -> pl.DataFrame:
    """The table without the cells that `missing`, (rows, columns), is true for."""
    return frame.with_columns(
        pl.Series(name, ~missing[:, j]).replace_strict({True: 1, False: None}).cast(pl.Int8)
        * pl.col(name)
        for j, name in enumerate(frame.columns)
    )


def error(guess: np.ndarray, full: np.ndarray, missing: np.ndarray) -> float:
    return float(np.sqrt(np.mean((((guess - full) / full.std(axis=0)) ** 2)[missing])))


def numbers(frame: pl.DataFrame) -> np.ndarray:
    return frame.cast(pl.Float64).to_numpy()


def coverage(
    lower: np.ndarray,
    upper: np.ndarray,
    draws: np.ndarray,
    full: np.ndarray,
    cells: np.ndarray,
    seed: int,
) -> dict[str, float]:
    """The share of `cells` inside their interval, and of their randomised ranks inside `LEVEL`.

    An interval of whole numbers, often of one alone, holds more than it states. The rank of the
    truth among `draws`, (draws, *shape), by chance among those equal to it, is uniform where the
    posterior is right, whatever the numbers are.
    """
    inside = ((full >= lower) & (full <= upper))[cells]
    below, at = (draws < full).mean(axis=0), (draws == full).mean(axis=0)
    rank = (below + np.random.default_rng(seed).random(full.shape) * at)[cells]
    ranked = np.abs(rank - 0.5) < LEVEL / 2
    return {"inside": float(inside.mean()), "rank": float(ranked.mean())}


def by_jensen(
    holes: pl.DataFrame, full: np.ndarray, cells: np.ndarray, seed: int, **options: Any
) -> tuple[jensen.VAE, dict[str, Any]]:
    start = time.perf_counter()
    vae = jensen.VAE(random_state=seed, **options).fit(holes)
    fitted = time.perf_counter()
    found = vae.impute(holes, level=LEVEL, keep=200)
    lower, upper = numbers(found.lower), numbers(found.upper)
    draws = np.stack([numbers(each) for each in found.draws])
    told = {
        "error": error(found.mean, full, cells),
        **coverage(lower, upper, draws, full, cells, seed),
        "unreliable": int(found.unreliable.sum()),
        "fit_seconds": fitted - start,
        "impute_seconds": time.perf_counter() - fitted,
        "epochs": vae.n_iter_,
    }
    return vae, told
