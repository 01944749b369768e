"""What the laws of columns draw has the probabilities that `log_prob` says."""

import os
from functools import cache

import jax
import numpy as np
import pytest

from ..laws.columns.members import (
    NAMES,
    draws,
    grid_probabilities,
    log_probs,
    moderate,
    places,
    table,
)
from .budget import frequencies_p_value, level

SEED = int(os.environ.get("JENSEN_TEST_SEED", "0"))
_TARGETS = np.array([0.001, 0.01, *np.arange(0.05, 0.96, 0.05), 0.99, 0.999])


@cache
def drawn():
    return np.asarray(draws(table().columns, moderate(), jax.random.key(SEED)), np.float64)


def cells_p_value(x, values, p):
    """Of draws x falling up to each of some values and between two of them.

    `p` is the share of each value in its sum or integral.
    """
    below = np.cumsum(p)
    index = np.unique(np.searchsorted(below, _TARGETS).clip(0, len(values) - 1))
    edges, below = values[index], np.clip(below[index], 0.0, 1.0)
    up_to = np.searchsorted(np.sort(x), edges, side="right")
    counts = np.concatenate([up_to, np.diff([0, *up_to, len(x)])])
    shares = np.concatenate([below, np.diff([0.0, *below, 1.0])])
    return frequencies_p_value(counts, shares, len(x))


def p_values(name, x):
    """For each column of a law: of draws by their cells, and of those at a lone atom."""
    law, columns, _, atom = places()[name]
    values, p, weight = (each[:, columns] for each in grid_probabilities())
    x = x[:, columns]
    if law.categories:
        # Of what was seen: what was not has a share of log_prob, and is never drawn.
        p = np.where(values < np.array(law.counts), p, 0.0)
        p = p / (p * weight).sum(0)
    lone = None
    if atom is not None and not law.discrete:
        at = np.zeros((1, len(table().facts)))
        # Any value will do for the others.
        at[:] = table().rows[:1]
        at[0, columns] = atom
        lone = at[0, columns], np.exp(log_probs(moderate(), at))[0, columns]
    for j in range(len(columns)):
        own, shares = x[:, j], (p * weight)[:, j]
        if lone is not None:
            atom, share = lone[0][j], lone[1][j]
            others = own[own != atom]
            count = np.array([len(own) - len(others)])
            yield frequencies_p_value(count, np.array([share]), len(own))
            own, shares = others, shares / (1 - share)
        if (shares < 1 - 1e-4).all():
            yield cells_p_value(own, values[:, j], shares)


# At most two p-values a column.
def allowed():
    return level("column samples", 2 * len(table().facts))


@pytest.mark.parametrize("name", NAMES)
def test_draws_of_columns(name):
    assert min(p_values(name, drawn())) > allowed()


@pytest.mark.parametrize("name", [name for name in NAMES if "rounded" in name])
def test_draws_too_wide_are_caught(name):
    columns = places()[name].columns
    middle = np.median(drawn()[:, columns], 0)
    wider = drawn().copy()
    wider[:, columns] = np.rint(middle + 1.3 * (wider[:, columns] - middle))
    assert min(p_values(name, wider)) < allowed()
