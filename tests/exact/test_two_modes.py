"""A posterior of two separated modes, one of which the encoder misses, against quadrature."""

import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.stats import norm

from jensen import evidence
from jensen.evidence.annealing.bidirectional import simulate

from ..statistics.budget import ERRORS

_SCRIPT = Path(__file__).parents[2] / "benchmarks" / "two_modes.py"
_spec = importlib.util.spec_from_file_location("two_modes", _SCRIPT)
two_modes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(two_modes)

NEAR, FAR = 0, 1


@pytest.fixture(scope="module")
def model():
    return two_modes.two_modes()


@pytest.fixture(scope="module")
def truth(model):
    return two_modes.by_quadrature(model, two_modes.X)


@pytest.fixture(scope="module")
def found(model):
    return two_modes.estimates(model, two_modes.X)


def test_quadrature_is_the_closed_form(truth):
    # x₁ is a normal folded at zero, with noise; x₂ is normal.
    spread = np.sqrt(1 + two_modes.SIGMA**2)
    x = np.float64(two_modes.X)
    beyond = norm.logcdf(x[:, 0] / (two_modes.SIGMA * spread))
    exact = np.log(2) + norm.logpdf(x, scale=spread).sum(1) + beyond
    np.testing.assert_allclose(truth, exact, atol=1e-4)


def test_importance_is_flagged_where_some_draws_reach_the_other_mode(found, truth):
    importance = found["importance"]
    assert importance.unreliable[NEAR]
    assert importance.values[NEAR] < truth[NEAR] + ERRORS * importance.standard_errors[NEAR]
    assert "encoder misses" in importance.warning()


def test_no_draw_no_flag_where_none_reaches_it(found, truth):
    # What k̂ cannot see: half of p(x) is missing, and the weights are all alike.
    importance = found["importance"]
    assert not importance.unreliable[FAR]
    assert importance.values[FAR] == pytest.approx(truth[FAR] - np.log(2), abs=0.01)


def test_chains_from_the_prior_find_both_modes(found, truth):
    annealed = found["annealed from the prior"]
    assert (annealed.standard_errors < 0.1).all()
    # The log of a mean lies below by half the variance of that mean, which is small here.
    assert np.abs(annealed.values - truth).max() < ERRORS * annealed.standard_errors.max()


def test_chains_from_q_stay_in_the_mode_that_q_knows(found, truth):
    annealed = found["annealed from q"]
    # It remains a lower bound, but a confident one: the other mode is next to never visited.
    assert annealed.values[FAR] == pytest.approx(truth[FAR] - np.log(2), abs=0.05)
    assert annealed.standard_errors[FAR] < 0.05


def test_the_picture_shows_draws_in_both_modes_from_the_prior_only(model):
    sides = {}
    for name, how in (("q", two_modes.HOW), ("prior", two_modes.FROM_PRIOR)):
        ends = two_modes.ends(model, two_modes.X[FAR], how)
        sides[name] = np.mean(ends.sum(1) > 0)
    assert sides["q"] == 1
    assert 0.2 < sides["prior"] < 0.8


def test_a_bracket_tells_of_what_the_encoder_misses(model):
    # Half of the simulated rows come from the mode that q does not know, and their reverse
    # chains begin there: the sides stay apart from q, and meet from the prior.
    gap = {
        name: evidence.bidirectional(model, jax.random.key(2), 200, 60, how=how)
        for name, how in (("q", two_modes.HOW), ("prior", two_modes.FROM_PRIOR))
    }
    # Most simulated rows have modes that are near each other, so the mean is of few that do not.
    assert gap["q"].gap > 2 * gap["q"].gap_stderr + 0.02
    assert abs(gap["prior"].gap) < 0.02


def test_a_certificate_of_an_encoder_that_misses_a_mode_does_not_close(model):
    """In the time in which one from the prior does, and the row's own numbers tell nothing."""
    rows = simulate(model, jax.random.key(3), 100).X
    exact = two_modes.by_quadrature(model, rows).mean()
    # No time but for the shortest schedule, with which either ends.
    of = lambda how: evidence.certify(model, rows, jax.random.key(4), 0.1, max_time=1e-3, how=how)
    known, missed = of(two_modes.FROM_PRIOR), of(two_modes.HOW)
    assert known.closed
    assert known.carries_over, known.misfits
    assert abs(known.value - exact) < 0.1
    assert known.temperatures == missed.temperatures
    assert not missed.closed
    assert "more than the 0.1 asked" in missed.words()[0]
    assert "begin at the prior (start='prior')" in missed.words()[0]
