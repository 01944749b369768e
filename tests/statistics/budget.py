"""The false-alarm budget of the suite: how often all tests together may fail without a fault.

A test that can fail by chance takes its level from here. The seeds are fixed, so that a run can
be repeated, but none was chosen: with any others the suite fails at most once in 10,000 runs.

Levels are Bonferroni's: a share is divided among all the comparisons that are made under its
name, so that how they depend on each other does not matter.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from scipy import stats

TOTAL = 1e-4

# What each family of tests may use of it; unused shares stay unused.
SHARES = {
    "likelihood samples": 1.5e-5,
    "column samples": 5e-6,
    "latent samples": 1e-5,
    "elbo of objectives": 1e-5,
    "gradients": 1.5e-5,
    "calibration": 2e-5,
    "evidence of rows": 1e-5,
    "annealing": 5e-6,
    "diagnosis": 5e-6,
    "posterior draws": 2e-6,
    "comparison": 5e-7,
    "brackets": 1e-6,
    "residuals": 2e-7,
    "generated rows": 3e-7,
    "predictive checks": 3e-7,
    "verdicts of checks": 4e-7,
    "filled cells": 1e-7,
    "draws of missing cells": 9e-8,
    "checks of tables": 1e-8,
    "synthetic rows": 1e-8,
    "colours": 4e-8,
    "binomial samples": 4e-8,
}


def level(name: str, comparisons: int) -> float:
    """The level of each of so many comparisons made under one name."""
    return SHARES[name] / comparisons


# How far from the truth a row's estimate may lie, in its standard errors; and how many times
# each is made, so that what is judged is the middle one.
ERRORS = 4.0
REPETITIONS = 3
# Rows that are judged so, in all the tests together, at most.
ROWS = 1600


def middle_errors(
    estimate: Callable[[Any], Any], key: Any, exact: np.ndarray | Sequence[float]
) -> np.ndarray:
    """How many standard errors `estimate(key)` lies off, row by row, the middle one of three.

    Of one estimate of a row an honest estimator puts 6e-5 beyond four errors, which hundreds of
    rows turn into a false alarm in a hundred runs. That two of three independent estimates lie
    there, on the same side, has a chance of 6e-9; and an estimator that is off by more than four
    errors has its middle estimate there too.
    """
    found = [estimate(each) for each in jax.random.split(key, REPETITIONS)]
    return np.median(
        [(each.values - np.asarray(exact)) / each.standard_errors for each in found], axis=0
    )


def frequencies_p_value(counts: np.ndarray, probabilities: np.ndarray, draws: int) -> float:
    """The p-value, valid however small, of how often each of some events was seen.

    Each row's count is binomial; two-sided tails are taken exactly, and Bonferroni's inequality
    joins them, so that there is no asymptotic law to be trusted far out in its tail.
    """
    counts, probabilities = np.ravel(counts), np.clip(np.ravel(probabilities), 0.0, 1.0)
    binomial = stats.binom(draws, probabilities)
    tails = 2 * np.minimum(binomial.cdf(counts), binomial.sf(counts - 1))
    return float(min(1.0, tails.min() * len(tails)))


def mean_p_values(batch_means: np.ndarray, expected: np.ndarray | float = 0.0) -> np.ndarray:
    """Student's two-sided p-values of means over the first axis, whose batches are all but normal.

    Where all batches are the same number, that number is compared to rounding instead.
    """
    count = len(batch_means)
    error = batch_means.std(axis=0, ddof=1) / np.sqrt(count)
    # What single precision cannot resolve is no evidence.
    rounding = 1e-6 * (1e-3 + np.abs(batch_means).max(axis=0))
    t = np.abs(batch_means.mean(axis=0) - expected) / np.hypot(error, rounding)
    return 2 * stats.t.sf(t, df=count - 1)
